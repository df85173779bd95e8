"""Messages in protobuf's wire format [1] as their fields, which may be spelled as no library spells them.

[1] https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

VARINT, FIXED64, BYTES, GROUP, END, FIXED32 = range(6)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def padded(spelled: bytes, more: int) -> bytes:
    """The same number in `more` bytes more than it needs."""
    return spelled[:-1] + bytes([spelled[-1] | 128]) + b"\x80" * (more - 1) + b"\0" if more else spelled


@dataclass
class Field:
    """content: bytes, or the fields of a message. size: how its length is spelled."""

    number: int
    kind: int
    content: bytes | list[Field]
    text: bool = False
    tag: bytes = b""
    size: Callable[[int], bytes] = field(default=varint)

    def __post_init__(self) -> None:
        self.tag = varint(self.number << 3 | self.kind)


def fields_of(payload: bytes, descriptor: Any) -> list[Field]:
    """Of a sound message."""
    out: list[Field] = []
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = payload[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    while at < len(payload):
        tag = number()
        begin = at
        if tag & 7 == BYTES:
            size = number()
            begin, at = at, at + size
        elif tag & 7 == VARINT:
            number()
        else:
            at += 8 if tag & 7 == FIXED64 else 4
        known = descriptor.fields_by_number[tag >> 3]
        content: bytes | list[Field] = payload[begin:at]
        if known.message_type is not None:
            content = fields_of(payload[begin:at], known.message_type)
        out.append(Field(tag >> 3, tag & 7, content, known.type == known.TYPE_STRING))
    return out


def written(fields: list[Field]) -> bytes:
    out = bytearray()
    for each in fields:
        content = each.content if isinstance(each.content, bytes) else written(each.content)
        out += each.tag + (each.size(len(content)) if each.kind == BYTES else b"") + content
    return bytes(out)


def places(fields: list[Field]) -> Iterator[tuple[list[Field], int]]:
    """Every field, as those around it and where it stands among them."""
    for at, each in enumerate(fields):
        yield fields, at
        if isinstance(each.content, list):
            yield from places(each.content)


def raw(content: bytes, tag: bytes = b"") -> Field:
    """Bytes as they are, without a length."""
    made = Field(0, VARINT, content)
    made.tag = tag
    return made


def part(number: int, content: bytes, size: int | None = None) -> bytes:
    """A field. size: what is said of its length."""
    return varint(number << 3 | BYTES) + varint(len(content) if size is None else size) + content
