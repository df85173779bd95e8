"""BatchService: answers for many, and the operations over files."""

from __future__ import annotations

from storegate.client.calls import Calls
from storegate.v1 import batch_pb2

BATCH_S = 60.0
"""Deadline of a batch, and of questions about one: they wait behind others."""


class BatchCalls(Calls):
    """See Client."""

    def batch_quote_prices(
        self, request: batch_pb2.BatchQuotePricesRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchQuotePricesResponse:
        """Quotes for many: inline, a page of all items, or as an operation over files."""
        return self._call("batch", "BatchQuotePrices", request, timeout_s)

    def batch_recommend(
        self, request: batch_pb2.BatchRecommendRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchRecommendResponse:
        """Answers for many: inline, or as an operation over files."""
        return self._call("batch", "BatchRecommend", request, timeout_s)

    def batch_forecast(
        self, request: batch_pb2.BatchForecastRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchForecastResponse:
        """Forecasts for many: inline, or as an operation over files."""
        return self._call("batch", "BatchForecast", request, timeout_s)

    def batch_score(
        self, request: batch_pb2.BatchScoreRequest, *, timeout_s: float = BATCH_S
    ) -> batch_pb2.BatchScoreResponse:
        """Rows through a model: inline, or as an operation over files."""
        return self._call("batch", "BatchScore", request, timeout_s)

    def get_operation(self, name: str, *, timeout_s: float = BATCH_S) -> batch_pb2.Operation:
        """How far a batch over files is."""
        return self._call("batch", "GetOperation", batch_pb2.GetOperationRequest(name=name), timeout_s)

    def list_operations(self, *, timeout_s: float = BATCH_S) -> batch_pb2.ListOperationsResponse:
        """The newest of them."""
        return self._call("batch", "ListOperations", batch_pb2.ListOperationsRequest(), timeout_s)

    def cancel_operation(self, name: str, *, timeout_s: float = BATCH_S) -> batch_pb2.Operation:
        """Asks it to end."""
        return self._call("batch", "CancelOperation", batch_pb2.CancelOperationRequest(name=name), timeout_s)

    def resume_operation(self, name: str, *, timeout_s: float = BATCH_S) -> batch_pb2.Operation:
        """Lets it go on where it stopped."""
        return self._call("batch", "ResumeOperation", batch_pb2.ResumeOperationRequest(name=name), timeout_s)
