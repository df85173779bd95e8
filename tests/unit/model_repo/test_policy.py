"""Off-policy estimates are right where the truth is known: a simulated shop, pages of the real kernel, by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from pages import page_of, shown

from model_repo.evaluate.cli import evaluate
from model_repo.evaluate.policy import log
from model_repo.evaluate.policy.estimators import Pages, Predicted, Target, judge
from model_repo.evaluate.policy.outcomes import FOLDS, PRIOR_SLOTS, group_means
from model_repo.evaluate.policy.simulator import (
    TARGETS,
    Log,
    exploring,
    fitted,
    greedy,
    make_log,
    make_world,
    pages_of,
    softmax,
    target_of,
    truth,
    uniform,
    wrong,
)
from model_repo.evaluate.policy.trials import simulate
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.memory_decisions import MemoryDecisions
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.core.errors import DataError, InvalidInput
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.record import Decision, Result
from serving.events.contract import Outcome

NOW = 1_800_000_000.0
SHARE = 0.25
ITEMS, SIZE, CLICKED = 60, 6, 3
"""Of the kernel's pages: every third item is clicked wherever it stands."""


def the_truth(logged: Log) -> list[np.ndarray]:
    """The outcome model that is right."""
    return [logged.world.clicks(logged.users, place) for place in range(logged.world.places)]


@pytest.fixture(scope="module")
def small_runs():
    """200 logs of 300 pages, by targets that the log supports."""
    chosen = {name: TARGETS[name] for name in ("greedy", "softmax")}
    models = {"dr": fitted, "dr_wrong": wrong}
    return simulate(make_world(1), share=0.3, pages=300, runs=200, resamples=200, targets=chosen, models=models)


@pytest.fixture(scope="module")
def busy_runs():
    """The same in a shop where half of what is shown is clicked: there an outcome model has much to explain."""
    world = make_world(1, base=0.0, items=12, places=3)
    models = {"dr": the_truth, "dr_fitted": fitted, "dr_wrong": wrong}
    return simulate(world, share=0.3, pages=200, runs=200, resamples=100, models=models)


def test_intervals_hold_the_truth(small_runs):
    """A 95 % interval of 300 pages is a little short; far from it would be a defect."""
    for name, trial in small_runs.trials.items():
        for estimator, runs in trial.repeated.items():
            assert 0.88 <= runs.coverage <= 0.995, (name, estimator, runs)


@pytest.mark.parametrize("runs", ["small_runs", "busy_runs"])
def test_ips_and_dr_are_unbiased_even_when_the_outcome_model_is_wrong(request, runs):
    for name, trial in request.getfixturevalue(runs).trials.items():
        for estimator, found in trial.repeated.items():
            if estimator != "snips":  # biased in small samples, and consistent
                assert abs(found.bias) < 3 * found.bias_se, (name, estimator, found)


def test_a_good_outcome_model_narrows_and_a_wrong_one_widens(busy_runs):
    for name in ("softmax", "uniform"):
        runs = busy_runs.trials[name].repeated
        assert runs["dr"].sd < 0.9 * runs["ips"].sd, name
        assert runs["dr"].sd < runs["dr_fitted"].sd < runs["dr_wrong"].sd


def test_the_truth_ranks_policies_and_equals_what_is_logged():
    """Greedy beats the mixture beats a soft draw beats an even one; the logging policy's truth is its mean reward."""
    world, logging = make_world(2), exploring(0.3)
    values = [truth(world, policy, policy, seed=0) for policy in (greedy, logging, softmax(0.5), uniform)]
    assert values == sorted(values, reverse=True)
    log = make_log(world, logging, 20_000, seed=1)
    clicks = np.sum(log.rewards, axis=0)
    assert abs(clicks.mean() - values[1]) < 4 * clicks.std() / np.sqrt(len(clicks))


def test_judging_the_logging_policy_gives_what_was_logged():
    """Every weight is 1: IPS and SNIPS are the mean, interval included, and nothing is warned of."""
    log = make_log(make_world(0), exploring(0.3), 400, seed=3)
    logged, (found,) = judge(pages_of(log), [target_of(log, "itself", exploring(0.3), {})], resamples=100)
    assert logged.value == np.sum(log.rewards) / 400
    for estimate in found.estimates.values():
        assert estimate == pytest.approx(logged)
    assert found.weights.ess == pytest.approx(400 * 5)
    assert found.warnings == ()


