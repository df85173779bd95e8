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
RERANK_ITEMS_MAX: Final = 500
CONTEXT_ITEMS_MAX: Final = 100
SESSION_EVENTS_MAX: Final = 100
EXCLUDE_ITEMS_MAX: Final = 500

RECOMMENDED_FOR_YOU: Final = "recommended-for-you"
OTHERS_YOU_MAY_LIKE: Final = "others-you-may-like"
PLACEMENTS: Final = (RECOMMENDED_FOR_YOU, OTHERS_YOU_MAY_LIKE)


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


class Source(IntEnum):
    """Which candidate source brought the item (the strongest one)."""

    ITEM_ITEM = 0
    FACTORS = 1
    REPEAT = 2
    TRENDING = 3
    FRESH = 4
    GIVEN = 5


SOURCE_NAMES: Final = ("item-item", "factors", "repeat", "trending", "fresh", "given")


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
    reasons: bool = True
    personal: bool | None = None
    """None = the store's default."""
    request_id: str = ""
    validate_only: bool = False
    given: tuple[str, ...] | None = None


@dataclass(slots=True)
class Answer:
    """k results by rank. Rows are rows of `catalogue`, which is the snapshot the answer was computed with."""

    catalogue: Catalogue
    rows: npt.NDArray[np.int32]
    """(k,)"""
    scores: npt.NDArray[np.float32]
    """(k,) log-odds up to a constant of the request, higher is better."""
    sources: npt.NDArray[np.uint8]
    """(k,) Source."""
    reasons: npt.NDArray[np.uint8]
    """(k,) ReasonCode; NONE where reasons were not asked for."""
    related: npt.NDArray[np.int32]
    """(k,) row of the item the reason names, -1 = none."""
    weights: npt.NDArray[np.float32]
    """(k,) share of the retrieval score that the reason explains, 0..1."""
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
