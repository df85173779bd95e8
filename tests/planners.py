"""The real planning service, once a process: what it computes with is compiled once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from serving.decisions.route.service import RoutingService
from serving.routing import planning_service
from serving.settings import load


@cache
def planner() -> RoutingService:
    service = planning_service(load(environ={"STOREGATE_HOME": str(Path("/nowhere"))}))
    service.warm_plan()
    service.warm_replan()
    return service
