"""Runs one server of the comparison, in its own environment: `python -m loadtests.peers.serve NAME FOLDER PORT`."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    name, folder, port = sys.argv[1:]
    del sys.argv[1:]  # some servers read the command line themselves
    import_module(f"loadtests.peers.servers.{name}").main(Path(folder), int(port))
