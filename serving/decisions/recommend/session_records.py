"""Records of the events of a batch: what is stored of each visitor, and what he has just done."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add

import numpy as np
import numpy.typing as npt

from serving.core.ids import hash64
from serving.core.ports import I64
from serving.decisions.recommend.contract import Query
from serving.events.records import PACK, RECORD, RECORD_BYTES

_NO_RECORDS = np.frombuffer(bytes(RECORD_BYTES), RECORD)[:0]


def records_of(blobs: Sequence[bytes], session: Sequence[bytes]) -> tuple[npt.NDArray[np.void], I64]:
    """All records of the batch (m,) RECORD and ptr (b + 1,); a session stands behind the stored records."""
    each = list(map(add, blobs, session)) if any(session) else blobs
    ends = accumulate([len(one) // RECORD_BYTES for one in each], initial=0)
    joined = b"".join(each)
    return (np.frombuffer(joined, RECORD) if joined else _NO_RECORDS), np.array(list(ends), np.int64)


def session_of(query: Query, now_s: int) -> bytes:
    return b"".join(
        PACK.pack(i + 1, hash64(e.item_id) if e.item_id else 0, e.time_s or now_s, 1, e.type, 0)
        for i, e in enumerate(query.session)
    )
