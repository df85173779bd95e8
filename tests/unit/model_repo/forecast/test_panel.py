"""Demand by day: what is counted, and which days count."""

from __future__ import annotations

import dataclasses

import demand
import numpy as np
import pytest

from model_repo.forecast.panel import panel_of
from model_repo.forecast.states import states_at, with_groups
from serving.core.errors import InvalidInput
from serving.kernels.demand_state import STATE


def test_units_of_a_day_are_added_up_and_column_0_is_a_monday():
    """A history that begins on a Wednesday has two columns before it, on which the shop was not there yet."""
    units = np.zeros((1, 10), int)
    units[0, [0, 4, 9]] = 3, 2, 1
    data = demand.dataset(units, first_day=demand.MONDAY + 2)
    twice = dataclasses.replace(data, events=data.events.take(np.repeat(np.arange(3), 2)))
    panel = panel_of(twice)
    assert panel.first_day == demand.MONDAY
    assert panel.units[0].tolist() == [0, 0, 6, 0, 0, 0, 4, 0, 0, 0, 0, 2]
    assert panel.orders[0].tolist() == [0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 2]
    assert panel.start.tolist() == [2]
    assert panel.seen[0].tolist() == [False] * 2 + [True] * 10


def test_a_busy_shop_without_a_sale_is_closed_and_a_quiet_one_is_not():
    busy, quiet = np.full((20, 28), 1), np.zeros((20, 28), int)
    busy[:, 9] = 0
    quiet[0, [0, 5, 27]] = 1
    assert np.flatnonzero(~panel_of(demand.dataset(busy)).open).tolist() == [9]
    assert panel_of(demand.dataset(quiet)).open.all()


def test_days_out_of_stock_are_not_seen():
    """The day of a stock-out, and those up to the next stock-out of the same item when nothing was sold between."""
    units = np.full((2, 20), 4)
    units[0, 8:12] = 0
    panel = panel_of(demand.dataset(units, stockouts=((0, 8), (0, 11), (1, 3))))
    assert np.flatnonzero(~panel.seen[0]).tolist() == [8, 9, 10, 11]
    assert np.flatnonzero(~panel.seen[1]).tolist() == [3]
    given = np.zeros((2, 20), bool)
    given[1, 19] = True
    assert np.flatnonzero(~panel_of(demand.dataset(units), given).seen[1]).tolist() == [19]


def test_stock_outs_do_not_lower_the_level():
    """Twice the same item, one of them out of stock in its last week: both are expected to sell 4 a day."""
    units = np.full((2, 63), 4)
    units[1, 56:] = 0
    outs = tuple((1, day) for day in range(56, 63))
    panel = with_groups(panel_of(demand.dataset(units, stockouts=outs)))
    states = states_at(panel, 63)
    np.testing.assert_allclose(states.base[:2], 4, rtol=1e-5)
    lied = with_groups(panel_of(demand.dataset(units)))
    assert states_at(lied, 63).base[1] < 3.6


def test_the_last_price_before_a_day_counts():
    data = demand.dataset(np.array([[0, 2, 0, 1, 0, 0, 0]]))
    events = dataclasses.replace(data.events, price=np.array([500, 400], np.int64))
    panel = panel_of(dataclasses.replace(data, events=events))
    assert panel.price[0].tolist() == [500, 500, 500, 400]  # from the Monday before to the last sale


def test_nothing_bought_is_an_error_that_says_so():
    with pytest.raises(InvalidInput, match="at least one sale"):
        panel_of(demand.dataset(np.zeros((1, 5), int), stockouts=((0, 1),)))


def test_the_state_of_a_flat_series():
    """4 a day on every day: all means are the base, no zeros, no spread, no trend, sold on the last day."""
    panel = with_groups(panel_of(demand.dataset(np.full((3, 120), 4))))
    state = dict(zip(STATE, states_at(panel, 120).items[0][: len(STATE)].tolist(), strict=True))
    flat = [name for name in STATE if name.startswith(("mean", "fast", "trend", "sale_size", "zeros", "spread"))]
    assert {name: round(state[name], 4) for name in flat} == dict.fromkeys(flat, 0.0)
    assert state["log_base"] == pytest.approx(np.log(4), abs=1e-4)
    assert state["recency"] == 0
    assert state["q50"] == pytest.approx(np.log(2), abs=1e-4)


def test_the_shops_week_is_learnt_and_a_closed_weekday_is_0():
    panel = with_groups(panel_of(demand.dataset(demand.shop())))
    week = states_at(panel, panel.days).shop_week
    assert week[6] == 0
    np.testing.assert_allclose(week[5] / week[:5].mean(), 2, rtol=0.2)


def test_states_of_the_past_know_nothing_of_what_came_after():
    units = demand.shop()
    changed = units.copy()
    changed[:, 100:] *= 7
    one, two = (with_groups(panel_of(demand.dataset(u))) for u in (units, changed))
    np.testing.assert_array_equal(states_at(one, 100).items, states_at(two, 100).items)
