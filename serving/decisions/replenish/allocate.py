"""Which location gets what there is: the most expected sales, by their worth, less the way there.

A further unit at a location is worth its value times the chance that demand reaches it, which only falls with each
unit: so the problem is a min-cost flow in which every further unit, or block of units, is an arc of its own, and the
flow's optimum is the problem's [1, section 14.2]. Minimums are supplies of the nodes that they pass through, capacities
of locations are arcs that all items share.

[1] Ahuja, Magnanti, Orlin: Network Flows, 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.decisions.replenish.contract import (
    AllocateAnswer,
    AllocateQuery,
    Destination,
    Received,
    Shipment,
    Stock,
)
from serving.decisions.replenish.demand import DemandModel, Distributions, Interval, empty, lead_of
from serving.kernels.lead_time import PROTECTION

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

ARCS_MAX: Final = 200_000
"""Of units or blocks of units; where more would be needed, blocks are larger."""
COST_MAX: Final = 2**40
"""Of a unit in the flow: money is scaled up to it, so that chances count."""
CHUNK: Final = 128


class Flow(Protocol):
    """The solver."""

    def __call__(self, tail: I64, head: I64, capacity: I64, cost: I64, supply: I64) -> I64 | None:
        """Flows (a,) on the arcs that take all supply (v,) where it is wanted, at the least cost; None = impossible."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """One destination of one item with all that it needs. worth: of a unit sold, with the priority."""

    stock: int
    destination: Destination
    on_hand: int
    most: int
    value: int
    worth: float
    interval: Interval
    sold: F64 = field(default_factory=lambda: np.zeros(0))
    """(k,) expected units sold of the first 0, 1, ... blocks that it gets."""
    step: int = 1

    def sales(self, units: I64) -> F64:
        """(k,) expected units sold of `units` (k,) that it gets."""
        grid = np.arange(len(self.sold)) * self.step
        before = np.interp(self.on_hand, grid, self.sold)
        found: F64 = np.interp(self.on_hand + units, grid, self.sold) - before
        return found


class AllocatePipeline:
    """Shares out with one release of the forecast and a catalogue."""

    def __init__(
        self, model: Callable[[], DemandModel], rows: Callable[[DemandModel], Mapping[str, int]], flow: Flow,
        level_share: float,
    ) -> None:  # fmt: skip
        self._model, self._rows, self._flow, self._level_share = model, rows, flow, level_share

    def run(self, query: AllocateQuery, catalogue: Catalogue) -> AllocateAnswer:
        """Raises StoregateError."""
        asked = any(to.demand is None for stock in query.stocks for to in stock.destinations)
        model = self._model() if asked else None
        lead = lead_of(model, "first_day", query.first_day) if model is not None else 0
        rows = self._rows(model) if model is not None else {}
        locations = {name: place for place, name in enumerate(model.locations)} if model is not None else {}
        stocks: list[Stock] = []
        places: list[Place] = []
        missing: dict[str, None] = {}
        for number, stock in enumerate(query.stocks):
            item = catalogue.item(stock.item_id)
            if _unknown(stock, item, stock.item_id in rows):
                missing[stock.item_id] = None
                continue
            where, row = f"items[{number}]", rows.get(stock.item_id, -1)
            places += [
                _place(len(stocks), to, f"{where}.destinations[{j}]", stock, item, row, locations, query.horizon_days)
                for j, to in enumerate(stock.destinations)
            ]
            stocks.append(_with_quantities(stock, item))
        known = Distributions(self._model if model is None else lambda: model, lead, self._level_share)
        if not stocks:
            return AllocateAnswer((), (), (), tuple(missing), model.version if model else "", query.request_id)
        places = _with_sales(places, known)
        network = Network(stocks, places, dict(query.capacities))
        flows = self._flow(network.tail, network.head, network.capacity, network.cost, network.supply)
        if flows is None:
            raise InvalidInput(
                "items", "minimums that cannot all be met",
                "min_quantity within what the sources have and what capacities allow", reason="CONTRADICTORY_BOUNDS",
            )  # fmt: skip
        return _answer(stocks, places, network.sent(flows), query, tuple(missing), model)


class Network:
    """Nodes: sources, destinations, locations, and where everything ends. The ways from sources come first."""

    def __init__(self, stocks: Sequence[Stock], places: Sequence[Place], capacities: Mapping[str, int]) -> None:
        self._arcs: list[tuple[int, int, int, float]] = []
        first = np.cumsum([0] + [len(stock.sources) for stock in stocks])
        sources = int(first[-1])
        names = dict.fromkeys(place.destination.location for place in places)
        locations = {name: number for number, name in enumerate(names)}
        at_place = sources
        at_location = at_place + len(places)
        end = at_location + len(locations)
        supply = np.zeros(end + 1, np.int64)
        supply[:sources] = [units for stock in stocks for _, units in stock.sources]
        self.ways: list[tuple[int, int]] = []
        """(source of its item, place) of the first arcs."""
        for number, place in enumerate(places):
            for source in range(len(stocks[place.stock].sources)):
                cost = place.destination.transport[source] if place.destination.transport else 0
                node = int(first[place.stock]) + source
                self._arcs.append((node, at_place + number, int(supply[node]), float(cost)))
                self.ways.append((source, number))
        for number, place in enumerate(places):
            location = at_location + locations[place.destination.location]
            supply[at_place + number] -= place.destination.least
            supply[location] += place.destination.least
            self._blocks(place, at_place + number, location, _width(place, len(places)))
        total = int(supply[:sources].sum())
        for name, number in locations.items():
            self._arcs.append((at_location + number, end, min(capacities.get(name, total), total), 0.0))
        self._arcs += [(node, end, int(supply[node]), 0.0) for node in range(sources)]
        supply[end] = -total
        self.supply = supply
        self.tail = np.array([arc[0] for arc in self._arcs], np.int64)
        self.head = np.array([arc[1] for arc in self._arcs], np.int64)
        self.capacity = np.array([arc[2] for arc in self._arcs], np.int64)
        scaled = np.array([arc[3] for arc in self._arcs])
        scale = min(COST_MAX / max(float(np.abs(scaled).max()), 1e-9), 1e6)
        self.cost = np.rint(scaled * scale).astype(np.int64)

    def sent(self, flows: I64) -> dict[tuple[int, int], int]:
        """(source of its item, place) -> units, more than 0."""
        return {way: int(units) for way, units in zip(self.ways, flows, strict=False) if units > 0}

    def _blocks(self, place: Place, node: int, location: int, width: int) -> None:
        """Arcs of what comes above the minimum, each worth no more than the one before it."""
        least = place.destination.least
        useful = len(place.sold) * place.step - place.on_hand  # more earns nothing
        top = max(min(place.most, useful), least)
        ends = np.minimum(np.arange(least, top + width, width, dtype=np.int64), top)
        blocks, more = np.diff(ends), np.diff(place.sales(ends))
        kept = (blocks > 0) & (more > 0)
        worth = place.worth * more[kept] / blocks[kept]
        self._arcs += zip(
            [node] * len(worth), [location] * len(worth), blocks[kept].tolist(), (-worth).tolist(), strict=True
        )


def _width(place: Place, places: int) -> int:
    """Units in an arc: one, unless there would be too many arcs, or units cannot be told apart."""
    room = max(ARCS_MAX // places, 1)
    useful = min(place.most - place.destination.least, len(place.sold) * place.step)
    return max(place.step, -(-useful // room), 1)


def _unknown(stock: Stock, item: Item | None, forecast: bool) -> bool:
    """Whether something is left open that neither the catalogue nor the forecast knows."""
    if not forecast and any(to.demand is None for to in stock.destinations):
        return True
    open_ = any(to.value is None or to.on_hand is None for to in stock.destinations) or any(
        units < 0 for _, units in stock.sources
    )
    return item is None and open_


def _with_quantities(stock: Stock, item: Item | None) -> Stock:
    """Sources whose quantity is not given have the catalogue's."""
    held = item.stock if item is not None else {}
    sources = tuple((name, units if units >= 0 else held.get(name, (0, 0))[0]) for name, units in stock.sources)
    return Stock(stock.item_id, sources, stock.destinations, stock.currency or (item.currency if item else ""))


