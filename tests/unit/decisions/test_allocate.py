"""AllocateStock: the flow's answer is the best there is, whole, within every bound."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from demand_models import PoissonDemand
from scipy.stats import poisson

from serving.adapters.min_cost_flow import min_cost_flow
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.core.turn import Turn
from serving.decisions.replenish.contract import AllocateAnswer, AllocateQuery, Destination, Moments, Stock
from serving.decisions.replenish.params import Params
from serving.decisions.replenish.service import InventoryService

I64 = npt.NDArray[np.int64]
TURN = Turn(0.0, 0.0, 1.0)
CATALOGUE = Catalogue.build(
    [
        Item("i1", price=500, cost=200, currency="GBP", stock={"main": (4, 3), "shop": (2, 0)}),
        Item("i2", price=500, currency="GBP", stock={"main": (7, 0)}),
    ]
)


def poisson_day(mean: float) -> Moments:
    return Moments(mean, mean**0.5)


def answer_of(query: AllocateQuery) -> AllocateAnswer | InvalidInput:
    (answer,) = InventoryService(PoissonDemand, lambda: CATALOGUE, min_cost_flow, Params()).run_allocate([query], TURN)
    assert isinstance(answer, AllocateAnswer | InvalidInput), answer
    return answer


def answered(*stocks: Stock, days: int = 1, **more: Any) -> AllocateAnswer:
    answer = answer_of(AllocateQuery(stocks, days, **more))
    assert isinstance(answer, AllocateAnswer), answer
    return answer


A = Destination("a", value=100, on_hand=0, demand=poisson_day(2.0))
B = Destination("b", value=70, on_hand=1, demand=poisson_day(3.0))
C = Destination("c", value=90, on_hand=0, least=1, most=2, priority=2.0, transport=(30, 0), demand=poisson_day(1.0))
C_FREE = replace(C, most=0, transport=())


def sales(mean: float, units: int, had: int) -> float:
    """E[min(D, had + units)] - E[min(D, had)]."""
    return sum(1 - poisson.cdf(had + k, mean) for k in range(units))


def test_it_is_the_best_of_all_allocations() -> None:
    """Two sources, three destinations, a way that costs, a minimum, a maximum: everything tried."""
    stock = Stock("x", (("s", 3), ("t", 2)), (A, B, C))

    def worth(sent: dict[str, int], from_s: int) -> float:
        value = 100 * sales(2, sent["a"], 0) + 70 * sales(3, sent["b"], 1) + 180 * sales(1, sent["c"], 0)
        return value - 30 * from_s

    best = max(
        (worth({"a": a, "b": b, "c": c}, from_s), a, b, c)
        for a, b, c in itertools.product(range(6), range(6), (1, 2))
        if a + b + c <= 5
        for from_s in range(c + 1)
        if from_s <= 3 and c - from_s <= 2 and a + b <= 5 - c
    )
    answer = answered(stock)
    got = {one.location: one.quantity for one in answer.received}
    assert (got["a"], got["b"], got["c"]) == best[1:]
    total = sum(one.value * (2 if one.location == "c" else 1) - one.transport for one in answer.received)
    assert total == pytest.approx(best[0], rel=1e-5)
    assert sum(one.quantity for one in answer.shipments) == 5
    assert answer.received[0].sold == pytest.approx(sales(2, got["a"], 0), abs=1e-6)
    assert answered(stock) == answer


def test_stock_without_end_is_shared_as_what_can_be_sold_is() -> None:
    """What is useful decides how many arcs there are, not what the source has."""
    arcs: list[int] = []

    def counted(tail: I64, head: I64, capacity: I64, cost: I64, supply: I64) -> I64 | None:
        arcs.append(len(tail))
        return min_cost_flow(tail, head, capacity, cost, supply)

    inventory = InventoryService(PoissonDemand, lambda: CATALOGUE, counted, Params())
    queries = [
        AllocateQuery((Stock("x", (("s", units),), (A, replace(B, least=3, on_hand=40), C_FREE)),), 1)
        for units in (200, 10**9)
    ]
    few, endless = inventory.run_allocate(queries, TURN)
    assert isinstance(few, AllocateAnswer)
    assert isinstance(endless, AllocateAnswer)
    assert few.received == endless.received
    assert arcs[0] == arcs[1] < 100


def test_capacities_are_shared_by_all_items() -> None:
    """The dearer item takes what room there is; what fits nowhere stays."""
    one, two = (Stock(name, (("s", 5),), (replace(A, value=value),)) for name, value in (("x", 100), ("y", 900)))
    answer = answered(one, two, capacities=(("a", 3),))
    assert sum(got.quantity for got in answer.received) == 3
    assert answer.received[1].quantity > answer.received[0].quantity
    assert sum(units for _, _, units in answer.kept) == 7


def test_stock_worth_and_demand_come_from_the_catalogue_and_the_forecast() -> None:
    """i1 sells half a unit a day at each location; the shop has two already."""
    answer = answered(Stock("i1", (("main", -1),), (Destination("shop"), Destination("main", on_hand=9))), days=4)
    shop, main = answer.received
    assert answer.kept == (("i1", "main", 4 - shop.quantity - main.quantity),) or shop.quantity + main.quantity == 4
    assert shop.quantity > main.quantity
    assert shop.value == pytest.approx(300 * sales(2.0, shop.quantity, 2), rel=1e-4)
    assert (shop.currency, answer.version) == ("GBP", "v1")


def test_what_nobody_knows_is_named() -> None:
    known = Stock("i2", (("main", 1),), (A,))
    answer = answered(Stock("gone", (("main", -1),), (Destination("shop"),)), known)
    assert answer.missing == ("gone",)
    assert [one.item_id for one in answer.received] == ["i2"]
    alone = answered(Stock("gone", (("main", -1),), (Destination("shop"),)))
    assert (alone.missing, alone.received) == (("gone",), ())


@pytest.mark.parametrize(
    ("stock", "more", "reason"),
    [
        (Stock("x", (("s", 3),), (replace(A, least=4),)), {}, "CONTRADICTORY_BOUNDS"),
        (Stock("x", (("s", 3),), (replace(A, least=2),)), {"capacities": (("a", 1),)}, "CONTRADICTORY_BOUNDS"),
        (Stock("i1", (("s", 3),), (Destination("moon"),)), {}, "UNKNOWN_LOCATION"),
        (Stock("i1", (("s", 3),), (A,), "EUR"), {}, "CURRENCY_DIFFERS"),
    ],
)
def test_what_cannot_be_is_refused(stock: Stock, more: dict[str, Any], reason: str) -> None:
    answer = answer_of(AllocateQuery((stock,), 1, **more))
    assert isinstance(answer, InvalidInput)
    assert answer.reason == reason


def test_a_great_many_units_go_in_blocks() -> None:
    """Demand of thousands: two equal locations get about the same, all that is worth it."""
    many = replace(A, demand=Moments(5000.0, 500.0))
    answer = answered(Stock("x", (("s", 8000),), (many, replace(many, location="b"))))
    first, second = (one.quantity for one in answer.received)
    assert first + second == 8000
    assert abs(first - second) <= 60
