"""The engine of our own: insertion, local search, then ruin and recreate until the time is up."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from serving.core.clock import NEVER
from serving.decisions.route.arrays import Arrays, arrays_of, by_vehicle, empty_state, load_routes, routes_of
from serving.decisions.route.problem import Cancelled, OnBetter, Part, Plan, Problem
from serving.decisions.route.schedule import plan_of
from serving.kernels.route_draws import generator
from serving.kernels.route_local import descend
from serving.kernels.route_ruin import MEAN_REMOVED, anneal, construct
from serving.kernels.route_state import State

NAME: Final = "ruin-and-recreate"
SLICE_S: Final = 0.02
"""What one call of the kernel is meant to take: it cannot be stopped within."""
STEPS_FIRST: Final = 16
STEPS_MAX: Final = 200_000
HOT, COLD = 0.6, 0.006
"""First and last temperature, of the mean cost of an arc."""
STARTS: Final = 6
"""Orders in which the first plan is tried."""
DESCENTS: Final = 3
"""Rounds of local search on each of them."""
DESCENT_STOPS_MAX: Final = 500
"""Local search on more cannot be stopped in time."""
TELL_S: Final = 0.2
"""A better plan is told at most so often; the last one always."""


@dataclass(frozen=True, slots=True)
class Search:
    """steps: rounds instead of a time, for answers that do not depend on the machine; None = until the deadline."""

    name: str = NAME
    steps: int | None = None
    hot: float = HOT
    cold: float = COLD
    removed: float = MEAN_REMOVED

    def within(self, part: Part) -> Search:
        """The same, that cools only as far as the whole search does in this part of its time."""
        ratio = self.cold / self.hot
        return replace(self, hot=self.hot * ratio**part.begins, cold=self.hot * ratio**part.ends)

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
        run.improve(self, deadline, on_better, cancelled)
        return run.plan(self.name)


class Run:
    """One search: the states, and the best plan so far."""

    def __init__(self, arrays: Arrays, seed: int, plan: Plan | None, deadline: float = NEVER) -> None:
        self.arrays, self.rng = arrays, generator(seed)
        self.current, self.trial = empty_state(arrays), empty_state(arrays)
        self.numbers = np.zeros(4)
        nodes = len(arrays.world.service)
        self.out = np.zeros((2, nodes), np.int64)
        first = by_vehicle(arrays.problem, plan) if plan is not None else None
        self._first(first, deadline)
        self.best_seq, self.best_count = self.current.seq.copy(), self.current.count.copy()

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
        self.numbers[0] = self.numbers[1] = best
        self._adopt(kept)

    def _adopt(self, state: State) -> None:
        for field, mine, other in zip(State._fields, self.current, self.trial, strict=True):
            mine[...] = getattr(state, field)
            other[...] = mine
        left_out = np.flatnonzero(state.vehicle[self.arrays.world.depots :] < 0) + self.arrays.world.depots
        self.out[0, : len(left_out)] = left_out
        self.out[1, 0] = len(left_out)

    def mean_arc(self) -> float:
        """Mean cost of an arc of the current routes, fixed costs left out."""
        state, world = self.current, self.arrays.world
        used = state.count > 0
        arcs = float(state.count.sum() + used.sum())
        cost = float((state.cost - world.fixed)[used].sum())
        return max(cost / arcs if arcs else 0.0, 1e-9)

    def improve(self, how: Search, deadline: float, on_better: OnBetter, cancelled: Cancelled) -> None:
        """Anneals until the deadline, or for `how.steps` rounds."""
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
            if self.round(how, arc, share, until, steps):
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