def _place(
    number: int, to: Destination, where: str, stock: Stock, item: Item | None, row: int,
    locations: Mapping[str, int], days: int,
) -> Place:  # fmt: skip
    """Raises InvalidInput for a location that the forecast does not know, and for another currency."""
    if item is not None and stock.currency and item.currency and stock.currency != item.currency:
        raise InvalidInput(
            f"{where}.currency_code", stock.currency, f"{item.currency}, as in the catalogue", reason="CURRENCY_DIFFERS"
        )
    if to.demand is None and to.location not in locations:
        raise InvalidInput(
            f"{where}.location_id", to.location, "a location that the forecast knows, or the demand there",
            reason="UNKNOWN_LOCATION",
        )  # fmt: skip
    on_hand = to.on_hand
    if on_hand is None:
        on_hand = item.stock.get(to.location, (0, 0))[0] if item is not None else 0
    value = to.value
    if value is None:
        value = max(item.price - item.cost, 0) if item is not None else 0
    units = sum(_with_quantities(stock, item).sources[i][1] for i in range(len(stock.sources)))
    interval = Interval(
        np.ones(1), days, to.demand, row, locations.get(to.location, -1), item.price if item is not None else 0
    )
    return Place(number, to, on_hand, min(to.most or units, units), value, value * to.priority, interval)


