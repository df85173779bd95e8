"""What `Recommend` and `Rerank` ask and answer, free of any wire format."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue

PAGE_SIZE_DEFAULT: Final = 10
PAGE_SIZE_MAX: Final = 100
PAGED_ITEMS_MAX: Final = 200
"""Results that can be reached by page tokens."""
RERANK_ITEMS_MAX: Final = 500
CONTEXT_ITEMS_MAX: Final = 100
SESSION_EVENTS_MAX: Final = 100
EXCLUDE_ITEMS_MAX: Final = 500
PINS_MAX: Final = 20
TRACE_ITEMS_MAX: Final = 20
PAGE_PLACEMENTS_MAX: Final = 12

RECOMMENDED_FOR_YOU: Final = "recommended-for-you"
OTHERS_YOU_MAY_LIKE: Final = "others-you-may-like"
SIMILAR_ITEMS: Final = "similar-items"
FREQUENTLY_BOUGHT_TOGETHER: Final = "frequently-bought-together"
BUY_IT_AGAIN: Final = "buy-it-again"
RECENTLY_VIEWED: Final = "recently-viewed"
TRENDING_NOW: Final = "trending"
ON_SALE: Final = "on-sale"
COMPLETE_THE_BASKET: Final = "complete-the-basket"
PLACEMENTS: Final = (
    RECOMMENDED_FOR_YOU,
    OTHERS_YOU_MAY_LIKE,
    SIMILAR_ITEMS,
    FREQUENTLY_BOUGHT_TOGETHER,
    BUY_IT_AGAIN,
    RECENTLY_VIEWED,
    TRENDING_NOW,
    ON_SALE,
    COMPLETE_THE_BASKET,
)
"""What each is made of stands in placements.py."""
NEED_ITEMS: Final = frozenset({OTHERS_YOU_MAY_LIKE, SIMILAR_ITEMS, FREQUENTLY_BOUGHT_TOGETHER})
"""Placements that are about items and cannot be asked without."""

OBJECTIVES: Final = ("purchase", "click", "revenue", "margin")
EXPLAIN_NONE, EXPLAIN_REASONS, EXPLAIN_TRACE = 0, 1, 2


class ReasonCode(IntEnum):
    """Why an item is shown; the names are the contract's words."""

    NONE = 0
    BECAUSE_YOU_BOUGHT = 1
    BECAUSE_YOU_VIEWED = 2
    BOUGHT_TOGETHER = 3
    BUY_AGAIN = 4
    FITS_YOUR_TASTE = 5
    TRENDING = 6
    NEW_ARRIVAL = 7
    SIMILAR_ITEM = 8
    OFTEN_NEXT = 9
    LIKE_YOUR_SESSION = 10
    ON_SALE = 11
    CHOSEN_BY_THE_SHOP = 12


class Source(IntEnum):
    """Which candidate source brought the item (the first in the order of sources/__init__.py)."""

    ITEM_ITEM = 0
    FACTORS = 1
    REPEAT = 2
    TRENDING = 3
    FRESH = 4
    GIVEN = 5
    SESSION = 6
    TRANSITIONS = 7
    TOGETHER = 8
    COVIEW = 9
    CONTENT = 10
    VIEWED = 11
    PINNED = 12


SOURCE_NAMES: Final = tuple(source.name.lower().replace("_", "-") for source in Source)


