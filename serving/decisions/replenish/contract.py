"""What `PlanReplenishment` and `AllocateStock` ask and answer, free of any wire format.

Units are whole pieces; money is in minor units; days are whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from serving.core.errors import InvalidInput

ITEMS_MAX: Final = 1000
ARRIVALS_MAX: Final = 100
DAYS_MAX: Final = 366
"""Of a lead time, and of a given quantile path."""
REVIEW_DAYS_MAX: Final = 182
ITEM_DAYS_MAX: Final = 50_000
"""Days of the protection intervals of a request's items together."""
UNITS_MAX: Final = 10**9
HOLDING_RATE_MIN: Final = 1e-6
"""Of a holding rate that is not 0."""
QUANTILES_MAX: Final = 99
DESTINATIONS_MAX: Final = 100
SOURCES_MAX: Final = 20
PLACES_MAX: Final = 10_000
"""Pairs of an item and a destination in one request."""


class Policy(IntEnum):
    """How orders are placed at a review."""

    AUTOMATIC = 0
    """(s,S) where an order costs something by itself, else base-stock."""
    BASE_STOCK = 1
    """Up to the order-up-to position, at every review."""
    S_S = 2
    """Up to the order-up-to position S, when the position is at s or below."""


class Aim(IntEnum):
    """What a policy is chosen for; the values are those of kernels/replenish.py."""

    SERVICE_LEVEL = 0
    """Chance that a cycle has no shortage."""
    FILL_RATE = 1
    """Share of demand served from stock."""
    COST = 2
    """Least cost of holding, shortage and orders."""


class Bound(IntEnum):
    """What decided a quantity besides the policy; the values are those of kernels/replenish.py."""

    NONE = 0
    PACK = 1
    MINIMUM = 2
    MAXIMUM = 3
    NOTHING_NEEDED = 4


@dataclass(frozen=True, slots=True)
class Moments:
    """Demand of any day."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Demand day by day: units (days, levels), non-decreasing over levels; the last days repeat week by week."""

    levels: tuple[float, ...]
    units: tuple[tuple[float, ...], ...]


Demand = Moments | Quantiles | None
"""None = by the forecast model."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One item at one location. None = as the catalogue or the settings say."""

    item_id: str
    lead_days: float
    location: str = ""
    """"" = all together."""
    lead_sd: float = 0.0
    review_days: int | None = None
    on_hand: int | None = None
    arrivals: tuple[tuple[int, int], ...] | None = None
    """(units, days until they arrive); None = the catalogue's, which are counted in full."""
    pack: int = 1
    least: int = 0
    most: int = 0
    """0 = no bound."""
    unit_cost: int | None = None
    order_cost: int = 0
    shortage_cost: int = 0
    currency: str = ""
    """Of the three; "" where none is given."""
    holding_rate: float | None = None
    aim: Aim | None = None
    target: float = 0.0
    """Of SERVICE_LEVEL and FILL_RATE."""
    policy: Policy = Policy.AUTOMATIC
    lost: bool | None = None
    demand: Demand = None


