"""Whether somebody waits for a call: metadata (or HTTP header) `x-storegate-priority`, "interactive" or "bulk".

Without it, a call is bulk when it brings much work (Route.size). Like a caller's name it is a matter of trust: an edge
that faces strangers takes it away or sets it itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from serving.core.errors import InvalidInput

PRIORITY_KEY: Final = "x-storegate-priority"
_BULK: Final = {"interactive": False, "bulk": True, b"interactive": False, b"bulk": True}


def bulk_said(value: str | bytes) -> bool:
    """What the header's value says. Raises InvalidInput."""
    bulk = _BULK.get(value)
    if bulk is None:
        raise InvalidInput(PRIORITY_KEY, value, "interactive or bulk")
    return bulk


def bulk_in(metadata: Iterable[tuple[str, str | bytes]]) -> bool | None:
    """What a call's metadata says, None = nothing. Raises InvalidInput."""
    for key, value in metadata:
        if key == PRIORITY_KEY:
            return bulk_said(value)
    return None
