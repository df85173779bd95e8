"""Turns a batch of queries into the arrays the kernels read: the only per-query Python on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.ids import hash64
from serving.core.ports import I32, I64
from serving.decisions.recommend.contract import EXPLAIN_NONE, OBJECTIVES, Query
from serving.decisions.recommend.params import DIVERSIFIERS, Params
from serving.decisions.recommend.placements import Table
from serving.events.records import PACK, RECORD, RECORD_BYTES
from serving.events.types import profile_key
from serving.kernels.candidates import Request
from serving.kernels.rerank import Page

_NO_RECORDS = np.frombuffer(bytes(RECORD_BYTES), RECORD)[:0]
_NO_ROWS: I32 = np.zeros(0, np.int32)
FRESH_PAGE_MIN = 10
"""Pages shorter than this keep no place for a new arrival."""
SEED_DIGITS = 16
"""Digits of a decision's id that are the seed of its random choices: the last ones, which count."""

_COLUMNS = 12
(
    _PLACEMENT,
    _NEED,
    _FIRST,
    _SKIP_BOUGHT,
    _SKIP_VIEWED,
    _IS_GIVEN,
    _DIVERSITY,
    _BRAND,
    _CATEGORY,
    _OBJECTIVE,
    _LEAN,
    _WANTED,
) = range(_COLUMNS)


@dataclass(slots=True)
class Asked:
    """A batch of b queries as arrays."""

    keys: list[str]
    """(b,) profile keys, '' = nobody, or no consent."""
    session: list[bytes]
    """(b,) records of what the visitor has just done."""
    context: I32
    context_ptr: I64
    placement: I64
    """(b,) numbers of placements.Table."""
    quotas: I32
    """(b, len(Source)) candidates at most, by source."""
    request: Request
    page: Page
    objective: I64
    """(b,) position in contract.OBJECTIVES."""
    lean: npt.NDArray[np.float32]
    """(b,) how far the order leans to the objective, 0..1."""
    wanted: npt.NDArray[np.bool_]
    """(b,) whether reasons are wanted."""
    missing: list[tuple[str, ...]]


def ask(
    queries: Sequence[Query], ids: Sequence[str], catalogue: Catalogue, params: Params, table: Table, mask_of: I32,
    groups: I32, now_s: int,
) -> Asked:  # fmt: skip
    """Reads every query once. Unknown items are collected in `missing`; nothing raises on what a caller may send.

    ids: (b,) of the decisions, which seed their random choices; mask_of, groups: (b,) the mask of each query, and the
    shop page it belongs to (-1 = it is alone).
    """
    keys, session, missing = [], [], []
    context: list[list[int]] = []
    blocked: list[list[int]] = []
    given: list[list[int]] = []
    pinned: list[list[int]] = []
    places: list[int] = []
    numbers = np.empty((len(queries), _COLUMNS), np.float64)
    for i, query in enumerate(queries):
        personal = params.personalization if query.personal is None else query.personal
        keys.append(profile_key(query.user_id, query.visitor_id) if personal else "")
        session.append(_session(query, now_s) if personal and query.session else b"")
        placement = table.number[query.placement]
        rows, unknown = _rows(query.item_ids, catalogue) if query.item_ids else ([], ())
        context.append(rows if table.every[placement].about_items else [])
        blocked.append(_rows(query.exclude, catalogue)[0] if query.exclude else [])
        mine: list[int] = []
        if query.given is not None:
            mine, absent = _rows(query.given, catalogue)
            unknown = unknown + absent
        given.append(mine)
        chosen: list[int] = []
        for pin in query.pins:
            row = catalogue.row_of.get(pin.item_id)
            if row is None or catalogue.items[row].deleted:
                unknown = (*unknown, pin.item_id)
            else:
                chosen.append(row)
                places.append(pin.place)
        pinned.append(chosen)
        missing.append(unknown)
        numbers[i] = (
            placement,
            query.offset + query.page_size,
            query.page_size,
            query.exclude_bought,
            query.exclude_viewed,
            query.given is not None,
            params.diversity if query.diversity is None else query.diversity,
            query.max_per_brand,
            query.max_per_category,
            OBJECTIVES.index(query.objective),
            params.objective_weight if query.objective_weight is None else query.objective_weight,
            query.explain != EXPLAIN_NONE,
        )
    context_rows, context_ptr = _csr(context)
    blocked_rows, blocked_ptr = _csr(blocked)
    given_rows, given_ptr = _csr(given)
    pinned_rows, pinned_ptr = _csr(pinned)
    placements = numbers[:, _PLACEMENT].astype(np.int64)
    need, first = numbers[:, _NEED].astype(np.int32), numbers[:, _FIRST].astype(np.int32)
    is_given = numbers[:, _IS_GIVEN] > 0
    request = Request(
        total=np.maximum(need, np.int32(params.candidates)),  # the same on the first page as on the next: they join
        fills=table.fills[placements],
        mask=mask_of,
        skip_bought=numbers[:, _SKIP_BOUGHT] > 0,
        skip_viewed=numbers[:, _SKIP_VIEWED] > 0,
        keep_cart=is_given,
        blocked_ptr=blocked_ptr,
        blocked=blocked_rows,
        given_ptr=given_ptr,
        given=given_rows,
        is_given=is_given,
        pinned_ptr=pinned_ptr,
        pinned=pinned_rows,
    )
    quotas = table.quotas[placements]
    if is_given.any():
        quotas[is_given] = 0
    fresh = table.fresh[placements] & (first >= FRESH_PAGE_MIN) & ~is_given & params.fresh_slot
    page = Page(
        size=need,
        first=first,
        diversity=numbers[:, _DIVERSITY].astype(np.float32),
        max_brand=numbers[:, _BRAND].astype(np.int32),
        max_category=numbers[:, _CATEGORY].astype(np.int32),
        fresh_slots=fresh.astype(np.int32),
        explore=np.where(table.learned[placements], np.float32(params.exploration_share), np.float32(0.0)),
        seed=np.array([int(one[-SEED_DIGITS:], 16) for one in ids], np.uint64),
        group=groups,
        method=np.full(len(queries), DIVERSIFIERS.index(params.diversifier), np.uint8),
        pin_ptr=pinned_ptr,
        pin_row=pinned_rows,
        pin_place=np.array(places, np.int32),
    )
    return Asked(
        keys,
        session,
        context_rows,
        context_ptr,
        placements,
        quotas,
        request,
        page,
        numbers[:, _OBJECTIVE].astype(np.int64),
        numbers[:, _LEAN].astype(np.float32),
        numbers[:, _WANTED] > 0,
        missing,
    )


def records_of(blobs: Sequence[bytes], session: Sequence[bytes]) -> tuple[npt.NDArray[np.void], I64]:
    """All records of the batch (m,) RECORD and ptr (b + 1,); a session stands behind the stored records."""
    ptr = np.fromiter(
        accumulate(((len(b) + len(s)) // RECORD_BYTES for b, s in zip(blobs, session, strict=True)), initial=0),
        np.int64,
        len(blobs) + 1,
    )
    joined = b"".join([part for pair in zip(blobs, session, strict=True) for part in pair])
    return (np.frombuffer(joined, RECORD) if joined else _NO_RECORDS), ptr


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


def _csr(lists: Sequence[Sequence[int]]) -> tuple[I32, I64]:
    if not any(lists):
        return _NO_ROWS, np.zeros(len(lists) + 1, np.int64)
    ptr = np.fromiter(accumulate(map(len, lists), initial=0), np.int64, len(lists) + 1)
    return np.array([row for rows in lists for row in rows], np.int32), ptr
