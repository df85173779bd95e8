"""Turns a batch of queries into the arrays the kernels read: the only per-query Python on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from operator import add, attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.ids import hash64
from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.contract import EXPLAIN_NONE, OBJECTIVES, Query
from serving.decisions.recommend.params import DIVERSIFIERS
from serving.decisions.recommend.placements import Order, Table
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
    least: list[int]
    """(len(Source),) the smallest of each source."""
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


class _Kind(NamedTuple):
    """All of a query but who asks and what he names."""

    line: _Line
    share: tuple[float, float]
    """Diversity, and the share of the places that is left to chance."""
    placement: int
    """Its number in the table."""
    about_items: bool
    order: int
    objective: int
    lean: float
    personal: bool


def ask(
    queries: Sequence[Query], ids: Sequence[str], catalogue: Catalogue, table: Table, mask_of: Sequence[int],
    groups: Sequence[int], now_s: int,
) -> Asked:  # fmt: skip
    """Reads every query once. Unknown items are collected in `missing`; nothing raises on what a caller may send.

    ids: (b,) of the decisions, which seed their random choices; mask_of, groups: (b,) the mask of each query, and the
    shop page it belongs to (-1 = it is alone).
    """
    kinds = [
        _kind(table, mask, group, query.given is not None, *_KIND_FIELDS(query))
        for query, mask, group in zip(queries, mask_of, groups, strict=True)
    ]
    context, named, missing = _named(queries, kinds, catalogue)
    context_rows, context_ptr = context.arrays() if context else (_NO_ROWS, _no_rows_of(len(queries)))
    shape = _shape(kinds, table, named)
    both = list(zip(queries, kinds, strict=True))
    return Asked(
        keys=[profile_key(query.user_id, query.visitor_id) if kind.personal else "" for query, kind in both],
        session=[_session(query, now_s) if query.session and kind.personal else b"" for query, kind in both],
        context=context_rows,
        context_ptr=context_ptr,
        placement=[kind.placement for kind in kinds],
        order=[kind.order for kind in kinds],
        quotas=shape.quotas,
        most=shape.most,
        least=shape.least,
        request=shape.request,
        page=shape.page._replace(seed=np.array([int(one[-SEED_DIGITS:], 16) for one in ids], np.uint64)),
        objective=[kind.objective for kind in kinds],
        lean=[kind.lean for kind in kinds],
        wanted=shape.wanted,
        missing=missing,
    )


_KIND_FIELDS = attrgetter(
    "placement", "personal", "page_size", "offset", "explain", "exclude_bought", "exclude_viewed", "max_per_brand",
    "max_per_category", "diversity", "objective", "objective_weight",
)  # fmt: skip


@lru_cache(maxsize=SHAPES_MAX)
def _kind(
    table: Table, mask: int, group: int, is_given: bool, placement: str, personal: bool | None, page_size: int,
    offset: int, explain: int, exclude_bought: bool, exclude_viewed: bool, max_per_brand: int, max_per_category: int,
    diversity: float | None, objective: str, objective_weight: float | None,
) -> _Kind:  # fmt: skip
    """Few kinds make up most of the traffic: what is made of each is kept."""
    number, params = table.number[placement], table.params
    what = table.every[number]
    line = _Line(
        total=max(offset + page_size, params.candidates),  # the same on the first page as on the next: they join
        mask=mask,
        fills=what.fills,
        skip_bought=exclude_bought,
        skip_viewed=exclude_viewed,
        is_given=is_given,
        wanted=explain != EXPLAIN_NONE,
        size=offset + page_size,
        first=page_size,
        max_brand=max_per_brand,
        max_category=max_per_category,
        fresh_slots=what.fresh and page_size >= FRESH_PAGE_MIN and not is_given and params.fresh_slot,
        group=group,
        method=DIVERSIFIERS.index(params.diversifier),
    )
    return _Kind(
        line=line,
        share=(
            params.diversity if diversity is None else diversity,
            params.exploration_share if what.learned else 0.0,
        ),
        placement=number,
        about_items=what.about_items,
        order=int(Order.PURCHASE if is_given else what.order),
        objective=OBJECTIVES.index(objective),
        lean=params.objective_weight if objective_weight is None else objective_weight,
        personal=params.personalization if personal is None else personal,
    )


def _named(
    queries: Sequence[Query], kinds: Sequence[_Kind], catalogue: Catalogue
) -> tuple[_Lists, _Named, list[tuple[str, ...]]]:
    """The context items, what else the queries name, and the ids among it that are not known. Empty where nothing is
    named."""
    context, named = _Lists(), _Named()
    if not any(query.item_ids or query.exclude or query.given or query.pins for query in queries):
        return context, named, [()] * len(queries)
    missing = []
    for query, kind in zip(queries, kinds, strict=True):
        rows, unknown = _rows(query.item_ids, catalogue)
        context.add(rows if kind.about_items else ())
        given, absent = _rows(query.given or (), catalogue)
        pinned, places, unpinned = _pins(query, catalogue)
        named.add(_rows(query.exclude, catalogue)[0], given, pinned, places)
        missing.append((*unknown, *absent, *unpinned))
    return context, named, missing


@lru_cache(maxsize=SHAPES_MAX)
def _no_rows_of(b: int) -> I64:
    """The ptr of b queries that name nothing."""
    return np.zeros(b + 1, np.int64)


class _Shape(NamedTuple):
    """All of a batch but who asks, what they name and their seeds."""

    request: Request
    page: Page
    quotas: I32
    most: list[int]
    least: list[int]
    wanted: I32


def _shape(kinds: list[_Kind], table: Table, named: _Named) -> _Shape:
    """Most batches are of queries that name no items and differ in nothing: those of one kind share their arrays, into
    which nobody writes, because making them would cost a lone request more than what is done with them."""
    if not named and kinds and kinds.count(kinds[0]) == len(kinds):
        return _alike(kinds[0], table, len(kinds))
    return _made(kinds, table, named)


@lru_cache(maxsize=SHAPES_MAX)
def _alike(kind: _Kind, table: Table, b: int) -> _Shape:
    """What `_made` makes of b queries of this kind."""
    return _made([kind] * b, table, _Named())


def _made(kinds: list[_Kind], table: Table, named: _Named) -> _Shape:
    """The pages have no seeds yet."""
    if not named:
        named = _Named()
        for _ in kinds:
            named.add((), (), (), ())
    # One array whose rows are the columns: an array each would cost more.
    line = _Line(*np.array(tuple(zip(*(kind.line for kind in kinds), strict=True)), np.int32))
    request = _request(line, named)
    shares = np.array(tuple(zip(*(kind.share for kind in kinds), strict=True)), np.float32)
    quotas = _quotas([kind.placement for kind in kinds], request, table)
    page = _page(line, request, named.places, shares)
    most, least = (extreme(axis=1).tolist() for extreme in (quotas.max, quotas.min))
    return _Shape(request, page, quotas, most, least, line.wanted)


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
    each = list(map(add, blobs, session)) if any(session) else blobs
    ends = accumulate([len(one) // RECORD_BYTES for one in each], initial=0)
    joined = b"".join(each)
    return (np.frombuffer(joined, RECORD) if joined else _NO_RECORDS), np.array(list(ends), np.int64)


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
