"""The forecast of a batch of requests, as consecutive stages over plain arrays.

stage     | falls back on                                          | the answer says
resolve   | (items and locations unknown to the model are named)   | missing_item_ids, missing_location_ids
price     | an item without a price in the catalogue: the last one | -
          | that the model has seen                                |
model     | the statistical methods, when the model's run fails    | degraded: model
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.errors import InvalidInput, ModelFailed, StoregateError
from serving.core.ids import ID_BYTES_MAX
from serving.core.turn import Turn
from serving.decisions.forecast.contract import ANSWER_BYTES_MAX, ITEMS_MAX, Answer, Period, Plan, Query, day_text

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ROWS_MAX: Final = 4096
"""In one run of the model: bounds what a batch takes of memory."""
ALL_LOCATIONS: Final = -1
PATH_BYTES: Final = 24
"""Of a quantile's path on the wire, but for its numbers; and of a forecast, but for its paths and names."""
FORECAST_BYTES: Final = 64


class Forecasts(Protocol):
    """What a model says of n rows over h days with q quantiles."""

    @property
    def mean(self) -> F32:
        """(n, h) expected units."""
        ...

    @property
    def quantiles(self) -> F32:
        """(n, h, q) units, non-decreasing over q."""
        ...

    @property
    def method(self) -> npt.NDArray[np.uint8]:
        """(n,) places in DemandModel.methods."""
        ...

    @property
    def confidence(self) -> npt.NDArray[np.uint8]:
        """(n,) contract.Confidence."""
        ...


class DemandModel(Protocol):
    """One release of the forecast; immutable, works from any thread."""

    @property
    def item_ids(self) -> tuple[str, ...]: ...

    @property
    def locations(self) -> tuple[str, ...]: ...

    @property
    def methods(self) -> tuple[str, ...]: ...

    @property
    def first_day(self) -> int:
        """The day after the last one it has seen, in days since 1970-01-01."""
        ...

    @property
    def horizon_max(self) -> int:
        """Days that it reaches from first_day on."""
        ...

    @property
    def version(self) -> str: ...

    def forecast(
        self, rows: I32, horizon: int, quantiles: npt.NDArray[np.float64], *, lead: int = 0,
        location: int = ALL_LOCATIONS, price: I64 | None = None, promo: Bools | None = None, block_days: int = 1,
        statistical: bool = False,
    ) -> Forecasts:  # fmt: skip
        """rows: (n,) places in item_ids. lead: days from first_day to the first one asked for. price: (n,) minor units,
        0 = the last one it has seen. promo: (n, horizon), None = what the price says. block_days: over which units are
        summed, a divisor of horizon; then h is horizon / block_days. statistical: without the trained model. Raises
        ModelFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """One query in the model's rows. price: (n,); promo: (n, horizon), a row without a day = nothing is planned."""

    query: Query
    items: tuple[str, ...]
    rows: I32
    places: tuple[int, ...]
    """Locations, ALL_LOCATIONS alone = all together."""
    lead: int
    price: I64
    promo: Bools
    missing_items: tuple[str, ...]
    missing_locations: tuple[str, ...]


