"""A published instance as a problem, under one of the field's two objectives."""

from __future__ import annotations

from typing import Final

import numpy as np

from model_repo.datasets.vrp_files import Instance
from serving.decisions.route.problem import TIME_MAX, Problem, Stops, Vehicles

DISTANCE, HIERARCHICAL = "distance", "hierarchical"
OBJECTIVES: Final = (DISTANCE, HIERARCHICAL)


def problem_of(instance: Instance, objective: str) -> Problem:
    """distance: metres alone; hierarchical: fewest vehicles, then metres (a vehicle costs more than any plan's way)."""
    n, fleet = len(instance.demand) - 1, instance.vehicles
    zeros = np.zeros((n, 1), np.int64)
    closes = instance.closes if instance.windows else np.full(n + 1, TIME_MAX, np.int64)
    fixed = float(instance.distance.max()) * 2 * n if objective == HIERARCHICAL else 0.0
    stops = Stops(
        ids=tuple(str(i) for i in range(1, n + 1)),
        delivery=instance.demand[1:, None],
        pickup=zeros,
        carried=zeros,
        partner=np.full(n, -1, np.int64),
        opens=instance.opens[1:, None],
        closes=closes[1:, None],
        service=instance.service[1:],
        penalty=np.full(n, np.inf),
        priority=np.zeros(n, np.int64),
        skills=np.zeros(n, np.int64),
    )

    def every(value: float, dtype: type = np.int64) -> np.ndarray:
        return np.full(fleet, value, dtype)

    vehicles = Vehicles(
        ids=tuple(f"v{i}" for i in range(1, fleet + 1)),
        start=every(0),
        end=every(0),
        capacity=np.full((fleet, 1), instance.capacity, np.int64),
        opens=every(instance.opens[0]),
        closes=every(closes[0]),
        duration_max=every(TIME_MAX),
        distance_max=every(2**40),
        stops_max=every(n),
        fixed_cost=every(fixed, np.float64),
        cost_per_metre=every(1.0, np.float64),
        cost_per_second=every(0.0, np.float64),
        profile=every(0),
        skills=every(0),
    )
    distance = instance.distance.astype(np.int32)[None]
    return Problem(
        depot_ids=("depot",),
        depot_opens=instance.opens[:1],
        depot_closes=closes[:1],
        stops=stops,
        vehicles=vehicles,
        distance=distance,
        duration=distance if instance.windows else np.zeros_like(distance),
    )
