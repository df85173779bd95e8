"""InventoryService: request bytes to checked queries, answers to bytes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from serving.core.errors import InvalidInput
from serving.decisions.forecast.contract import day_of
from serving.decisions.replenish.contract import (
    ARRIVALS_MAX,
    DAYS_MAX,
    DESTINATIONS_MAX,
    ITEMS_MAX,
    SOURCES_MAX,
    UNITS_MAX,
    Aim,
    AllocateAnswer,
    AllocateQuery,
    Ask,
    Bound,
    Demand,
    Destination,
    Moments,
    PlanAnswer,
    Planned,
    PlanQuery,
    Policy,
    Quantiles,
    Stock,
    check_demand,
    check_places,
    checked_ask,
)
from serving.decisions.replenish.demand import day_text
from serving.transport import checks
from serving.transport.item_codec import amount, currency_code
from storegate.v1 import inventory_pb2 as pb
from storegate.v1.common_pb2 import Money

REQUEST_ID_BYTES_MAX: Final = 256
HORIZON_DAYS_DEFAULT: Final = 28
BYTES_A_UNIT: Final = 1024
NOT_GIVEN: Final = -1
"""Quantity of a source whose stock is the catalogue's."""
_AIMS: Final = {"shortage_cost": Aim.COST, "cycle_service_level": Aim.SERVICE_LEVEL, "fill_rate": Aim.FILL_RATE}
_UNMET: Final = {
    pb.UNMET_DEMAND_UNSPECIFIED: None,
    pb.UNMET_DEMAND_LOST: True,
    pb.UNMET_DEMAND_WAITS: False,
}
_POLICIES: Final = {
    Policy.AUTOMATIC: pb.REPLENISHMENT_POLICY_UNSPECIFIED,
    Policy.BASE_STOCK: pb.REPLENISHMENT_POLICY_BASE_STOCK,
    Policy.S_S: pb.REPLENISHMENT_POLICY_S_S,
}
_BOUNDS: Final = {
    Bound.NONE: pb.REPLENISHMENT_BOUND_UNSPECIFIED,
    Bound.PACK: pb.REPLENISHMENT_BOUND_PACK,
    Bound.MINIMUM: pb.REPLENISHMENT_BOUND_MINIMUM,
    Bound.MAXIMUM: pb.REPLENISHMENT_BOUND_MAXIMUM,
    Bound.NOTHING_NEEDED: pb.REPLENISHMENT_BOUND_NOTHING_NEEDED,
}


def plan_units(payload: bytes) -> int:
    """Work of a request by its length: a unit is some twenty items."""
    return 1 + len(payload) // BYTES_A_UNIT


def decode_plan(payload: bytes) -> PlanQuery:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.PlanReplenishmentRequest.FromString, "PlanReplenishmentRequest", payload)
    items = _some("items", request.items, ITEMS_MAX)
    asks = tuple(_ask(f"items[{number}]", item) for number, item in enumerate(items))
    _once("items", ((ask.item_id, ask.location) for ask in asks), "each item and location once")
    return PlanQuery(asks, _first_day(request), checks.text("request_id", request.request_id, REQUEST_ID_BYTES_MAX))


def encode_plan(answer: PlanAnswer) -> bytes:
    """The serialised PlanReplenishmentResponse."""
    return checks.wire(
        pb.PlanReplenishmentResponse(
            plans=map(_plan, answer.plans),
            missing_item_ids=answer.missing,
            missing_location_ids=answer.missing_locations,
            model_version=answer.version,
            request_id=answer.request_id,
            first_day=day_text(answer.first_day) if answer.first_day is not None else "",
        )
    )


def decode_allocate(payload: bytes) -> AllocateQuery:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.AllocateStockRequest.FromString, "AllocateStockRequest", payload)
    items = _some("items", request.items, ITEMS_MAX)
    horizon = checks.whole("horizon_days", request.horizon_days or HORIZON_DAYS_DEFAULT, 1, DAYS_MAX)
    stocks = tuple(_stock(f"items[{number}]", item) for number, item in enumerate(items))
    _once("items", (stock.item_id for stock in stocks), "each item once")
    check_places(stocks)
    capacities = tuple(
        (
            checks.needed_id(f"capacities[{number}].location_id", one.location_id),
            checks.whole(f"capacities[{number}].units", one.units, 0, UNITS_MAX),
        )
        for number, one in enumerate(request.capacities)
    )
    _once("capacities", (name for name, _ in capacities), "each location once")
    return AllocateQuery(
        stocks, horizon, capacities, _first_day(request),
        checks.text("request_id", request.request_id, REQUEST_ID_BYTES_MAX),
    )  # fmt: skip