def _with_sales(places: Sequence[Place], known: Distributions) -> list[Place]:
    """With E[min(demand, blocks)] of each place."""
    done: list[Place] = []
    for start in range(0, len(places), CHUNK):
        chunk = places[start : start + CHUNK]
        pmf, step = empty(len(chunk))
        known.of([place.interval for place in chunk], pmf, step)
        over: F64 = np.maximum(1.0 - np.cumsum(pmf[:, PROTECTION], axis=1), 0.0)
        sold = np.pad(np.cumsum(over, axis=1) * step[:, None], ((0, 0), (1, 0)))
        for i, place in enumerate(chunk):
            used = int(np.count_nonzero(over[i] > 1e-9)) + 1
            done.append(
                Place(
                    place.stock, place.destination, place.on_hand, place.most, place.value, place.worth, place.interval,
                    np.array(sold[i, : used + 1], np.float64), int(step[i]),
                )
            )  # fmt: skip
    return done


def _answer(
    stocks: Sequence[Stock], places: Sequence[Place], sent: Mapping[tuple[int, int], int], query: AllocateQuery,
    missing: tuple[str, ...], model: DemandModel | None,
) -> AllocateAnswer:  # fmt: skip
    shipments: list[Shipment] = []
    received: list[Received] = []
    left = [[units for _, units in stock.sources] for stock in stocks]
    for number, place in enumerate(places):
        stock, to = stocks[place.stock], place.destination
        units, way = 0, 0.0
        for source, (name, _) in enumerate(stock.sources):
            quantity = sent.get((source, number), 0)
            if quantity:
                shipments.append(Shipment(stock.item_id, name, to.location, quantity))
                left[place.stock][source] -= quantity
                units += quantity
                way += quantity * (to.transport[source] if to.transport else 0)
        sold = float(place.sales(np.array([units], np.int64))[0])
        received.append(Received(stock.item_id, to.location, units, sold, sold * place.value, way, stock.currency))
    kept = tuple(
        (stock.item_id, name, units)
        for stock, rest in zip(stocks, left, strict=True)
        for (name, _), units in zip(stock.sources, rest, strict=True)
        if units
    )
    version = model.version if model is not None else ""
    return AllocateAnswer(tuple(shipments), tuple(received), kept, missing, version, query.request_id)
