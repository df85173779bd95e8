"""Turns a batch of queries into the arrays the kernels read: the only per-query Python on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.ids import hash64
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.params import Params
from serving.events.records import PACK, RECORD, RECORD_BYTES
from serving.events.types import profile_key
from serving.kernels.candidates import Request
from serving.kernels.rerank import Page

_NO_RECORDS = np.frombuffer(bytes(RECORD_BYTES), RECORD)[:0]
FRESH_PAGE_MIN = 10
"""Pages shorter than this keep no place for a new arrival."""


@dataclass(slots=True)
class Asked:
    """A batch of b queries as arrays."""

    keys: list[str]
    """(b,) profile keys, '' = nobody, or no consent."""
    session: list[bytes]
    """(b,) records of what the visitor has just done."""
    context: npt.NDArray[np.int32]
    context_ptr: npt.NDArray[np.int64]
    request: Request
    page: Page
    wanted: npt.NDArray[np.bool_]
    missing: list[tuple[str, ...]]


def ask(queries: Sequence[Query], catalogue: Catalogue, params: Params, now_s: int) -> Asked:
    """Reads every query once. Unknown items are collected in `missing`; nothing raises on what a caller may send."""
    keys, session, missing = [], [], []
    context: list[list[int]] = []
    blocked: list[list[int]] = []
    given: list[list[int]] = []
    for query in queries:
        personal = params.personalization if query.personal is None else query.personal
        keys.append(profile_key(query.user_id, query.visitor_id) if personal else "")
        session.append(_session(query, now_s) if personal and query.session else b"")
        rows, unknown = _rows(query.item_ids, catalogue)
        context.append(rows)
        blocked.append(_rows(query.exclude, catalogue)[0] if query.exclude else [])
        if query.given is None:
            given.append([])
        else:
            rows, absent = _rows(query.given, catalogue)
            given.append(rows)
            unknown = unknown + absent
        missing.append(unknown)
    context_rows, context_ptr = _csr(context)
    blocked_rows, blocked_ptr = _csr(blocked)
    given_rows, given_ptr = _csr(given)
    is_given = np.array([q.given is not None for q in queries])
    return Asked(
        keys,
        session,
        context_rows,
        context_ptr,
        Request(blocked_ptr, blocked_rows, given_ptr, given_rows, is_given),
        _page(queries, params),
        np.array([q.reasons for q in queries]),
        missing,
    )


def records_of(blobs: Sequence[bytes], session: Sequence[bytes]) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]:
    """All records of the batch (m,) RECORD and ptr (b + 1,); a session stands behind the stored records."""
    ptr = np.fromiter(
        accumulate(((len(b) + len(s)) // RECORD_BYTES for b, s in zip(blobs, session, strict=True)), initial=0),
        np.int64,
        len(blobs) + 1,
    )
    joined = b"".join([part for pair in zip(blobs, session, strict=True) for part in pair])
    return (np.frombuffer(joined, RECORD) if joined else _NO_RECORDS), ptr


def _page(queries: Sequence[Query], params: Params) -> Page:
    size = np.array([q.page_size for q in queries], np.int32)
    return Page(
        size,
        np.array([params.diversity if q.diversity is None else q.diversity for q in queries], np.float32),
        np.array([q.max_per_brand for q in queries], np.int32),
        np.array([q.max_per_category for q in queries], np.int32),
        (size >= FRESH_PAGE_MIN).astype(np.int32) * np.int32(params.fresh_slot),
    )


def _session(query: Query, now_s: int) -> bytes:
    return b"".join(
        PACK.pack(i + 1, hash64(e.item_id) if e.item_id else 0, e.time_s or now_s, 1, e.type, 0)
        for i, e in enumerate(query.session)
    )


def _rows(item_ids: Sequence[str], catalogue: Catalogue) -> tuple[list[int], tuple[str, ...]]:
    """Rows of the known items, and the ids of the others (deleted ones among them)."""
    rows, unknown = [], []
    for item_id in item_ids:
        row = catalogue.row_of.get(item_id)
        if row is None or catalogue.items[row].deleted:
            unknown.append(item_id)
        else:
            rows.append(row)
    return rows, tuple(unknown)


def _csr(lists: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    ptr = np.fromiter(accumulate(map(len, lists), initial=0), np.int64, len(lists) + 1)
    return np.array([row for rows in lists for row in rows], np.int32), ptr
