"""Compiles the kernels before the first call comes: a second from their cache, half a minute without one."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, Final

import numpy as np

from serving.core.clock import NEVER
from serving.decisions.route.planner import Planner, timed
from serving.decisions.route.problem import FAR, TIME_MAX, Problem, Stops, Vehicles
from serving.decisions.route.replan import replan
from serving.decisions.route.search import Search
from serving.kernels.route_matrix import mirrored, rounded

DEAR: Final = 1e6


def warm() -> None:
    """Plans and replans a handful of stops, a shipment among them; and looks for a plan of fewer vehicles."""
    problem = _small()
    for one in (problem, replace(problem, speed=np.ones((1, 24)))):
        plan = Planner((Search(steps=20),)).plan(
            one, None, seed=0, deadline=time.monotonic() + 3600.0, on_better=lambda _: None, cancelled=lambda: False
        )
    dear = replace(problem, vehicles=replace(problem.vehicles, fixed_cost=np.full(2, DEAR)))
    Search(steps=20).improve(
        dear, timed(dear, [[0], [1]]), seed=0, deadline=NEVER, on_better=lambda _: None, cancelled=lambda: False
    )
    replan(problem, plan, 0, cancelled=frozenset({0}))
    for offset in (0, 1):  # numbers lie in a request where they happen to
        numbers = np.frombuffer(bytes(40), np.float64, 4, offset)
        rounded(numbers, FAR, np.empty(4, np.int32))
        mirrored(numbers, 2)


def _small() -> Problem:
    n, k = 6, 1
    delivery, carried, partner = np.ones((n, k), np.int64), np.zeros((n, k), np.int64), np.full(n, -1, np.int64)
    partner[4], partner[5] = 5, 4
    delivery[4:], carried[4], carried[5] = 0, 1, -1

    def every(value: float, dtype: Any = np.int64) -> Any:
        return np.full(2, value, dtype)

    away = np.abs(np.subtract.outer(np.arange(n + 1), np.arange(n + 1))).astype(np.int32)[None]
    return Problem(
        depot_ids=("d",),
        depot_opens=np.zeros(1, np.int64),
        depot_closes=np.full(1, TIME_MAX, np.int64),
        stops=Stops(
            ids=tuple(map(str, range(n))),
            delivery=delivery,
            pickup=np.zeros((n, k), np.int64),
            carried=carried,
            partner=partner,
            opens=np.zeros((n, 1), np.int64),
            closes=np.full((n, 1), 86_400, np.int64),
            service=np.zeros(n, np.int64),
            penalty=np.full(n, np.inf),
            priority=np.zeros(n, np.int64),
            skills=np.zeros(n, np.int64),
        ),
        vehicles=Vehicles(
            ids=("a", "b"),
            start=every(0),
            end=every(0),
            capacity=np.full((2, k), 4, np.int64),
            opens=every(0),
            closes=every(86_400),
            duration_max=every(80_000),
            distance_max=every(2**40),
            stops_max=every(n),
            fixed_cost=every(1.0, np.float64),
            cost_per_metre=every(1.0, np.float64),
            cost_per_second=every(0.1, np.float64),
            profile=every(0),
            skills=every(0),
        ),
        distance=away,
        duration=away,
    )
