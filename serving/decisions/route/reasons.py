"""Why a stop is left out: the first reason that holds, looked for in the plan as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from serving.decisions.route.arrays import Arrays, by_vehicle, empty_state, load_routes
from serving.decisions.route.problem import Dropped, Plan, Reason
from serving.kernels.route_draws import generator
from serving.kernels.route_insert import best_place, best_places
from serving.kernels.route_state import State, World

EXPLAINED_MAX = 500
"""Stops whose reason is looked for in full; further ones of a plan are said not to be found room for."""


def explained(arrays: Arrays, plan: Plan) -> Plan:
    """The plan with a reason for every stop that it leaves out."""
    if all(drop.reason is Reason.CANCELLED for drop in plan.dropped):
        return plan
    state, alone = empty_state(arrays), empty_state(arrays)
    load_routes(arrays, state, by_vehicle(arrays.problem, plan))
    out = []
    for number, drop in enumerate(plan.dropped):
        if drop.reason is not Reason.CANCELLED and number < EXPLAINED_MAX:
            drop = _reason(arrays, state, alone, drop.stop)
        out.append(drop)
    return replace(plan, dropped=tuple(out))


def _reason(arrays: Arrays, state: State, alone: State, stop: int) -> Dropped:
    """By easier and easier problems: a reason holds where the stop fits once its limit is lifted."""
    problem, world = arrays.problem, arrays.world
    stops, vehicles, name = problem.stops, problem.vehicles, problem.stops.ids[stop]
    need = int(stops.skills[stop])
    skilled = [v for v in range(len(vehicles.ids)) if not need & ~int(vehicles.skills[v])]
    if not skilled:
        return Dropped(stop, Reason.NO_VEHICLE_HAS_SKILLS, f"{name} needs skills that no vehicle has together")
    load = np.maximum(stops.delivery[stop], np.maximum(stops.pickup[stop], stops.carried[stop]))
    if not (load <= vehicles.capacity[skilled]).all(axis=1).any():
        return Dropped(stop, Reason.ABOVE_EVERY_CAPACITY, f"{name} has a load of {load.tolist()}, above every vehicle")
    if not world.allowed[:, stop + world.depots].any():
        return Dropped(stop, Reason.NOT_ABOARD, f"the goods of {name} are on no vehicle that may visit it")
    if not np.isfinite(_cost(world, alone, stop)):
        other = int(stops.partner[stop])
        if other >= 0 and np.isfinite(_cost(world._replace(partner=np.full_like(world.partner, -1)), alone, stop)):
            return Dropped(stop, Reason.PARTNER_LEFT_OUT, f"{name} could be visited, {stops.ids[other]} with it cannot")
        return Dropped(stop, Reason.OUT_OF_REACH, f"no vehicle reaches {name} in time and ends in time, even alone")
    cost = _cost(world, state, stop)
    if np.isfinite(cost):
        if np.isfinite(stops.penalty[stop]):
            text = f"{name} would cost {cost:.6g} more, leaving it out costs {problem.drop_costs[stop]:.6g}"
            return Dropped(stop, Reason.NOT_WORTH_IT, text)
        return Dropped(stop, Reason.NOT_FOUND, f"the time was up before a place for {name} was looked for")
    endless = np.full_like(world.capacity, 2**60)
    if np.isfinite(_cost(world._replace(capacity=endless), state, stop)):
        return Dropped(stop, Reason.CAPACITY, f"every vehicle that could reach {name} in time is full")
    most = np.full_like(world.stops_max, 2**60)
    free = world._replace(
        capacity=endless, stops_max=most, distance_max=most, duration_max=most, paid=np.zeros_like(world.paid)
    )
    if np.isfinite(_cost(free, state, stop)):
        return Dropped(stop, Reason.VEHICLE_LIMITS, f"with {name}, every route is too long for its vehicle")
    return Dropped(stop, Reason.TIME, f"no vehicle can visit {name} and keep all that it has promised to others")


def _cost(world: World, state: State, stop: int) -> float:
    """Cost of the cheapest place of the stop (with its shipment); inf = there is none."""
    node, rng = stop + world.depots, generator(0)
    tried, work = np.zeros(int(world.kind.max()) + 1, np.int64), np.zeros(state.seq.shape[1] + 4, np.int32)
    other = int(world.partner[node])
    if other < 0 or state.vehicle[other] >= 0:
        return float(best_place(world, state, node, 0.0, rng, tried, 1, work)[0])
    first, second = (node, other) if world.leads[node] else (other, node)
    return float(best_places(world, state, first, second, 0.0, rng, tried, 1, work)[0])
