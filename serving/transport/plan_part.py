"""Which part of a stream's search a step is: travels before the request, as a field that the contract does not have.

So it is between gateway and worker alone, and a worker that does not know it reads the request all the same.
"""

from __future__ import annotations

import struct
from typing import Final

from serving.decisions.route.problem import WHOLE, Part

_SHARES: Final = struct.Struct("<dd")
FIELD: Final = 1_000
"""Far from the contract's. A serialised request begins with a field of the contract, so never like this."""
_TAG: Final = FIELD << 3 | 2
HEAD: Final = bytes((_TAG & 0x7F | 0x80, _TAG >> 7, _SHARES.size))


def with_part(part: Part, request: bytes) -> bytes:
    """request: a serialised PlanRoutesRequest; what comes out is one as well."""
    return HEAD + _SHARES.pack(part.begins, part.ends) + request


def part_of(payload: bytes) -> Part:
    """The part, WHOLE where none is told that makes sense."""
    if not payload.startswith(HEAD) or len(payload) < len(HEAD) + _SHARES.size:
        return WHOLE
    begins, ends = _SHARES.unpack_from(payload, len(HEAD))
    return Part(begins, ends) if 0.0 <= begins <= ends <= 1.0 else WHOLE
