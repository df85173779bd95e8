"""What `ForecastDemand` asks and answers, free of any wire format."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput

ITEMS_MAX: Final = 1000
LOCATIONS_MAX: Final = 100
QUANTILES_MAX: Final = 19
HORIZON_DAYS_DEFAULT: Final = 28
HORIZON_DAYS_MAX: Final = 366
"""Whatever a model says it reaches: what one request may ask for."""
QUANTILES_DEFAULT: Final = (0.1, 0.5, 0.9)
ANSWER_BYTES_MAX: Final = 4_000_000
"""Of one answer: below what gRPC's clients take by default (4 MiB)."""

EPOCH: Final = date(1970, 1, 1)


class Period(IntEnum):
    """Over what units are summed; the value is its days."""

    DAY = 1
    WEEK = 7


class Confidence(IntEnum):
    """How much there is to go by."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned for an item. price: minor units, 0 = as the catalogue says; days: since 1970-01-01."""

    item_id: str
    price: int = 0
    currency: str = ""
    promotion_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """One checked request. What only the model can tell (its reach, its items) is checked by the pipeline."""

    item_ids: tuple[str, ...]
    location_ids: tuple[str, ...] = ()
    """() = all together."""
    horizon_days: int = HORIZON_DAYS_DEFAULT
    quantiles: tuple[float, ...] = QUANTILES_DEFAULT
    period: Period = Period.DAY
    first_day: int | None = None
    """Days since 1970-01-01; None = the day after the last one that the model has seen."""
    plans: tuple[Plan, ...] = ()
    request_id: str = ""


@dataclass(slots=True)
class Answer:
    """n forecasts over p periods with q quantiles: by item, then by location."""

    item_ids: tuple[str, ...]
    """(n,)"""
    location_ids: tuple[str, ...]
    """(n,) "" = all together."""
    first_day: int
    period: Period
    quantiles: tuple[float, ...]
    mean: npt.NDArray[np.float32]
    """(n, p) expected units."""
    units: npt.NDArray[np.float32]
    """(n, q, p) units, non-decreasing over q."""
    method: npt.NDArray[np.uint8]
    """(n,) places in `methods`."""
    methods: tuple[str, ...]
    confidence: npt.NDArray[np.uint8]
    """(n,) Confidence."""
    version: str
    missing_items: tuple[str, ...] = ()
    missing_locations: tuple[str, ...] = ()
    degraded: tuple[tuple[str, str], ...] = field(default=())
    """(stage, cause) of every stage that fell back."""
    request_id: str = ""


def checked_quantiles(field: str, values: Sequence[float]) -> tuple[float, ...]:
    """The quantiles, or the default where there are none. Raises InvalidInput naming the place."""
    if len(values) > QUANTILES_MAX:
        raise InvalidInput(field, f"{len(values)} quantiles", f"at most {QUANTILES_MAX}")
    for place, value in enumerate(values):
        if not (math.isfinite(value) and 0.0 < value < 1.0):
            raise InvalidInput(f"{field}[{place}]", value, "a number above 0 and below 1")
        if place and value <= values[place - 1]:
            expected = f"more than the one before it ({values[place - 1]:g}): ascending, each once"
            raise InvalidInput(f"{field}[{place}]", value, expected)
    return tuple(values) or QUANTILES_DEFAULT


def checked_horizon(field: str, days: int, period: Period) -> int:
    """`days`, where a request may ask for as many. Raises InvalidInput."""
    if not 1 <= days <= HORIZON_DAYS_MAX:
        raise InvalidInput(field, days, f"1 to {HORIZON_DAYS_MAX} days")
    if days % period:
        raise InvalidInput(field, days, f"a multiple of {period.value}: whole periods")
    return days


def day_of(field: str, text: str) -> int:
    """Days since 1970-01-01 of an RFC 3339 date. Raises InvalidInput."""
    try:
        if len(text) != len("2011-12-10") or text[4::3] != "--":  # ISO 8601 knows more ways to write it
            raise ValueError
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError:
        raise InvalidInput(field, text, 'an RFC 3339 date, for example "2011-12-10"') from None


def day_text(day: int) -> str:
    """ "2011-12-10"."""
    return (EPOCH + timedelta(days=day)).isoformat()
