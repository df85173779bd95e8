"""The search is fair, seeded, and finds what is there to be found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from model_repo.evaluate.baselines import Contender, in_sequence, in_time
from model_repo.evaluate.baselines.interactions import Interactions, from_split
from model_repo.evaluate.baselines.personal_top import PersonalTop
from model_repo.evaluate.search import Fold, asked_with, build, climb, configurations, search, spelt
from model_repo.evaluate.splits import DAY_S, split_at
from serving.core.errors import InvalidInput
from serving.core.ports import I32

SPACE = {"a": (1, 2, 3), "b": ("x", "y"), "c": (0.5, 1.5)}


def test_configurations_are_distinct_begin_with_the_default_and_stop_at_the_budget():
    tried = [tuple(values.values()) for values in configurations(SPACE, 7, seed=1)]
    assert tried[0] == (1, "x", 0.5)
    assert len(set(tried)) == len(tried) == 7
    assert len({tuple(values.values()) for values in configurations(SPACE, 100, seed=1)}) == 12


def test_the_seed_decides_the_draw():
    draws = [list(configurations(SPACE, 6, seed=seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


@dataclass
class Hill:
    """Recommends the item whose number is the sum of its values: the truth says how high it is."""

    x: int
    y: int
    seen: ClassVar[list[tuple[int, int]]] = []

    def fit(self, interactions: Interactions) -> None:
        self.seen.append((self.x, self.y))

    def recommend(self, histories: Interactions, k: int) -> I32:
        lists = np.full((histories.n_users, k), -1, np.int32)
        lists[:, 9 - self.x - self.y] = 1  # a better place for a higher sum
        return lists


HILL = Contender("hill", Hill, {"x": (0, 1, 2, 3, 4), "y": (0, 1, 2, 3, 4, 5)})


@pytest.fixture
def hill_split(table_of):
    split = split_at(table_of(((0, 0, 1.0, 1), (0, 1, 11.0, 2))), 10 * DAY_S)
    Hill.seen.clear()
    return [Fold(from_split(split, 1, 2), split)]


def test_one_parameter_after_the_other_climbs_to_the_top_within_a_part_of_the_grid(hill_split):
    """30 cells; x up in 5 tries and y up in 5 more."""
    chosen = search(HILL, hill_split, seed=0, budget=10)
    assert chosen.values == {"x": 4, "y": 5}
    assert chosen.tried == len(Hill.seen) == 10


def test_nothing_is_tried_twice_and_a_large_budget_tries_the_whole_grid(hill_split):
    chosen = search(HILL, hill_split, seed=0, budget=500)
    assert chosen.tried == len(Hill.seen) == len(set(Hill.seen)) == 30


def test_a_budget_of_nothing_is_refused(hill_split):
    with pytest.raises(InvalidInput, match="budget"):
        search(HILL, hill_split, seed=0, budget=0)


def test_the_best_value_wins_and_every_try_is_told(table_of):
    """Everybody buys item 0 often at first and item 1 lately; then item 1: short memory is right."""
    rows = []
    for user in range(10):
        rows += [(user, 0, float(day), 100 * user + day) for day in (1, 2, 3)]
        rows += [(user, 1, 39.0, 100 * user + 39), (user, 1, 41.0, 100 * user + 41)]
    split = split_at(table_of(rows), 40 * DAY_S)
    lines: list[str] = []
    contender = Contender("personal-top", PersonalTop, {"half_life": (float("inf"), 5.0), "popular": (0.001,)})
    chosen = search(contender, [Fold(from_split(split, 10, 2), split)], seed=0, budget=5, progress=lines.append)
    assert chosen.values == {"half_life": 5.0, "popular": 0.001}
    assert chosen.ndcg == 1.0
    assert chosen.tried == len(lines) == 2


def test_what_is_only_asked_with_does_not_fit_again_and_the_choice_is_the_same(hill_split):
    """The climb goes up x by asking the first fit (y = 0) again; only y learns anew."""
    every = search(HILL, hill_split, seed=0, budget=10)
    Hill.seen.clear()
    reused = search(replace(HILL, asked=("x",)), hill_split, seed=0, budget=10)
    assert reused == every
    assert Hill.seen == [(0, 0), (4, 1), (4, 2), (4, 3), (4, 4), (4, 5)]


@pytest.mark.parametrize("contender", [*in_time(), *in_sequence()], ids=lambda one: one.name)
def test_a_fit_asked_anew_equals_one_made_with_those_values(contender, table_of):
    """The promise of Contender.asked, for each baseline."""
    if contender.missing:
        pytest.skip(contender.missing)
    rng = np.random.default_rng(0)
    rows = [
        (int(user), int(item), float(day), at) for at, (user, item, day) in enumerate(rng.integers(0, 20, (300, 3)))
    ]
    known = from_split(split_at(table_of([*rows, (0, 0, 30.0, 999)]), 25 * DAY_S), 20, 20)
    first = {name: values[0] for name, values in contender.space.items()}
    other = {**first, **{name: contender.space[name][-1] for name in contender.asked}}
    fitted, fresh = build(contender, first, 0), build(contender, other, 0)
    fitted.fit(known)
    fitted.recommend(known, 5)
    fresh.fit(known)
    assert np.array_equal(asked_with(fitted, other).recommend(known, 5), fresh.recommend(known, 5))


def test_several_tuning_splits_count_alike(table_of):
    """Item 1 is right once for one customer, item 0 once for two: the mean over the splits is what decides, 1/2."""
    splits = []
    for item, buyers in ((1, 1), (0, 2)):
        rows = [(user, item, 11.0, 50 + user) for user in range(buyers)] + [
            (2, 0, 1.0, 0),
            (0, 0, 1.0, 1),
            (1, 1, 2.0, 3),
        ]
        split = split_at(table_of(rows), 10 * DAY_S)
        splits.append(Fold(from_split(split, 3, 2), split))
    contender = Contender("personal-top", PersonalTop, {"half_life": (float("inf"),), "popular": (0.0,)})
    apart = [search(contender, [fold], seed=0, budget=1).ndcg for fold in splits]
    assert search(contender, splits, seed=0, budget=1).ndcg == pytest.approx(np.mean(apart))


def test_anything_can_be_climbed():
    found = climb("hill", SPACE, lambda values: values["a"] - abs(values["c"] - 1.5), seed=0, budget=6)
    assert found.values["a"] == 3
    assert found.values["c"] == 1.5
    assert found.tried == 6


def test_values_are_spelt_for_people():
    assert spelt({"half_life": float("inf"), "by": "user", "shrink": 10.0}) == "half_life=inf by=user shrink=10"