@dataclass(frozen=True, slots=True)
class Pin:
    """An item with a fixed place. place: 0-based."""

    item_id: str
    place: int


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something the visitor has just done. type: code of serving/events/types.py. time_s: epoch seconds, 0 = now."""

    type: int
    item_id: str
    time_s: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """One checked request. `given` (Rerank) replaces the candidate sources when it is not None."""

    placement: str = RECOMMENDED_FOR_YOU
    user_id: str = ""
    visitor_id: str = ""
    item_ids: tuple[str, ...] = ()
    session: tuple[SessionEvent, ...] = ()
    page_size: int = PAGE_SIZE_DEFAULT
    exclude: tuple[str, ...] = ()
    max_per_brand: int = 0
    max_per_category: int = 0
    diversity: float | None = None
    explain: int = EXPLAIN_REASONS
    personal: bool | None = None
    """None = the store's default."""
    request_id: str = ""
    validate_only: bool = False
    given: tuple[str, ...] | None = None
    filter: str = ""
    """In the language of filters/; checked by the codec with `filters.compiled`."""
    min_margin: float = 0.0
    """Least (price - cost) / price, 0 = no rule."""
    pins: tuple[Pin, ...] = ()
    exclude_bought: bool = False
    exclude_viewed: bool = False
    objective: str = "purchase"
    objective_weight: float | None = None
    """0..1; None = the store's default."""
    deliver_to: str = ""
    """A location; '' = anywhere."""
    need_by_s: int = 0
    """Epoch seconds, 0 = no hurry."""
    offset: int = 0
    """Results to skip: pages after the first."""
    trace_items: tuple[str, ...] = ()
    decision_id: str = ""
    """'' = a new one is made; a replay gives the logged one, which is also the seed of every random choice."""


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Several placements of one shop page; earlier ones choose first, no item stands twice."""

    queries: tuple[Query, ...]
    request_id: str = ""


@dataclass(slots=True)
class Answer:
    """k results by rank. Rows are rows of `catalogue`, which is the snapshot the answer was computed with."""

    catalogue: Catalogue
    rows: npt.NDArray[np.int32]
    """(k,)"""
    scores: npt.NDArray[np.float32]
    """(k,) what the page was ordered by, higher is better: log-odds up to a constant of the request where a model
    ranks, the signal itself where a placement is ordered by one (see placements.py)."""
    sources: npt.NDArray[np.uint8]
    """(k,) Source."""
    reasons: npt.NDArray[np.uint8]
    """(k,) ReasonCode; NONE where reasons were not asked for."""
    related: npt.NDArray[np.int32]
    """(k,) row of the item the reason names, -1 = none."""
    weights: npt.NDArray[np.float32]
    """(k,) share of the retrieval score that the reason explains, 0..1."""
    prices: npt.NDArray[np.int64]
    """(k,) minor units, from core/prices.py: the price that filters and margin rules read."""
    propensities: npt.NDArray[np.float32]
    """(k,) probability of this item on this place given those above it; 1 = nothing was left to chance."""
    missing: tuple[str, ...] = ()
    degraded: tuple[tuple[str, str], ...] = ()
    """(stage, cause) of every stage that fell back."""
    stages: tuple[tuple[str, int], ...] = ()
    """(stage, microseconds of the whole batch)."""
    batch_size: int = 1
    applied_through_s: int = 0
    """Epoch seconds of the user's newest stored event, 0 = none."""
    versions: dict[str, str] = field(default_factory=dict)
    request_id: str = ""
    decision_id: str = ""
    """32 hexadecimal digits; '' on answers to validate_only."""
    made_s: int = 0
    """Epoch seconds at which it was made."""
    placement: str = RECOMMENDED_FOR_YOU
    next_offset: int = 0
    """Where the next page begins; 0 = there is none."""
    trace: Trace | None = None
    arm: str = ""
    """The release of a traffic split that made it; '' = no split."""
    priced_by: str = ""
    """The release whose quoted prices it shows; '' = the catalogue's."""


@dataclass(slots=True)
class PageAnswer:
    """One answer for each query of the page, in order."""

    answers: tuple[Answer, ...]
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class TraceStage:
    """What a stage let through. removed: cause -> items."""

    name: str
    kept: int
    removed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TraceItem:
    """What became of one item. rank: 1-based before the page's rules, 0 = not ranked; why_not: '' = it is shown."""

    item_id: str
    shown: bool
    rank: int
    score: float
    sources: tuple[str, ...]
    why_not: str
    signals: dict[str, float]


@dataclass(frozen=True, slots=True)
class Trace:
    """The stages in order; the results, then the items that were asked about."""

    stages: tuple[TraceStage, ...]
    items: tuple[TraceItem, ...]
