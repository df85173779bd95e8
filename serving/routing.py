"""The workers that answer RoutingService, wherever they run: one plans, for as long as it is given; one changes running
plans at once, and so waits behind no plan that is being made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from serving.adapters.osrm_table import OsrmTable
from serving.core.clock import SystemClock
from serving.decisions.route.matrix import Travels
from serving.decisions.route.problem import Engine
from serving.decisions.route.search import Search
from serving.decisions.route.service import RoutingService
from serving.engine.calls import Lane, Route
from serving.settings import Settings
from serving.transport import codecs as wire
from serving.transport import route_columns


def planning_service(settings: Settings, *, every: bool = True) -> RoutingService:
    """every: with all the engines there are, rather than our own alone, which is all that changes need."""
    engines: list[Engine] = [Search()]
    if every:  # a gateway that plans elsewhere does not load them
        from serving.adapters.routing_ortools import OrTools
        from serving.adapters.routing_pyvrp import PyVrp

        engines += [PyVrp(), OrTools()]
    params, clock = settings.route, SystemClock()
    travels = Travels(lambda: OsrmTable(params.table, clock), params.table.kept)
    return RoutingService(engines, travels, params, clock)


class _Worker:
    """One method of the service."""

    def __init__(
        self,
        settings: Settings,
        method: str,
        run: Callable[[RoutingService], Any],
        warm: Callable[[RoutingService], None],
        *,
        every: bool,
    ) -> None:
        service = planning_service(settings, every=every)
        codec = wire.codecs(SystemClock())[method]
        self._routes = [
            Route(method, Lane.ENGINE, codec.decode, run(service), codec.encode, codec.size, codec.encode_json)
        ]
        route_columns.warm()
        warm(service)

    @property
    def routes(self) -> Sequence[Route]:
        """See Worker."""
        return self._routes

    def ready(self) -> tuple[bool, str]:
        """Always: it needs nothing but the requests."""
        return True, "ready"

    def facts(self) -> dict[str, str]:
        """None: no release serves here."""
        return {}

    def close(self) -> None:
        """Idempotent."""


class RouteWorker(_Worker):
    """Makes plans."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings, wire.PLAN_ROUTES, lambda service: service.run_plan, RoutingService.warm_plan, every=True
        )


class ReplanWorker(_Worker):
    """Changes running plans."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings, wire.REPLAN_ROUTES, lambda service: service.run_replan, RoutingService.warm_replan, every=False
        )
