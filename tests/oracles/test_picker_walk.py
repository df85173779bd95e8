"""The picker's walk: never longer or shorter than what brute force finds, in warehouses of any number of blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from serving.kernels.picker_ground import Ground, aisle_ground, matrix_ground
from serving.kernels.picker_matrix import EXACT, matrix_length, matrix_walk
from serving.kernels.picker_policies import COMBINED, LARGEST_GAP, RETURN, S_SHAPE, policy_metres
from serving.kernels.picker_route import room_of, walk_route
from serving.kernels.picker_states import tables
from serving.kernels.picker_walk import walk_metres

Spot = tuple[float, float]
"""x and y."""


def between(a: Spot, b: Spot, cross_y: np.ndarray) -> float:
    """Walking distance: along the aisle, or by way of the cross aisle that is least round."""
    if a[0] == b[0]:
        return abs(a[1] - b[1])
    return abs(a[0] - b[0]) + min(abs(a[1] - y) + abs(b[1] - y) for y in cross_y)


def shortest(metres: np.ndarray) -> float:
    """From the first point to the last by way of all others. [1] Held & Karp 1962."""
    n = len(metres) - 2
    if n == 0:
        return float(metres[0, 1])
    best = {(1 << k, k): metres[0, k + 1] for k in range(n)}
    for have in range(1, 1 << n):
        for k in range(n):
            if (have, k) not in best:
                continue
            for to in range(n):
                if not have >> to & 1:
                    key = (have | 1 << to, to)
                    best[key] = min(best.get(key, np.inf), best[have, k] + metres[k + 1, to + 1])
    return float(min(best[(1 << n) - 1, k] + metres[k + 1, n + 1] for k in range(n)))


class World:
    """A warehouse with its picks. `spots`: of begin, picks in order of their points, end."""

    def __init__(self, seed: int, cross: int, path: bool, most: int = 7) -> None:
        rng = np.random.default_rng(seed)
        aisles = int(rng.integers(1, 6))
        self.x = np.cumsum(rng.integers(1, 6, aisles)).astype(float)
        self.cross_y = np.cumsum(rng.integers(3, 12, cross)).astype(float)
        where = np.concatenate([self.x, self.x + 0.5])
        begin, end = (float(rng.choice(where)) for _ in range(2))
        self.begin, self.end = begin, end if path else begin
        n = int(rng.integers(1, most + 1))
        aisle, y = rng.integers(0, aisles, n), rng.integers(self.cross_y[0], self.cross_y[-1] + 1, n).astype(float)
        self.ground, point = aisle_ground(self.x, self.cross_y, self.begin, self.end, aisle, y)
        self.points = np.unique(point)
        xs = self.ground.column_x[self.ground.column]
        self.spots = [(self.begin, self.cross_y[0]), *zip(xs, self.ground.y, strict=True), (self.end, self.cross_y[0])]

    def metres(self) -> np.ndarray:
        return np.array([[between(a, b, self.cross_y) for b in self.spots] for a in self.spots])


@pytest.mark.parametrize(("cross", "states"), [(2, 7), (3, 25)])
def test_the_tables_have_the_classes_of_the_papers(cross: int, states: int) -> None:
    """Seven with two cross aisles (Ratliff and Rosenthal), twenty-five with three (Roodbergen and de Koster)."""
    assert len(tables(cross, False).meet) == states


@pytest.mark.parametrize("path", [False, True])
@pytest.mark.parametrize("cross", [2, 3, 4])
def test_the_walk_is_the_shortest_and_its_stops_say_so(cross: int, path: bool) -> None:
    """Random warehouses; the nodes of the route, walked one after the other, are as long as the length says."""
    for seed in range(250 if cross == 2 else 80):
        world = World(seed, cross, path)
        found = walk_metres(world.ground, world.points, len(world.points))
        assert found == pytest.approx(shortest(world.metres())), seed
        nodes = np.empty(room_of(world.ground, len(world.points)), np.int64)
        nodes = nodes[: walk_route(world.ground, world.points, len(world.points), nodes)]
        assert set(nodes[nodes >= 0]) == set(world.points)
        way = [spot_of(world.ground, node) for node in nodes]
        assert way[0] == world.spots[0]
        assert way[-1] == world.spots[-1]
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(way)), "through shelves"
        assert sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in pairwise(way)) == (pytest.approx(found))


def spot_of(ground: Ground, node: int) -> Spot:
    if node >= 0:
        return float(ground.column_x[ground.column[node]]), float(ground.y[node])
    column, cross = divmod(-1 - int(node), len(ground.cross_y))
    return float(ground.column_x[column]), float(ground.cross_y[cross])


@pytest.mark.parametrize("policy", [S_SHAPE, LARGEST_GAP, RETURN, COMBINED])
def test_the_usual_rules_equal_their_twins_and_are_no_shorter(policy: int) -> None:
    """One block, as the rules are written down: aisle by aisle."""
    for seed in range(200):
        world = World(seed, 2, False, most=12)
        found = policy_metres(world.ground, world.points, len(world.points), policy)
        assert found == pytest.approx(twin(world, policy)), seed
        assert found >= walk_metres(world.ground, world.points, len(world.points)) - 1e-9


def twin(world: World, policy: int) -> float:
    low, high = world.cross_y
    aisles = [sorted(y for sx, y in world.spots[1:-1] if sx == x) for x in world.x]
    used = [(x, ys) for x, ys in zip(world.x, aisles, strict=True) if ys]
    right, left = max(used[-1][0], world.begin), min(used[0][0], world.begin)
    across, length = 2 * (right - left), high - low
    tops = [2 * (ys[-1] - low) for _, ys in used]
    if policy == RETURN:
        return across + sum(tops)
    if policy == S_SHAPE:
        return across + (len(used) * length if len(used) % 2 == 0 else (len(used) - 1) * length + tops[-1])
    if policy == LARGEST_GAP:
        gaps = [max(np.diff([low, *ys, high])) for _, ys in used]
        return across + (tops[0] if len(used) == 1 else 2 * length + sum(2 * (length - gap) for gap in gaps[1:-1]))
    best = np.inf  # every choice of aisles that are walked through, an even number of them
    for choice in range(1 << len(used)):
        through = [choice >> k & 1 for k in range(len(used))]
        if sum(through) % 2 == 0:
            behind, total = False, 0.0
            for (_, ys), goes, top in zip(used, through, tops, strict=True):
                total += length if goes else 2 * (high - ys[0]) if behind else top
                behind ^= bool(goes)
            best = min(best, total)
    return across + best


@pytest.mark.parametrize("path", [False, True])
def test_a_matrix_walk_is_the_shortest_for_few_points_and_close_for_more(path: bool) -> None:
    """Points in the plane; the moves alone stay within 10 % of the dynamic programme, on average within 1.5 %."""
    excess = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 10))
        spots = rng.uniform(0, 100, (n + 2, 2))
        metres = np.linalg.norm(spots[:, None] - spots[None], axis=2)
        ground, points = matrix_ground(metres, n, n + 1 if path else n, np.arange(n))
        last = n + 1 if path else n
        rows = [n, *range(n), last]
        best = shortest(metres[np.ix_(rows, rows)])
        order = np.empty(n, np.int64)
        assert matrix_walk(ground.metres, points, n, EXACT, order) == pytest.approx(best), seed
        way = [n, *order, last]
        assert sum(metres[a, b] for a, b in pairwise(way)) == pytest.approx(best)
        excess.append(matrix_length(ground.metres, points, n) / best - 1)
    assert max(excess) <= 0.1
    assert np.mean(excess) <= 0.015


def test_no_picks_are_no_walk() -> None:
    """An empty set of points costs nothing, with every rule."""
    world, none = World(0, 2, False), np.empty(0, np.int64)
    assert walk_metres(world.ground, none, 0) == 0
    assert policy_metres(world.ground, none, 0, S_SHAPE) == 0
    assert walk_route(world.ground, none, 0, np.empty(8, np.int64)) == 0
