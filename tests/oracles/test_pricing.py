"""The rules of prices: each kernel equals its twin in plain Python and NumPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from loadtests.price_cases import facts_of, random_case, random_rules
from serving.decisions.price.packs import FAR
from serving.kernels import pricing as kernel
from serving.kernels.pricing import Bands, Facts

N = 400


def shop(seed: int) -> tuple[Facts, np.ndarray, Bands, np.ndarray, np.ndarray]:
    """Items, their policies, and their bands between what smaller packs leave: the last two."""
    rng = np.random.default_rng(seed)
    case, policy = random_case(rng, N)
    facts, _ = facts_of(case, policy)
    policies = random_rules(rng).policies(7.0)
    near = np.maximum(case.price, 1)
    low = np.where(rng.random(N) < 0.2, near * rng.uniform(0.5, 1.3, N), 0).astype(np.int64)
    high = np.where(rng.random(N) < 0.2, near * rng.uniform(0.8, 1.5, N), FAR).astype(np.int64)
    return facts, policies, kernel.allowed_bands(facts, low, high, policies), low, high


def band_twin(facts: Facts, i: int, pack: tuple[int, int], policy: np.ndarray) -> tuple[int, int, int, int]:
    """low, high, gave way, failed of one item, by the table of rules."""
    price, cost, other = int(facts.price[i]), int(facts.cost[i]), int(facts.competitor[i])
    if facts.foreign[i] or price <= 0:
        return 0, 0, 0, 1 << (kernel.CURRENCY if facts.foreign[i] else kernel.NO_PRICE)
    share = [int(value) for value in policy]
    by_cost = -(-cost * 10_000 // (10_000 - share[kernel.P_MIN_MARGIN]))
    low, by = max(
        [
            (share[kernel.P_LOWEST], -kernel.LOWEST),
            (by_cost, -kernel.MIN_MARGIN),
            (int(facts.map_price[i]), -kernel.MAP_PRICE),
        ],
        key=lambda pair: pair[0],
    )
    listed = int(facts.list_price[i]) if share[kernel.P_LIST_IS_CEILING] and facts.list_price[i] else FAR
    high, above = min((share[kernel.P_HIGHEST], kernel.HIGHEST), (listed, kernel.LIST_PRICE), key=lambda pair: pair[0])
    if low > high:
        return 0, 0, 0, 1 << -by | 1 << above
    if max(low, pack[0]) > min(high, pack[1]):
        edge = 0 if pack[0] > pack[1] else 1 << (above if pack[0] > high else -by)
        return 0, 0, 0, 1 << kernel.PACK | edge
    low, high, gave_way = max(low, pack[0]), min(high, pack[1]), 0
    wants = {
        kernel.COST_UNKNOWN: (price, price) if not cost else None,
        kernel.COOL_DOWN: (price, price) if facts.cooling[i] else None,
        kernel.STEP: (
            -(-price * (10_000 - share[kernel.P_STEP]) // 10_000),
            price * (10_000 + share[kernel.P_STEP]) // 10_000,
        ),
        kernel.COMPETITOR: (
            -(-other * share[kernel.P_COMPETITOR_LOW] // 10_000),
            other * share[kernel.P_COMPETITOR_HIGH] // 10_000,
        )
        if other
        else None,
    }
    for rule, want in wants.items():
        if want is None:
            continue
        if want[0] > high or want[1] < low:
            gave_way |= 1 << rule
            low, high = (high, high) if want[0] > high else (low, low)
        else:
            low, high = max(low, want[0]), min(high, want[1])
    return low, high, gave_way, 0


@pytest.mark.parametrize("seed", range(6))
def test_bands_equal_their_twin(seed: int) -> None:
    """Whichever rules meet or contradict each other."""
    facts, policies, found, low, high = shop(seed)
    seen = set()
    for i in range(N):
        if max(facts.cost[i], facts.map_price[i]) > FAR:  # beyond all prices, the kernel tells them no more apart
            continue
        twin = band_twin(facts, i, (int(low[i]), int(high[i])), policies[facts.policy[i]])
        assert (found.low[i], found.high[i], found.gave_way[i], found.failed[i]) == twin, i
        seen |= {int(found.low_rule[i]), int(found.high_rule[i])}
    assert {kernel.MIN_MARGIN, kernel.PACK, kernel.STEP} <= seen


def test_the_edges_name_the_rules_that_set_them() -> None:
    """Where two rules want the same edge the earlier one has it; a band of one price names what left it."""
    facts = Facts(
        *(np.array(column, np.int64) for column in ([1000] * 4, [900, 950, 500, 0], [1050, 0, 0, 0])),
        *(np.zeros(4, np.int64), np.array([0, 0, 1000, 0], np.int64), np.full(4, -1, np.int64)),
        *(np.zeros(4, np.bool_), np.array([0, 1, 0, 0], np.bool_), np.zeros(4, np.int32)),
    )
    policy = np.zeros((1, kernel.POLICY_COLUMNS), np.int64)
    policy[0] = [1000, 1, 10**6, 1, 1000, 8000, 11_000, 0, 0, 0]
    found = kernel.allowed_bands(facts, np.zeros(4, np.int64), np.full(4, FAR), policy)
    assert found.low.tolist() == [1000, 1056, 900, 1000]
    assert found.high.tolist() == [1050, 1056, 1100, 1000]
    assert found.low_rule.tolist() == [kernel.MIN_MARGIN, kernel.MIN_MARGIN, kernel.STEP, kernel.COST_UNKNOWN]
    assert found.high_rule.tolist() == [kernel.LIST_PRICE, kernel.MIN_MARGIN, kernel.STEP, kernel.COST_UNKNOWN]
    assert found.fix_rule.tolist() == [kernel.NONE, kernel.MIN_MARGIN, kernel.NONE, kernel.COST_UNKNOWN]
    assert found.gave_way.tolist() == [0, 1 << kernel.COOL_DOWN, 0, 0]


ENDINGS = [[], ["99"], ["9"], ["49", "99"], ["5", "0"], ["995"]]


@pytest.mark.parametrize(("endings", "k"), [*product(ENDINGS, (5, 63))])
def test_the_ladder_equals_its_twin(endings: list[str], k: int) -> None:
    """All prices with an ending where they fit; else evenly many of them, first, last and current among them."""
    rng = np.random.default_rng(len(endings))
    low = rng.integers(1, 3000, 200)
    high = low + rng.integers(0, 1500, 200)
    current = rng.integers(1, 4500, 200)
    period = 10 ** max(map(len, endings), default=0)
    residues = [r for r in range(period) if not endings or any(str(r).zfill(4).endswith(one) for one in endings)]
    before = [sum(r < edge for r in residues) for edge in range(period + 1)]
    prices, count, plain = kernel.ladder(low, high, current, np.array(residues), np.array(before), k)
    for i in range(200):
        band = [
            p for p in range(low[i], high[i] + 1) if not endings or any(str(p).zfill(4).endswith(e) for e in endings)
        ]
        assert plain[i] == (not band)
        band = band or list(range(low[i], high[i] + 1))
        mine = prices[i, : count[i]].tolist()
        assert count[i] == min(len(band), k)
        assert mine == sorted(set(mine) & set(band))
        assert (prices[i, count[i] :] == mine[-1]).all()
        if len(band) <= k:
            assert mine == band
            continue
        assert (mine[0], mine[-1]) == (band[0], band[-1])
        assert current[i] in mine or current[i] not in band
        places = np.array([band.index(p) for p in mine if p != current[i]])
        assert np.diff(places).max() <= 2 * np.ceil(len(band) / (k - 1)) + 1


def test_no_band_has_no_candidates() -> None:
    prices, count, plain = kernel.ladder(
        *(np.zeros(1, np.int64) for _ in range(3)), np.zeros(1, np.int64), np.array([0, 1]), 4
    )
    assert (prices.tolist(), count.tolist(), plain.tolist()) == ([[0] * 4], [0], [False])


def choose_twin(
    facts: Facts, i: int, prices: list[int], units: list[float], sold: list[float], revenue: bool, cover: float
) -> tuple[int, list[int], bool]:
    """The best place, the places that are open, whether the stock rule gave way."""
    hand, now, cost = int(facts.on_hand[i]), int(facts.price[i]), 0 if revenue else int(facts.cost[i])
    open_ = [t for t, p in enumerate(prices) if hand < 0 or p >= now or not units[t] * cover > hand]
    lost = not open_
    open_ = open_ or [len(prices) - 1]

    def worth(t: int) -> tuple[float, int]:
        left = np.float32(sold[t])
        if 0 <= hand < units[t]:
            left = np.float32(sold[t]) * np.float32(hand / units[t])
        return float(prices[t] - cost) * float(left), -abs(prices[t] - now)

    best = max(open_, key=lambda t: (worth(t), -t))
    return best, open_, lost


@pytest.mark.parametrize("seed", range(6))
def test_the_choice_equals_its_twin(seed: int) -> None:
    """Also where demand rises with the price, is nothing, or is not known."""
    rng = np.random.default_rng(seed)
    facts, policies, bands, *_ = shop(seed)
    policies[:, kernel.P_EXPLORE] = 0
    policies[:, kernel.P_COVER_MILLI] = rng.integers(0, 4000, len(policies))
    residues, before = np.zeros(1, np.int64), np.array([0, 1])
    prices, count, plain = kernel.ladder(bands.low, bands.high, facts.price, residues, before, 8)
    units = rng.gamma(0.5, 20, prices.shape).astype(np.float32)
    units[rng.random(N) < 0.1] = 0
    units[rng.random(N) < 0.1] = np.nan
    sold = np.where(np.isnan(units), rng.random(prices.shape), units).astype(np.float32)
    no_curves, draws = np.zeros((0, 1, 1), np.float32), np.zeros((N, 2))
    found = kernel.choose(facts, bands, prices, count, plain, units, sold, no_curves, policies, seed % 2, draws)
    for i in range(N):
        if not count[i]:
            assert (found.place[i], found.propensity[i]) == (-1, 0)
            continue
        m, cover = count[i], policies[facts.policy[i], kernel.P_COVER_MILLI] / 1000
        asked = prices[i, :m].tolist(), units[i, :m].tolist(), sold[i, :m].tolist()
        best, open_, lost = choose_twin(facts, i, *asked, seed % 2 == 1, cover)
        assert found.place[i] == found.best[i] == best, i
        assert (found.low[i], found.high[i]) == (prices[i, open_[0]], prices[i, open_[-1]])
        assert bool(found.gave_way[i] >> kernel.STOCK_COVER & 1) == lost
        assert found.propensity[i] == 1


@pytest.mark.parametrize("curves", [0, 8])
def test_chances_are_those_that_are_told(curves: int) -> None:
    """Over many draws each price comes as often as its propensity says, and none lies further than it may."""
    n, k = 20_000, 9
    facts = Facts(
        *(np.full(n, value, np.int64) for value in (1000, 400, 0, 0, 0, -1)),
        *(np.zeros(n, np.bool_), np.zeros(n, np.bool_), np.zeros(n, np.int32)),
    )
    policy = np.zeros((1, kernel.POLICY_COLUMNS), np.int64)
    policy[0] = [0, 1, 10**6, 0, 1000, 0, 0, 0, 4000, 600]
    bands = kernel.allowed_bands(facts, np.zeros(n, np.int64), np.full(n, FAR), policy)
    prices, count, plain = kernel.ladder(bands.low, bands.high, facts.price, np.zeros(1, np.int64), np.array([0, 1]), k)
    units = (1e9 * prices.astype(np.float64) ** -1.667).astype(np.float32)
    rng = np.random.default_rng(0)
    slopes = rng.normal(-1.667, 0.5, (curves, 1, 1))
    drawn = (prices[None] / 1000.0) ** slopes
    found = kernel.choose(
        facts, bands, prices, count, plain, units, units, drawn.astype(np.float32), policy, 0, rng.random((n, 2))
    )
    assert len(set(found.best.tolist())) == 1
    best = prices[0, found.best[0]]
    chosen = prices[np.arange(n), found.place]
    assert (np.abs(chosen - best) <= best * 0.06).all()
    told = {}
    for place in np.unique(found.place).tolist():
        mine = found.place == place
        (told[place],) = set(found.propensity[mine].tolist())
        assert abs(mine.mean() - told[place]) < 0.02
    assert len(told) > 1
    assert sum(told.values()) == pytest.approx(1.0, abs=1e-6)


def test_draws_beyond_the_share_change_nothing() -> None:
    """Exploring is a share: the others get the best price, and say with which chance."""
    bands = Bands(
        *(
            np.array([value], kind)
            for value, kind in zip(
                (900, 1100, 11, 11, 0, 0, 0), (np.int64,) * 2 + (np.uint8,) * 3 + (np.int32,) * 2, strict=True
            )
        )
    )
    facts = Facts(
        *(np.array([value], np.int64) for value in (1000, 400, 0, 0, 0, -1)),
        *(np.zeros(1, np.bool_),) * 2,
        np.zeros(1, np.int32),
    )
    policy = np.zeros((1, kernel.POLICY_COLUMNS), np.int64)
    policy[0, [kernel.P_EXPLORE, kernel.P_EXPLORE_WIDTH]] = 5000, 10_000
    prices, units = np.array([[900, 1000, 1100]]), np.array([[1, 1, 1]], np.float32)
    for first, place, chance in ((0.5, 2, 0.5 + 0.5 / 3), (0.49, 0, 0.5 / 3)):
        found = kernel.choose(
            facts, bands, prices, np.array([3], np.int32), np.zeros(1, np.bool_), units, units,
            np.zeros((0, 1, 1), np.float32), policy, 0, np.array([[first, 0.0]]),
        )  # fmt: skip
        assert (found.place[0], found.best[0]) == (place, 2)
        assert found.propensity[0] == pytest.approx(chance)
