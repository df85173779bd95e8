"""Identifiers: what is allowed, and the 64-bit hash under which event records keep them."""

from __future__ import annotations

import secrets
from functools import lru_cache
from hashlib import blake2b

from serving.core.errors import InvalidInput

ID_BYTES_MAX = 256


@lru_cache(maxsize=200_000)
def hash64(text: str) -> int:
    """A stable unsigned 64-bit hash of `text`, never 0 (0 marks an empty slot in kernels). BLAKE2b, 8 bytes."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") or 1


def check_id(field: str, value: str) -> str:
    """Returns `value` if it may name a user, an item or an event; raises InvalidInput otherwise ('' is allowed)."""
    if len(value) > ID_BYTES_MAX or (not value.isascii() and len(value.encode()) > ID_BYTES_MAX):
        raise InvalidInput(field, value, f"at most {ID_BYTES_MAX} bytes")
    if not value.isprintable():
        raise InvalidInput(field, value, "no control characters")
    return value


class Serial:
    """Identifiers that no other process makes: 16 random hexadecimal digits, then 16 that count."""

    __slots__ = ("_count", "_prefix")

    def __init__(self) -> None:
        self._prefix, self._count = secrets.token_hex(8), 0

    def next(self) -> str:
        """32 hexadecimal digits."""
        self._count += 1
        return f"{self._prefix}{self._count:016x}"
