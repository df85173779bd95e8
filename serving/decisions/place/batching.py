"""`BatchOrders`: which orders to pick in one walk. By arrival, by savings, then by search until the time is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import numpy as np

from serving.decisions.place.contract import F64, I64, Batch, BatchAnswer, BatchQuery, Matrix
from serving.decisions.place.fitting import bounds, loads
from serving.decisions.place.ground import ground_of, point_sets, walked
from serving.decisions.place.ports import Stop, never
from serving.kernels.batching import (
    Batches,
    Task,
    alone,
    arrival,
    best_partners,
    gather,
    merge_by_savings,
    no_batches,
    outlines,
    pair_savings,
    unlike,
)
from serving.kernels.batching_search import INSERTIONS, REMOVALS, search
from serving.kernels.batching_swaps import swap
from serving.kernels.picker_ground import Ground
from serving.kernels.picker_matrix import EXACT
from serving.kernels.picker_route import visits
from serving.kernels.point_bits import bits_of

SLICE_SECONDS: Final = 0.002
"""How long a kernel runs before the clock and the caller are looked at."""
FORGETTING: Final = 0.9
"""Of the longest step, with each step after it: one that had to wait for the core is not typical."""
PAIRS_SHARE: Final = 0.4
SAVINGS_SHARE: Final = 0.7
"""Of the time that may have passed when pairs have been looked at, and when they have been joined."""
PAIR_SECONDS: Final = 1.5e-6
"""About what a pair costs on a slow machine: how many are looked at where the time is short."""
WRITING: Final = 0.3
"""Share of the time, at most, that is kept for the routes."""
WRITING_SECONDS: Final = 0.004
WRITING_ORDER_SECONDS: Final = 30e-6
"""About what the answer costs, and for each order more."""
LANDMARKS: Final = 16
"""Points of a matrix by which orders are compared."""
WARM: Final = 0.03
COLD: Final = 0.0003
"""Of an average walk: what is given away easily at the beginning of the search, and at its end."""
QUIET: Final = 5_000
QUIET_PER_ORDER: Final = 1_000
"""Rounds without a gain, for each order more, after which the search is over before its time."""
NEAR: Final = 20
"""Orders like an order that the search looks at together with it."""
TRIES_PER_ROUND: Final = 16
"""Exchanges that take about as long as a round of removal and insertion."""
LEARNING: Final = 0.2
"""How fast rules that do well are used more. [1] Ropke & Pisinger 2006, section 3.4."""
LEAST_WEIGHT: Final = 0.05


@dataclass(slots=True)
class _Plan:
    """What is known on the way."""

    task: Task
    batches: Batches
    point: I64
    """(lines,)"""
    owner: I64
    """(lines,) the order."""
    best: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    """(n,) batch of each order."""
    metres: float = np.inf
    engine: str = "first-come"
    rounds: int = 0

    def offer(self, of: I64, metres: float, engine: str) -> None:
        if metres < self.metres - 1e-9:
            self.best, self.metres, self.engine = of.copy(), metres, engine


@dataclass(slots=True)
class _Time:
    """When the search must end."""

    clock: Callable[[], float]
    stop: Stop
    began: float
    until: float
    longest: float = 0.0
    """Seconds of the longest step of late: the next may take as long, and nothing ends it."""

    def over(self, share: float = 1.0) -> bool:
        now = self.clock()
        return now + self.longest >= self.began + share * (self.until - self.began) or self.stop()

    def took(self, last: float) -> float:
        """Seconds of the step that began at `last`."""
        seconds = self.clock() - last
        self.longest = max(seconds, FORGETTING * self.longest)
        return seconds

    def used(self) -> float:
        """Share of the time, 0..1."""
        return min(1.0, (self.clock() - self.began) / max(self.until - self.began, 1e-9))


def batch_orders(query: BatchQuery, stop: Stop = never, clock: Callable[[], float] = monotonic) -> BatchAnswer:
    """A checked query's answer: never more metres than first-come, whatever the time. [1] de Koster et al. 1999."""
    began = clock()
    seconds = query.seconds - min(WRITING * query.seconds, WRITING_SECONDS + WRITING_ORDER_SECONDS * len(query.orders))
    time = _Time(clock, stop, began, began + seconds)
    plan = _plan(query)
    first = arrival(plan.task)
    first_metres = gather(plan.task, first, plan.batches)
    plan.offer(first, first_metres, "first-come")
    if len(query.orders) > 1 and not time.over():
        near = _alike(plan.task, int(PAIRS_SHARE * query.seconds / PAIR_SECONDS / len(query.orders)))
        _save(plan, near, time)
        _search(plan, near, time, query.seed)
    return _answer(query, plan, first, began, clock)


