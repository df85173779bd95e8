"""Whose share of the engine a call takes.

A caller says who he is in the metadata (or HTTP header) `x-storegate-caller`; who does not is known by the host he
calls from. The name is a matter of trust, like the address behind a proxy: an edge that faces strangers sets it itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CALLER_KEY: Final = "x-storegate-caller"
NAME_MAX: Final = 64
"""Longer names are cut: they are kept for as long as a call waits."""


def caller_named(name: str | bytes) -> str:
    """The caller of this name."""
    return (name if isinstance(name, str) else name.decode("utf-8", "replace"))[:NAME_MAX]


def caller_at(peer: str) -> str:
    """The caller behind an address such as "ipv4:127.0.0.1:50012", "127.0.0.1:50012" or "unix:"."""
    return peer.rpartition(":")[0][-NAME_MAX:]


def caller_in(metadata: Iterable[tuple[str, str | bytes]], peer: str) -> str:
    """The caller by a call's metadata, else by its address."""
    for key, value in metadata:
        if key == CALLER_KEY:
            return caller_named(value)
    return caller_at(peer)
