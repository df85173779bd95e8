"""A problem as the kernels want it, and a search's state as a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, Final

import numpy as np

from serving.decisions.route.problem import ANYWHERE, FAR, ON_EVERY_VEHICLE, TIME_MAX, Plan, Problem
from serving.kernels.route_state import NEVER, State, World, refresh, refresh_all

SHARED: Final = "_arrays"
"""Where a problem keeps them, as a cached property would."""
NEAREST: Final = 150
"""Neighbours of a stop that a removal may reach."""


@dataclass(frozen=True)
class Arrays:
    """world: what never changes. longest: most stops of one route, by stops_max and loads."""

    problem: Problem
    world: World
    longest: int


def arrays_of(problem: Problem, *, near: bool = True, longest: int = 0) -> Arrays:
    """O(n^2 log n); without the nearest stops, which only searches need, O(n^2). Engines of a problem share them.

    longest: a route that the state must hold, even if it is infeasible.
    """
    made: Arrays | None = problem.__dict__.get(SHARED)
    if made is not None and longest <= made.longest:
        return made
    stops, vehicles, depots = problem.stops, problem.vehicles, problem.depots
    n, k = stops.delivery.shape
    nodes, windows, fleet = depots + n, stops.opens.shape[1], len(vehicles.ids)

    def by_node(values: Any, depot: float, dtype: Any) -> Any:
        out = np.full((nodes, *np.shape(values)[1:]), depot, dtype)
        out[depots:] = values
        return out

    partner = np.where(stops.partner >= 0, stops.partner + depots, -1)
    home = np.where(vehicles.end == ANYWHERE, 0, vehicles.end)
    home_closes = np.where(vehicles.end == ANYWHERE, TIME_MAX, problem.depot_closes[home])
    begin = np.maximum(vehicles.opens, problem.depot_opens[vehicles.start])
    lock, ready, left = np.zeros(fleet, np.int64), begin.copy(), np.full(fleet, -1, np.int64)
    held = np.zeros((fleet, k), np.int64)
    if (progress := problem.progress) is not None:
        lock = np.array([len(done) for done in progress.done], np.int64)
        ready, left = np.maximum(progress.ready, begin), progress.left.astype(np.int64)
        held = progress.held.astype(np.int64)
    arcs = np.ascontiguousarray(problem.distance, np.int32)
    duration = np.ascontiguousarray(problem.duration, np.int32)
    if problem.longest_arc >= FAR:
        duration = np.where(arcs >= FAR, np.int32(FAR), duration)
    speed = np.ones((len(arcs), 24)) if problem.speed is None else np.ascontiguousarray(problem.speed, np.float64)
    shift = vehicles.closes - vehicles.opens
    world = World(
        distance=arcs,
        duration=duration,
        speed=speed,
        timed=problem.speed is not None,
        depots=depots,
        opens=by_node(stops.opens, 0, np.int64).reshape(nodes, windows),
        closes=by_node(stops.closes, TIME_MAX, np.int64).reshape(nodes, windows),
        service=by_node(stops.service, 0, np.int64),
        delivery=by_node(stops.delivery, 0, np.int64),
        after=by_node(stops.pickup + stops.carried, 0, np.int64),
        partner=by_node(partner, -1, np.int64),
        leads=by_node(leads(problem), 0, np.bool_),
        drop=by_node(problem.drop_costs, 0.0, np.float64),
        start=vehicles.start.astype(np.int64),
        end=vehicles.end.astype(np.int64),
        capacity=np.ascontiguousarray(vehicles.capacity, np.int64),
        begin=begin.astype(np.int64),
        begin_last=np.minimum(vehicles.closes, problem.depot_closes[vehicles.start]).astype(np.int64),
        finish=np.minimum(vehicles.closes, home_closes).astype(np.int64),
        distance_max=vehicles.distance_max.astype(np.int64),
        duration_max=vehicles.duration_max.astype(np.int64),
        stops_max=vehicles.stops_max.astype(np.int64),
        fixed=vehicles.fixed_cost.astype(np.float64),
        per_metre=vehicles.cost_per_metre.astype(np.float64),
        per_second=vehicles.cost_per_second.astype(np.float64),
        profile=vehicles.profile.astype(np.int64),
        allowed=by_stop_allowed(problem),
        lock=lock,
        ready=ready.astype(np.int64),
        left=left,
        held=np.ascontiguousarray(held),
        paid=(vehicles.cost_per_second > 0) | (vehicles.duration_max < shift),
        kind=kinds(problem),
        near=_near(arcs, depots) if near else np.zeros((nodes, 0), np.int64),
    )
    arrays = Arrays(problem, world, max(_longest(problem), longest))
    if near:
        problem.__dict__[SHARED] = arrays
    return arrays


def leads(problem: Problem) -> Any:
    """(n,) bool: the stop of a shipment that comes first, which collects; without a load, the one listed first."""
    stops = problem.stops
    here = stops.carried.sum(axis=1)
    index = np.arange(len(stops.ids))
    return (stops.partner >= 0) & ((here > 0) | ((here == 0) & (index < stops.partner)))


def by_stop_allowed(problem: Problem) -> Any:
    """(v, d + n) bool: which vehicle may visit which stop, by skills, capacity, and what is aboard already."""
    stops, vehicles = problem.stops, problem.vehicles
    out = np.zeros((len(vehicles.ids), problem.depots + len(stops.ids)), np.bool_)
    fine = out[:, problem.depots :]
    fine[:] = True if problem.progress is None else _aboard(problem)
    # what every vehicle can do is no question of which
    if stops.skills.any():
        need, have = stops.skills.astype(np.uint64), vehicles.skills.astype(np.uint64)
        fine &= (need[None, :] & ~have[:, None]) == 0
    load = np.maximum(stops.delivery, np.maximum(stops.pickup, stops.carried))
    if (load > vehicles.capacity.min(axis=0)).any():
        fine &= (load[None, :, :] <= vehicles.capacity[:, None, :]).all(axis=2)
    if (progress := problem.progress) is not None and (stops.partner >= 0).any():
        for v, done in enumerate(progress.done):
            for stop in done:
                other = int(stops.partner[stop])
                if other >= 0 and other not in done:
                    fine[np.arange(len(fine)) != v, other] = False
    return out


def _aboard(problem: Problem) -> Any:
    """(v, n) bool: goods of a stop that are on a vehicle stay on it, and a vehicle on its way loads none at a depot."""
    progress = problem.progress
    assert progress is not None
    aboard, delivery = progress.aboard, problem.stops.delivery
    anyone: Any = (aboard == ON_EVERY_VEHICLE) | ~delivery.any(axis=1)
    there = np.empty((len(progress.left), len(aboard)), np.bool_)
    waiting: Any = progress.left < 0
    there[waiting], there[~waiting] = anyone | (aboard == -1), anyone
    loaded = np.flatnonzero(aboard >= 0)
    there[aboard[loaded], loaded] = True
    return there


def kinds(problem: Problem) -> Any:
    """(v,) int64: equal for vehicles that cannot be told apart and have not begun."""
    vehicles, progress = problem.vehicles, problem.progress
    fleet = len(vehicles.ids)
    names = [name for name in vehicles.__dataclass_fields__ if name != "ids"]
    columns = [np.asarray(getattr(vehicles, name), np.float64).reshape(fleet, -1) for name in names]
    if progress is not None:
        begun = (progress.left >= 0) | progress.held.any(axis=1) | np.array([bool(done) for done in progress.done])
        begun[progress.aboard[progress.aboard >= 0]] = True
        alone = np.where(begun, np.arange(1, fleet + 1), 0)
        columns += [alone[:, None].astype(np.float64), progress.ready[:, None].astype(np.float64)]
    rows = list(map(tuple, np.concatenate(columns, axis=1).tolist()))
    # in order, as numpy.unique has them, which takes longer than all else here
    number = {row: kind for kind, row in enumerate(sorted(set(rows)))}
    return np.array([number[row] for row in rows], np.int64)


def _near(distance: Any, depots: int) -> Any:
    """(m, g) int64: nearest stops of each node, itself left out."""
    between = distance[0][:, depots:].astype(np.int64)
    between = between.copy()
    stops = np.arange(between.shape[1])
    between[stops + depots, stops] = np.iinfo(np.int64).max
    g = max(min(NEAREST, between.shape[1] - 1), 0)
    if g == 0:
        return np.zeros((len(between), 0), np.int64)
    # only the nearest are put in order: all of 5,000 x 5,000 would take seconds
    first = np.sort(np.argpartition(between, g - 1, axis=1)[:, :g], axis=1)
    order = np.argsort(np.take_along_axis(between, first, axis=1), axis=1, kind="stable")
    return np.ascontiguousarray(np.take_along_axis(first, order, axis=1) + depots)


def _longest(problem: Problem) -> int:
    """No route has more stops: by stops_max, and by the smallest loads that a vehicle can hold at its start."""
    stops, vehicles = problem.stops, problem.vehicles
    longest = min(len(stops.ids), int(vehicles.stops_max.max(initial=0)))
    for k in range(stops.delivery.shape[1]):
        for load in (stops.delivery[:, k], stops.pickup[:, k]):
            held = np.cumsum(np.sort(load))
            longest = min(longest, int(np.searchsorted(held, vehicles.capacity[:, k].max(initial=0), "right")))
    done = [len(done) for done in problem.progress.done] if problem.progress is not None else []
    return max([longest, 1, *done])


def empty_state(arrays: Arrays, *, written: bool = True) -> State:
    """Routes with what is driven alone; without `written` their stops are all that is right."""
    world, longest = arrays.world, arrays.longest
    fleet, nodes, k = len(world.start), len(world.service), world.capacity.shape[1]
    wide = longest + 3
    state = State(
        seq=np.full((fleet, wide), -1, np.int32),
        early=np.zeros((fleet, wide), np.int64),
        late=np.zeros((fleet, wide), np.int64),
        load=np.zeros((fleet, wide, k), np.int64),
        before=np.zeros((fleet, wide, k), np.int64),
        beyond=np.zeros((fleet, wide, k), np.int64),
        count=np.zeros(fleet, np.int64),
        metres=np.zeros(fleet, np.int64),
        cost=np.zeros(fleet, np.float64),
        vehicle=np.full(nodes, -1, np.int64),
        place=np.zeros(nodes, np.int64),
    )
    if written:
        load_routes(arrays, state, [()] * fleet if (progress := arrays.problem.progress) is None else progress.done)
    return state


def write_route(arrays: Arrays, state: State, v: int, stops: Sequence[int]) -> bool:
    """Makes these stops route v. Returns whether it is feasible."""
    world = arrays.world
    state.seq[v, 0] = world.start[v]
    state.seq[v, 1 : len(stops) + 1] = np.asarray(stops, np.int64) + world.depots
    state.seq[v, len(stops) + 1] = world.end[v]
    state.count[v] = len(stops)
    return bool(refresh(world, state, v))


def load_routes(arrays: Arrays, state: State, routes: Sequence[Sequence[int]]) -> bool:
    """Makes `routes` (by vehicle) those of the state. Returns whether every one is feasible."""
    state.vehicle[:] = -1
    state.count[:] = lay(arrays.world, routes, state.seq)
    return bool(refresh_all(arrays.world, state))


def lay(world: World, routes: Sequence[Sequence[int]], seq: Any) -> Any:
    """Writes the nodes of every vehicle's route, its start and its end, into seq (v, L + 2 or more). Returns how many
    stops each has, (v,) int64."""
    counts = np.array([len(stops) for stops in routes], np.int64)
    seq[:, 0] = world.start
    seq[places(counts, seq.shape[1])] = np.array(list(chain.from_iterable(routes)), np.int64) + world.depots
    seq[np.arange(len(counts)), counts + 1] = world.end
    return counts


def places(counts: Any, wide: int) -> Any:
    """(v, wide) bool: the positions of stops."""
    positions = np.arange(wide)
    return (positions > 0) & (positions <= counts[:, None])


def routes_of(arrays: Arrays, seq: Any, count: Any) -> list[list[int]]:
    """Stops by vehicle, from a state's arrays."""
    flat = (seq[places(count, seq.shape[1])] - arrays.world.depots).tolist()
    return [flat[begin:end] for begin, end in pairwise([0, *np.cumsum(count).tolist()])]


def by_vehicle(problem: Problem, plan: Plan) -> list[list[int]]:
    """The same from a plan."""
    routes: list[list[int]] = [[] for _ in problem.vehicles.ids]
    for route in plan.routes:
        routes[route.vehicle] = list(route.stops)
    return routes


assert NEVER > TIME_MAX
