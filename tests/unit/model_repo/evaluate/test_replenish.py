"""`storegate evaluate replenish`: policies on worlds whose costs can be worked out, and the whole on a small shop."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from demand_models import PoissonDemand

from model_repo.datasets.demo_store import generate
from model_repo.evaluate.replenish.command import replenish
from model_repo.evaluate.replenish.contenders import Normal, Residuals, Usual, units
from model_repo.evaluate.replenish.flow import HINDSIGHT, NORMAL, SERVED, STATISTICAL, TUNED, VARIANT, compare
from model_repo.evaluate.replenish.served import EACH, TOGETHER, Served, curves_at
from model_repo.evaluate.replenish.table import result_of
from model_repo.evaluate.replenish.tuning import Tried, followed
from model_repo.evaluate.replenish.world import Terms, World, between, earlier, played, world_of
from model_repo.evaluate.report import as_json
from model_repo.forecast.build import Plan
from model_repo.forecast.panel import Panel
from serving.core.errors import InvalidInput

DAYS = 400


def world(units_a_day: np.ndarray, **terms: float) -> World:
    """Items of 100 minor units, sold from the first day on, in a shop that is always open."""
    n, t = units_a_day.shape
    panel = Panel(
        item_ids=tuple(f"i{i}" for i in range(n)), first_day=14_004, units=units_a_day.astype(np.float32),
        orders=(units_a_day > 0).astype(np.float32), seen=np.ones((n, t), np.bool_), open=np.ones(t, np.bool_),
        start=np.zeros(n, np.int32), price=np.full((n, t), 100, np.float32), category=np.zeros(n, np.int32),
        categories=("",),
    )  # fmt: skip
    return world_of(panel, Terms(**terms), t - 14 - 70, 70, 100, 0)  # type: ignore[arg-type]  # some are whole


def test_costs_of_flat_demand_are_worked_out_by_hand() -> None:
    """Two a day, a week of lead time: with 28 in sight there are 12 to 0 left at the end of a day; with 26 the last day
    of a cycle is short by two, once a cycle."""
    flat = world(np.full((1, DAYS), 2))
    holding = 100 * 0.6 * 0.25 / 365
    right = played(flat, np.full((1, len(flat.reviews)), 28))
    assert (right.fill_rate, right.shortage) == (1.0, 0.0)
    assert right.holding == pytest.approx(holding * 6 * 70)
    assert right.cost == pytest.approx(right.holding)
    waiting = replace(flat, terms=replace(flat.terms, lost=False))
    less = played(waiting, np.full((1, len(flat.reviews)), 26))
    assert less.fill_rate == pytest.approx(6 / 7)
    assert less.shortage == pytest.approx(10 * 2 * holding * 7 * 19)


def test_flat_demand_needs_no_safety_by_any_method() -> None:
    flat = world(np.full((2, DAYS), 2))
    for contender in (Normal.of(flat, 56), Residuals.of(flat, "ses")):
        assert np.unique(units(contender, 0.95)).tolist() == [28]


def test_a_mean_and_a_deviation_are_those_of_the_window() -> None:
    """Only days before the review count: what comes later may be anything."""
    rng = np.random.default_rng(0)
    demand = rng.poisson(3.0, (3, DAYS))
    one = world(demand)
    later = demand.copy()
    later[:, one.reviews[0] :] += 50
    first = Normal.of(one, 56), Normal.of(world(later), 56)
    window = demand[:, one.reviews[0] - 56 : one.reviews[0]]
    assert first[0].daily[:, 0] == pytest.approx(window.mean(1))
    assert first[0].sd[:, 0] == pytest.approx(window.std(1, ddof=1))
    assert first[1].daily[:, 0] == pytest.approx(window.mean(1))
    statistical = Residuals.of(one, "ses"), Residuals.of(world(later), "ses")
    assert statistical[0].upto(0.9)[:, 0] == pytest.approx(statistical[1].upto(0.9)[:, 0])


def test_the_least_safety_is_found_that_reached_the_fill_rate() -> None:
    rng = np.random.default_rng(1)
    one = world(rng.negative_binomial(1, 0.3, (40, DAYS)))
    tried = Tried.of(Usual(Normal.of(one, 91), one))
    number = tried.least(one, 0.9)
    fill_rates = [played(one, tried.upto[k], tried.reorder[k]).fill_rate for k in (number - 1, number)]
    assert fill_rates[0] < 0.9 <= fill_rates[1]
    assert tried.least(one, 1.01) == len(tried.knobs) - 1


def test_safety_follows_what_happened_and_knows_nothing_of_what_comes() -> None:
    """Demand that turns wild in the last cycle changes no safety; when it was wild before, there is more of it."""
    rng = np.random.default_rng(1)
    calm = rng.poisson(4.0, (30, DAYS))
    wild, late = calm.copy(), calm.copy()
    wild[:, DAYS - 168 : DAYS - 112] *= rng.integers(0, 5, (30, 56))
    late[:, -7:] *= 9
    numbers = []
    for demand in (calm, late, wild):
        one = world(demand)
        whole = earlier(one, 98)
        _, chosen = followed(whole, one, Tried.of(Usual(Normal.of(whole, 56), whole)), 0.98)
        assert len(chosen) == len(one.reviews)
        numbers.append(chosen)
    assert numbers[0] == numbers[1]
    assert min(numbers[2]) > max(numbers[0])


def test_a_world_before_is_the_same_shop_earlier() -> None:
    one = world(np.full((2, DAYS), 1))
    whole = earlier(one, 70)
    first = int(one.reviews[0])
    before = between(whole, first - 70, first)
    assert before.reviews[-1] + 7 < first
    assert before.scored_days == 56
    assert before.rows.tolist() == one.rows.tolist()
    assert between(whole, first, DAYS).reviews.tolist() == one.reviews.tolist()
    assert whole.scored_days == one.scored_days + 70


def test_too_short_a_history_is_refused() -> None:
    with pytest.raises(InvalidInput, match="200 days of sales are 52 too few"):
        world(np.full((1, 200), 1))
    with pytest.raises(InvalidInput, match="with those before them, 50 days of sales are missing"):
        compare(generate(items=56, customers=300, days=260, seed=2), Terms(), 28, 30, 0, 1.0, str, tune_days=200)


def test_the_whole_on_a_small_shop() -> None:
    """Every policy has its rows, as prescribed and tuned; the object for programs says all that the table does."""
    dataset = generate(items=56, customers=300, days=260, seed=2)
    terms, told = Terms(), []
    plan = Plan(rows_max=2000, calibration_rows=1000, held_days=14)
    outcome = compare(dataset, terms, 14, 30, 0, 1.0, told.append, tune_days=14, plan=plan)
    names = [(line.name, line.how) for line in outcome.lines]
    assert all((name, how) in names for name in (NORMAL, STATISTICAL, VARIANT) for how in ("prescribed", "tuned"))
    reached = {line.name: line.score.fill_rate for line in outcome.lines if line.how == HINDSIGHT}
    assert reached.keys() == {NORMAL, STATISTICAL, TUNED, VARIANT}
    assert min(reached[NORMAL], reached[TUNED]) >= terms.target
    assert [name for name, how in names if how == "tuned"].count(TUNED) == 1
    assert [(name, how) for name, how in names if name == SERVED] == [(SERVED, "prescribed")]
    assert len(names) == 13
    assert any("review" in line for line in told)
    printed = json.loads(as_json(result_of(outcome, dataset, terms, 28, 0, 1.0)))
    assert printed["counts"]["items"] == outcome.items > 0
    served = [row["name"] for row in printed["rows"] if row["served"]]
    assert served == [SERVED]
    assert any("replenish.level_share 1" in note for note in printed["notes"])
    by_hand = printed["rows"][0]
    assert by_hand["cost"] == pytest.approx(by_hand["holding"] + by_hand["shortage"] + by_hand["orders"], rel=1e-6)
    assert by_hand["cost_of_normal"] == 0


def test_orders_that_cost_something_are_played_with_their_reorder_points() -> None:
    """A dear order is placed seldom, at the target all the same, and costs less than one at every review."""
    rng = np.random.default_rng(4)
    one = world(rng.poisson(np.arange(20)[:, None], (20, DAYS)), order_cost=150.0)
    model = PoissonDemand(first_day=14_004 + int(one.reviews[0]), horizon_max=365)
    curves = curves_at(one, [model] * len(one.reviews), 0.0)
    free = replace(curves, world=replace(one, terms=replace(one.terms, order_cost=0.0)))
    reorder, upto = Served(curves, EACH).pairs(0.95)
    assert (reorder >= 0).all()
    assert (upto > reorder + 14).all()
    seldom, often = played(one, upto, reorder), played(one, Served(free, EACH).pairs(0.95)[1])
    assert seldom.fill_rate == pytest.approx(0.95, abs=0.025)
    assert 0 < seldom.orders < often.orders / 2
    assert seldom.cost < often.cost
    reorder, upto = Served(curves, "least cost").pairs(0.95)
    assert played(one, upto, reorder).cost <= seldom.cost * 1.02
    usual = [Usual(Normal.of(at, 91), at).pairs(0.95) for at in (one, free.world)]
    assert played(one, usual[0][1], usual[0][0]).cost < played(one, usual[1][1], usual[1][0]).cost / 1.5


def test_an_amount_for_any_unit_short_gives_the_cheap_items_more_safety() -> None:
    """Twins that differ in their price alone: for least cost they are the same; with the amount the cheap one has
    more, and all of it together costs less than as much of the fill rate by one service level for both."""
    rng = np.random.default_rng(4)
    one = world(np.repeat(rng.poisson(5.0, (10, DAYS)), 2, axis=0))
    dear = np.arange(20) % 2 * 9.0 + 1.0
    one = replace(one, holding=one.holding * dear, shortage=one.shortage * dear)
    model = PoissonDemand(item_ids=tuple("abcdef"), first_day=14_004 + int(one.reviews[0]), horizon_max=365)
    curves = curves_at(replace(one, rows=np.full(20, 5)), [model] * len(one.reviews), 0.0)
    _, least = Served(curves, "least cost").pairs(0.95)
    assert np.unique(least).size == 1
    _, together = Served(curves, TOGETHER).pairs(0.95)
    assert (together[::2] > together[1::2]).all()
    scores = []
    for kind in (TOGETHER, EACH):
        tried = Tried.of(Served(curves, kind))
        scores.append(played(one, tried.upto[tried.least(one, 0.998)]))
    assert min(score.fill_rate for score in scores) >= 0.998
    assert scores[0].holding < scores[1].holding


@pytest.mark.parametrize("arguments", [(), ("--demo", "--transactions", "x.csv")])
def test_one_shop_is_asked_for(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(replenish, arguments)
    assert done.exit_code == 2
    assert "exactly one of" in done.output
