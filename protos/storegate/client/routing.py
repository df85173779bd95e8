"""RoutingService: who drives where."""

from __future__ import annotations

from collections.abc import Iterator

from storegate.client.calls import Calls
from storegate.v1 import routing_pb2

STREAM_S = 60.0
"""What a stream of plans gets beside its time limit."""


class RoutingCalls(Calls):
    """See Client."""

    def plan_routes(
        self, request: routing_pb2.PlanRoutesRequest, *, timeout_s: float | None = None
    ) -> Iterator[routing_pb2.PlanRoutesResponse]:
        """Ever better plans; the last one is final. timeout_s: None = the request's time limit and a minute. To close
        the iterator ends the work."""
        plans = self._call("routing", "PlanRoutes", request, timeout_s or request.time_limit_s + STREAM_S)
        try:
            yield from plans
        finally:
            plans.cancel()

    def replan_routes(
        self, request: routing_pb2.ReplanRoutesRequest, *, timeout_s: float | None = None
    ) -> routing_pb2.ReplanRoutesResponse:
        """A running plan after what has happened."""
        return self._call("routing", "ReplanRoutes", request, timeout_s)
