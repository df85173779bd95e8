"""PricingService: prices, and what others would do."""

from __future__ import annotations

from collections.abc import Iterable

from storegate.client.calls import Calls
from storegate.v1 import pricing_pb2


class PricingCalls(Calls):
    """See Client."""

    def quote_prices(
        self, item_ids: Iterable[str], *, currency_code: str = "", timeout_s: float | None = None
    ) -> pricing_pb2.QuotePricesResponse:
        """The price of each item, the same for everybody. currency_code: that is expected, "" = any."""
        request = pricing_pb2.QuotePricesRequest(item_ids=item_ids, currency_code=currency_code)
        return self._call("pricing", "QuotePrices", request, timeout_s)

    def simulate_prices(
        self, item_ids: Iterable[str], prices_minor: Iterable[int] = (), *, timeout_s: float | None = None
    ) -> pricing_pb2.SimulatePricesResponse:
        """What is expected at other prices, and which rule forbids them."""
        request = pricing_pb2.SimulatePricesRequest(item_ids=item_ids, prices_minor=prices_minor)
        return self._call("pricing", "SimulatePrices", request, timeout_s)
