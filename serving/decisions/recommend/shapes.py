"""All arrays of a batch but those of who asks, what they name and their seeds: plain batches share them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from serving.core.ports import F32, I32
from serving.decisions.recommend.kinds import SHAPES_MAX, Kind, Line
from serving.decisions.recommend.named_items import NO_ROWS, Named
from serving.decisions.recommend.placements import Table
from serving.kernels.candidates import Request
from serving.kernels.rerank import Page

_NO_SEEDS = np.zeros(0, np.uint64)


class Shape(NamedTuple):
    """All of a batch but who asks, what they name and their seeds."""

    request: Request
    page: Page
    quotas: I32
    most: list[int]
    least: list[int]
    wanted: I32


def shape_of(kinds: list[Kind], table: Table, named: Named) -> Shape:
    """Most batches are of queries that name no items and differ in nothing: those of one kind share their arrays, into
    which nobody writes, because making them would cost a lone request more than what is done with them."""
    if not named and kinds and kinds.count(kinds[0]) == len(kinds):
        return _alike(kinds[0], table, len(kinds))
    return _made(kinds, table, named)


@lru_cache(maxsize=SHAPES_MAX)
def _alike(kind: Kind, table: Table, b: int) -> Shape:
    """What `_made` makes of b queries of this kind."""
    return _made([kind] * b, table, Named())


def _made(kinds: list[Kind], table: Table, named: Named) -> Shape:
    """The pages have no seeds yet."""
    if not named:
        named = Named()
        for _ in kinds:
            named.add((), (), (), ())
    # One array whose rows are the columns: an array each would cost more.
    line = Line(*np.array(tuple(zip(*(kind.line for kind in kinds), strict=True)), np.int32))
    request = _request(line, named)
    shares = np.array(tuple(zip(*(kind.share for kind in kinds), strict=True)), np.float32)
    quotas = _quotas([kind.placement for kind in kinds], request, table)
    page = _page(line, request, named.places, shares)
    most, least = (extreme(axis=1).tolist() for extreme in (quotas.max, quotas.min))
    return Shape(request, page, quotas, most, least, line.wanted)


def _request(line: Line, named: Named) -> Request:
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


def _page(line: Line, request: Request, places: Sequence[int], shares: F32) -> Page:
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
        pin_place=np.array(places, np.int32) if places else NO_ROWS,
    )


def _quotas(placements: list[int], request: Request, table: Table) -> I32:
    """(len(Source), b); nothing is looked for where the items are given."""
    quotas = np.ascontiguousarray(table.quotas[placements].T)
    if len(request.given):
        quotas[:, request.is_given > 0] = 0
    return quotas
