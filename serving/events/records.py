"""The stored form of a profile: a blob of fixed-size event records, newest last.

Little-endian, 24 bytes each; items stand as 64-bit hashes so that a blob outlives every model and catalogue.
The number of records is bounded where they are appended (the setting `events.profile_records_max`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from serving.core.ids import hash64
from serving.events.types import TYPE_CODES, UserEvent

RECORD = np.dtype(
    [
        ("event", "<u8"),  # hash of the event id, mixed with the position of the item within the event
        ("item", "<u8"),  # hash of the item id, 0 = the event is not about an item
        ("time_s", "<u4"),  # epoch seconds
        ("quantity", "<u2"),
        ("type", "u1"),  # code of serving/events/types.py
        ("flags", "u1"),  # 0; reserved
    ]
)
RECORD_BYTES = RECORD.itemsize
PACK = struct.Struct("<QQIHBB")
assert PACK.size == RECORD_BYTES == 24

U64 = npt.NDArray[np.uint64]
_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
"""Between the hashes of two items of an event."""


def encode(event: UserEvent) -> bytes:
    """The records of one event: one per item, or one without an item."""
    base = hash64(event.event_id)
    return encode_rows(
        ((base + position * _STEP) & _MASK or 1, event.event_type, item_id, event.time_s, quantity)
        for position, (item_id, quantity) in enumerate(event.items or (("", 1),))
    )


def record_mark(event: U64, position: U64) -> U64:
    """(n,) the field `event` of records of the items at these places of events with these hashes, as in `encode`."""
    mixed = event + position * np.uint64(_STEP)
    return np.where(mixed == 0, np.uint64(1), mixed)


def encode_rows(rows: Iterable[tuple[int, str, str, int, int]]) -> bytes:
    """Records from (event hash, event type, item id, epoch seconds, quantity)."""
    return np.array(
        [
            (event, hash64(item_id) if item_id else 0, time_s, min(max(quantity, 1), 65535), TYPE_CODES[name], 0)
            for event, name, item_id, time_s, quantity in rows
        ],
        RECORD,
    ).tobytes()


def newest_s(blob: bytes) -> int:
    """Epoch seconds of the newest record of a profile, 0 = it has none."""
    return int.from_bytes(blob[-8:-4], "little") if blob else 0
