"""A running plan after changes, in milliseconds: what is driven stays, the rest changes as little as it must."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from serving.core.errors import InternalError, InvalidInput
from serving.decisions.route.arrays import Arrays, arrays_of, by_vehicle, empty_state, lay, routes_of
from serving.decisions.route.checker import check
from serving.decisions.route.problem import FAR, Dropped, Plan, Problem, Progress, Reason
from serving.decisions.route.progress import progress_at
from serving.decisions.route.reasons import explained
from serving.decisions.route.schedule import left_out, plan_of
from serving.decisions.route.search import Run, Search
from serving.kernels.route_draws import generator
from serving.kernels.route_mend import mend

NAME: Final = "insertion"


def replan(
    problem: Problem,
    plan: Plan,
    now: int,
    *,
    late: Mapping[int, int] | None = None,
    at: Mapping[int, tuple[int, int]] | None = None,
    cancelled: frozenset[int] = frozenset(),
    interchangeable: bool = False,
    seconds: float = 0.0,
    seed: int = 0,
) -> Plan:
    """The plan of `problem` (new stops are its last rows, closed roads are FAR, progress is None) that follows `plan`.

    Stops of no route of `plan` are inserted where they are cheapest; stops that can no longer be reached in time are
    taken out and inserted elsewhere, or left out with a reason. late, at, interchangeable: see `progress_at`.
    seconds: for improving what is not driven; 0 = answer at once, and leave all other stops where they are.
    """
    stops = problem.stops
    gone = cancelled | frozenset(int(stops.partner[stop]) for stop in cancelled if stops.partner[stop] >= 0)
    progress = progress_at(problem, plan, now, late=late, at=at, cancelled=gone, interchangeable=interchangeable)
    running, routes = _under_way(problem, progress), by_vehicle(problem, plan)
    if gone:
        gone -= frozenset(stop for done in progress.done for stop in done)
        routes = [[stop for stop in route if stop not in gone] for route in routes]
    arrays = arrays_of(running, near=seconds > 0, longest=max(map(len, routes)))
    for stop in gone:
        arrays.world.allowed[:, stop + arrays.world.depots] = False
    state = empty_state(arrays, written=False)
    wanted = state.seq.copy()
    counts = lay(arrays.world, routes, wanted)
    mend(arrays.world, state, wanted, counts, generator(seed))
    routes = routes_of(arrays, state.seq, state.count)
    if seconds > 0:
        run = Run(arrays, seed, plan_of(arrays, routes, NAME))
        run.improve(Search(), time.monotonic() + seconds, lambda _: None, lambda: False)
        routes = run.routes()
    _check_ends(running, arrays, routes)
    dropped = [
        Dropped(stop, Reason.CANCELLED if stop in gone else Reason.NOT_FOUND) for stop in left_out(stops.ids, routes)
    ]
    found = explained(arrays, plan_of(arrays, routes, NAME, dropped))
    if wrong := check(running, found):
        raise InternalError(f"a plan after a change is not feasible: {wrong[0]}")
    return found


def _under_way(problem: Problem, progress: Progress) -> Problem:
    """The same with its progress, on which the costs of leaving stops out do not depend."""
    running = replace(problem, progress=progress)
    running.__dict__["longest_arc"], running.__dict__["drop_costs"] = problem.longest_arc, problem.drop_costs
    return running


def _check_ends(problem: Problem, arrays: Arrays, routes: list[list[int]]) -> None:
    """Raises InvalidInput where a vehicle on its way has no way to its end left."""
    world, progress = arrays.world, problem.progress
    assert progress is not None
    for v, route in enumerate(routes):
        if route and len(route) == len(progress.done[v]) and world.end[v] >= 0:
            last = route[-1] + world.depots
            if world.duration[world.profile[v], last, world.end[v]] >= FAR:
                expected = f"a way from stop {problem.stops.ids[route[-1]]}, where it is, to its end that is not closed"
                raise InvalidInput(f"vehicles[{v}]", problem.vehicles.ids[v], expected)
