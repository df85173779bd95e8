"""ForecastService: how much will sell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from storegate.client.calls import Calls
from storegate.v1 import forecast_pb2


class ForecastCalls(Calls):
    """See Client."""

    def forecast_demand(
        self, item_ids: Iterable[str], *, timeout_s: float | None = None, **fields: Any
    ) -> forecast_pb2.ForecastDemandResponse:
        """How much will sell; further `fields` as in ForecastDemandRequest."""
        request = forecast_pb2.ForecastDemandRequest(item_ids=item_ids, **fields)
        return self._call("forecast", "ForecastDemand", request, timeout_s)
