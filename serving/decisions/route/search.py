"""The engine of our own: insertion, local search, then ruin and recreate until the time is up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from serving.core.clock import NEVER
from serving.decisions.route.arrays import Arrays, arrays_of, by_vehicle, empty_state, load_routes, routes_of
from serving.decisions.route.bound import routes_needed
from serving.decisions.route.problem import TELL_S, WHOLE, Cancelled, OnBetter, Part, Plan, Problem
from serving.decisions.route.schedule import plan_of
from serving.kernels.route_draws import generator
from serving.kernels.route_fleet import shed
from serving.kernels.route_local import descend
from serving.kernels.route_ruin import MEAN_REMOVED, anneal, construct
from serving.kernels.route_settle import scratch
from serving.kernels.route_state import State

NAME: Final = "ruin-and-recreate"
SLICE_S: Final = 0.02
"""What one call of the kernel is meant to take: it cannot be stopped within."""
STEPS_FIRST: Final = 16
STEPS_MAX: Final = 200_000
HOT, COLD = 0.6, 0.006
"""First and last temperature, of the mean cost of an arc."""
WARM: Final = 0.3
"""Share of the cooling that a search leaves out which begins with a plan."""
SHED: Final = 0.3
"""Share of the time for fewer routes, where each of them costs something by itself."""
STARTS: Final = 6
"""Orders in which the first plan is tried."""
DESCENTS: Final = 3
"""Rounds of local search on each of them."""
DESCENT_STOPS_MAX: Final = 500
"""Local search on more cannot be stopped in time."""


@dataclass(frozen=True, slots=True)
class Search:
    """steps: rounds instead of a time, for answers that do not depend on the machine; None = until the deadline."""

    name: str = NAME
    steps: int | None = None
    hot: float = HOT
    cold: float = COLD
    removed: float = MEAN_REMOVED
    warm: float = WARM
    fewer: float = SHED

    def within(self, part: Part) -> Search:
        """The same, that cools only as far, and looks for fewer routes only as long, as the whole search does in this
        part of its time."""
        if part == WHOLE:
            return self
        ratio = self.cold / self.hot
        fewer = (self.fewer - part.begins) / max(part.ends - part.begins, 1e-9)
        return replace(
            self, hot=self.hot * ratio**part.begins, cold=self.hot * ratio**part.ends, warm=0.0,
            fewer=min(max(fewer, 0.0), 1.0),
        )  # fmt: skip

    def misfit(self, problem: Problem) -> str:
        """It takes every problem."""
        return ""

    def improve(
        self,
        problem: Problem,
        plan: Plan | None,
        *,
        seed: int,
        deadline: float,
        on_better: OnBetter,
        cancelled: Cancelled,
    ) -> Plan | None:
        """See `Engine`."""
        run = Run(arrays_of(problem), seed, plan, deadline)
        on_better(run.plan(self.name))
        run.shed(self, deadline, cancelled)
        run.improve(self, deadline, on_better, cancelled, self.warm if plan is not None else 0.0)
        return run.plan(self.name)


class Run:
    """One search: the states, and the best plan so far."""

    def __init__(self, arrays: Arrays, seed: int, plan: Plan | None, deadline: float = NEVER) -> None:
        self.arrays, self.rng = arrays, generator(seed)
        self.current, self.trial = empty_state(arrays), empty_state(arrays)
        self.numbers = np.zeros(4)
        nodes = len(arrays.world.service)
        self.out = np.zeros((2, nodes), np.int64)
        fleet, wide = self.current.seq.shape
        self.scratch = scratch(nodes, fleet, int(arrays.world.kind.max()) + 1, wide)
        first = by_vehicle(arrays.problem, plan) if plan is not None else None
        self.best_seq, self.best_count = self.current.seq, self.current.count
        self._first(first, deadline)

    def _first(self, routes: Sequence[Sequence[int]] | None, deadline: float) -> None:
        """The given routes and what else fits, or the best of several insertion orders, while there is time."""
        arrays, best, kept = self.arrays, np.inf, None
        for order in range(STARTS if routes is None else 1):
            state = empty_state(arrays)
            if routes is not None and not load_routes(arrays, state, routes):
                state = empty_state(arrays)
            construct(arrays.world, state, order, self.rng)
            if routes is None and len(arrays.problem.stops.ids) <= DESCENT_STOPS_MAX:
                descend(arrays.world, state, DESCENTS)
            cost = total(arrays, state)
            if cost < best:
                best, kept = cost, state
            if time.monotonic() >= deadline:
                break
        assert kept is not None
        self._begin(kept, best)

    def _begin(self, state: State, cost: float) -> None:
        """Goes on from a state of this cost, which is the best so far."""
        self.numbers[0] = self.numbers[1] = cost
        for field, mine, other in zip(State._fields, self.current, self.trial, strict=True):
            mine[...] = getattr(state, field)
            other[...] = mine
        left_out = np.flatnonzero(state.vehicle[self.arrays.world.depots :] < 0) + self.arrays.world.depots
        self.out[0, : len(left_out)] = left_out
        self.out[1, 0] = len(left_out)
        self.best_seq, self.best_count = self.current.seq.copy(), self.current.count.copy()

    def mean_arc(self) -> float:
        """Mean cost of an arc of the current routes, fixed costs left out."""
        state, world = self.current, self.arrays.world
        used = state.count > 0
        arcs = float(state.count.sum() + used.sum())
        cost = float((state.cost - world.fixed)[used].sum())
        return max(cost / arcs if arcs else 0.0, 1e-9)

    def shed(self, how: Search, deadline: float, cancelled: Cancelled) -> None:
        """Looks for a plan of fewer routes, for `how.fewer` of the time or of the steps; kept where it costs less."""
        arrays, problem = self.arrays, self.arrays.problem
        used = self.current.count > 0
        least = max(routes_needed(problem, len(used)), 1)
        fixed = arrays.world.fixed[used]
        if problem.progress is not None or not used.any() or used.sum() <= least or not fixed.any() or self.out[1, 0]:
            return
        now = time.monotonic()
        until, rounds = now + how.fewer * (deadline - now), STEPS_MAX
        if how.steps is not None:
            until, rounds = NEVER, int(how.fewer * how.steps)
        waits, out = np.zeros(self.out.shape[1], np.int64), np.zeros_like(self.out)
        seq, count, steps, better = self.best_seq.copy(), self.best_count.copy(), STEPS_FIRST, False
        heat = self.mean_arc() * how.hot
        while not cancelled() and (now := time.monotonic()) < until and rounds > 0:
            steps = min(steps, rounds) if how.steps is not None else steps
            fewer = shed(
                arrays.world, self.current, self.trial, seq, count, waits, out,
                steps, least, heat, how.removed, self.rng, self.scratch,
            )  # fmt: skip
            better = better or fewer > 0
            if out[1, 0] == 0 and int((self.current.count > 0).sum()) <= least:
                break
            if how.steps is not None:
                rounds -= steps
            else:
                steps = int(min(max(steps * min(SLICE_S / max(time.monotonic() - now, 1e-6), 8.0), 1), STEPS_MAX))
        state = empty_state(arrays)
        load_routes(arrays, state, routes_of(arrays, seq, count))
        if not better or (cost := total(arrays, state)) >= self.numbers[1]:
            load_routes(arrays, state, routes_of(arrays, self.best_seq, self.best_count))
            cost = float(self.numbers[1])
        self._begin(state, cost)

    def improve(
        self, how: Search, deadline: float, on_better: OnBetter, cancelled: Cancelled, warm: float = 0.0
    ) -> None:
        """Anneals until the deadline, or for `how.steps` rounds. warm: share of the cooling that is left out."""
        began = time.monotonic()
        arc, steps, done, told = self.mean_arc(), STEPS_FIRST, 0, began
        untold = False
        while not cancelled():
            now = time.monotonic()
            left = deadline - now
            share = done / how.steps if how.steps is not None else (now - began) / max(deadline - began, 1e-9)
            if share >= 1.0 or left <= 0.0:
                break
            if how.steps is not None:
                steps = min(steps, how.steps - done)
                until = (done + steps) / how.steps
            else:
                until = min(share + SLICE_S / (deadline - began), 1.0)
            if self.round(how, arc, warm + (1 - warm) * share, warm + (1 - warm) * until, steps):
                untold = True
            spent = max(time.monotonic() - now, 1e-6)
            done += steps
            if how.steps is None:
                room = min(SLICE_S, max(deadline - time.monotonic(), 0.0))
                steps = int(min(max(steps * min(room / spent, 8.0), 1), STEPS_MAX))
            if untold and time.monotonic() - told >= TELL_S:
                on_better(self.plan(how.name))
                told, untold = time.monotonic(), False
        if untold:
            on_better(self.plan(how.name))

    def round(self, how: Search, arc: float, share: float, until: float, steps: int) -> bool:
        """One call of the kernel between two shares of the cooling. Returns whether a better plan was found."""
        ratio = how.cold / how.hot
        hot, cold = arc * how.hot * ratio**share, arc * how.hot * ratio**until
        return bool(
            anneal(
                self.arrays.world,
                self.current,
                self.trial,
                self.best_seq,
                self.best_count,
                self.numbers,
                self.out,
                steps,
                hot,
                cold,
                how.removed,
                self.rng,
                self.scratch,
            )
        )

    def routes(self) -> list[list[int]]:
        """The best plan's stops by vehicle."""
        return routes_of(self.arrays, self.best_seq, self.best_count)

    def plan(self, engine: str) -> Plan:
        return plan_of(self.arrays, self.routes(), engine)


def total(arrays: Arrays, state: State) -> float:
    """Cost of a state's routes and of what it leaves out."""
    out: Any = state.vehicle[arrays.world.depots :] < 0
    return float(state.cost.sum() + arrays.world.drop[arrays.world.depots :][out].sum())