class ForecastPipeline:
    """Answers from one model with the prices of a catalogue."""

    def __init__(self, model: DemandModel, catalogue: Callable[[], Catalogue]) -> None:
        """catalogue: as it is now."""
        self.model, self._catalogue = model, catalogue
        self._row_of = {item: row for row, item in enumerate(model.item_ids)}
        self._place_of = {location: place for place, location in enumerate(model.locations)}

    def run(self, queries: Sequence[Query], turn: Turn) -> list[Answer | StoregateError]:
        """One answer, or what is wrong with it, a query, in order: the same as if each had come alone."""
        catalogue = self._catalogue()
        resolved = [self._resolved(query, catalogue) for query in queries]
        asked = {index: one for index, one in enumerate(resolved) if isinstance(one, Asked)}
        answers = {index: self._blank(one) for index, one in asked.items()}
        for key, parts in _runs(asked):
            found, cause = self._forecast(key, parts, asked)
            at = 0
            for part in parts:
                answer, one = answers[part.query], asked[part.query]
                _put(answer, part.items * len(one.places) + part.number, found, slice(at, at + len(part.items)))
                at += len(part.items)
                if cause:
                    answer.degraded = (("model", cause),)
        return [one if isinstance(one, InvalidInput) else answers[index] for index, one in enumerate(resolved)]

    def _resolved(self, query: Query, catalogue: Catalogue) -> Asked | InvalidInput:
        """The query over the model's rows."""
        try:
            lead = self._lead(query)
            items = tuple(item for item in query.item_ids if item in self._row_of)
            known = [place for location in query.location_ids if (place := self._place_of.get(location)) is not None]
            places = tuple(known) if query.location_ids else (ALL_LOCATIONS,)
            _check_size(query, items)
            rows = np.array([self._row_of[item] for item in items], np.int32)
            price, promo = self._planned(query, items, lead, catalogue)
        except InvalidInput as error:
            return error
        return Asked(
            query, items, rows, places, lead, price, promo,
            tuple(item for item in query.item_ids if item not in self._row_of),
            tuple(location for location in query.location_ids if location not in self._place_of),
        )  # fmt: skip

    def _lead(self, query: Query) -> int:
        """Days between the model's first one and the query's. Raises InvalidInput beyond the model's reach."""
        model = self.model
        reach = model.first_day + model.horizon_max
        first = model.first_day if query.first_day is None else query.first_day
        if not model.first_day <= first < reach:
            expected = f"{day_text(model.first_day)} to {day_text(reach - 1)}, which the model reaches"
            raise InvalidInput("first_day", day_text(first), expected, reason="BEYOND_THE_MODEL")
        if first + query.horizon_days > reach:
            expected = f"at most {reach - first} days from {day_text(first)} on, as far as the model reaches"
            raise InvalidInput("horizon_days", query.horizon_days, expected, reason="HORIZON_TOO_LONG")
        return first - model.first_day

    def _planned(self, query: Query, items: Sequence[str], lead: int, catalogue: Catalogue) -> tuple[I64, Bools]:
        """Prices (n,), of the catalogue where nothing else is planned, and promotions. Raises InvalidInput."""
        row_of = catalogue.row_of
        in_catalogue = np.array([row_of.get(item, -1) for item in items], np.int64)
        price = np.where(in_catalogue >= 0, catalogue.price[in_catalogue], 0) if len(catalogue) else 0 * in_catalogue
        place_of = {item: place for place, item in enumerate(items)}
        promo = np.zeros((len(items), query.horizon_days), np.bool_)
        first = self.model.first_day + lead
        for number, plan in enumerate(query.plans):
            _check_currency(number, plan, catalogue)
            for position, day in enumerate(plan.promotion_days):
                if not first <= day < first + query.horizon_days:
                    expected = f"a day of the horizon, {day_text(first)} to {day_text(first + query.horizon_days - 1)}"
                    raise InvalidInput(f"plans[{number}].promotion_days[{position}]", day_text(day), expected)
            place = place_of.get(plan.item_id, -1)
            if place >= 0 and plan.price:
                price[place] = plan.price
            if place >= 0 and plan.promotion_days:
                promo[place, np.array(plan.promotion_days) - first] = True
        return price, promo

    def _forecast(self, key: Key, parts: Sequence[Part], asked: Mapping[int, Asked]) -> tuple[Forecasts, str]:
        """One run of the model over the rows of several queries, and why it fell back ("" = it did not)."""
        rows = np.concatenate([asked[part.query].rows[part.items] for part in parts])
        price = np.concatenate([asked[part.query].price[part.items] for part in parts])
        promo = None
        if key.planned:
            promo = np.concatenate([asked[part.query].promo[part.items] for part in parts])

        def run(statistical: bool) -> Forecasts:
            return self.model.forecast(
                rows, key.horizon, np.array(key.quantiles), lead=key.lead, location=key.place, price=price,
                promo=promo, block_days=key.period, statistical=statistical,
            )  # fmt: skip

        try:
            return run(False), ""
        except ModelFailed as error:
            return run(True), error.cause

    def _blank(self, asked: Asked) -> Answer:
        """The answer before the model has run."""
        query, locations = asked.query, len(asked.places)
        n, periods = len(asked.rows) * locations, query.horizon_days // query.period
        names = tuple(self.model.locations[place] if place >= 0 else "" for place in asked.places)
        return Answer(
            tuple(item for item in asked.items for _ in range(locations)), names * len(asked.items),
            self.model.first_day + asked.lead, query.period, query.quantiles, np.zeros((n, periods), np.float32),
            np.zeros((n, len(query.quantiles), periods), np.float32), np.zeros(n, np.uint8), self.model.methods,
            np.zeros(n, np.uint8), self.model.version, asked.missing_items, asked.missing_locations, (),
            query.request_id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Key:
    """What queries must share to be answered by one run."""

    horizon: int
    quantiles: tuple[float, ...]
    lead: int
    place: int
    period: Period
    planned: bool
    """Whether promotions are: for all other items they are what their prices say."""


@dataclass(frozen=True, slots=True)
class Part:
    """Items of one query at one of its locations. number: of the location in the query; items: places in its rows."""

    query: int
    number: int
    items: I64


def _runs(asked: Mapping[int, Asked]) -> Iterator[tuple[Key, list[Part]]]:
    """All that is to be computed, in runs of at most ROWS_MAX rows."""
    parts: dict[Key, list[Part]] = {}
    room: dict[Key, int] = {}
    for index, one in asked.items():
        query, planned = one.query, one.promo.any(axis=1)
        for number, place in enumerate(one.places):
            for here in (False, True):
                items = np.flatnonzero(planned == here)
                key = Key(query.horizon_days, query.quantiles, one.lead, place, query.period, here)
                if len(items) > room.get(key, 0):
                    if key in parts:
                        yield key, parts.pop(key)
                    room[key] = ROWS_MAX
                if len(items):
                    parts.setdefault(key, []).append(Part(index, number, items))
                    room[key] -= len(items)
    yield from parts.items()


def _put(answer: Answer, into: I64, found: Forecasts, mine: slice) -> None:
    """Rows `mine` of a run, as rows `into` of the answer that they belong to."""
    answer.mean[into] = found.mean[mine]
    answer.units[into] = found.quantiles[mine].transpose(0, 2, 1)
    answer.method[into] = found.method[mine]
    answer.confidence[into] = found.confidence[mine]


def answer_bytes(query: Query, items: Sequence[str]) -> int:
    """About what an answer about `items` has on the wire, and at least that."""
    locations = query.location_ids or ("",)
    numbers = (query.horizon_days // query.period) * (1 + len(query.quantiles))
    each = 4 * numbers + PATH_BYTES * len(query.quantiles) + FORECAST_BYTES
    names = len(locations) * sum(len(item.encode()) for item in items)
    return len(items) * (len(locations) * each + sum(len(location.encode()) for location in locations)) + names


def items_at_once(query: Query) -> int:
    """How many items one answer may hold, whatever their names."""
    return max(1, min(ITEMS_MAX, ANSWER_BYTES_MAX // answer_bytes(query, ("x" * ID_BYTES_MAX,))))


def _check_size(query: Query, items: Sequence[str]) -> None:
    """Raises InvalidInput for an answer that would be too large to be sent."""
    size = answer_bytes(query, items)
    if size > ANSWER_BYTES_MAX:
        raise InvalidInput(
            "item_ids", f"{len(items)} items, an answer of {size} bytes",
            f"at most {ANSWER_BYTES_MAX} bytes: fewer items, locations, days or quantiles, or BatchForecast",
            reason="ANSWER_TOO_LARGE",
        )  # fmt: skip


def _check_currency(number: int, plan: Plan, catalogue: Catalogue) -> None:
    item = catalogue.item(plan.item_id)
    if plan.price and item is not None and item.currency and plan.currency != item.currency:
        field = f"plans[{number}].price.currency_code"
        raise InvalidInput(
            field, plan.currency, f"{item.currency}, the currency of the item", reason="CURRENCY_DIFFERS"
        )