@dataclass(frozen=True, slots=True)
class PlanQuery:
    """One checked request."""

    asks: tuple[Ask, ...]
    first_day: int | None = None
    """Days since 1970-01-01; None = the day after the last one that the model has seen."""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What to order of one item now, and what is expected of it."""

    item_id: str
    location: str
    quantity: int
    order_up_to: int
    reorder_point: int
    """An order is placed at this position or below; -1 = never."""
    safety_stock: float
    position: int
    """On hand and on order, before the order."""
    demand_mean: float
    """Until the next order can arrive."""
    cycle_mean: float
    """Between the arrivals of this order and of the next."""
    fill_rate: float
    """Of that cycle, with the order; likewise what follows."""
    service_level: float
    held: float
    """Units at the end of a day, on average."""
    short: float
    """Units."""
    short_before: float
    """Units short before this order can arrive, whatever is ordered."""
    holding_cost: float
    shortage_cost: float
    order_cost: float
    unit_cost: int
    """0 = not known."""
    currency: str
    bound: Bound
    policy: Policy
    aim: Aim
    source: str
    """Where the demand comes from: forecast, given-moments, given-quantiles."""
    version: str
    """Of the forecast model, "" without."""
    stock_known: bool = True
    """Whether anybody says what is on hand; otherwise it is planned as if nothing were there."""


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """In the order of the request. first_day: that was planned from, in days since 1970-01-01; None = the forecast was
    not asked."""

    plans: tuple[Planned, ...]
    missing: tuple[str, ...] = ()
    missing_locations: tuple[str, ...] = ()
    version: str = ""
    request_id: str = ""
    first_day: int | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where units of an item may go. demand: over the horizon's days."""

    location: str
    value: int | None = None
    """Of a unit sold; None = the catalogue's price without its cost, or the price where the cost is not known."""
    priority: float = 1.0
    on_hand: int | None = None
    least: int = 0
    most: int = 0
    """0 = no bound."""
    transport: tuple[int, ...] = ()
    """Cost of a unit from each source, () = nothing."""
    demand: Demand = None


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is of one item, by source, and who may have it."""

    item_id: str
    sources: tuple[tuple[str, int], ...]
    destinations: tuple[Destination, ...]
    currency: str = ""


@dataclass(frozen=True, slots=True)
class AllocateQuery:
    """One checked request. capacities: units of all items together that a location can take."""

    stocks: tuple[Stock, ...]
    horizon_days: int
    capacities: tuple[tuple[str, int], ...] = ()
    first_day: int | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Units of one item from one source to one destination; more than 0."""

    item_id: str
    source: str
    destination: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Received:
    """What one destination gets of an item. sold: expected of what it gets, beside what it had; money of the item."""

    item_id: str
    location: str
    quantity: int
    sold: float
    value: float
    transport: float
    currency: str


@dataclass(frozen=True, slots=True)
class AllocateAnswer:
    """kept: (item, source, units) that earn nothing anywhere, or fit nowhere."""

    shipments: tuple[Shipment, ...]
    received: tuple[Received, ...]
    kept: tuple[tuple[str, str, int], ...]
    missing: tuple[str, ...] = ()
    version: str = ""
    request_id: str = ""


def checked_ask(field: str, ask: Ask) -> Ask:
    """`ask` when it makes sense by itself. Raises InvalidInput naming `field` and what is wrong."""
    if not 1 <= ask.lead_days <= DAYS_MAX:
        raise InvalidInput(f"{field}.lead_time_days", ask.lead_days, f"1 to {DAYS_MAX} days: nothing arrives at once")
    if not 0 <= ask.lead_sd <= DAYS_MAX:
        raise InvalidInput(f"{field}.lead_time_sd_days", ask.lead_sd, f"0 to {DAYS_MAX} days")
    if ask.review_days is not None and not 1 <= ask.review_days <= REVIEW_DAYS_MAX:
        raise InvalidInput(f"{field}.review_period_days", ask.review_days, f"1 to {REVIEW_DAYS_MAX} days")
    if ask.on_hand is not None:
        _units(f"{field}.on_hand", ask.on_hand)
    for place, (units, days) in enumerate(ask.arrivals or ()):
        _units(f"{field}.on_order.arrivals[{place}].quantity", units)
        if not 0 <= days <= DAYS_MAX:
            raise InvalidInput(f"{field}.on_order.arrivals[{place}].days", days, f"0 to {DAYS_MAX} days from now")
    _check_bounds(field, ask.pack, ask.least, ask.most)
    if ask.holding_rate is not None:
        check_holding_rate(f"{field}.holding_rate", ask.holding_rate)
    if ask.aim in (Aim.SERVICE_LEVEL, Aim.FILL_RATE) and not 0 < ask.target < 1:
        name = "cycle_service_level" if ask.aim is Aim.SERVICE_LEVEL else "fill_rate"
        raise InvalidInput(f"{field}.{name}", ask.target, "a share above 0 and below 1, for example 0.95")
    if ask.aim is Aim.COST and ask.shortage_cost <= 0:
        raise InvalidInput(f"{field}.shortage_cost.amount_minor", ask.shortage_cost, "more than 0")
    check_demand(f"{field}.", ask.demand)
    return ask


