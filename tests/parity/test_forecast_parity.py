"""ForecastService: the same over both faces; see parity_laws."""

from __future__ import annotations

from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused
from parity_shop import FORECASTS, GBP

from serving.core.clock import NEVER
from serving.core.turn import Turn
from serving.decisions.forecast.contract import Query as ForecastQuery


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case ForecastQuery():
            return FORECASTS.run([query], Turn(0.0, 0.0, NEVER))[0]


ANSWERED: Answered = [
    ("ForecastDemand", {"itemIds": ["i3", "gone", "i1"], "requestId": "ä"}),
    (
        "ForecastDemand",
        {
            "itemIds": ["i1"],
            "locationIds": ["main", "moon"],
            "horizonDays": 14,
            "quantiles": [0.25, 0.975],
            "period": "FORECAST_PERIOD_WEEK",
            "firstDay": "2011-12-12",
            "plans": [{"itemId": "i1", "price": GBP, "promotionDays": ["2011-12-24"]}],
        },
    ),
]


REFUSED: Refused = [
    ("ForecastDemand", {}, "INVALID_FIELD"),
    ("ForecastDemand", {"itemIds": ["i1"] * 2}, "REPEATED_ID"),
    ("ForecastDemand", {"itemIds": ["i1"], "horizonDays": 0}, "INVALID_FIELD"),
    ("ForecastDemand", {"itemIds": ["i1"], "horizonDays": 85}, "HORIZON_TOO_LONG"),
    ("ForecastDemand", {"itemIds": ["i1"], "firstDay": "2011-12-09"}, "BEYOND_THE_MODEL"),
    ("ForecastDemand", {"itemIds": ["i1"], "quantiles": [0.9, 0.1]}, "INVALID_FIELD"),
    ("ForecastDemand", {"itemIds": ["i1"], "quantiles": [0.0, 0.5]}, "INVALID_FIELD"),
]


class TestForecast(EqualAnswers, EqualErrors):
    service = "storegate.v1.ForecastService"
    computed = staticmethod(computed)
    answered = ANSWERED
    refused = REFUSED
