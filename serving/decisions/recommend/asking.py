"""Turns a batch of queries into the arrays the kernels read: the only per-query Python on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.ids import hash64
from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.contract import EXPLAIN_NONE, OBJECTIVES, Query
from serving.decisions.recommend.params import DIVERSIFIERS, Params
from serving.decisions.recommend.placements import Order, Placement, Table
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


@dataclass(slots=True)
class Asked:
    """A batch of b queries as arrays, and as lists what Python looks at."""

    keys: list[str]
    """(b,) profile keys, '' = nobody, or no consent."""
    session: list[bytes]
    """(b,) records of what the visitor has just done."""
    context: I32
    context_ptr: I64
    placement: list[int]
    """(b,) numbers of placements.Table."""
    order: list[int]
    """(b,) placements.Order of the page."""
    quotas: I32
    """(len(Source), b) candidates at most, by source."""
    request: Request
    page: Page
    objective: list[int]
    """(b,) position in contract.OBJECTIVES."""
    lean: list[float]
    """(b,) how far the order leans to the objective, 0..1."""
    wanted: I32
    """(b,) 1 where reasons are wanted."""
    missing: list[tuple[str, ...]]


class _Lists:
    """Rows of the catalogue that each query names, as one array and where each query's begin."""

    __slots__ = ("_ends", "_rows")

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._ends = [0]

    def add(self, rows: Sequence[int] = ()) -> None:
        self._rows += rows
        self._ends.append(len(self._rows))

    def arrays(self) -> tuple[I32, I64]:
        """rows (m,) and ptr (b + 1,)."""
        return (np.array(self._rows, np.int32) if self._rows else _NO_ROWS), np.array(self._ends, np.int64)


class _Line(NamedTuple):
    """The whole numbers of one query; of a batch, their columns (b,) int32."""

    total: Any
    mask: Any
    fills: Any
    skip_bought: Any
    skip_viewed: Any
    is_given: Any
    wanted: Any
    size: Any
    first: Any
    max_brand: Any
    max_category: Any
    fresh_slots: Any
    group: Any
    method: Any


def ask(
    queries: Sequence[Query], ids: Sequence[str], catalogue: Catalogue, params: Params, table: Table,
    mask_of: Sequence[int], groups: Sequence[int], now_s: int,
) -> Asked:  # fmt: skip
    """Reads every query once. Unknown items are collected in `missing`; nothing raises on what a caller may send.

    ids: (b,) of the decisions, which seed their random choices; mask_of, groups: (b,) the mask of each query, and the
    shop page it belongs to (-1 = it is alone).
    """
    numbers = [table.number[query.placement] for query in queries]
    every = [table.every[number] for number in numbers]
    personal = [params.personalization if query.personal is None else query.personal for query in queries]
    context, blocked, given, pinned = _Lists(), _Lists(), _Lists(), _Lists()
    places: list[int] = []
    missing = []
    for query, placement in zip(queries, every, strict=True):
        rows, unknown = _rows(query.item_ids, catalogue)
        context.add(rows if placement.about_items else ())
        blocked.add(_rows(query.exclude, catalogue)[0])
        mine, absent = _rows(query.given or (), catalogue)
        given.add(mine)
        chosen, unpinned = _pins(query, catalogue, places)
        pinned.add(chosen)
        missing.append((*unknown, *absent, *unpinned))
    lines = map(partial(_line, params), queries, every, mask_of, groups)
    # One array whose rows are the columns: an array each would cost a lone request more than what is done with them.
    line = _Line(*np.array(tuple(zip(*lines, strict=True)), np.int32))
    context_rows, context_ptr = context.arrays()
    request = _request(line, blocked, given, pinned)
    seeds = np.array([int(one[-SEED_DIGITS:], 16) for one in ids], np.uint64)
    return Asked(
        keys=[
            profile_key(query.user_id, query.visitor_id) if known else ""
            for query, known in zip(queries, personal, strict=True)
        ],
        session=[
            _session(query, now_s) if known and query.session else b""
            for query, known in zip(queries, personal, strict=True)
        ],
        context=context_rows,
        context_ptr=context_ptr,
        placement=numbers,
        order=[
            int(placement.order if query.given is None else Order.PURCHASE)
            for query, placement in zip(queries, every, strict=True)
        ],
        quotas=_quotas(numbers, request, table),
        request=request,
        page=_page(line, request, seeds, places, _shares(queries, every, params)),
        objective=[OBJECTIVES.index(query.objective) for query in queries],
        lean=[params.objective_weight if q.objective_weight is None else q.objective_weight for q in queries],
        wanted=line.wanted,
        missing=missing,
    )


