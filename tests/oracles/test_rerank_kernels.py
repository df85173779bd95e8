"""The rerank kernels equal slow twins: sorting, greedy MMR, greedy determinants, the softmax draw and its chances."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from pages import page_of, shown, signals_of

from serving.events.history import splitmix64
from serving.kernels.diversity import DPP, MMR
from serving.kernels.exploring import TEMPERATURE, uniform
from serving.kernels.ordering import INSERT_MAX, best_first, position, sort_keys
from serving.kernels.pool import POOL_FACTOR
from serving.kernels.signals import FRESH, PINNED, TRENDING

N, D = 120, 16

seeds = pytest.mark.parametrize("rng", range(5), indirect=True)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def shop(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """units (N, D), brand and category (N,)."""
    units = rng.standard_normal((N, D)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return units, rng.integers(0, 5, N).astype(np.int32), rng.integers(0, 4, N).astype(np.int32)


def worth(method: int, diversity: float, relevance: np.ndarray, vectors: np.ndarray, page: list[int]) -> np.ndarray:
    """What the greedy choice maximises, from the definitions: for DPP the logarithm of determinants of L."""
    cosine = vectors.astype(np.float64) @ vectors.T
    if method == MMR:
        return (1 - diversity) * relevance - diversity * np.maximum(cosine[:, page].max(axis=1, initial=0), 0)
    q = np.exp((1 - diversity) / (2 * diversity) * relevance)
    kernel = q[:, None] * ((1 + cosine) / 2) * q
    return np.array([np.linalg.slogdet(kernel[np.ix_([*page, i], [*page, i])])[1] for i in range(len(relevance))])


def slow_page(
    scores: np.ndarray, vectors: np.ndarray, size: int, method: int, diversity: float, caps: tuple[int, int],
    numbers: tuple[np.ndarray, np.ndarray], pins: tuple[int, ...] = (),
) -> list[int]:  # fmt: skip
    """One page; `numbers` are the brand and category of each candidate, `pins` candidates in front of it."""

    def keeps(i: int) -> bool:
        return all(
            most == 0 or number[i] == 0 or sum(number[j] == number[i] for j in page) < most
            for most, number in zip(caps, numbers, strict=True)
        )

    page = list(pins)
    order = [i for i in np.argsort(-scores, kind="stable") if i not in page]
    pool = order[: POOL_FACTOR * size + 20]
    relevance = (scores - scores[pool[-1]]) / (scores[pool[0]] - scores[pool[-1]])
    while len(page) < size:
        left = [i for i in pool if i not in page and keeps(i)]
        rest = [i for i in order if i not in page and keeps(i)]
        if not rest:
            break
        value = worth(method, diversity, relevance, vectors, page)
        page.append(max(left, key=lambda i: value[i]) if left else rest[0])
    return [int(i) for i in page]


@seeds
@pytest.mark.parametrize("keep", [1, 10, INSERT_MAX, INSERT_MAX + 1, 500])
def test_best_first_is_a_stable_sort(rng: np.random.Generator, keep: int) -> None:
    """Ties, both zeros, infinities and no number at all; pinned and marked candidates are not ranked."""
    m = 200
    scores = rng.choice(np.array([-np.inf, -2.5, -1, -0.0, 0.0, 1e-30, 3, np.inf, np.nan], np.float32), m)
    rows, slot = rng.permutation(m).astype(np.int32), np.full(m, -1, np.int32)
    sources = rng.choice([TRENDING, FRESH, PINNED], m)
    slot[rng.random(m) < 0.2] = 7
    keys, best = np.empty(m, np.uint64), np.empty(keep, np.uint64)
    newest = sort_keys(rows, scores, signals_of(sources, m), 0, slot, 7, True, keys)
    count = best_first(keys, best)
    order = [i for i in np.argsort(-scores, kind="stable") if sources[i] != PINNED and slot[rows[i]] != 7]
    assert [position(key) for key in best[:count]] == order[:keep]
    assert position(newest) == next(i for i in order if sources[i] == FRESH)


@seeds
@pytest.mark.parametrize("method", [MMR, DPP])
@pytest.mark.parametrize("diversity", [0.05, 0.4, 0.9])
def test_diverse_pages_equal_their_greedy_twin(rng: np.random.Generator, method: int, diversity: float) -> None:
    """Pool and tail, with caps and without."""
    units, brand, category = shop(rng)
    rows, scores, size = rng.permutation(N)[:80], rng.random(80).astype(np.float32), 8
    for caps in ((0, 0), (2, 3), (1, 1)):
        page = page_of(1, size=size, diversity=diversity, method=method, max_brand=caps[0], max_category=caps[1])
        [(picks, chances)] = shown(page, rows, scores, units, brand, category)
        numbers = (brand[rows], category[rows])
        assert picks == slow_page(scores, units[rows], size, method, diversity, caps, numbers)
        assert chances == [1.0] * len(picks)


@seeds
@pytest.mark.parametrize("method", [MMR, DPP])
def test_the_page_is_diverse_around_its_pins(rng: np.random.Generator, method: int) -> None:
    """Pins count for likeness and caps before anything else is chosen, wherever they stand."""
    units, brand, category = shop(rng)
    rows, scores, sources = rng.permutation(N)[:50], rng.random(50).astype(np.float32), np.full(50, TRENDING)
    brand[rows[:3]] = category[rows[:3]] = 0
    sources[:3], scores[:3] = PINNED, 0.5
    pins = [(rows[0], 2), (rows[1], 5), (rows[2], 7)]
    page = page_of(1, [pins], size=8, diversity=0.5, method=method, max_brand=2)
    [(picks, _)] = shown(page, rows, scores, units, brand, category, sources=sources)
    free = [place for place in range(8) if place not in (2, 5, 7)]
    expected = slow_page(scores, units[rows], 8, method, 0.5, (2, 0), (brand[rows], category[rows]), (0, 1, 2))
    assert [picks[place] for place in (2, 5, 7)] == [0, 1, 2]
    assert [picks[place] for place in free] == expected[3:]


@pytest.mark.parametrize(
    ("pins", "new", "page"),
    [
        ([], [6, 7], [0, 1, 2, 6]),
        ([], [1, 7], [0, 1, 2, 3]),
        ([(8, 0)], [6, 7], [8, 0, 1, 6]),
        ([(8, 3)], [6, 7], [0, 1, 6, 8]),
        ([(8, 2), (9, 2)], [6, 7], [0, 6, 8, 9]),
        ([(8, 9), (9, 9)], [6, 7], [0, 6, 8, 9]),
        ([(8, 9), (9, 9)], [0, 7], [0, 1, 8, 9]),
        ([(8, 1), (7, 3)], [6, 7], [0, 8, 1, 7]),
    ],
)
def test_a_new_arrival_takes_the_last_place_that_no_pin_takes(
    pins: list[tuple[int, int]], new: list[int], page: list[int]
) -> None:
    """Ten items best first, 8 and 9 only for pins; unless a new arrival stands there already, pinned or not."""
    sources = np.full(10, TRENDING)
    sources[new], sources[8:] = FRESH, PINNED
    units, none = np.eye(10, 16, dtype=np.float32), np.zeros(10, np.int32)
    for rules in ({}, {"max_brand": 3}, {"diversity": 1e-6, "method": DPP}, {"explore": 1e-9}):
        asked = page_of(1, [pins], size=4, fresh_slots=1, **rules)
        [(picks, _)] = shown(asked, np.arange(10), np.linspace(1, 0, 10), units, none, none, sources=sources)
        assert picks == page


def test_a_spent_determinant_leaves_the_order_to_relevance() -> None:
    """Three directions, twelve items: at diversity 1 one of each, the best of its kind, then by relevance alone."""
    units, none = np.eye(3, 16, dtype=np.float32)[np.arange(12) // 4], np.zeros(12, np.int32)
    scores = np.linspace(1, 0.1, 12, dtype=np.float32)
    page = page_of(1, size=12, diversity=1.0, method=DPP)
    [(picks, _)] = shown(page, np.arange(12), scores, units, none, none)
    assert picks == [0, 4, 8, 1, 2, 3, 5, 6, 7, 9, 10, 11]


def test_opposites_do_not_repeat_each_other() -> None:
    """The shifted cosine takes an item's opposite for the most different one, not for a copy of it."""
    units, none = np.zeros((3, 16), np.float32), np.zeros(3, np.int32)
    units[0, 0], units[1, 0], units[2, :2] = 1, -1, (0.6, 0.8)
    page = page_of(1, size=3, diversity=1.0, method=DPP)
    [(picks, _)] = shown(page, np.arange(3), [0.9, 0.1, 0.5], units, none, none)
    assert picks == [0, 1, 2]