def test_estimates_by_hand():
    """Two pages of two slots: weights 2, 0, 0.5, 1; without clipping, and clipped at 1."""
    pages = Pages(np.array([0, 1]), np.array([0, 0, 1, 1]), np.array([1.0, 1, 1, 0]), np.array([0.5, 0.5, 1, 0.5]))
    model = Predicted(np.full(4, 0.5), np.full(4, 0.25))
    target = Target("t", np.array([1.0, 0, 0.5, 0.5]), {"dr": model})
    for clip, weights in ((np.inf, [2, 0, 0.5, 1]), (1.0, [1, 0, 0.5, 1])):
        logged, (found,) = judge(pages, [target], clip=clip, resamples=100)
        assert logged.value == 1.5
        w, r = np.array(weights), pages.reward
        assert found.estimates["ips"].value == pytest.approx((w * r).sum() / 2)
        assert found.estimates["snips"].value == pytest.approx((w * r).sum() / w.sum() * 4 / 2)
        assert found.estimates["dr"].value == pytest.approx((0.25 + w * (r - 0.5)).sum() / 2)
        assert found.weights.ess == pytest.approx(w.sum() ** 2 / (w**2).sum())
        assert found.weights.mean == pytest.approx(3.5 / 4)
        assert found.weights.largest == 2
        assert found.weights.clipped == (0.25 if clip == 1 else 0)


def test_visitors_are_resampled_whole():
    """A visitor's ten equal pages are one observation, not ten: the interval is wider than that of strangers."""
    reward = np.repeat((np.arange(40) % 2).astype(float), 10)
    once = Pages(np.arange(400), np.arange(400), reward, np.ones(400))
    widths = []
    for pages in (once, replace(once, unit=np.repeat(np.arange(40), 10))):
        logged, _ = judge(pages, [], resamples=1000)
        widths.append(logged.high - logged.low)
    assert 2.5 < widths[1] / widths[0] < 4  # sqrt(10)


def test_missing_support_is_told():
    """The log never shows half of the items; a target that does is judged on the rest, and says so."""
    logged = make_log(make_world(0), lambda relevance, is_open: softmax(0.3)(relevance, half(is_open)), 2000, seed=0)
    (found,) = judge(pages_of(logged), [target_of(logged, "even", uniform, {})], resamples=100)[1]
    assert found.weights.mean < 0.7
    assert any("support is missing" in warning for warning in found.warnings)


def half(is_open: np.ndarray) -> np.ndarray:
    return is_open & (np.arange(is_open.shape[1]) % 2 == 0)


def test_what_cannot_be_judged_is_told():
    """Few slots, few visitors, no reward, clipped weights."""
    pages = Pages(np.array([0, 1]), np.array([0, 1]), np.zeros(2), np.array([0.01, 1.0]))
    (found,) = judge(pages, [Target("t", np.ones(2))], clip=10, resamples=100)[1]
    for part in ("effective slots", "fewer than", "earned anything", "clipped"):
        assert any(part in warning for warning in found.warnings), part


@pytest.mark.parametrize("chance", [0.0, -0.1, 1.5, float("nan")])
def test_a_propensity_that_is_none_is_refused(chance):
    with pytest.raises(InvalidInput, match="propensity"):
        Pages(np.zeros(1, int), np.zeros(1, int), np.zeros(1), np.array([chance]))


def test_group_means_know_nothing_of_the_own_rewards():
    """Changing a visitor's rewards changes no prediction of theirs; groups of others are shrunk to their mean."""
    rng = np.random.default_rng(0)
    unit, group = np.arange(60) % 6, rng.integers(0, 3, 60)
    reward = (rng.random(60) < 0.4).astype(float)
    found = group_means(group, reward, unit)
    mine = unit % FOLDS == 0
    np.testing.assert_array_equal(group_means(group, np.where(mine, 1 - reward, reward), unit)[mine], found[mine])
    others = ~mine & (group == 1)
    expected = (reward[others].sum() + PRIOR_SLOTS * reward[~mine].mean()) / (others.sum() + PRIOR_SLOTS)
    assert found[mine & (group == 1)] == pytest.approx(expected)


