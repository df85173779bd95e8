"""Policies: the curves equal their definitions, searches equal trying everything, the simulator equals a plain one."""

from __future__ import annotations

import numpy as np
import pytest

from serving.kernels.lead_time import CELLS, protection_of_moments
from serving.kernels.replenish import (
    FOR_COST,
    FOR_FILL,
    FOR_SERVICE,
    HELD,
    LINES,
    MAXIMUM,
    MINIMUM,
    PACK,
    READY,
    SHORT,
    UNBOUND,
    base_stock,
    curves,
    reorder_points,
    rounded,
)
from serving.kernels.replenish_simulate import COST, DEMAND, HELD_DAYS, ORDERED, ORDERS, simulate

M = 60


@pytest.fixture(scope="module")
def pmf() -> np.ndarray:
    """Two to four days of lead time, reviews every third day."""
    out = np.zeros((4, CELLS))
    protection_of_moments(1.5, 3.0, np.array([0, 0, 0.25, 0.5, 0.25]), 3, 1, out)
    return out


def test_curves_equal_their_definitions(pmf: np.ndarray) -> None:
    found, k = np.zeros((LINES, CELLS)), np.arange(CELLS)
    cycle = curves(pmf, CELLS, False, found)
    assert cycle == pytest.approx(4.5, rel=1e-6)
    for y in range(M):
        over, under = np.maximum(k - y, 0), np.maximum(y - k, 0)
        assert found[READY, y] == pytest.approx(pmf[1, : y + 1].sum(), abs=1e-9)
        assert found[SHORT, y] == pytest.approx(pmf[1] @ over - pmf[0] @ over, abs=1e-9)
        assert found[HELD, y] == pytest.approx(pmf[2] @ under, abs=1e-9)


@pytest.mark.parametrize(("kind", "target"), [(FOR_SERVICE, 0.9), (FOR_FILL, 0.97), (FOR_COST, 0.0)])
def test_base_stock_equals_trying_everything(pmf: np.ndarray, kind: int, target: float) -> None:
    curve = np.zeros((LINES, CELLS))
    cycle = curves(pmf, CELLS, False, curve)
    cost = 0.3 * curve[HELD] + 4.0 * curve[SHORT]
    meets = {FOR_SERVICE: curve[READY] >= target, FOR_FILL: 1 - curve[SHORT] / cycle >= target}
    expected = int(np.argmin(cost)) if kind == FOR_COST else int(np.argmax(meets[kind]))
    assert 0 < expected < M
    assert base_stock(curve, CELLS, cycle, kind, target, 0.3, 4.0) == expected


