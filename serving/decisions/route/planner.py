"""The best plan of several engines within a time: every one is checked before it leaves, and there always is one."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from serving.decisions.route.arrays import Arrays, arrays_of, empty_state, load_routes, routes_of, write_route
from serving.decisions.route.bound import lower_bound
from serving.decisions.route.checker import check
from serving.decisions.route.problem import WHOLE, Cancelled, Engine, OnBetter, Part, Plan, Problem
from serving.decisions.route.reasons import explained
from serving.decisions.route.rounds import crew, rounds
from serving.decisions.route.schedule import plan_of
from serving.decisions.route.search import Search
from serving.kernels.route_state import refresh

LOG = logging.getLogger(__name__)
THREADS: Final = 2
OPENING: Final = 0.04
"""Share of the time in which the first engine makes a plan that the others start from."""
ALTERNATING: Final = 0.3
"""Share of the time that the first engine has where only one can run at a time."""
CLOSING_S: Final = 0.01
"""Kept for checking the last plan and for its reasons."""
NOTICED_S: Final = 0.02
"""Longest wait before it is asked again whether anybody still wants a plan."""
BETTER: Final = 1e-9
"""Relative: a plan must be cheaper by so much."""


@dataclass(frozen=True, slots=True)
class Planner:
    """engines: the first takes every problem and always has a plan; of the others, the first that fit run beside it.
    Where there are threads and cores for more, our own search takes them too, each from a seed of its own.

    threads: engines at a time; with one they run one after the other, each from the best plan so far.
    """

    engines: Sequence[Engine] = field(default_factory=lambda: (Search(),))
    threads: int = THREADS

    def plan(
        self,
        problem: Problem,
        plan: Plan | None,
        *,
        seed: int,
        deadline: float,
        on_better: OnBetter,
        cancelled: Cancelled,
        bound: float | None = None,
        part: Part = WHOLE,
    ) -> Plan:
        """The best plan found until `deadline` (time.monotonic seconds), from `plan` on where there is one.

        bound: what is known already of the least cost; None = it is looked for. The plan names its engine, the reasons
        of what it leaves out, and a lower bound where there was time for one.
        part: where this is a piece of a longer search, whose best plan so far is `plan`: the pieces share one cooling
        and one order of the engines. `cancelled` ends all, but for what cannot be stopped: it ends beside.
        """
        arrays = arrays_of(problem)
        best = _Best(arrays, on_better, bound)
        if plan is not None:
            best.offer(plan)
        began, deadline = time.monotonic(), deadline - CLOSING_S
        fitting = [engine for engine in self.engines if not engine.misfit(problem)][: max(self.threads, 2)]
        cores = min(self.threads, len(os.sched_getaffinity(0)))
        engines = crew(fitting, cores)

        def run(engine: Engine, until: float, number: int, part: Part = part) -> None:
            if best.plan is not None and cancelled():
                return
            engine = engine.within(part) if isinstance(engine, Search) else engine
            try:
                found = engine.improve(
                    problem, best.plan, seed=seed + number, deadline=until, on_better=best.offer, cancelled=cancelled
                )
                if found is not None:
                    best.offer(found)
            except Exception:
                LOG.exception("the engine %s failed; the plans of the others stand", engine.name)

        bounded = threading.Thread(target=best.find_bound, args=(problem, deadline), daemon=True)
        bounded.start()
        share = deadline - began
        if len(engines) == 1:
            run(engines[0], deadline, 0)
        elif cores < 2:
            turn = min(max((ALTERNATING - part.begins) / max(part.ends - part.begins, BETTER), 0.0), 1.0)
            if turn > 0.0:
                run(engines[0], began + turn * share, 0, _of_first(part))
            if turn < 1.0:
                run(engines[1], deadline, 1)
        else:
            if part.begins == 0.0 or plan is None:
                run(engines[0], began + OPENING * share, 0, WHOLE)
            late: set[str] = set()
            for number, each in enumerate(rounds(problem, best.plan, engines, given=plan is not None, part=part)):
                until = began + each.end * share
                beside = [
                    (engine.name, threading.Thread(target=run, args=(engine, until, seat + 10 * number), daemon=True))
                    for seat, engine in enumerate(each.engines[1:], 1)
                    if engine.name not in late
                ]
                for _, thread in beside:
                    thread.start()
                run(each.engines[0], until, 10 * number)
                for _, thread in beside:
                    _join(thread, until, cancelled)
                late |= {name for name, thread in beside if thread.is_alive()}
        _join(bounded, deadline, cancelled)
        best.close()
        found = best.plan if best.plan is not None else nothing_new(arrays)
        return explained(arrays, replace(found, bound=best.bound))


class _Best:
    """The best plan so far; engines of several threads offer theirs."""

    def __init__(self, arrays: Arrays, on_better: OnBetter, bound: float | None) -> None:
        self.arrays, self.on_better = arrays, on_better
        self.plan: Plan | None = None
        self.bound = bound
        self._closed = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Nobody is told of a plan any more."""
        with self._lock:
            self._closed = True

    def offer(self, plan: Plan) -> None:
        """Takes the plan where it is cheaper and passes the check."""
        with self._lock:
            if self._closed or (self.plan is not None and plan.cost >= self.plan.cost * (1 - BETTER)):
                return
            if wrong := check(self.arrays.problem, plan):
                LOG.warning("a plan of %s is not feasible and was refused: %s", plan.engine, wrong[0])
                return
            self.plan = plan
            self.on_better(explained(self.arrays, replace(plan, bound=self.bound)))

    def find_bound(self, problem: Problem, deadline: float) -> None:
        if self.bound is not None:
            return
        self.bound = lower_bound(problem, deadline - time.monotonic())


