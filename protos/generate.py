"""Generates the code of the contract: `python protos/generate.py [FOLDER]` (default: beside the .proto files).

Writes for every file of storegate/v1 and storegate/inference its messages, their types and the gRPC stubs, and
contract.binpb: the descriptors of v1 with their comments, which the OpenAPI page is made of (generated code carries no
comments).
"""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent
DESCRIPTORS = "storegate/v1/contract.binpb"


def generate(out: Path = ROOT) -> None:
    """Generates into `out`. Raises RuntimeError when the compiler refuses a file; it prints why on standard error."""
    from grpc_tools import protoc

    own = _files("storegate/v1/*.proto")
    files = own + _files("storegate/inference/*.proto")
    (out / DESCRIPTORS).parent.mkdir(parents=True, exist_ok=True)
    includes = [f"-I{ROOT}", f"-I{resources.files('grpc_tools') / '_proto'}", f"-I{_googleapis()}"]
    outputs = [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}"]
    described = [f"--descriptor_set_out={out / DESCRIPTORS}", "--include_source_info"]
    code = protoc.main(["protoc", *includes, *outputs, *files]) or protoc.main(["protoc", *includes, *described, *own])
    if code:
        raise RuntimeError(f"protoc ended with {code}")


def _files(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern))


def _googleapis() -> Path:
    """The folder that holds google/api/annotations.proto (package googleapis-common-protos)."""
    import google.api.annotations_pb2 as annotations

    return Path(annotations.__file__).resolve().parents[2]


if __name__ == "__main__":
    generate(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