def decisions_of_the_kernel(pages: int, share: float = SHARE, **fields: Any) -> tuple[list[Decision], np.ndarray]:
    """Pages that kernels/rerank.py drew, as they are logged, and the scores (pages, ITEMS) of their candidates."""
    rng = np.random.default_rng(7)
    scores = rng.standard_normal((pages, ITEMS)).astype(np.float32)
    seeds = rng.integers(0, 2**63, pages).astype(np.uint64)
    units = rng.standard_normal((ITEMS, 4)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    none = np.zeros(ITEMS, np.int32)
    page = page_of(pages, size=SIZE, explore=share, seed=seeds, **fields)
    rows, ptr = np.tile(np.arange(ITEMS), pages), np.arange(pages + 1) * ITEMS
    found = shown(page, rows, scores.ravel(), units, none, none, ptr=ptr)
    return [decision(n, items, chances, share) for n, (items, chances) in enumerate(found)], scores


def decision(number: int, items: list[int], chances: list[float], share: float) -> Decision:
    results = tuple(Result(str(i), 0.0, 0, 0, "", 0.0, 0, "EUR", p) for i, p in zip(items, chances, strict=True))
    query = Query(visitor_id=f"v{number // 2}", page_size=SIZE, personal=True)
    params = {"exploration_share": share}
    return Decision(f"{number:032x}", NOW + number, query, b"", params, "r1", {}, 0, results)


def outcomes_of(decisions: list[Decision]) -> list[Outcome]:
    """Every third item was viewed, and all of them put aside for later."""
    return [
        Outcome(each.decision_id, result.item_id, kind, int(each.wall))
        for each in decisions
        for result in each.results
        for kind in ("detail-page-view", "wishlist-add")
        if kind == "wishlist-add" or int(result.item_id) % CLICKED == 0
    ]


def read_back(decisions: list[Decision]) -> log.Read:
    store = MemoryDecisions()
    store.put(decisions)
    store.add_outcomes(outcomes_of(decisions))
    return log.read(store.scan(0, 2 * NOW), "detail-page-view")


def test_pages_of_the_kernel_tell_what_other_policies_would_have_earned():
    """Against the definitions: the best of what was left, and the mean of the pool's rest."""
    decisions, scores = decisions_of_the_kernel(1500)
    found = read_back(decisions)
    best, even, was_best = [], [], []
    for each, score in zip(decisions, scores, strict=True):
        left = np.argsort(-score, kind="stable")[: 3 * SIZE + 20].tolist()
        for result in each.results:
            best.append(left[0] % CLICKED == 0)
            even.append(np.mean([item % CLICKED == 0 for item in left]))
            was_best.append(int(result.item_id) == left[0])
            left.remove(int(result.item_id))
    targets = {target.name: target for target in found.targets}
    np.testing.assert_array_equal(targets["greedy"].probability == 1, was_best)
    _, judged = judge(found.pages, found.targets, resamples=300)
    for one in judged:
        assert abs(one.weights.mean - 1) < 4 * one.weights.mean_se, one.name
        assert not any("support" in warning for warning in one.warnings)
    aims = {"greedy": SIZE * np.mean(best), "uniform": SIZE * np.mean(even)}
    for one in judged:
        for estimate in one.estimates.values() if one.name in aims else ():
            margin = 0.75 * (estimate.high - estimate.low)
            assert abs(estimate.value - aims[one.name]) < margin, (one.name, estimate)
    assert found.counts["pages"] == 1500
    assert found.counts["visitors"] == 750
    assert found.counts["outcomes"] == int(found.pages.reward.sum()) > 0


def test_diverse_and_pinned_pages_are_read_too():
    """The best is then not the most relevant, and a pin's place is nobody's choice: the weights' mean is still 1."""
    decisions, _ = decisions_of_the_kernel(800, diversity=0.4, pins=[[(5, 1)]] * 800)
    found = read_back(decisions)
    fixed = found.pages.propensity == 1
    assert fixed.sum() == 800
    for target, one in zip(found.targets, judge(found.pages, found.targets, resamples=100)[1], strict=True):
        assert (target.probability[fixed] == 1).all()
        assert abs(one.weights.mean - 1) < 4 * one.weights.mean_se, one


def test_only_explored_pages_are_judged_and_the_others_counted():
    decisions, _ = decisions_of_the_kernel(30)
    plain = [decision(100 + n, [1, 2], [1.0, 1.0], 0.0) for n in range(3)]
    wild = [decision(200, [1, 2], [0.1, 0.1], 0.9)]
    found = read_back(decisions + plain + wild)
    assert found.counts["pages"] == 30
    assert found.counts["decisions"] == 34
    assert any("3 pages made with exploration_share 0" in note for note in found.notes)
    assert any("1 pages made with an exploration_share above" in note for note in found.notes)


@pytest.mark.parametrize(
    ("decisions", "says"),
    [
        ([], "no decision is logged"),
        ([decision(1, [1, 2], [1.0, 1.0], 0.0)], "nothing in 1 decisions was left to chance"),
        ([decision(1, [1, 2], [1.0, 1.0], 0.1)], "nothing in 1 decisions was left to chance"),
        ([decision(1, [1, 2], [0.1, 0.1], 0.9)], "set it lower"),
    ],
)
def test_a_log_that_says_nothing_names_the_settings(decisions, says):
    with pytest.raises(DataError, match=r"recommend\.exploration_share") as error:
        read_back(decisions)
    assert says in error.value.message
    assert says == "set it lower" or "decisions.share" in error.value.message


def invoked(*options: str) -> Mapping[str, Any]:
    outcome = CliRunner().invoke(evaluate, ["policy", *options, "--json"])
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.count("\n") == 1
    return json.loads(outcome.stdout)


def test_the_command_reads_the_log_of_a_home(tmp_path: Path):
    """While the home's Redis runs, and when it has ended; by URL the same; of another placement there is nothing."""
    decisions, _ = decisions_of_the_kernel(60)
    decisions = [replace(each, wall=time.time() - 1000 + n) for n, each in enumerate(decisions)]
    embedded = EmbeddedRedis(tmp_path)
    try:
        store = RedisDecisions(RedisServer(embedded.url), timeout_s=2.0)
        assert store.wait_ready(5.0)
        store.put(decisions)
        store.add_outcomes(outcomes_of(decisions))
        store.close()
        running = invoked("--home", str(tmp_path))
        named = invoked("--redis", embedded.url)
    finally:
        embedded.close()
    ended = invoked("--home", str(tmp_path))
    served, *targets = running["rows"]
    assert (served["name"], served["served"]) == ("served", True)
    assert [row["name"] for row in targets] == list(log.TARGETS)
    assert all(row["ips_low"] <= row["ips"] <= row["ips_high"] for row in targets)
    assert running["counts"]["pages"] == 60
    for other in (named, ended):
        assert other["data"]["sha256"] == running["data"]["sha256"]
        assert [row["dr"] for row in other["rows"][1:]] == [row["dr"] for row in targets]
    outcome = CliRunner().invoke(evaluate, ["policy", "--home", str(tmp_path), "--placement", "on-sale"])
    assert isinstance(outcome.exception, DataError)
    assert "on-sale" in outcome.exception.message


def test_the_command_simulates_and_repeats_itself():
    """One object, the same for the same seed; the table names the truth."""
    options = ("--simulate", "--runs", "3", "--pages", "100", "--resamples", "100", "--seed", "5")
    one, other = invoked(*options), invoked(*options)
    assert {"command", "date", "machine", "data", "seed", "seconds", "peak_rss_mib", "rows"} <= one.keys()
    for found in (one, other):
        for row in found["rows"]:
            row.pop("seconds")
    assert one["rows"] == other["rows"]
    assert [row["name"] for row in one["rows"]] == ["logged", *TARGETS]
    assert one["rows"][1]["ips_error"] == pytest.approx(one["rows"][1]["ips"] - one["rows"][1]["truth"], abs=2e-6)
    outcome = CliRunner().invoke(evaluate, ["policy", *options])
    assert outcome.exit_code == 0
    for part in ("truth", "coverage", "dr_wrong", "effective slots", "seed 5"):
        assert part in outcome.stdout


@pytest.mark.parametrize("options", [[], ["--simulate", "--home", "x"], ["--home", "x", "--redis", "redis://y"]])
def test_one_log_is_asked_for(options):
    outcome = CliRunner().invoke(evaluate, ["policy", *options])
    assert outcome.exit_code == 2
    assert "exactly one of" in outcome.output


def test_a_home_without_a_log_is_refused_and_left_as_it_was(tmp_path: Path):
    outcome = CliRunner().invoke(evaluate, ["policy", "--home", str(tmp_path)])
    assert isinstance(outcome.exception, DataError)
    assert list(tmp_path.iterdir()) == []
