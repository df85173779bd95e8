"""Plans of routing problems for tests, by a number of rounds: no test depends on the speed of the machine."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from serving.decisions.route.planner import Planner
from serving.decisions.route.problem import Engine, Plan, Problem
from serving.decisions.route.search import Search

HOUR_S = 3600.0
STEPS = 150


def planned(problem: Problem, *engines: Engine, seed: int = 0, start: Plan | None = None) -> Plan:
    """By our own search where no engines are named."""
    return Planner(engines or (Search(steps=STEPS),)).plan(
        problem,
        start,
        seed=seed,
        deadline=time.monotonic() + HOUR_S,
        on_better=lambda _: None,
        cancelled=lambda: False,
    )


def with_route(plan: Plan, which: int, **changed: Any) -> Plan:
    """One of its routes otherwise."""
    routes = list(plan.routes)
    routes[which] = replace(routes[which], **changed)
    return replace(plan, routes=tuple(routes))