def test_random_numbers_are_splitmix64() -> None:
    """The k-th number of the sequence from a seed, over every bit of the seed."""
    states = np.array([0, 1, 2**63, 2**64 - 1, 123456789], np.uint64)
    for k in range(4):
        step = k * 0x9E3779B97F4A7C15 % 2**64
        expected = (splitmix64(states + np.uint64(step)) >> np.uint64(11)) / 2**53
        assert [uniform(seed, k) for seed in states] == expected.tolist()


def small_world() -> dict[str, np.ndarray]:
    """Seven candidates, two new arrivals, three brands."""
    rng = np.random.default_rng(3)
    units = rng.standard_normal((7, D)).astype(np.float32)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    return {
        "scores": np.array([0.9, 0.8, 0.8, 0.5, 0.45, 0.3, 0.2], np.float32),
        "units": units,
        "brand": np.array([1, 1, 2, 1, 2, 0, 3], np.int32),
        "category": np.zeros(7, np.int32),
        "sources": np.array([TRENDING, TRENDING, TRENDING, FRESH, TRENDING, FRESH, TRENDING]),
    }


@pytest.mark.parametrize("method", [MMR, DPP])
@pytest.mark.parametrize("rules", [{}, {"max_brand": 1}, {"fresh_slots": 1}])
def test_items_are_shown_as_often_as_their_propensity_says(method: int, rules: dict[str, int]) -> None:
    """Over many seeds, given the items above: each item's share of each place, within five standard errors."""
    world, b, m = small_world(), 30_000, 7
    page = page_of(b, size=3, diversity=0.3, method=method, explore=0.4, seed=np.arange(b), **rules)
    many = {name: np.tile(world[name], b) for name in ("scores", "sources")}
    fixed = {name: world[name] for name in ("units", "brand", "category")}
    answers = shown(page, np.tile(np.arange(m), b), ptr=np.arange(b + 1) * m, **many, **fixed)
    counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    chance: dict[tuple[int, ...], float] = {}
    for picks, propensity in answers:
        for place, (pick, p) in enumerate(zip(picks, propensity, strict=True)):
            above = tuple(picks[:place])
            counts[above][pick] += 1
            assert chance.setdefault((*above, pick), p) == p
    for above, drawn in counts.items():
        total = drawn.total()
        for pick, count in drawn.items():
            p = chance[(*above, pick)]
            assert abs(count - total * p) <= 5 * np.sqrt(total * p * (1 - p)) + 1
    assert sum(chance[(pick,)] for pick in range(m)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_propensity_is_the_mixture_of_draw_and_greedy_choice(share: float) -> None:
    """explore * softmax + (1 - explore) * [greedy], by NumPy, along the pages of a hundred seeds."""
    world, b, m = small_world(), 100, 7
    page = page_of(b, size=4, explore=share, seed=np.arange(b), max_brand=2)
    many = {name: np.tile(world[name], b) for name in ("scores", "sources")}
    fixed = {name: world[name] for name in ("units", "brand", "category")}
    weight = np.exp((world["scores"] - 0.2) / 0.7 / TEMPERATURE)
    brand = world["brand"]
    for picks, propensity in shown(page, np.tile(np.arange(m), b), ptr=np.arange(b + 1) * m, **many, **fixed):
        for place, (pick, p) in enumerate(zip(picks, propensity, strict=True)):
            above = picks[:place]
            free = [i for i in range(m) if i not in above]
            free = [i for i in free if brand[i] == 0 or sum(brand[j] == brand[i] for j in above) < 2]
            greedy = max(free, key=lambda i: world["scores"][i])
            assert p == pytest.approx(share * weight[pick] / weight[free].sum() + (1 - share) * (pick == greedy), 1e-4)
