"""Generates peers_pb2.py from peers.proto: `python -m loadtests.peers.generate`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTO = "loadtests/peers/peers.proto"


def generate(out: Path = ROOT) -> None:
    """Generates below `out`. Raises RuntimeError when the compiler refuses the file; it prints why."""
    from grpc_tools import protoc

    code = protoc.main(["protoc", f"-I{ROOT}", f"--python_out={out}", f"--pyi_out={out}", str(ROOT / PROTO)])
    if code:
        raise RuntimeError(f"protoc ended with {code}")


if __name__ == "__main__":
    generate()
