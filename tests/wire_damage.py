"""Messages with something wrong in one place, and all around it right again.

One field is damaged, and the lengths around it are made to fit: so the damage is not found by the first length, and
reaches whoever reads the innermost field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from wire_fields import (
    BYTES,
    END,
    FIXED32,
    FIXED64,
    GROUP,
    VARINT,
    Field,
    fields_of,
    padded,
    places,
    raw,
    varint,
    written,
)

Rng = np.random.Generator
NO_UTF8 = [
    b"\xff", b"\x80", b"\xc3", b"\xe6\x9d", b"\xc0\x80", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xf0\x9f\x9a", b"a\xc3(", b"\xf8\x88\x80\x80\x80",
]  # fmt: skip
"""Bytes that never occur, sequences that break off, spellings that are too long, surrogates, beyond the last one."""


def drawn(rng: Rng, kind: int) -> bytes:
    """What a field of the kind may hold, its length first."""
    some = rng.bytes(int(rng.integers(6)))
    return {
        VARINT: varint(int(rng.integers(1 << int(rng.integers(1, 63))))),
        FIXED64: rng.bytes(8),
        FIXED32: rng.bytes(4),
        BYTES: varint(len(some)) + some,
    }[kind]


def _any_kind(rng: Rng) -> int:
    return (VARINT, FIXED64, BYTES, FIXED32)[rng.integers(4)]


def _inserted(rng: Rng, around: list[Field], at: int) -> None:
    """A field of the contract, or a later one, of any kind."""
    kind = _any_kind(rng)
    number = int((rng.integers(1, 11), rng.integers(11, 30), 19_000, (1 << 29) - 1)[rng.integers(4)])
    around.insert(at + int(rng.integers(2)), raw(drawn(rng, kind), varint(number << 3 | kind)))


def _wrong_kind(rng: Rng, around: list[Field], at: int) -> None:
    """With the content that it had, or one of its kind."""
    number, kind = around[at].number, _any_kind(rng)
    content = drawn(rng, kind) if rng.random() < 0.5 else written([around[at]])[len(around[at].tag) :]
    around[at] = raw(content, varint(number << 3 | kind))


def _no_kind(rng: Rng, around: list[Field], at: int) -> None:
    """6, 7, a number of 0, or one beyond the last."""
    number = around[at].number
    tags = (number << 3 | 6, number << 3 | 7, int(rng.integers(8)), 1 << 32 | number << 3 | around[at].kind)
    around[at].tag = varint(tags[rng.integers(4)])


def _group(rng: Rng, around: list[Field], at: int) -> None:
    """Around a field, empty, within another, not begun, not ended, or ended by another number."""
    number = around[at].number if rng.random() < 0.5 else int(rng.integers(1, 2000))
    start, end = raw(b"", varint(number << 3 | GROUP)), raw(b"", varint(number << 3 | END))
    other = raw(b"", varint((number + 1) << 3 | END))
    around[at : at + 1] = (
        [start, around[at], end], [around[at], start, end], [start, start, around[at], end, end], [end, around[at]],
        [start, around[at]], [start, around[at], other],
    )[rng.integers(6)]  # fmt: skip


def _tag_too_long(rng: Rng, around: list[Field], at: int) -> None:
    around[at].tag = padded(around[at].tag, int(rng.integers(1, 12)))


def _size_too_long(rng: Rng, around: list[Field], at: int) -> None:
    more = int(rng.integers(1, 12))
    around[at].size = lambda size: padded(varint(size), more)


def _number_too_long(rng: Rng, around: list[Field], at: int) -> None:
    content = around[at].content
    assert isinstance(content, bytes)
    around[at].content = padded(content, int(rng.integers(1, 12)))


def _number_extreme(rng: Rng, around: list[Field], at: int) -> None:
    values = (2**31 - 1, 2**31, 2**32 + 5, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64 - 2**31, 2**69)
    around[at].content = varint(values[rng.integers(len(values))])


def _numbers_extreme(rng: Rng, around: list[Field], at: int) -> None:
    """One more at the end of those that stand together, too long or too large, or one that breaks off."""
    content, number = around[at].content, varint(int(rng.integers(1 << 20)))
    assert isinstance(content, bytes)
    more = (padded(number, int(rng.integers(1, 12))), varint(2**63), varint(2**64 - 1), b"\x80", b"\xff" * 9)
    around[at].content = content + more[rng.integers(len(more))]


def _size_beyond(rng: Rng, around: list[Field], at: int) -> None:
    """Of what is around it, of the whole, of what a computer can hold; or short of the content."""
    more = (1, 2, 9, 200, -1, -2)[rng.integers(6)]
    large = (2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64)[rng.integers(8)]
    beyond = bool(rng.random() < 0.6)
    around[at].size = lambda size: varint(max(size + more, 0) if beyond else large)


def _no_utf8(rng: Rng, around: list[Field], at: int) -> None:
    content, wrong = around[at].content, NO_UTF8[rng.integers(len(NO_UTF8))]
    assert isinstance(content, bytes)
    around[at].content = (wrong, wrong + content, content + wrong)[rng.integers(3)]


def _nul(rng: Rng, around: list[Field], at: int) -> None:
    content = around[at].content
    assert isinstance(content, bytes)
    around[at].content = (b"\0", b"\0" + content, content + b"\0")[rng.integers(3)]


def _no_number(rng: Rng, around: list[Field], at: int) -> None:
    """Infinite, or none: quiet and signalling."""
    bits = (0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, (0x7FF0 << 48) + 1)[rng.integers(4)]
    around[at].content = bits.to_bytes(8, "little")


def _cut(rng: Rng, around: list[Field], at: int) -> None:
    content = around[at].content
    content = content if isinstance(content, bytes) else written(content)
    around[at].content = content[: int(rng.integers(len(content) + 1))] if rng.random() < 0.7 else b""


def _twice(rng: Rng, around: list[Field], at: int) -> None:
    around.insert(int(rng.integers(len(around) + 1)), around[at])


def _elsewhere(rng: Rng, around: list[Field], at: int) -> None:
    """So that fields of one number may no longer stand together."""
    one = around.pop(at)
    around.insert(int(rng.integers(len(around) + 1)), one)


def _left_out(rng: Rng, around: list[Field], at: int) -> None:
    del around[at]


def _any(one: Field) -> bool:
    return True


def _bytes(one: Field) -> bool:
    return one.kind == BYTES


def _varint(one: Field) -> bool:
    return one.kind == VARINT


def _packed(one: Field) -> bool:
    return one.kind == BYTES and not one.text and isinstance(one.content, bytes)


def _text(one: Field) -> bool:
    return one.text


def _double(one: Field) -> bool:
    return one.kind == FIXED64


DAMAGES: dict[str, tuple[Callable[[Field], bool], Callable[[Rng, list[Field], int], None]]] = {
    "inserted": (_any, _inserted),
    "wrong kind": (_any, _wrong_kind),
    "no kind": (_any, _no_kind),
    "group": (_any, _group),
    "tag too long": (_any, _tag_too_long),
    "size too long": (_bytes, _size_too_long),
    "number too long": (_varint, _number_too_long),
    "number extreme": (_varint, _number_extreme),
    "numbers extreme": (_packed, _numbers_extreme),
    "size beyond": (_bytes, _size_beyond),
    "no UTF-8": (_text, _no_utf8),
    "nul": (_text, _nul),
    "no number": (_double, _no_number),
    "cut": (_bytes, _cut),
    "twice": (_any, _twice),
    "elsewhere": (_any, _elsewhere),
    "left out": (_any, _left_out),
}


def damaged(payload: bytes, descriptor: Any, kind: str, rng: Rng) -> bytes:
    """The payload with one damage, twice in ten two; as it is where it has no field that can be damaged so."""
    applies, damage = DAMAGES[kind]
    fields = fields_of(payload, descriptor)
    for _ in range(1 + int(rng.random() < 0.2)):
        able = [(around, at) for around, at in places(fields) if applies(around[at])]
        if able:
            damage(rng, *able[rng.integers(len(able))])
    return written(fields)


def bent(payload: bytes, rng: Rng) -> bytes:
    """Without regard to fields: broken off, or with one to three bits that have flipped."""
    if rng.random() < 0.3:
        return payload[: int(rng.integers(len(payload)))]
    out = bytearray(payload)
    for _ in range(int(rng.integers(1, 4))):
        out[rng.integers(len(out))] ^= 1 << int(rng.integers(8))
    return bytes(out)
