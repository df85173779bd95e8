"""What to order now, as consecutive stages over plain arrays.

stage     | what is not given comes from                     | the answer says
resolve   | the catalogue: stock, orders under way, cost     | missing_item_ids, stock_known
demand    | the forecast                                     | method, model_version
plan      | the settings: fill rate, holding rate, review    | policy, bound
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.decisions.replenish.contract import (
    DAYS_MAX,
    ITEM_DAYS_MAX,
    Aim,
    Ask,
    Bound,
    Moments,
    PlanAnswer,
    Planned,
    PlanQuery,
    Policy,
    Quantiles,
)
from serving.decisions.replenish.demand import ALL_LOCATIONS, DemandModel, Distributions, Interval, empty, lead_of
from serving.decisions.replenish.params import Params
from serving.kernels.lead_days import lead_chances
from serving.kernels.lead_time import protection
from serving.kernels.replenish import plan

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

CHUNK: Final = 128
"""Items planned together: bounds what a request takes of memory."""
LEAD_DAYS_MAX: Final = 2 * DAYS_MAX
"""That a lead time may take, however much it varies."""
YEAR_DAYS: Final = 365
ORDER_DAYS_MAX: Final = 1e12
"""That an order may cost, in days of holding a unit: it then covers millennia of the demand of one a day."""
_SOURCES: Final = {Moments: "given-moments", Quantiles: "given-quantiles", type(None): "forecast"}


@dataclass(frozen=True, slots=True)
class Resolved:
    """One item with all that it needs. ask: with nothing left open but costs that nobody knows."""

    ask: Ask
    field: str
    interval: Interval
    review: int
    position: int
    stock_known: bool
    cost: int
    """Of a unit, 0 = not known."""
    holding_rate: float
    aim: Aim
    target: float
    policy: Policy
    lost: bool


class PlanPipeline:
    """Plans with one release of the forecast and a catalogue."""

    def __init__(self, model: Callable[[], DemandModel], params: Params) -> None:
        """model: the live one. Raises NotReady, when it is asked for one and there is none."""
        self._model, self._params = model, params
        self._rows: tuple[DemandModel | None, dict[str, int]] = (None, {})

    def run(self, query: PlanQuery, catalogue: Catalogue) -> PlanAnswer:
        """Raises StoregateError."""
        asked = any(ask.demand is None for ask in query.asks)
        model = self._model() if asked else None
        lead = lead_of(model, "first_day", query.first_day) if model is not None else 0
        resolved, missing, nowhere = self._resolve(query, catalogue, model)
        known = Distributions(self._model if model is None else lambda: model, lead, self._params.level_share)
        plans: list[Planned] = []
        for start in range(0, len(resolved), CHUNK):
            chunk = resolved[start : start + CHUNK]
            pmf, step = empty(len(chunk))
            known.of([one.interval for one in chunk], pmf, step)
            plans += _planned(chunk, pmf, step, model.version if model is not None else "")
        version, first_day = ("", None) if model is None else (model.version, model.first_day + lead)
        return PlanAnswer(tuple(plans), missing, nowhere, version, query.request_id, first_day)

    def warm(self) -> None:
        """Compiles the kernels of the forecast's counts."""
        ones, (pmf, step) = np.ones((2, 2)), empty(2)
        mean = ones * [[1.0], [300.0]]  # few cells and many go different ways
        protection(mean, ones, 0 * ones, ones, np.ones(2, np.int64), ones[:, :1], ones[:, :1], step, pmf)

    def rows(self, model: DemandModel) -> dict[str, int]:
        """Item id -> row, made once a model."""
        held, rows = self._rows
        if held is not model:
            rows = {item: row for row, item in enumerate(model.item_ids)}
            self._rows = (model, rows)
        return rows

    def _resolve(
        self, query: PlanQuery, catalogue: Catalogue, model: DemandModel | None
    ) -> tuple[list[Resolved], tuple[str, ...], tuple[str, ...]]:
        """(what can be planned, unknown items, unknown locations)."""
        rows = self.rows(model) if model is not None else {}
        places = {name: place for place, name in enumerate(model.locations)} if model is not None else {}
        resolved: list[Resolved] = []
        missing: dict[str, None] = {}
        nowhere: dict[str, None] = {}
        days = 0
        for number, ask in enumerate(query.asks):
            item = catalogue.item(ask.item_id)
            row = rows.get(ask.item_id, -1)
            if (ask.demand is None and row < 0) or (ask.on_hand is None and item is None):
                missing[ask.item_id] = None
                continue
            if ask.demand is None and ask.location and ask.location not in places:
                nowhere[ask.location] = None
                continue
            place = places.get(ask.location, ALL_LOCATIONS)
            one = self._completed(ask, f"items[{number}]", item, row, place)
            days += one.interval.days
            if days > ITEM_DAYS_MAX:
                raise InvalidInput("items", f"{days} days of lead times and review periods", f"at most {ITEM_DAYS_MAX}")
            resolved.append(one)
        return resolved, tuple(missing), tuple(nowhere)

    def _completed(self, ask: Ask, field: str, item: Item | None, row: int, place: int) -> Resolved:
        """The ask with the catalogue's and the settings' values. Raises InvalidInput."""
        params = self._params
        if item is not None and ask.currency and item.currency and ask.currency != item.currency:
            raise InvalidInput(
                f"{field}.currency_code", ask.currency, f"{item.currency}, as in the catalogue",
                reason="CURRENCY_DIFFERS",
            )  # fmt: skip
        review = params.review_period_days if ask.review_days is None else ask.review_days
        cost = ask.unit_cost if ask.unit_cost is not None else (item.cost if item is not None else 0)
        aim, target = (ask.aim, ask.target) if ask.aim is not None else (Aim.FILL_RATE, params.fill_rate)
        policy = ask.policy
        if policy is Policy.AUTOMATIC:
            policy = Policy.S_S if ask.order_cost > 0 else Policy.BASE_STOCK
        holding_rate = params.holding_rate if ask.holding_rate is None else ask.holding_rate
        if (aim is Aim.COST or policy is Policy.S_S) and not cost * holding_rate > 0:
            named = "holding_rate" if cost else "unit_cost"
            raise InvalidInput(
                f"{field}.{named}", holding_rate if cost else 0,
                "more than 0: holding must cost something, or there is no end to what should be ordered",
            )  # fmt: skip
        most = min(LEAD_DAYS_MAX, int(np.ceil(ask.lead_days + 6 * ask.lead_sd)) + 1)
        lead = lead_chances(ask.lead_days, ask.lead_sd, most)
        order_days = ask.order_cost / (cost * holding_rate / YEAR_DAYS) if policy is Policy.S_S else 0.0
        order_days = min(order_days, ORDER_DAYS_MAX)
        price = item.price if item is not None else 0
        interval = Interval(lead, review, ask.demand, row, place, price, order_days)
        on_hand, on_order, known = _stock(ask, item, interval.days)
        currency = ask.currency or (item.currency if item is not None else "")
        return Resolved(
            replace(ask, currency=currency), field, interval, review, on_hand + on_order, known, cost, holding_rate,
            aim, target, policy, params.lost_sales if ask.lost is None else ask.lost,
        )  # fmt: skip


