"""A small shop that answers the same question in the same way, whichever face it was asked at."""

from __future__ import annotations

import numpy as np
from forecasters import weekday_rates

from serving.core.catalogue import Catalogue, Item
from serving.decisions.forecast.pipeline import ForecastPipeline
from serving.decisions.price.rules import Params as PriceParams
from serving.decisions.price.table import Pricing
from serving.decisions.recommend.contract import (
    EXPLAIN_NONE,
    EXPLAIN_TRACE,
    Answer,
    Query,
    Trace,
    TraceItem,
    TraceStage,
)
from serving.decisions.recommend.record import Decision, Logged, Result
from serving.events.contract import Outcome

CATALOGUE = Catalogue.build(
    [
        Item("22423", "Regency cakestand", price=1275, currency="GBP", stock={"main": (4, 0)}, category_path=("cake",)),
        Item("85123A", "White heart", price=295, currency="GBP"),
        Item("47566", brand="Acme"),
    ],
    version=7,
)
DECIDED = "0123456789abcdef" * 2
LOGGED = Logged(
    Decision(
        DECIDED, 1_700_000_000.5, Query(user_id="17850", personal=True, decision_id=DECIDED), b"x" * 24, {}, "r1",
        {"ranker": "7"}, 7, (Result("22423", 0.5, 3, 6, "", 0.25, 1275, "GBP", 0.9),), (("scorer", "onnx"),),
    ),
    (Outcome(DECIDED, "22423", "purchase-complete", 1_700_000_060),),
)  # fmt: skip
FORECASTS = ForecastPipeline(weekday_rates(locations=("main",)), lambda: CATALOGUE)
PRICES = Pricing(PriceParams()).table(CATALOGUE, None, 1_700_000_000.0)
GBP = {"amountMinor": "5", "currencyCode": "GBP"}
EUR = {"amountMinor": "5", "currencyCode": "EUR"}


def answer(query: Query) -> Answer:
    """Up to three items; a trace when one is asked for."""
    k = min(query.page_size, 3)
    trace = Trace(
        (TraceStage("rules", 3, {"out of stock or deleted": 1}),),
        (TraceItem("22423", True, 1, 1.1, ("trending",), "", {"buys": 0.5}),),
    )
    return Answer(
        catalogue=CATALOGUE,
        rows=np.arange(k, dtype=np.int32),
        scores=np.linspace(1.1, -0.3, k, dtype=np.float32),
        sources=np.arange(k, dtype=np.uint8),
        reasons=np.zeros(k, np.uint8) if query.explain == EXPLAIN_NONE else np.arange(k, dtype=np.uint8),
        related=np.zeros(k, np.int32),
        weights=np.full(k, 0.1, np.float32),
        prices=CATALOGUE.price[:k],
        propensities=np.full(k, 0.7, np.float32),
        missing=tuple(item for item in query.item_ids if item not in CATALOGUE.row_of),
        degraded=(("profile", "redis: timeout"),),
        stages=(("candidates", 41), ("score", 9)),
        versions={"ranker": "20260101-1", "index": "20260101-2"},
        applied_through_s=1_700_000_000,
        request_id=query.request_id,
        decision_id="" if query.validate_only else DECIDED,
        made_s=1_700_000_000,
        placement=query.placement,
        next_offset=query.offset + query.page_size if query.given is None else 0,
        trace=trace if query.explain == EXPLAIN_TRACE else None,
        arm="r2" if query.user_id else "",
    )
