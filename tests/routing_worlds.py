"""Routing problems for tests: plain ones, and ones with everything at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from serving.decisions.route.problem import ANYWHERE, FAR, TIME_MAX, Problem, Stops, Vehicles


def problem_with(
    n: int, fleet: int, *, seed: int = 0, depots: int = 1, dimensions: int = 1, tight: float = 1.0
) -> Problem:
    """n stops in a square of 20 km with windows in a day from 8 to 18, driven at 10 m/s; capacity for `tight` times
    what is asked for."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 20_000, (depots + n, 2))
    away = np.rint(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))).astype(np.int32)
    opens = rng.integers(8 * 3600, 15 * 3600, (n, 1))
    delivery = rng.integers(1, 10, (n, dimensions)).astype(np.int64)
    zeros = np.zeros((n, dimensions), np.int64)
    stops = Stops(
        ids=tuple(f"s{i}" for i in range(n)),
        delivery=delivery,
        pickup=zeros,
        carried=zeros.copy(),
        partner=np.full(n, -1, np.int64),
        opens=opens,
        closes=opens + rng.integers(3600, 4 * 3600, (n, 1)),
        service=rng.integers(60, 300, n),
        penalty=np.full(n, np.inf),
        priority=np.zeros(n, np.int64),
        skills=np.zeros(n, np.int64),
    )
    room = np.ceil(delivery.sum(axis=0) * tight / fleet).astype(np.int64) + 5

    def every(value: float, dtype: Any = np.int64) -> Any:
        return np.full(fleet, value, dtype)

    vehicles = Vehicles(
        ids=tuple(f"v{i}" for i in range(fleet)),
        start=np.arange(fleet) % depots,
        end=np.arange(fleet) % depots,
        capacity=np.tile(room, (fleet, 1)),
        opens=every(8 * 3600),
        closes=every(18 * 3600),
        duration_max=every(TIME_MAX),
        distance_max=every(2**40),
        stops_max=every(n),
        fixed_cost=every(0.0, np.float64),
        cost_per_metre=every(1.0, np.float64),
        cost_per_second=every(0.0, np.float64),
        profile=every(0),
        skills=every(0),
    )
    return Problem(
        depot_ids=tuple(f"d{i}" for i in range(depots)),
        depot_opens=np.zeros(depots, np.int64),
        depot_closes=np.full(depots, TIME_MAX, np.int64),
        stops=stops,
        vehicles=vehicles,
        distance=away[None],
        duration=(away[None] // 10).astype(np.int32),
    )


def rich_problem(seed: int, n: int = 24, fleet: int = 5, *, speed: bool = False) -> Problem:
    """Two depots, two dimensions, shipments, pickups, two windows, skills, priorities, penalties, open ends, limits,
    paid time, two profiles and closed roads."""
    rng = np.random.default_rng(seed)
    plain = problem_with(n, fleet, seed=seed, depots=2, dimensions=2, tight=1.1)
    stops, vehicles = plain.stops, plain.vehicles
    delivery, pickup, carried = stops.delivery.copy(), stops.pickup.copy(), stops.carried.copy()
    partner, penalty, skills = stops.partner.copy(), stops.penalty.copy(), stops.skills.copy()
    for first in range(0, n // 2, 2):
        partner[first], partner[first + 1] = first + 1, first
        delivery[first : first + 2] = 0
        amount = rng.integers(0, 8, 2)
        carried[first], carried[first + 1] = amount, -amount
    back = np.arange(n // 2, n, 3)
    pickup[back], delivery[back] = delivery[back], 0
    penalty[rng.random(n) < 0.3] = 4_000.0
    skills[rng.random(n) < 0.2] = 1
    opens = np.concatenate([stops.opens, stops.opens], axis=1)
    closes = np.concatenate([stops.closes, stops.closes], axis=1)
    two = rng.random(n) < 0.4
    closes[two, 0] = opens[two, 0] + 1800
    opens[two, 1], closes[two, 1] = opens[two, 0] + 7200, opens[two, 0] + 3 * 3600
    distance = np.concatenate([plain.distance, plain.distance + 50])
    duration = np.concatenate([plain.duration, plain.duration * 2])
    for _ in range(n):
        i, j = rng.integers(2, n + 2, 2)
        duration[:, i, j] = FAR
    ends = vehicles.end.copy()
    ends[0] = ANYWHERE
    return replace(
        plain,
        stops=replace(
            stops, delivery=delivery, pickup=pickup, carried=carried, partner=partner, penalty=penalty, skills=skills,
            opens=opens, closes=closes, priority=rng.integers(0, 5, n),
        ),
        vehicles=replace(
            vehicles,
            end=ends,
            fixed_cost=rng.uniform(100, 2000, fleet),
            cost_per_second=np.where(np.arange(fleet) % 2, 0.05, 0.0),
            duration_max=np.where(np.arange(fleet) % 3 == 0, 6 * 3600, TIME_MAX),
            distance_max=np.where(np.arange(fleet) % 3 == 1, 90_000, 2**40),
            stops_max=np.where(np.arange(fleet) % 3 == 2, 7, n),
            profile=np.arange(fleet) % 2,
            skills=np.arange(fleet) % 2,
        ),
        distance=distance,
        duration=duration,
        speed=np.tile(np.where(np.isin(np.arange(24), (8, 9, 16, 17)), 0.6, 1.1), (2, 1)) if speed else None,
    )  # fmt: skip


def dear(problem: Problem) -> Problem:
    """A vehicle costs more than all ways."""
    return replace(problem, vehicles=replace(problem.vehicles, fixed_cost=np.full(len(problem.vehicles.ids), 1e7)))
