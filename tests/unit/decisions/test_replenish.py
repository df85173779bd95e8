"""PlanReplenishment: what is not given is found, bounds hold, and what makes no sense is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from demand_models import FIRST_DAY, PoissonDemand
from scipy.stats import poisson

from serving.adapters.min_cost_flow import min_cost_flow
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput, NotReady, StoregateError
from serving.core.turn import Turn
from serving.decisions.replenish.contract import (
    Aim,
    Ask,
    Bound,
    Moments,
    PlanAnswer,
    Planned,
    PlanQuery,
    Policy,
    Quantiles,
    checked_ask,
)
from serving.decisions.replenish.demand import beyond
from serving.decisions.replenish.params import Params
from serving.decisions.replenish.service import InventoryService

TURN = Turn(0.0, 0.0, 1.0)
CATALOGUE = Catalogue.build(
    [
        Item("i1", price=500, cost=200, currency="GBP", stock={"main": (4, 3), "shop": (2, 0)}),
        Item("i2", price=900, currency="GBP"),
        Item("i3", cost=100, currency="GBP", stock={"main": (500, 0)}),
        Item("old", deleted=True),
    ]
)
WAITS = Ask("i1", 7, review_days=7, lost=False)


def service(model: PoissonDemand | None = None, **params: Any) -> InventoryService:
    found = model or PoissonDemand()
    return InventoryService(lambda: found, lambda: CATALOGUE, min_cost_flow, Params(**params))


def answered(query: PlanQuery, inventory: InventoryService | None = None) -> PlanAnswer:
    (answer,) = (inventory or service()).run_plan([query], TURN)
    assert isinstance(answer, PlanAnswer), answer
    return answer


def plan(ask: Ask, **params: Any) -> Planned:
    return answered(PlanQuery((ask,)), service(**params)).plans[0]


def refused(ask: Ask, **params: Any) -> InvalidInput:
    (answer,) = service(**params).run_plan([PlanQuery((ask,))], TURN)
    assert isinstance(answer, InvalidInput), answer
    return answer


@pytest.mark.parametrize(("level", "rate"), [(0.9, 1), (0.99, 3)])
def test_a_service_level_is_the_quantile_of_the_protection_interval(level: float, rate: int) -> None:
    """Poisson demand of 14 days: the order-up-to position is its quantile, by another library."""
    one = plan(replace(WAITS, item_id=f"i{rate}", aim=Aim.SERVICE_LEVEL, target=level, on_hand=0, arrivals=()))
    assert one.order_up_to == one.quantity == poisson.ppf(level, 14 * rate)
    assert one.reorder_point == one.order_up_to - 1
    assert one.service_level == pytest.approx(poisson.cdf(one.order_up_to, 14 * rate), abs=1e-6)
    assert one.demand_mean == pytest.approx(14 * rate)
    assert one.safety_stock == pytest.approx(one.order_up_to - 14 * rate)
    assert (one.source, one.version, one.bound) == ("forecast", "v1", Bound.NONE)


def test_stock_orders_under_way_and_cost_come_from_the_catalogue() -> None:
    """Of all locations, or of the one that is asked for; what is given counts instead."""
    everywhere, shop = plan(WAITS), plan(replace(WAITS, location="shop"))
    assert (everywhere.position, shop.position) == (4 + 3 + 2, 2)
    assert everywhere.unit_cost == 200
    assert everywhere.currency == "GBP"
    assert everywhere.holding_cost == pytest.approx(everywhere.held * 200 * 0.25 / 365 * 7)
    assert shop.demand_mean == pytest.approx(everywhere.demand_mean / 2)
    given = plan(replace(WAITS, on_hand=1, arrivals=((5, 0), (6, 13), (7, 14)), unit_cost=300, currency="GBP"))
    assert given.position == 1 + 5 + 6  # the last one comes when the next order could
    assert given.unit_cost == 300


def test_stock_that_nobody_tracks_is_said() -> None:
    one = plan(replace(WAITS, item_id="i2"))
    assert (one.position, one.stock_known) == (0, False)
    assert plan(replace(WAITS, item_id="i2", on_hand=0)).stock_known


def test_unknown_items_and_locations_are_named_and_the_others_answered() -> None:
    """An item that only the request knows is planned, when the request says all of it."""
    asks = (
        WAITS, replace(WAITS, item_id="gone"), replace(WAITS, item_id="old"), replace(WAITS, location="moon"),
        Ask("gone", 2, on_hand=1, demand=Moments(1, 1)), Ask("new", 2, demand=Moments(1, 1)),
    )  # fmt: skip
    answer = answered(PlanQuery(asks, request_id="r"))
    assert [one.item_id for one in answer.plans] == ["i1", "gone"]
    assert (answer.missing, answer.missing_locations, answer.request_id) == (("gone", "old", "new"), ("moon",), "r")
    assert [one.version for one in answer.plans] == ["v1", ""]


def test_without_a_forecast_given_demand_is_planned_all_the_same() -> None:
    def absent() -> PoissonDemand:
        raise NotReady("no forecast")

    inventory = InventoryService(absent, lambda: CATALOGUE, min_cost_flow, Params())
    given, asked = inventory.run_plan([PlanQuery((replace(WAITS, demand=Moments(2, 3)),)), PlanQuery((WAITS,))], TURN)
    assert isinstance(given, PlanAnswer)
    assert (given.version, given.plans[0].source) == ("", "given-moments")
    assert isinstance(asked, NotReady)


def test_the_same_demand_is_planned_the_same_however_it_is_said() -> None:
    """A Poisson's mean and deviation, and its quantiles, against the forecast's own counts."""
    levels = np.linspace(0.01, 0.999, 60)
    values = poisson.ppf(levels, 3.0)
    ask = replace(WAITS, item_id="i3", on_hand=0, arrivals=())
    by_model, by_moments = plan(ask), plan(replace(ask, demand=Moments(3.0, 3.0**0.5)))
    by_quantiles = plan(replace(ask, demand=Quantiles(tuple(levels), (tuple(values),))))
    assert by_model.order_up_to == by_moments.order_up_to
    assert by_quantiles.order_up_to == pytest.approx(by_model.order_up_to, abs=2)
    assert by_quantiles.source == "given-quantiles"


def test_days_beyond_the_forecast_repeat_its_last_week() -> None:
    model = PoissonDemand(horizon_max=10, busy_from=3)
    answer = answered(PlanQuery((replace(WAITS, lead_days=13),), FIRST_DAY + 2), service(model))
    assert model.asked == [(1, 8, 2)]
    assert answer.plans[0].demand_mean == pytest.approx(1 + 19 * 10)
    assert beyond(8, 12).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4]


def test_a_first_day_near_the_end_of_the_forecast_repeats_a_whole_week() -> None:
    """One day is left of it, on which the shop is closed: what is planned is two weeks with two such days."""
    model = PoissonDemand(closed_every=6, weekly_dispersion=0.25)
    answer = answered(PlanQuery((WAITS,), FIRST_DAY + 55), service(model))
    assert model.asked == [(1, 7, 49)]
    assert answer.plans[0].demand_mean == pytest.approx(12, rel=1e-3)
    sooner = answered(PlanQuery((WAITS,), FIRST_DAY + 48), service(model)).plans[0]
    assert answer.plans[0].order_up_to == sooner.order_up_to  # as unsure of the level as a week before
    first = answered(PlanQuery((WAITS,), FIRST_DAY), service(PoissonDemand(horizon_max=3)))
    assert first.plans[0].demand_mean == pytest.approx(14)


def test_the_day_that_was_planned_from_is_said() -> None:
    given = replace(WAITS, demand=Moments(2, 3))
    days = [answered(PlanQuery((ask,), day)).first_day for ask, day in ((WAITS, None), (WAITS, FIRST_DAY + 9))]
    assert days == [FIRST_DAY, FIRST_DAY + 9]
    assert answered(PlanQuery((given,))).first_day is None


@pytest.mark.parametrize(
    ("ask", "quantity", "bound"),
    [
        (Ask("i1", 7), None, Bound.NONE),
        (Ask("i1", 7, pack=12), 12, Bound.PACK),
        (Ask("i1", 7, pack=5, least=21), 25, Bound.MINIMUM),
        (Ask("i1", 7, pack=4, most=7), 4, Bound.MAXIMUM),
        (Ask("i1", 7, on_hand=100), 0, Bound.NOTHING_NEEDED),
    ],
)
def test_quantities_keep_to_packs_and_bounds_and_say_what_bound_them(
    ask: Ask, quantity: int | None, bound: Bound
) -> None:
    free = plan(Ask("i1", 7))
    one = plan(ask)
    assert one.quantity == (free.order_up_to - free.position if quantity is None else quantity)
    assert one.bound is bound
    if bound is not Bound.MAXIMUM:  # then there would be more to order
        later = plan(replace(ask, on_hand=one.position + one.quantity, arrivals=()))
        assert one.fill_rate == pytest.approx(later.fill_rate)


def test_least_cost_weighs_holding_against_shortage() -> None:
    """Dear shortage orders more; a pack that costs more to hold than it saves is not ordered."""
    ask = replace(WAITS, aim=Aim.COST, shortage_cost=50)
    cheap, dear = plan(ask), plan(replace(ask, shortage_cost=5000))
    assert cheap.order_up_to < dear.order_up_to
    assert cheap.shortage_cost == pytest.approx(50 * cheap.short)
    nearly = replace(ask, on_hand=cheap.order_up_to - 1, arrivals=())
    assert plan(nearly).quantity == 1
    assert plan(replace(nearly, pack=500)).quantity == 0


def test_orders_that_cost_something_are_placed_seldom() -> None:
    """(s,S) where an order has a cost, with more to come at a time; the target is met all the same."""
    empty = replace(WAITS, on_hand=0, arrivals=())
    often, seldom = plan(empty), plan(replace(empty, order_cost=1000))
    assert (often.policy, seldom.policy) == (Policy.BASE_STOCK, Policy.S_S)
    assert seldom.order_up_to - seldom.reorder_point > 2 * 7
    assert seldom.order_cost == 1000
    assert plan(replace(WAITS, order_cost=1000, policy=Policy.BASE_STOCK)).order_up_to == often.order_up_to
    waiting = plan(replace(WAITS, order_cost=1000, on_hand=seldom.reorder_point + 1, arrivals=()))
    assert (waiting.quantity, waiting.bound) == (0, Bound.NOTHING_NEEDED)


@pytest.mark.parametrize("lost", [None, False])
def test_orders_that_cost_a_fortune_are_placed_when_nothing_is_there(lost: bool | None) -> None:
    ask = Ask(
        "new", 5, review_days=7, on_hand=0, arrivals=(), unit_cost=200, order_cost=5000, lost=lost,
        demand=Moments(1.0, 1.0),
    )  # fmt: skip
    one = plan(ask)
    assert one.quantity == one.order_up_to > 200
    assert one.reorder_point >= 0
    assert one.fill_rate > 0.95
    never = plan(replace(ask, aim=Aim.COST, shortage_cost=1))
    assert (never.quantity, never.order_up_to, never.reorder_point) == (0, 0, -1)


@pytest.mark.parametrize(
    "ask", [replace(WAITS, lead_sd=1e-200), replace(WAITS, order_cost=2**53, unit_cost=1, holding_rate=1e-6)]
)
def test_extreme_numbers_are_planned_with(ask: Ask) -> None:
    one = plan(replace(ask, on_hand=0, arrivals=()))
    assert one.quantity == one.order_up_to > 0
    assert np.isfinite([one.fill_rate, one.held, one.safety_stock]).all()
    if ask.lead_sd:
        assert one.order_up_to == plan(replace(WAITS, on_hand=0, arrivals=())).order_up_to


def test_an_order_may_cover_more_than_the_lattice_of_its_interval() -> None:
    """Orders that cost a fortune: S is as far up as the economic quantity."""
    one = plan(replace(WAITS, order_cost=10_000_000))
    quantity = (2 * 10_000_000 * 1 / (200 * 0.25 / 365)) ** 0.5
    assert one.order_up_to - one.reorder_point == pytest.approx(quantity, rel=0.1)


def test_uncertain_lead_times_and_levels_ask_for_more() -> None:
    sure = plan(WAITS)
    assert plan(replace(WAITS, lead_sd=4)).order_up_to > sure.order_up_to
    unsure = service(PoissonDemand(weekly_dispersion=0.25))
    found = answered(PlanQuery((WAITS,)), unsure).plans[0]
    assert found.order_up_to > sure.order_up_to
    assert found.demand_mean == pytest.approx(sure.demand_mean, rel=1e-3)
    known = answered(PlanQuery((WAITS,)), service(PoissonDemand(weekly_dispersion=0.25), level_share=0.0))
    assert known.plans[0].order_up_to == sure.order_up_to


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (replace(WAITS, aim=Aim.COST, shortage_cost=5, item_id="i2"), "items[0].unit_cost"),
        (replace(WAITS, order_cost=5, item_id="i2"), "items[0].unit_cost"),
        (replace(WAITS, order_cost=5, holding_rate=0.0), "items[0].holding_rate"),
        (replace(WAITS, unit_cost=5, currency="EUR"), "items[0].currency_code"),
    ],
)
def test_what_only_the_catalogue_shows_to_be_wrong_is_named(ask: Ask, field: str) -> None:
    assert refused(ask).field == field


def test_a_request_of_endless_days_and_a_day_out_of_reach_are_refused() -> None:
    asks = tuple(Ask(f"x{i}", 300, on_hand=0, demand=Moments(1, 1)) for i in range(400))
    (answer,) = service().run_plan([PlanQuery(asks)], TURN)
    assert isinstance(answer, InvalidInput)
    assert answer.field == "items"
    (answer,) = service().run_plan([PlanQuery((WAITS,), FIRST_DAY + 56)], TURN)
    assert isinstance(answer, StoregateError)
    assert answer.reason == "BEYOND_THE_MODEL"


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lead_days": 0}, "x.lead_time_days"), ({"lead_days": NAN}, "x.lead_time_days"),
        ({"lead_days": 367}, "x.lead_time_days"), ({"lead_sd": -1}, "x.lead_time_sd_days"),
        ({"lead_sd": NAN}, "x.lead_time_sd_days"), ({"review_days": 0}, "x.review_period_days"),
        ({"on_hand": -1}, "x.on_hand"), ({"arrivals": ((-1, 2),)}, "x.on_order.arrivals[0].quantity"),
        ({"arrivals": ((1, 2), (1, -1))}, "x.on_order.arrivals[1].days"), ({"pack": -6}, "x.pack"),
        ({"pack": 12, "most": 11}, "x.pack"), ({"least": -1}, "x.min_quantity"), ({"most": -1}, "x.max_quantity"),
        ({"least": 9, "most": 8}, "x.min_quantity"), ({"pack": 5, "least": 6, "most": 9}, "x.min_quantity"),
        ({"holding_rate": NAN}, "x.holding_rate"), ({"holding_rate": 1e-300}, "x.holding_rate"),
        ({"holding_rate": -0.1}, "x.holding_rate"),
        ({"aim": Aim.FILL_RATE, "target": 1.0}, "x.fill_rate"), ({"aim": Aim.FILL_RATE}, "x.fill_rate"),
        ({"aim": Aim.SERVICE_LEVEL, "target": NAN}, "x.cycle_service_level"),
        ({"aim": Aim.COST}, "x.shortage_cost.amount_minor"),
        ({"demand": Moments(NAN, 1)}, "x.daily_demand.mean"), ({"demand": Moments(1, -1)}, "x.daily_demand.sd"),
        ({"demand": Moments(INF, 1)}, "x.daily_demand.mean"),
        ({"demand": Quantiles((0.5, 0.4), ((1, 2),))}, "x.demand_quantiles[1].quantile"),
        ({"demand": Quantiles((0.5, 1.0), ((1, 2),))}, "x.demand_quantiles[1].quantile"),
        ({"demand": Quantiles((0.5,), ())}, "x.demand_quantiles[0].units"),
        ({"demand": Quantiles((0.5, 0.9), ((1, 2), (3, 2)))}, "x.demand_quantiles[1].units[1]"),
        ({"demand": Quantiles((0.5,), ((NAN,),))}, "x.demand_quantiles[0].units[0]"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_ask("x", replace(WAITS, **changes))
    assert caught.value.field == field


def test_demand_of_nothing_orders_nothing() -> None:
    one = plan(replace(WAITS, item_id="i3", on_hand=0, arrivals=(), demand=Moments(0, 0)))
    assert (one.quantity, one.order_up_to, one.fill_rate, one.bound) == (0, 0, 1.0, Bound.NOTHING_NEEDED)


def test_huge_demand_is_planned_on_a_coarser_lattice() -> None:
    one = plan(replace(WAITS, on_hand=0, arrivals=(), demand=Moments(1e6, 3e5)))
    assert one.demand_mean == pytest.approx(14e6, rel=1e-6)
    assert 0.945 < one.fill_rate < 0.96


def test_ranges_of_the_settings_are_checked() -> None:
    with pytest.raises(InvalidInput, match=r"replenish\.fill_rate"):
        Params(fill_rate=1.0)
    with pytest.raises(InvalidInput, match=r"replenish\.holding_rate"):
        Params(holding_rate=1e-300)
    assert Params(holding_rate=0).holding_rate == 0