def _of_first(part: Part) -> Part:
    """The same part, in shares of the first engine's time, where the engines have theirs one after the other."""
    return Part(part.begins / ALTERNATING, min(part.ends / ALTERNATING, 1.0))


def _join(thread: threading.Thread, deadline: float, cancelled: Cancelled) -> None:
    """Who is in the midst of a long step ends by itself: what it finds then comes too late."""
    while thread.is_alive() and not cancelled():
        left = deadline + CLOSING_S / 2 - time.monotonic()
        if left <= 0:
            return
        thread.join(min(left, NOTICED_S))


def nothing_new(arrays: Arrays) -> Plan:
    """What is driven, and no more: feasible whatever the problem is."""
    state = empty_state(arrays)
    return plan_of(arrays, routes_of(arrays, state.seq, state.count), "none")


def timed(problem: Problem, routes: Sequence[Sequence[int]]) -> Plan:
    """A plan of given orders of stops by vehicle, with times, costs and reasons. From the first stop that a vehicle
    cannot visit in this order, or may not, that stop is left out."""
    arrays = arrays_of(problem, near=False)
    state = empty_state(arrays)
    if not load_routes(arrays, state, routes) or any(
        not _permitted(arrays, v, stops) for v, stops in enumerate(routes)
    ):
        state = empty_state(arrays)
        for v, stops in enumerate(routes):
            kept: list[int] = []
            for stop in stops:
                if _permitted(arrays, v, [*kept, stop]) and write_route(arrays, state, v, [*kept, stop]):
                    kept.append(stop)
            whole = [stop for stop in kept if _whole(problem, stop, kept)]
            while not write_route(arrays, state, v, whole):
                whole = whole[:-1]
                whole = [stop for stop in whole if _whole(problem, stop, whole)]
    for v in range(len(routes)):
        refresh(arrays.world, state, v)
    return explained(arrays, plan_of(arrays, routes_of(arrays, state.seq, state.count), "given"))


def _permitted(arrays: Arrays, v: int, stops: Sequence[int]) -> bool:
    """Whether the vehicle may visit them, and no shipment is handed over before it is collected."""
    world, place = arrays.world, {stop: at for at, stop in enumerate(stops)}
    lock = int(world.lock[v])
    for at, stop in enumerate(stops):
        node = stop + world.depots
        if at >= lock and not world.allowed[v, node]:
            return False
        other = int(world.partner[node]) - world.depots
        if other >= 0 and not world.leads[node] and place.get(other, at + 1) > at:
            return False
    return True


def _whole(problem: Problem, stop: int, stops: Sequence[int]) -> bool:
    other = int(problem.stops.partner[stop])
    return other < 0 or other in stops