def check_holding_rate(field: str, rate: float) -> None:
    """Raises InvalidInput."""
    if rate != 0 and not HOLDING_RATE_MIN <= rate <= 10:
        raise InvalidInput(field, rate, f"0, or {HOLDING_RATE_MIN:g} to 10 of the unit cost a year")


def check_demand(prefix: str, demand: Demand) -> None:
    """Raises InvalidInput for a demand that is none."""
    if isinstance(demand, Moments):
        _amount(f"{prefix}daily_demand.mean", demand.mean)
        _amount(f"{prefix}daily_demand.sd", demand.sd)
    elif isinstance(demand, Quantiles):
        _check_quantiles(f"{prefix}demand_quantiles", demand)


def check_places(stocks: Sequence[Stock]) -> None:
    """Raises InvalidInput for a request that is too large to be answered in time."""
    places = sum(len(stock.destinations) for stock in stocks)
    if places > PLACES_MAX:
        raise InvalidInput("items", f"{places} destinations together", f"at most {PLACES_MAX}: several requests")


def _check_quantiles(field: str, demand: Quantiles) -> None:
    levels = demand.levels
    if not 1 <= len(levels) <= QUANTILES_MAX:
        raise InvalidInput(field, f"{len(levels)} quantiles", f"1 to {QUANTILES_MAX}")
    for place, level in enumerate(levels):
        if not (math.isfinite(level) and 0 < level < 1):
            raise InvalidInput(f"{field}[{place}].quantile", level, "a number above 0 and below 1")
        if place and level <= levels[place - 1]:
            raise InvalidInput(
                f"{field}[{place}].quantile", level, f"more than the one before it ({levels[place - 1]:g})"
            )
    if not 1 <= len(demand.units) <= DAYS_MAX:
        raise InvalidInput(f"{field}[0].units", f"{len(demand.units)} days", f"1 to {DAYS_MAX}")
    for day, row in enumerate(demand.units):
        for place, value in enumerate(row):
            _amount(f"{field}[{place}].units[{day}]", value)
            if place and value < row[place - 1]:
                expected = f"no less than at the quantile before it ({row[place - 1]:g})"
                raise InvalidInput(f"{field}[{place}].units[{day}]", value, expected)


def _check_bounds(field: str, pack: int, least: int, most: int) -> None:
    if not 1 <= pack <= UNITS_MAX:
        raise InvalidInput(f"{field}.pack", pack, f"1 to {UNITS_MAX} units")
    _units(f"{field}.min_quantity", least)
    _units(f"{field}.max_quantity", most)
    if most and pack > most:
        raise InvalidInput(f"{field}.pack", pack, f"no more than max_quantity ({most}): no pack could be ordered")
    if most and least > most:
        raise InvalidInput(f"{field}.min_quantity", least, f"no more than max_quantity ({most})")
    if most and -(-least // pack) * pack > most:
        expected = f"a number of packs of {pack} between it and max_quantity ({most}): no whole pack lies between them"
        raise InvalidInput(f"{field}.min_quantity", least, expected)


def _units(field: str, value: int) -> None:
    if not 0 <= value <= UNITS_MAX:
        raise InvalidInput(field, value, f"0 to {UNITS_MAX} units")


def _amount(field: str, value: float) -> None:
    if not (math.isfinite(value) and 0 <= value <= UNITS_MAX):
        raise InvalidInput(field, value, f"0 to {UNITS_MAX} units")
