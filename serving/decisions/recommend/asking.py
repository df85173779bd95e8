"""Turns a batch of queries into the arrays the kernels read: the only per-query Python on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
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
_NO_SEEDS = np.zeros(0, np.uint64)
SHAPES_MAX = 256
"""Kinds of plain batches whose arrays are kept."""
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
    most: list[int]
    """(len(Source),) the largest of each source."""
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

    def __bool__(self) -> bool:
        return bool(self._rows)

    def arrays(self) -> tuple[I32, I64]:
        """rows (m,) and ptr (b + 1,)."""
        return (np.array(self._rows, np.int32) if self._rows else _NO_ROWS), np.array(self._ends, np.int64)


class _Named:
    """What the queries name beside the items that they are about: false while that is nothing."""

    __slots__ = ("blocked", "given", "pinned", "places")

    def __init__(self) -> None:
        self.blocked, self.given, self.pinned = _Lists(), _Lists(), _Lists()
        self.places: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.blocked or self.given or self.pinned)

    def add(
        self, blocked: Sequence[int], given: Sequence[int], pinned: Sequence[int], places: Sequence[int]
    ) -> None:  # fmt: skip
        self.blocked.add(blocked)
        self.given.add(given)
        self.pinned.add(pinned)
        self.places += places


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
    context, named = _Lists(), _Named()
    missing = []
    for query, placement in zip(queries, every, strict=True):
        rows, unknown = _rows(query.item_ids, catalogue)
        context.add(rows if placement.about_items else ())
        given, absent = _rows(query.given or (), catalogue)
        pinned, places, unpinned = _pins(query, catalogue)
        named.add(_rows(query.exclude, catalogue)[0], given, pinned, places)
        missing.append((*unknown, *absent, *unpinned))
    lines = list(map(partial(_line, params), queries, every, mask_of, groups))
    shares = list(map(partial(_share, params), queries, every))
    context_rows, context_ptr = context.arrays()
    seeds = np.array([int(one[-SEED_DIGITS:], 16) for one in ids], np.uint64)
    shape = _shape(lines, shares, numbers, table, named)
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
        quotas=shape.quotas,
        most=shape.most,
        request=shape.request,
        page=shape.page._replace(seed=seeds),
        objective=[OBJECTIVES.index(query.objective) for query in queries],
        lean=[params.objective_weight if q.objective_weight is None else q.objective_weight for q in queries],
        wanted=shape.wanted,
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


def _share(params: Params, query: Query, placement: Placement) -> tuple[float, float]:
    """Diversity, and the share of the places that is left to chance."""
    diversity = params.diversity if query.diversity is None else query.diversity
    return diversity, params.exploration_share if placement.learned else 0.0


class _Shape(NamedTuple):
    """All of a batch but who asks, what they name and their seeds."""

    request: Request
    page: Page
    quotas: I32
    most: list[int]
    wanted: I32


def _shape(
    lines: Sequence[_Line], shares: Sequence[tuple[float, float]], numbers: list[int], table: Table,
    named: _Named,
) -> _Shape:  # fmt: skip
    """Most batches are of queries that name no items and differ in nothing: those of one kind share their arrays, into
    which nobody writes, because making them would cost a lone request more than what is done with them."""
    if not named:
        kinds = set(zip(lines, shares, numbers, strict=True))
        if len(kinds) == 1:
            return _alike(*kinds.pop(), table, len(lines))
    return _made(lines, shares, numbers, table, named)


@lru_cache(maxsize=SHAPES_MAX)
def _alike(line: _Line, share: tuple[float, float], number: int, table: Table, b: int) -> _Shape:
    """What `_made` makes of b queries of this kind."""
    named = _Named()
    for _ in range(b):
        named.add((), (), (), ())
    return _made([line] * b, [share] * b, [number] * b, table, named)


def _made(
    lines: Sequence[_Line], shares: Sequence[tuple[float, float]], numbers: list[int], table: Table,
    named: _Named,
) -> _Shape:  # fmt: skip
    """`numbers` of the placements in `table`; the pages have no seeds yet."""
    # One array whose rows are the columns: an array each would cost more.
    line = _Line(*np.array(tuple(zip(*lines, strict=True)), np.int32))
    request = _request(line, named)
    page = _page(line, request, named.places, np.array(tuple(zip(*shares, strict=True)), np.float32))
    quotas = _quotas(numbers, request, table)
    return _Shape(request, page, quotas, quotas.max(axis=1, initial=0).tolist(), line.wanted)


def _request(line: _Line, named: _Named) -> Request:
    blocked_rows, blocked_ptr = named.blocked.arrays()
    given_rows, given_ptr = named.given.arrays()
    pinned_rows, pinned_ptr = named.pinned.arrays()
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


def _page(line: _Line, request: Request, places: Sequence[int], shares: F32) -> Page:
    return Page(
        size=line.size,
        first=line.first,
        diversity=shares[0],
        max_brand=line.max_brand,
        max_category=line.max_category,
        fresh_slots=line.fresh_slots,
        explore=shares[1],
        seed=_NO_SEEDS,
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


def _pins(query: Query, catalogue: Catalogue) -> tuple[list[int], list[int], tuple[str, ...]]:
    """Rows of the pinned items that are known, their places, and the ids of the others."""
    if not query.pins:
        return [], [], ()
    rows, places, unknown = [], [], []
    for pin in query.pins:
        row = catalogue.row_of.get(pin.item_id)
        if row is None or catalogue.items[row].deleted:
            unknown.append(pin.item_id)
        else:
            rows.append(row)
            places.append(pin.place)
    return rows, places, tuple(unknown)


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
