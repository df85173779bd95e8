"""PlacementService: walks through a warehouse, and where items lie in it."""

from __future__ import annotations

from storegate.client.calls import Calls
from storegate.v1 import placement_pb2

BATCHING_S, SLOTTING_S = 1.0, 30.0
"""What the gateway searches where a request does not say."""

SEARCH_SPARE_S = 15.0
"""Beside the search itself: for calls that wait before it, and for large requests."""


class PlacementCalls(Calls):
    """See Client."""

    def batch_orders(
        self, request: placement_pb2.BatchOrdersRequest, *, timeout_s: float | None = None
    ) -> placement_pb2.BatchOrdersResponse:
        """Which orders are picked together, and the walk of each batch. timeout_s: None = the search, and a while."""
        timeout_s = timeout_s or (request.search_seconds or BATCHING_S) + SEARCH_SPARE_S
        return self._call("placement", "BatchOrders", request, timeout_s)

    def plan_slotting(
        self, request: placement_pb2.PlanSlottingRequest, *, timeout_s: float | None = None
    ) -> placement_pb2.PlanSlottingResponse:
        """Where items should lie, and the moves that lead there. timeout_s: None = the search, and a while."""
        timeout_s = timeout_s or (request.search_seconds or SLOTTING_S) + SEARCH_SPARE_S
        return self._call("placement", "PlanSlotting", request, timeout_s)