def encode_allocate(answer: AllocateAnswer) -> bytes:
    """The serialised AllocateStockResponse."""
    return checks.wire(
        pb.AllocateStockResponse(
            shipments=[
                pb.StockShipment(
                    item_id=one.item_id, source_id=one.source, destination_id=one.destination, quantity=one.quantity
                )
                for one in answer.shipments
            ],
            receipts=[
                pb.StockReceipt(
                    item_id=one.item_id,
                    location_id=one.location,
                    quantity=one.quantity,
                    expected_sales=one.sold,
                    expected_value=_money(one.value, one.currency),
                    transport_cost=_money(one.transport, one.currency),
                )
                for one in answer.received
            ],
            kept=[pb.StockKept(item_id=item, source_id=source, quantity=units) for item, source, units in answer.kept],
            missing_item_ids=answer.missing,
            model_version=answer.version,
            request_id=answer.request_id,
        )
    )


def _ask(field: str, item: Any) -> Ask:
    target = item.WhichOneof("target")
    if item.policy not in _POLICIES.values():
        raise InvalidInput(f"{field}.policy", item.policy, "BASE_STOCK (1), S_S (2) or none (0)")
    if item.unmet_demand not in _UNMET:
        raise InvalidInput(f"{field}.unmet_demand", item.unmet_demand, "LOST (1), WAITS (2) or none (0)")
    currency, costs = _amounts(field, item, ("unit_cost", "order_cost", "shortage_cost"))
    return checked_ask(
        field,
        Ask(
            item_id=checks.needed_id(f"{field}.item_id", item.item_id),
            lead_days=item.lead_time_days,
            location=checks.needed_id(f"{field}.location_id", item.location_id) if item.location_id else "",
            lead_sd=item.lead_time_sd_days,
            review_days=item.review_period_days if item.HasField("review_period_days") else None,
            on_hand=item.on_hand if item.HasField("on_hand") else None,
            arrivals=_arrivals(field, item.on_order) if item.HasField("on_order") else None,
            pack=item.pack or 1,
            least=item.min_quantity,
            most=item.max_quantity,
            unit_cost=costs.get("unit_cost"),
            order_cost=costs.get("order_cost", 0),
            shortage_cost=costs.get("shortage_cost", 0),
            currency=currency,
            holding_rate=item.holding_rate if item.HasField("holding_rate") else None,
            aim=_AIMS[target] if target else None,
            target=getattr(item, target) if target in ("cycle_service_level", "fill_rate") else 0.0,
            policy=Policy(item.policy),
            lost=_UNMET[item.unmet_demand],
            demand=_demand(field, item),
        ),
    )


def _arrivals(field: str, on_order: Any) -> tuple[tuple[int, int], ...]:
    if len(on_order.arrivals) > ARRIVALS_MAX:
        raise InvalidInput(
            f"{field}.on_order.arrivals", f"{len(on_order.arrivals)} arrivals", f"at most {ARRIVALS_MAX}"
        )
    return tuple((arrival.quantity, arrival.days) for arrival in on_order.arrivals)


def _stock(field: str, item: Any) -> Stock:
    item_id = checks.needed_id(f"{field}.item_id", item.item_id)
    sources = tuple(
        (
            checks.needed_id(f"{field}.sources[{number}].location_id", source.location_id),
            checks.whole(f"{field}.sources[{number}].quantity", source.quantity, 0, UNITS_MAX)
            if source.HasField("quantity")
            else NOT_GIVEN,
        )
        for number, source in enumerate(_some(f"{field}.sources", item.sources, SOURCES_MAX))
    )
    names = [name for name, _ in sources]
    _once(f"{field}.sources", names, "each source once")
    currencies: dict[str, str] = {}
    destinations = tuple(
        _destination(f"{field}.destinations[{number}]", to, names, currencies)
        for number, to in enumerate(_some(f"{field}.destinations", item.destinations, DESTINATIONS_MAX))
    )
    _once(f"{field}.destinations", (to.location for to in destinations), "each destination once")
    return Stock(item_id, sources, destinations, next(iter(currencies), ""))


