"""Simulated markets: the same seed plays the same way, nobody breaks a rule, who knows the truth earns most."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import panel_with

from model_repo.datasets.panel import Panel
from model_repo.evaluate.cli import evaluate
from model_repo.evaluate.price.contenders import Morning
from model_repo.evaluate.price.market import Market, demand, make_world
from model_repo.evaluate.price.neural import contenders
from model_repo.evaluate.price.ols import BY_GROUP, FIXED_BY_GROUP, FIXED_EFFECTS, POOLED
from model_repo.evaluate.price.oracle import Oracle
from model_repo.evaluate.price.panel import served
from model_repo.evaluate.price.served_pricing import Served
from model_repo.evaluate.price.shop_rules import CEILING_SHARE, ENDING, FLOOR_SHARE, RUNGS, STEP, Rules
from model_repo.evaluate.price.simulate import BASELINES, Run, past, play
from model_repo.neural.models import torch_missing
from serving.core.errors import NotReady

SMALL = {"categories": 3, "items": 4, "past_days": 60, "days": 14}


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return play(1, [Served, *BASELINES], **SMALL)


def test_the_same_seed_plays_the_same_way(runs: list[Run]) -> None:
    for run, again in zip(runs, play(1, [Served, *BASELINES], **SMALL), strict=True):
        np.testing.assert_array_equal(run.margin, again.margin)
    other = play(2, BASELINES[:1], **SMALL)
    assert other[0].margin.tolist() != runs[1].margin.tolist()


def test_nobody_breaks_a_rule_and_who_knows_the_truth_earns_most(runs: list[Run]) -> None:
    assert [run.broken for run in runs] == [0] * len(runs)
    assert {run.decisions for run in runs} == {14 * 12}
    earned = {run.name: run.margin.sum() for run in runs}
    assert all(earned["oracle"] > earned[name] for name in earned if name not in ("oracle", "served"))
    assert earned["served"] < 1.05 * earned["oracle"]  # in so few days chance may put it above


def test_demand_falls_with_the_own_price_and_rises_with_the_others() -> None:
    world = make_world(3, **SMALL)
    market = Market(world)
    price = world.listed.copy()
    usual = demand(world, market.state, price)
    price[0, 0] *= 1.1
    dearer = demand(world, market.state, price)
    assert dearer[0, 0] < usual[0, 0]
    assert (dearer[0, 1:] > usual[0, 1:]).all()
    np.testing.assert_array_equal(dearer[1:], usual[1:])


@pytest.mark.parametrize("seed", [21, 22, 23])
def test_no_allowed_price_of_one_item_alone_is_better_than_the_oracles(seed: int) -> None:
    """On every multiple of five of the band, however dear the item: there are more of them than rungs."""
    market, known, held = past(make_world(seed, categories=2, items=3, past_days=9, days=20))
    shape, cost, today = market.world.listed.shape, market.cost(), known.price
    rules = Rules(np.floor(known.listed * CEILING_SHARE).astype(np.int64))
    morning = Morning(0, today, cost, market.rival(), market.on_hand(), rules.ladder(today, cost, held))
    chosen = Oracle(market, 0.0).choose(morning)
    assert rules.broken(chosen, today, cost, held) == 0

    def earned(prices: np.ndarray) -> float:
        at = prices.reshape(shape)
        sold = np.minimum(market.expected(at.astype(np.float64)), market.state.stock)
        return float((sold * (at - cost.reshape(shape))).sum())

    low, high = rules.bounds(today, cost, held)
    for item in range(len(chosen)):
        for price in range(low[item], high[item] + 1, ENDING):
            other = chosen.copy()
            other[item] = price
            assert earned(other) <= earned(chosen) * (1 + 1e-12)


def test_stock_ends_sales_and_is_refilled() -> None:
    market = Market(make_world(4, **SMALL))
    price = np.rint(market.world.listed.ravel()).astype(np.int64)
    market.state.stock[:] = 0
    seen = market.step(price)
    assert seen.units.sum() == 0
    assert seen.sold_out.any()
    for _ in range(7):
        market.step(price)
    assert market.state.stock.sum() > 0


def test_competitors_follow_but_not_below_their_cost() -> None:
    market = Market(make_world(5, **SMALL))
    low = np.full(12, 5)
    before = market.rival()
    for _ in range(30):
        market.step(low)
    assert (market.rival() < before).all()
    assert (market.state.rival >= market.world.rival_cost * 0.8).all()


@settings(deadline=None, max_examples=100)
@given(today=st.integers(5, 10**6), cost=st.integers(1, 10**6), held=st.integers(0, 9), ceiling=st.integers(5, 10**6))
def test_every_rung_of_the_ladder_is_allowed(today: int, cost: int, held: int, ceiling: int) -> None:
    """The twin says what the rules are; `broken` finds what is beside them."""
    rules = Rules(np.array([ceiling]))
    now, paid, stood = np.array([today // ENDING * ENDING]), np.array([cost]), np.array([held])
    ladder = rules.ladder(now, paid, stood)
    assert ladder.shape == (1, RUNGS)
    assert (np.diff(ladder) >= 0).all()
    floor = -(-cost * FLOOR_SHARE // ENDING) * ENDING
    for price in ladder[0]:
        assert rules.broken(np.array([price]), now, paid, stood) == 0
        assert price % ENDING == 0
        assert price >= floor
        assert price <= max(floor, now[0] * (1 + STEP))
    assert rules.broken(ladder[:, 0] - ENDING, now, paid, stood) == 1
    assert rules.broken(ladder[:, -1] + 1, now, paid, stood) == 1


def test_the_past_is_the_same_for_everybody() -> None:
    _, known, _ = past(make_world(6, **SMALL))
    _, again, _ = past(make_world(6, **SMALL))
    np.testing.assert_array_equal(known.panel.units, again.panel.units)
    assert len(known.panel) == 12 * 60
    assert known.panel.period_days == 1


@pytest.mark.parametrize("baseline", [POOLED, BY_GROUP, FIXED_EFFECTS, FIXED_BY_GROUP])
def test_least_squares_finds_the_elasticity_that_was_put_in(baseline) -> None:  # type: ignore[no-untyped-def]
    panel = panel_with(-2.0, units=500.0)
    log_units, slopes = baseline.foretold(panel, panel.period < 50, panel.period >= 50)
    assert np.abs(slopes + 2.0).max() < 0.15
    assert np.abs(log_units - np.log(panel.units[panel.period >= 50])).mean() < 0.2


def test_fixed_effects_are_a_dummy_a_series() -> None:
    panel = panel_with(-2.0, units=200.0, series=8, groups=2)
    level = np.linspace(-1, 1, 8)[panel.series]
    panel = replace(panel, units=np.rint(panel.units * np.exp(level)), promo=(panel.period % 3 == 0).astype(np.float64))
    known, asked = panel.period < 50, panel.period >= 50
    log_units, slopes = FIXED_EFFECTS.foretold(panel, known, asked)
    x = np.column_stack([np.log(panel.price), panel.promo, np.eye(8)[panel.series]])
    b = np.linalg.lstsq(x[known], np.log(panel.units[known]), rcond=None)[0]
    np.testing.assert_allclose(log_units, (x @ b)[asked], rtol=1e-9)
    np.testing.assert_allclose(slopes, b[0], rtol=1e-9)
    pooled, _ = POOLED.foretold(panel, known, asked)
    truth = np.log(panel.units[asked])
    assert np.abs(log_units - truth).mean() < 0.5 * np.abs(pooled - truth).mean()


def test_a_series_that_nobody_has_seen_has_the_constant_of_its_category() -> None:
    panel = panel_with(-2.0, units=200.0, series=8, groups=2)
    panel = replace(panel, units=panel.units * np.where(panel.group[panel.series] == 1, 10.0, 1.0))
    known, asked = panel.series < 6, panel.series >= 6
    log_units, _ = FIXED_EFFECTS.foretold(panel, known, asked)
    assert np.abs(log_units - np.log(panel.units[asked])).mean() < 0.2


@pytest.mark.parametrize("ahead", [1, 2, 4])
def test_no_forecast_of_the_served_row_knows_a_period_after_its_moment(ahead: int) -> None:
    panel = panel_with(-2.0, series=12, periods=40)
    test = panel.where(panel.period >= 34)
    absurd = 34 - ahead + 1  # the first period that the first forecast does not know
    other = replace(panel, units=np.where(panel.period == absurd, 40 * panel.units + 100, panel.units))
    usual, _ = served(panel, test, 34, ahead, 0)
    moved, _ = served(other, test, 34, ahead, 0)
    np.testing.assert_array_equal(moved[test.period == 34], usual[test.period == 34])
    assert (moved[test.period == 35] > usual[test.period == 35]).all()


@pytest.mark.skipif(bool(torch_missing()), reason=torch_missing())
def test_the_neural_rows_keep_the_rules_and_play_the_same_way_again() -> None:
    first, again = (play(7, contenders(), **SMALL) for _ in range(2))
    assert [run.name for run in first] == ["DQN", "PPO", "oracle"]
    assert [run.broken for run in first] == [0, 0, 0]
    for run, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(run.margin, same.margin)


@pytest.mark.skipif(not torch_missing(), reason="PyTorch is installed")
def test_without_pytorch_the_neural_rows_say_what_to_install() -> None:
    with pytest.raises(NotReady, match="PyTorch is not installed"):
        contenders()


def _write(panel: Panel, path: Path) -> Path:
    lines = ["item,period,units,price,category"]
    lines += [
        f"{panel.ids[s]},{t},{u:g},{p / 100},{panel.groups[panel.group[s]]}"
        for s, t, u, p in zip(panel.series, panel.period, panel.units, panel.price, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_command_on_a_panel_prints_one_object(tmp_path: Path) -> None:
    path = _write(panel_with(-2.5, series=20, periods=40), tmp_path / "panel.csv")
    answer = CliRunner().invoke(evaluate, ["price", "--panel", str(path), "--holdout", "6", "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    served, pooled = found["rows"][0], found["rows"][1]
    assert served["served"] is True
    assert served["elasticity_median"] == pytest.approx(-2.5, abs=0.3)
    assert served["rmse_log_units"] < pooled["rmse_log_units"] * 1.1
    assert found["counts"]["judged"] <= 120


def test_the_command_in_markets_prints_the_seeds_and_draws_the_regret(tmp_path: Path) -> None:
    plot = tmp_path / "regret.svg"
    answer = CliRunner().invoke(
        evaluate,
        ["price", "--simulate", "--worlds", "2", "--days", "8", "--categories", "1", "--plot", str(plot), "--json"],
    )  # fmt: skip
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert [row["name"] for row in found["rows"]][:2] == ["served", "cost-plus"]
    assert all(row["rule_violations"] == 0 for row in found["rows"])
    assert [row["name"] for row in found["rows"] if not row.get("competes", True)] == ["oracle"]
    notes = "; ".join(found["notes"])
    for part in ("seeds of the markets: 9000 to 9001", "lower bound", "201 to 206", "served: made with 101 to 108"):
        assert part in notes
    assert plot.read_text().count("<polyline") == len(found["rows"]) - 1


@pytest.mark.parametrize(
    "options",
    [[], ["--simulate", "--panel", "x.csv"], ["--panel", "x.csv", "--neural"], ["--panel", "x.csv", "--plot", "y"]],
)
def test_options_that_contradict_each_other_are_refused(options: list[str]) -> None:
    answer = CliRunner().invoke(evaluate, ["price", *options])
    assert answer.exit_code == 2
    assert "--" in answer.output
