"""What is left to chance is drawn by item and period."""

from __future__ import annotations

import numpy as np

from serving.decisions.price.chance import CURVES, Chance

KEYS = np.random.default_rng(0).integers(0, 2**63, 20_000).astype(np.uint64)
AT = np.arange(len(KEYS))


def test_draws_are_even_and_those_of_items_and_periods_tell_nothing_of_each_other() -> None:
    draws = Chance(KEYS, 7, 100).draws(AT)
    later, elsewhere = Chance(KEYS, 7, 101).draws(AT), Chance(KEYS, 8, 100).draws(AT)
    assert ((draws >= 0) & (draws < 1)).all()
    assert np.abs(np.histogram(draws[:, 0], 10, (0, 1))[0] / len(AT) - 0.1).max() < 0.01
    for other in (draws[:, 1], later[:, 0], elsewhere[:, 0], np.roll(draws[:, 0], 1)):
        assert abs(np.corrcoef(draws[:, 0], other)[0, 1]) < 0.03


def test_an_item_draws_the_same_in_any_company() -> None:
    some = np.array([5, 17, 3])
    assert np.array_equal(Chance(KEYS, 7, 100).draws(some), Chance(KEYS[some], 7, 100).draws(np.arange(3)))


def test_curves_are_chosen_by_standard_normal_numbers() -> None:
    drawn = np.stack([Chance(KEYS, 7, 100).curve(AT, number) for number in range(CURVES)])
    assert drawn.dtype == np.float32
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02
    assert np.isfinite(drawn).all()
