"""PricingService: the same over both faces; see parity_laws."""

from __future__ import annotations

from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused
from parity_shop import PRICES

from serving.decisions.price import quoting
from serving.decisions.price.contract import QuoteQuery, SimulateQuery


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case QuoteQuery():
            return quoting.quote(PRICES, query)
        case SimulateQuery():
            return quoting.simulate(PRICES, query)


ANSWERED: Answered = [
    ("QuotePrices", {"itemIds": ["22423", "gone", "47566"]}),
    ("QuotePrices", {"itemIds": ["22423"], "currencyCode": "EUR"}),
    ("SimulatePrices", {"itemIds": ["22423"], "pricesMinor": ["900", "1275"]}),
    ("SimulatePrices", {"itemIds": ["85123A"]}),
]


REFUSED: Refused = [
    ("QuotePrices", {}, "INVALID_FIELD"),
    ("QuotePrices", {"itemIds": ["a"] * 1001}, "INVALID_FIELD"),
    ("QuotePrices", {"itemIds": ["a", ""]}, "INVALID_FIELD"),
    ("QuotePrices", {"itemIds": ["a"], "currencyCode": "gbp"}, "INVALID_FIELD"),
    ("SimulatePrices", {"itemIds": ["a"], "pricesMinor": ["0"]}, "INVALID_FIELD"),
    ("SimulatePrices", {"itemIds": ["a"] * 21}, "INVALID_FIELD"),
    ("SimulatePrices", {"itemIds": ["a"], "pricesMinor": ["5"] * 64}, "INVALID_FIELD"),
]


class TestPricing(EqualAnswers, EqualErrors):
    service = "storegate.v1.PricingService"
    computed = staticmethod(computed)
    answered = ANSWERED
    refused = REFUSED
