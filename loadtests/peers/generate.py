"""Generates peers_pb2.py from peers.proto: `python -m loadtests.peers.generate`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROTO = "loadtests/peers/peers.proto"


def generate(out: Path = ROOT) -> None:
    """Generates below `out`. Raises RuntimeError when the compiler refuses the file; it prints why."""
    # In a process of its own: the compiler's protobuf and that of OR-Tools abort a process that loads both.
    told = [f"-I{ROOT}", f"--python_out={out}", f"--pyi_out={out}", str(ROOT / PROTO)]
    code = subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *told], check=False).returncode
    if code:
        raise RuntimeError(f"protoc ended with {code}")


if __name__ == "__main__":
    generate()
