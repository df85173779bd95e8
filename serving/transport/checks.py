"""Checks that several codecs share. Each names the field, the value and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, TypeVar

from google.protobuf.message import DecodeError

from serving.core.errors import InvalidInput
from serving.core.ids import ID_BYTES_MAX, check_id
from serving.events.types import EVENT_TYPES, FUTURE_S_MAX

TIME_S_MIN: Final = 946_684_800
"""2000-01-01T00:00:00Z: anything before is a broken clock."""
INT32_MAX: Final = 2**31 - 1

_M = TypeVar("_M")


class _Timestamp(Protocol):
    seconds: int


def parsed(message: Callable[[bytes], _M], name: str, payload: bytes) -> _M:
    """The decoded message `name`. Raises InvalidInput naming it."""
    try:
        return message(payload)
    except DecodeError as error:
        raise InvalidInput(
            name, payload[:20], f"a {name} in protobuf's wire format with strings in UTF-8", reason="MALFORMED_MESSAGE"
        ) from error


def needed_id(field: str, value: str) -> str:
    """`value` when it is a usable id and not empty."""
    if not value:
        raise InvalidInput(field, value, f"an id of 1 to {ID_BYTES_MAX} bytes")
    return check_id(field, value)


def ids(field: str, values: Iterable[str], count_max: int) -> tuple[str, ...]:
    """The ids as a tuple: at most `count_max`, each usable and not empty."""
    out = tuple(values)
    if len(out) > count_max:
        raise InvalidInput(field, f"{len(out)} ids", f"at most {count_max}")
    for position, value in enumerate(out):
        if not (value and len(value) < 64 and value.isascii() and value.isprintable()):  # the usual id passes here
            needed_id(f"{field}[{position}]", value)
    return out


def whole(field: str, value: int, low: int, high: int = INT32_MAX) -> int:
    """`value` when low <= value <= high."""
    if not low <= value <= high:
        raise InvalidInput(field, value, f"{low} to {high}" if high != INT32_MAX else f"{low} or more")
    return value


def text(field: str, value: str, bytes_max: int) -> str:
    """`value` when it is short enough and free of control characters."""
    if len(value.encode()) > bytes_max:
        raise InvalidInput(field, value, f"at most {bytes_max} bytes")
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise InvalidInput(field, value, "no control characters")
    return value


def event_type(field: str, value: str) -> str:
    """`value` when it is of the vocabulary."""
    if value not in EVENT_TYPES:
        raise InvalidInput(field, value, "one of " + ", ".join(EVENT_TYPES), reason="UNKNOWN_EVENT_TYPE")
    return value


def time_s(field: str, stamp: _Timestamp, now_s: float) -> int:
    """Epoch seconds of `stamp`, between the year 2000 and five minutes after `now_s`."""
    seconds: int = stamp.seconds
    if seconds > now_s + FUTURE_S_MAX:
        raise InvalidInput(field, seconds, f"at most {FUTURE_S_MAX} s in the future (epoch seconds)")
    if seconds < TIME_S_MIN:
        raise InvalidInput(field, seconds, "a time after 2000-01-01T00:00:00Z (epoch seconds)")
    return seconds


def consent(value: int) -> bool | None:
    """Personalization: None = the store's default."""
    if value == 0:
        return None
    if value not in (1, 2):
        raise InvalidInput("personalization", value, "ALLOWED (1), DENIED (2) or none (0)")
    return value == 1


def wire(message: Any) -> bytes:
    """The message in protobuf's wire format."""
    out: bytes = message.SerializeToString()
    return out


def varint(value: int) -> bytes:
    """A number of 0 or more in protobuf's wire format."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