@pytest.mark.parametrize(("kind", "target"), [(FOR_FILL, 0.95), (FOR_COST, 0.0)])
def test_reorder_points_equal_trying_everything(pmf: np.ndarray, kind: int, target: float) -> None:
    """Every pair, each by the stationary chances of its Markov chain, which are solved for and not derived."""
    curve = np.zeros((LINES, CELLS))
    cycle = curves(pmf, CELLS, False, curve)
    demand, best = pmf[3, :M], (np.inf, -1, -1)
    for up in range(M // 2):
        for s in range(up):
            states = up - s  # positions s + 1 .. up after a review
            chain = np.zeros((states, states))
            for y in range(states):
                for d in range(y + 1):
                    chain[y, y - d] += demand[d]
                chain[y, -1] += 1 - chain[y].sum()
            system = np.vstack([(chain.T - np.eye(states))[:-1], np.ones(states)])
            stay = np.linalg.solve(system, np.eye(states)[-1])
            orders = sum(stay[y] * (1 - demand[: y + 1].sum()) for y in range(states))
            short, held = stay @ curve[SHORT, s + 1 : up + 1], stay @ curve[HELD, s + 1 : up + 1]
            cost = 5.0 * orders + 0.3 * held + (4.0 * short if kind == FOR_COST else 0)
            if (kind == FOR_COST or short <= (1 - target) * cycle) and cost < best[0] - 1e-12:
                best = (cost, s, up)
    s, up, _ = reorder_points(curve, M // 2, pmf[3], cycle, 1.0, kind, target, 0.3, 4.0, 5.0)
    assert (s, up) == best[1:]
    assert 0 <= s < up - 1


@pytest.mark.parametrize(("kind", "target"), [(FOR_FILL, 0.95), (FOR_SERVICE, 0.9), (FOR_COST, 0.0)])
@pytest.mark.parametrize("lost", [False, True])
def test_orders_that_cost_a_fortune_are_placed_all_the_same(
    pmf: np.ndarray, kind: int, target: float, lost: bool
) -> None:
    """Stock of a position is never below nothing, so that -1 would never order: it is only for where that is cheaper
    than any pair, which it is where a unit short costs little."""
    curve = np.zeros((LINES, CELLS))
    cycle = curves(pmf, CELLS, lost, curve)
    s, up, _ = reorder_points(curve, 400, pmf[3], cycle, 1.0, kind, target, 0.01, 4.0, 50.0)
    assert 0 <= s < up - 50
    s, up, _ = reorder_points(curve, 400, pmf[3], cycle, 1.0, kind, target, 0.01, 0.05, 50.0)
    assert (s, up) == (-1, 0) if kind == FOR_COST else s >= 0


def test_a_target_that_no_pair_meets_orders_as_much_as_there_is_room_for(pmf: np.ndarray) -> None:
    curve = np.zeros((LINES, CELLS))
    cycle = curves(pmf, CELLS, True, curve)
    assert reorder_points(curve, 20, pmf[3], cycle, 1.0, FOR_SERVICE, 1 - 1e-9, 0.3, 0.0, 5.0)[:2] == (18, 19)


def test_rounding_keeps_to_packs_and_bounds() -> None:
    """Everything small: a multiple, no less than wanted, within the bounds, and nothing smaller would do."""
    seen = set()
    for wanted in range(1, 30):
        for pack in (1, 4, 6):
            for least, most in ((0, 0), (9, 0), (0, 13), (7, 14)):
                quantity, bound = rounded(wanted, pack, least, most)
                allowed = [q for q in range(pack, 61, pack) if q >= least and (not most or q <= most)]
                expected = next((q for q in allowed if q >= wanted), allowed[-1])
                assert quantity == expected
                seen.add(bound)
                assert (bound == UNBOUND) == (quantity == wanted)
    assert seen == {UNBOUND, PACK, MINIMUM, MAXIMUM}


@pytest.mark.parametrize("lost", [False, True])
def test_simulator_equals_a_plain_one(lost: bool) -> None:
    """One path, with orders written down by their day of arrival."""
    rng = np.random.default_rng(5)
    days, review, order = 60, 4, 7.0
    demand, lead = rng.poisson(2.0, (1, days)), rng.integers(1, 9, (1, 15))
    s, up = rng.integers(4, 9, (1, 15)), rng.integers(12, 25, (1, 15))
    found, one = np.zeros((1, 7)), np.ones(1, np.int64)
    simulate(
        demand, 1, review, s, up, lead, 3 * one, 6 * one, 12 * one, lost, 0.5 * one, 2.0 * one, order * one, 9 * one,
        10, found,
    )  # fmt: skip
    hand, owed, coming, total = 9, 0, dict[int, int](), np.zeros(7)
    for day in range(days):
        hand += coming.pop(day, 0)
        hand, owed = hand - min(hand, owed), owed - min(hand, owed)
        turn, due = divmod(day - 1, review)
        if day >= 1 and due == 0:
            position = hand + sum(coming.values()) - owed
            if position <= s[0, turn]:
                quantity = min(max(-(-(up[0, turn] - position) // 3) * 3, 6), 12)
                arrival = day + int(lead[0, turn])
                coming[arrival] = coming.get(arrival, 0) + quantity
                if day >= 10:
                    total[ORDERS] += 1
                    total[ORDERED] += quantity
        met = min(hand, demand[0, day])
        hand -= met
        owed += 0 if lost else demand[0, day] - met
        if day >= 10:
            total += [demand[0, day], demand[0, day] - met, hand, 0, 0, demand[0, day] > met, 0]
    total[COST] = 0.5 * total[HELD_DAYS] + 2.0 * total[1] + order * total[ORDERS]
    assert total[DEMAND] > total[1] > 0
    assert found[0].tolist() == pytest.approx(total.tolist())