def task_of(query: BatchQuery) -> Task:
    """A checked query as the kernels read it."""
    return _plan(query).task


def _plan(query: BatchQuery) -> _Plan:
    orders = query.orders
    used, line = np.unique(query.slot[orders.item], return_inverse=True)
    ground, point = ground_of(query.layout, query.slots, used)
    owner = np.repeat(np.arange(len(orders)), np.diff(orders.start))
    points, start = point_sets(point[line], owner, len(orders))
    bits = bits_of(points, start, len(ground.column) // 64 + 1)
    task = Task(ground, bits, loads(query.items, orders), bounds(query.limits), np.empty(len(orders)))
    alone(ground, bits, task.solo)
    return _Plan(task, no_batches(task), point[line], owner)


def _save(plan: _Plan, near: I64, time: _Time) -> None:
    """The savings algorithm among orders that are alike, as far as the time goes."""
    task, n = plan.task, len(plan.task.solo)
    saving, rows, row = np.full((n, n), -1.0), 1, 0
    while row < n and not time.over(PAIRS_SHARE):
        last = time.clock()
        pair_savings(task, near, row, min(row + rows, n), saving)
        row += rows
        rows = _paced(rows, time.took(last))
    best, merges, more = np.zeros(n, np.int64), 4, True
    best_partners(saving, best)
    gather(task, np.arange(n), plan.batches)
    while more and not time.over(SAVINGS_SHARE):
        last = time.clock()
        more = merge_by_savings(task, plan.batches, saving, best, merges)
        merges = _paced(merges, time.took(last))
    plan.offer(plan.batches.of, float(plan.batches.metres.sum()), "savings")


def _search(plan: _Plan, near: I64, time: _Time, seed: int) -> None:
    """Adaptive large neighbourhood search from the best so far, and exchanges between two batches."""
    task, rules = plan.task, REMOVALS + INSERTIONS
    numbers = np.unique(plan.best, return_inverse=True)[1].reshape(-1)
    metres = gather(task, numbers, plan.batches)
    typical = metres / (numbers.max() + 1)
    near, best = np.ascontiguousarray(near[:, :NEAR]), numbers.copy()
    total = np.array([metres, metres])
    weights, random = np.ones(rules), np.array([seed], np.uint64)
    rounds, tries, points, used = 8, 8 * TRIES_PER_ROUND, np.zeros(rules), np.zeros(rules)
    quiet, turn = 0, 0
    while quiet < QUIET + QUIET_PER_ORDER * len(best) and not time.over():
        was = total[1]
        warmth = typical * WARM * (COLD / WARM) ** time.used()
        last = time.clock()
        turn += 1
        # many small steps and few large ones, by turns: each comes out of what the other is caught in
        if turn % 2:
            swap(task, plan.batches, near, best, total, warmth, random, tries)
            done, tries = tries // TRIES_PER_ROUND, _paced(tries, time.took(last))
        else:
            search(task, plan.batches, near, best, total, warmth, weights, points, used, random, rounds)
            done, rounds = rounds, _paced(rounds, time.took(last))
        plan.rounds += done
        quiet = 0 if total[1] < was else quiet + done
        if used.sum() >= 200:
            weights += LEARNING * (points / np.maximum(used, 1) - weights)
            np.maximum(weights, LEAST_WEIGHT, out=weights)
            points[:], used[:] = 0, 0
    # the search adds up differences: what is answered is counted anew
    plan.offer(best, gather(task, best, plan.batches), "alns")


def _alike(task: Task, pairs: int) -> I64:
    """(n, q) orders whose places are like each order's, NEAR of them first that are most alike. pairs: q, about."""
    ground, n = task.ground, len(task.solo)
    where, far = np.empty((n, min(len(ground.metres), LANDMARKS) or len(ground.column_x))), np.empty((n, n))
    outlines(task, where)
    unlike(where, far)
    q = min(max(pairs, NEAR), n - 1)
    kth = sorted({min(NEAR, n - 1) - 1, q - 1})
    found: I64 = np.ascontiguousarray(np.argpartition(far, kth, axis=1)[:, :q])
    return found


def _paced(size: int, seconds: float) -> int:
    """How much to do until the next look at the clock."""
    return max(1, min(int(size * SLICE_SECONDS / max(seconds, 1e-6)), size * 4))


def _answer(
    query: BatchQuery, plan: _Plan, first: I64, began: float, clock: Callable[[], float]
) -> BatchAnswer:  # fmt: skip
    names, of = np.unique(plan.best, return_inverse=True)
    of, ground = of.reshape(-1), plan.task.ground
    points, start = point_sets(plan.point, of[plan.owner], len(names))
    rank = np.zeros(len(points), np.int64)
    metres = visits(ground, points, start, rank)
    batches = _batches(query, plan, of, points, start, rank, metres)
    reference = None if isinstance(query.layout, Matrix) else _reference(ground, plan, first)
    return BatchAnswer(
        batches,
        float(metres.sum()),
        _first_come(ground, plan, first),
        reference,
        plan.engine,
        plan.rounds,
        clock() - began,
        len(ground.metres) == 0 or int(np.diff(start).max()) <= EXACT,
        query.request_id,
    )


def _batches(
    query: BatchQuery, plan: _Plan, of: I64, points: I64, start: I64, rank: I64, metres: F64
) -> tuple[Batch, ...]:
    """In the order of their first orders."""
    orders, load = query.orders, np.zeros((len(start) - 1, plan.task.load.shape[1]))
    np.add.at(load, of, plan.task.load)
    span = len(plan.task.ground.column) + 1
    batch = of[plan.owner]
    owned = np.repeat(np.arange(len(start) - 1), np.diff(start))
    at = np.searchsorted(owned * span + points, batch * span + plan.point)
    slot = query.slot[orders.item]
    by = np.lexsort((slot, rank[at], batch))
    slot, batch = slot[by], batch[by]
    new = np.append(True, (slot[1:] != slot[:-1]) | (batch[1:] != batch[:-1]))
    stops = np.split(slot[new], np.searchsorted(batch[new], np.arange(1, len(start) - 1)))
    members = np.split(np.argsort(of, kind="stable"), np.searchsorted(np.sort(of), np.arange(1, len(start) - 1)))
    found = [
        Batch(
            tuple(some.tolist()),
            tuple(way.tolist()),
            float(metres[k]),
            int(load[k, 1]),
            int(load[k, 2]),
            float(load[k, 3]),
            float(load[k, 4]),
        )
        for k, (some, way) in enumerate(zip(members, stops, strict=True))
    ]
    return tuple(sorted(found, key=lambda one: one.orders))


def _first_come(ground: Ground, plan: _Plan, first: I64) -> float:
    points, start = point_sets(plan.point, first[plan.owner], int(first.max()) + 1)
    if len(ground.metres):
        return float(visits(ground, points, start, np.zeros(len(points), np.int64)).sum())
    return float(walked(ground, points, start).sum())


def _reference(ground: Ground, plan: _Plan, first: I64) -> float:
    points, start = point_sets(plan.point, first[plan.owner], int(first.max()) + 1)
    return float(walked(ground, points, start, "s-shape").sum())
