"""InventoryService: what to order, and who gets what there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from storegate.client.calls import Calls
from storegate.v1 import inventory_pb2


class InventoryCalls(Calls):
    """See Client."""

    def plan_replenishment(
        self, items: Iterable[inventory_pb2.ReplenishItem], *, timeout_s: float | None = None, **fields: Any
    ) -> inventory_pb2.PlanReplenishmentResponse:
        """What to order now; further `fields` as in PlanReplenishmentRequest."""
        request = inventory_pb2.PlanReplenishmentRequest(items=items, **fields)
        return self._call("inventory", "PlanReplenishment", request, timeout_s)

    def allocate_stock(
        self, items: Iterable[inventory_pb2.AllocationItem], *, timeout_s: float | None = None, **fields: Any
    ) -> inventory_pb2.AllocateStockResponse:
        """Which location gets what there is; further `fields` as in AllocateStockRequest."""
        request = inventory_pb2.AllocateStockRequest(items=items, **fields)
        return self._call("inventory", "AllocateStock", request, timeout_s)
