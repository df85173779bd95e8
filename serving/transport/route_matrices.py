"""The matrices of a request found in its bytes [1]: neither parsed nor copied, for a thousand stops have 16 MB of them.

Whatever is not as any protobuf library writes it is left to the parser.
[1] https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from serving.transport import checks

F64 = npt.NDArray[np.float64]
Numbers = dict[int, F64]
"""Of one matrix, by the number of its field."""

LARGE_BYTES: Final = 1 << 16
"""Smaller requests are parsed faster than they are looked through."""
_PROFILES, _MATRIX, _OTHER_TRAVEL = 5, 2, (3, 4)
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class _Field(NamedTuple):
    """A field of a message: from `key` to `end`, its content from `start` on."""

    number: int
    kind: int
    key: int
    start: int
    end: int


def lifted(payload: bytes, path: tuple[int, ...] = ()) -> tuple[bytes, dict[int, Numbers]]:
    """(the payload without the numbers of its matrices, those numbers by profile). path: of fields to the problem."""
    if len(payload) < LARGE_BYTES:
        return payload, {}
    found: dict[int, Numbers] = {}
    try:
        rest = _without(payload, 0, len(payload), path, found)
    except (IndexError, ValueError):  # no message, as the parser will say
        return payload, {}
    return (rest, found) if found else (payload, {})


def unnumbered(wire: bytes, at: int, end: int, found: dict[int, Numbers]) -> bytes:
    """The profiles wire[at:end] of a problem without the numbers of large matrices, which are put into `found`, by
    profile. Raises IndexError and ValueError for what is no message, or has groups."""
    return _without(wire, at, end, (), found)


def _without(wire: bytes, at: int, end: int, path: tuple[int, ...], found: dict[int, Numbers]) -> bytes:
    fields = _fields(wire, at, end)
    out: list[bytes] = []
    profile, once = 0, [each.number for each in fields].count(path[0]) == 1 if path else False
    for each in fields:
        whole = wire[each.key : each.end] if each.end - each.key < LARGE_BYTES else b""
        if once and each.number == path[0] and each.kind == _BYTES:
            whole = _put(each, _without(wire, each.start, each.end, path[1:], found))
        elif not path and each.number == _PROFILES and each.kind == _BYTES:
            whole = whole or _put(each, _profile(wire, each, profile, found))
            profile += 1
        out.append(whole or wire[each.key : each.end])
    return b"".join(out)


def _profile(wire: bytes, owner: _Field, number: int, found: dict[int, Numbers]) -> bytes:
    """The profile without its numbers, which are put into `found`."""
    fields = _fields(wire, owner.start, owner.end)
    names = [each.number for each in fields]
    if names.count(_MATRIX) != 1 or any(other in names for other in _OTHER_TRAVEL):
        return wire[owner.start : owner.end]
    out: list[bytes] = []
    for each in fields:
        if (each.number, each.kind) != (_MATRIX, _BYTES):
            out.append(wire[each.key : each.end])
            continue
        parts = _fields(wire, each.start, each.end)
        numbers = [part for part in parts if part.number in (1, 2)]
        usual = all(part.kind == _BYTES and part.end > part.start for part in numbers)
        usual = usual and all((part.end - part.start) % 8 == 0 for part in numbers)
        if not usual or len({part.number for part in numbers}) != len(numbers):
            return wire[owner.start : owner.end]
        found[number] = {
            part.number: np.frombuffer(wire, "<f8", (part.end - part.start) // 8, part.start) for part in numbers
        }
        out.append(_put(each, b"".join(wire[part.key : part.end] for part in parts if part not in numbers)))
    return b"".join(out)


def _put(field: _Field, content: bytes) -> bytes:
    return checks.varint(field.number << 3 | _BYTES) + checks.varint(len(content)) + content


def _fields(wire: bytes, at: int, end: int) -> list[_Field]:
    """Raises IndexError and ValueError for what is no message, or has groups."""
    out: list[_Field] = []
    while at < end:
        key = at
        tag, at = varint(wire, at)
        kind, start = tag & 7, at
        if kind == _BYTES:
            size, start = varint(wire, at)
            at = start + size
        elif kind == _VARINT:
            _, at = varint(wire, at)
        elif kind == _FIXED64:
            at += 8
        elif kind == _FIXED32:
            at += 4
        else:
            raise ValueError(kind)
        out.append(_Field(tag >> 3, kind, key, start, at))
    if at != end:
        raise ValueError(at)
    return out


def varint(wire: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends). Raises IndexError behind the end, ValueError for one that takes more bytes than it needs:
    how many more the parser allows depends on what it is."""
    value = wire[at]
    if value < 128:
        return value, at + 1
    value &= 127
    for shift in range(7, 70, 7):
        at += 1
        byte = wire[at]
        value |= (byte & 127) << shift
        if byte < 128:
            if byte:
                return value, at + 1
            break
    raise ValueError(at)