def _stock(ask: Ask, item: Item | None, days: int) -> tuple[int, int, bool]:
    """(on hand, on order within `days`, whether what is on hand is known)."""
    stock = item.stock if item is not None else {}
    at = [stock[ask.location]] if ask.location in stock else list(stock.values()) if not ask.location else []
    on_hand = ask.on_hand if ask.on_hand is not None else sum(hand for hand, _ in at)
    if ask.arrivals is not None:
        on_order = sum(units for units, day in ask.arrivals if day < days)
    else:
        on_order = sum(order for _, order in at)
    return on_hand, on_order, ask.on_hand is not None or bool(stock)


def _planned(chunk: Sequence[Resolved], pmf: F64, step: I64, version: str) -> list[Planned]:
    """The kernel's columns, and what they say of each item."""

    def whole(values: Sequence[int]) -> I64:
        return np.array(values, np.int64)

    def real(values: Sequence[float]) -> F64:
        return np.array(values, np.float64)

    holding = real([one.cost * one.holding_rate / YEAR_DAYS * one.review for one in chunk])
    lead_days = real([float(one.interval.lead @ np.arange(len(one.interval.lead))) for one in chunk])
    units, figures = np.zeros((len(chunk), 4), np.int64), np.zeros((len(chunk), 8))
    plan(
        pmf, step, lead_days, whole([one.review for one in chunk]), np.array([one.lost for one in chunk]),
        whole([one.position for one in chunk]), whole([one.aim for one in chunk]), real([one.target for one in chunk]),
        holding, real([one.ask.shortage_cost for one in chunk]),
        real([one.ask.order_cost if one.policy is Policy.S_S else 0 for one in chunk]),
        whole([one.ask.pack for one in chunk]), whole([one.ask.least for one in chunk]),
        whole([one.ask.most for one in chunk]), units, figures,
    )  # fmt: skip
    return [
        _one(one, units[i].tolist(), figures[i].tolist(), float(holding[i]), version) for i, one in enumerate(chunk)
    ]


def _one(one: Resolved, units: Sequence[int], figures: Sequence[float], holding: float, version: str) -> Planned:
    quantity, up, reorder, bound = units
    needed, cycle, safety, fill, ready, held, short, before = figures
    return Planned(
        one.ask.item_id, one.ask.location, quantity, up, reorder, safety, one.position, needed, cycle, fill, ready,
        held, short, before, holding * held, one.ask.shortage_cost * short,
        float(one.ask.order_cost if quantity else 0), one.cost, one.ask.currency, Bound(bound), one.policy, one.aim,
        _SOURCES[type(one.ask.demand)], version if one.ask.demand is None else "", one.stock_known,
    )  # fmt: skip
