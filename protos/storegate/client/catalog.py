"""CatalogService: items, stock, prices."""

from __future__ import annotations

from collections.abc import Iterable

from storegate.client.calls import Calls
from storegate.v1 import catalog_pb2


class CatalogCalls(Calls):
    """See Client."""

    def get_item(self, item_id: str, *, timeout_s: float | None = None) -> catalog_pb2.Item:
        """One item of the catalogue."""
        return self._call("catalog", "GetItem", catalog_pb2.GetItemRequest(item_id=item_id), timeout_s)

    def upsert_items(
        self, items: Iterable[catalog_pb2.Item], *, timeout_s: float | None = None
    ) -> catalog_pb2.UpsertItemsResponse:
        """Creates or replaces items."""
        return self._call("catalog", "UpsertItems", catalog_pb2.UpsertItemsRequest(items=items), timeout_s)

    def delete_items(
        self, item_ids: Iterable[str], *, timeout_s: float | None = None
    ) -> catalog_pb2.DeleteItemsResponse:
        """Takes items off sale."""
        return self._call("catalog", "DeleteItems", catalog_pb2.DeleteItemsRequest(item_ids=item_ids), timeout_s)

    def set_stock(
        self, updates: Iterable[catalog_pb2.StockUpdate], *, timeout_s: float | None = None
    ) -> catalog_pb2.SetStockResponse:
        """Reports stock by location."""
        return self._call("catalog", "SetStock", catalog_pb2.SetStockRequest(updates=updates), timeout_s)

    def set_prices(
        self, updates: Iterable[catalog_pb2.PriceUpdate], *, timeout_s: float | None = None
    ) -> catalog_pb2.SetPricesResponse:
        """Sets prices, costs, list prices, and what to compare with."""
        return self._call("catalog", "SetPrices", catalog_pb2.SetPricesRequest(updates=updates), timeout_s)
