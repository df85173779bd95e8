"""The rule: not worse by more than the margin, and sure of it."""

from __future__ import annotations

import numpy as np

from model_repo.retrain.comparing import compare

RNG = np.random.default_rng(5)
LIVE = RNG.beta(0.5, 2.0, 2000)


def test_the_same_answers_pass_without_a_margin() -> None:
    found = compare(LIVE, LIVE, margin=0.0, seed=0)
    assert found.passed
    assert (found.difference, found.low, found.high) == (0.0, 0.0, 0.0)


def test_a_better_one_passes_and_its_interval_holds_the_difference() -> None:
    better = np.clip(LIVE + RNG.normal(0.02, 0.1, len(LIVE)), 0, 1)
    found = compare(LIVE, better, margin=0.0, seed=0)
    assert found.passed
    assert found.low < found.difference < found.high
    assert "not worse" in found.reason


def test_one_that_is_worse_by_more_than_the_margin_does_not() -> None:
    """However many the customers are; and it passes with a margin that allows it."""
    worse = 0.9 * LIVE
    assert not compare(LIVE, worse, margin=0.05, seed=0).passed
    assert "worse by more than 5 %" in compare(LIVE, worse, margin=0.05, seed=0).reason
    assert compare(LIVE, worse, margin=0.11, seed=0).passed


def test_few_customers_pass_by_no_luck() -> None:
    """What is within the margin on average, and could be worse, is refused, and the reason says so."""
    noisy = np.clip(LIVE + RNG.normal(0.0, 0.3, len(LIVE)), 0, 1)[:40]
    noisy += LIVE[:40].mean() - noisy.mean()
    found = compare(LIVE[:40], noisy, margin=0.05, seed=0)
    assert not found.passed
    assert "too few to be sure" in found.reason


def test_the_verdict_is_the_same_for_the_same_seed() -> None:
    other = np.clip(LIVE + RNG.normal(0.0, 0.1, len(LIVE)), 0, 1)
    assert compare(LIVE, other, margin=0.05, seed=3) == compare(LIVE, other, margin=0.05, seed=3)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of 200 shops whose releases are alike, about 90 % have the true difference, 0, in the interval."""
    rng = np.random.default_rng(0)
    held = 0
    for shop in range(200):
        live, candidate = rng.beta(1, 3, (2, 150))
        found = compare(live, candidate, margin=0.0, seed=shop)
        held += found.low <= 0.0 <= found.high
    assert 165 <= held <= 192


def test_a_release_that_hits_nothing_is_refused() -> None:
    """Also where the live one hits nothing either: then nothing is known of them."""
    nothing = np.zeros(50)
    found = compare(nothing, nothing, margin=1.0, seed=0)
    assert not found.passed
    assert "no list of the new release" in found.reason
