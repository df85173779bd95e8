"""Kinds of queries: all of a query but who asks and what he names. Few make up most of the traffic."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from serving.decisions.recommend.contract import EXPLAIN_NONE, OBJECTIVES
from serving.decisions.recommend.params import DIVERSIFIERS
from serving.decisions.recommend.placements import Order, Table

SHAPES_MAX = 256
"""Kinds of plain batches whose arrays are kept."""
FRESH_PAGE_MIN = 10
"""Pages shorter than this keep no place for a new arrival."""


class Line(NamedTuple):
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


class Kind(NamedTuple):
    """All of a query but who asks and what he names."""

    line: Line
    share: tuple[float, float]
    """Diversity, and the share of the places that is left to chance."""
    placement: int
    """Its number in the table."""
    about_items: bool
    order: int
    objective: int
    lean: float
    personal: bool


KIND_FIELDS = attrgetter(
    "placement", "personal", "page_size", "offset", "explain", "exclude_bought", "exclude_viewed", "max_per_brand",
    "max_per_category", "diversity", "objective", "objective_weight",
)  # fmt: skip


@lru_cache(maxsize=SHAPES_MAX)
def kind_of(
    table: Table, mask: int, group: int, is_given: bool, placement: str, personal: bool | None, page_size: int,
    offset: int, explain: int, exclude_bought: bool, exclude_viewed: bool, max_per_brand: int, max_per_category: int,
    diversity: float | None, objective: str, objective_weight: float | None,
) -> Kind:  # fmt: skip
    """Few kinds make up most of the traffic: what is made of each is kept."""
    number, params = table.number[placement], table.params
    what = table.every[number]
    line = Line(
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
    return Kind(
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