def _destination(field: str, to: Any, sources: Sequence[str], currencies: dict[str, str]) -> Destination:
    """currencies: of the item so far, with the field that has each; one at most."""
    priority = to.priority or 1.0
    if not (math.isfinite(priority) and 0 < priority <= 1e6):
        raise InvalidInput(f"{field}.priority", to.priority, "a number above 0 and at most 1,000,000, or none (0)")
    least = checks.whole(f"{field}.min_quantity", to.min_quantity, 0, UNITS_MAX)
    most = checks.whole(f"{field}.max_quantity", to.max_quantity, 0, UNITS_MAX)
    if most and least > most:
        raise InvalidInput(f"{field}.min_quantity", least, f"no more than max_quantity ({most})")
    transport = dict.fromkeys(sources, 0)
    for number, way in enumerate(to.transport_costs):
        here = f"{field}.transport_costs[{number}]"
        if way.source_id not in transport:
            raise InvalidInput(f"{here}.source_id", way.source_id, "one of the item's sources: " + ", ".join(sources))
        transport[way.source_id] = _amount_in(f"{here}.cost", way.cost, currencies)
    demand = _demand(field, to)
    check_demand(f"{field}.", demand)
    return Destination(
        location=checks.needed_id(f"{field}.location_id", to.location_id),
        value=_amount_in(f"{field}.unit_value", to.unit_value, currencies) if to.HasField("unit_value") else None,
        priority=priority,
        on_hand=checks.whole(f"{field}.on_hand", to.on_hand, 0, UNITS_MAX) if to.HasField("on_hand") else None,
        least=least,
        most=most,
        transport=tuple(transport.values()),
        demand=demand,
    )


def _demand(field: str, message: Any) -> Demand:
    """As given, None = not at all."""
    quantiles = message.demand_quantiles
    if message.HasField("daily_demand"):
        if quantiles:
            raise InvalidInput(f"{field}.demand_quantiles", f"{len(quantiles)} quantiles", "none beside daily_demand")
        return Moments(message.daily_demand.mean, message.daily_demand.sd)
    if not quantiles:
        return None
    days = len(quantiles[0].units)
    for number, one in enumerate(quantiles):
        if len(one.units) != days:
            here = f"{field}.demand_quantiles[{number}].units"
            raise InvalidInput(here, f"{len(one.units)} days", f"{days} days, as at the first quantile")
    levels = tuple(one.quantile for one in quantiles)
    return Quantiles(levels, tuple(zip(*(one.units for one in quantiles), strict=True)))


def _amounts(field: str, message: Any, names: Iterable[str]) -> tuple[str, Mapping[str, int]]:
    """(their one currency, minor units by name) of the amounts that are given."""
    currencies: dict[str, str] = {}
    found = {
        name: _amount_in(f"{field}.{name}", getattr(message, name), currencies)
        for name in names
        if message.HasField(name)
    }
    return next(iter(currencies), ""), found


def _amount_in(field: str, money: Any, currencies: dict[str, str]) -> int:
    """Minor units, in the currency that the amounts before it have."""
    code = currency_code(field, money.currency_code)
    if currencies and code not in currencies:
        (before, where), *_ = currencies.items()
        raise InvalidInput(
            f"{field}.currency_code", code, f"{before}, as in {where}: one currency an item", reason="CURRENCY_DIFFERS"
        )
    currencies.setdefault(code, field)
    return amount(field, money)


def _first_day(request: Any) -> int | None:
    return day_of("first_day", request.first_day) if request.first_day else None


def _some(field: str, rows: Sequence[Any], count_max: int) -> Sequence[Any]:
    if not 1 <= len(rows) <= count_max:
        raise InvalidInput(field, f"{len(rows)} rows", f"1 to {count_max}")
    return rows


def _once(field: str, keys: Iterable[object], expected: str) -> None:
    seen = set()
    for number, key in enumerate(keys):
        if key in seen:
            raise InvalidInput(f"{field}[{number}]", key, expected, reason="REPEATED_ID")
        seen.add(key)


def _plan(one: Planned) -> Any:
    message = pb.ReplenishmentPlan(
        item_id=one.item_id,
        location_id=one.location,
        order_quantity=one.quantity,
        order_up_to=one.order_up_to,
        reorder_point=one.reorder_point,
        safety_stock=one.safety_stock,
        inventory_position=one.position,
        expected_demand=one.demand_mean,
        expected_fill_rate=one.fill_rate,
        expected_service_level=one.service_level,
        expected_stock=one.held,
        expected_shortage=one.short,
        expected_shortage_before_arrival=one.short_before,
        bound=_BOUNDS[one.bound],
        policy=_POLICIES[one.policy],
        method=one.source,
        model_version=one.version,
        stock_known=one.stock_known,
    )
    if one.unit_cost:
        message.expected_holding_cost.CopyFrom(_money(one.holding_cost, one.currency))
        message.order_value.CopyFrom(_money(one.unit_cost * one.quantity + one.order_cost, one.currency))
    if one.aim is Aim.COST:
        message.expected_shortage_cost.CopyFrom(_money(one.shortage_cost, one.currency))
    return message


def _money(minor: float, currency: str) -> Any:
    return Money(amount_minor=round(minor), currency_code=currency)