def _line(params: Params, query: Query, placement: Placement, mask: int, group: int) -> _Line:
    need, first, is_given = query.offset + query.page_size, query.page_size, query.given is not None
    return _Line(
        total=max(need, params.candidates),  # the same on the first page as on the next: they join
        mask=mask,
        fills=placement.fills,
        skip_bought=query.exclude_bought,
        skip_viewed=query.exclude_viewed,
        is_given=is_given,
        wanted=query.explain != EXPLAIN_NONE,
        size=need,
        first=first,
        max_brand=query.max_per_brand,
        max_category=query.max_per_category,
        fresh_slots=placement.fresh and first >= FRESH_PAGE_MIN and not is_given and params.fresh_slot,
        group=group,
        method=DIVERSIFIERS.index(params.diversifier),
    )


def _shares(queries: Sequence[Query], every: Sequence[Placement], params: Params) -> F32:
    """(2, b): diversity, and the share of the places that is left to chance."""
    return np.array(
        (
            [params.diversity if query.diversity is None else query.diversity for query in queries],
            [params.exploration_share if placement.learned else 0.0 for placement in every],
        ),
        np.float32,
    )


def _request(line: _Line, blocked: _Lists, given: _Lists, pinned: _Lists) -> Request:
    blocked_rows, blocked_ptr = blocked.arrays()
    given_rows, given_ptr = given.arrays()
    pinned_rows, pinned_ptr = pinned.arrays()
    return Request(
        total=line.total,
        fills=line.fills,
        mask=line.mask,
        skip_bought=line.skip_bought,
        skip_viewed=line.skip_viewed,
        keep_cart=line.is_given,
        blocked_ptr=blocked_ptr,
        blocked=blocked_rows,
        given_ptr=given_ptr,
        given=given_rows,
        is_given=line.is_given,
        pinned_ptr=pinned_ptr,
        pinned=pinned_rows,
    )


def _page(line: _Line, request: Request, seeds: npt.NDArray[np.uint64], places: list[int], shares: F32) -> Page:
    return Page(
        size=line.size,
        first=line.first,
        diversity=shares[0],
        max_brand=line.max_brand,
        max_category=line.max_category,
        fresh_slots=line.fresh_slots,
        explore=shares[1],
        seed=seeds,
        group=line.group,
        method=line.method,
        pin_ptr=request.pinned_ptr,
        pin_row=request.pinned,
        pin_place=np.array(places, np.int32) if places else _NO_ROWS,
    )


def _quotas(placements: list[int], request: Request, table: Table) -> I32:
    """(len(Source), b); nothing is looked for where the items are given."""
    quotas = np.ascontiguousarray(table.quotas[placements].T)
    if len(request.given):
        quotas[:, request.is_given > 0] = 0
    return quotas


def _pins(query: Query, catalogue: Catalogue, places: list[int]) -> tuple[list[int], tuple[str, ...]]:
    """Rows of the pinned items that are known, whose places are added to `places`, and the ids of the others."""
    if not query.pins:
        return [], ()
    rows, unknown = [], []
    for pin in query.pins:
        row = catalogue.row_of.get(pin.item_id)
        if row is None or catalogue.items[row].deleted:
            unknown.append(pin.item_id)
        else:
            rows.append(row)
            places.append(pin.place)
    return rows, tuple(unknown)


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
    if not item_ids:
        return [], ()
    rows, unknown = [], []
    for item_id in item_ids:
        row = catalogue.row_of.get(item_id)
        if row is None or catalogue.items[row].deleted:
            unknown.append(item_id)
        else:
            rows.append(row)
    return rows, tuple(unknown)
