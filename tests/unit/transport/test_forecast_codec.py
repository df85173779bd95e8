"""ForecastDemand on the wire: what is wrong is told by its field, and the hand-made bytes are those of the messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from forecasters import FIRST_DAY, weekday_rates
from google.protobuf import json_format

from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput
from serving.core.turn import Turn
from serving.decisions.forecast.contract import QUANTILES_DEFAULT, Answer, Period, Plan, Query, day_text
from serving.decisions.forecast.pipeline import ForecastPipeline
from serving.transport.forecast_codec import decode_forecast, encode_forecast
from storegate.v1 import forecast_pb2 as pb

GBP = {"amountMinor": "5", "currencyCode": "GBP"}


def decoded(body: dict[str, Any]) -> Query:
    return decode_forecast(json_format.ParseDict(body, pb.ForecastDemandRequest()).SerializeToString())


def test_a_request_and_what_it_leaves_out() -> None:
    assert decoded({"itemIds": ["a"]}) == Query(("a",), (), 28, QUANTILES_DEFAULT, Period.DAY)
    whole = {
        "itemIds": ["a", "b"],
        "locationIds": ["x"],
        "horizonDays": 14,
        "quantiles": [0.05, 0.5],
        "period": "FORECAST_PERIOD_WEEK",
        "firstDay": "2011-12-10",
        "plans": [{"itemId": "b", "price": GBP, "promotionDays": ["2011-12-11"]}, {"itemId": "a"}],
        "requestId": "r",
    }
    plans = (Plan("b", 5, "GBP", (FIRST_DAY + 1,)), Plan("a"))
    assert decoded(whole) == Query(("a", "b"), ("x",), 14, (0.05, 0.5), Period.WEEK, FIRST_DAY, plans, "r")
    assert day_text(FIRST_DAY) == "2011-12-10"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no items": ({"itemIds": []}, "item_ids"),
    "too many items": ({"itemIds": [f"i{i}" for i in range(1001)]}, "item_ids"),
    "an empty id": ({"itemIds": ["a", ""]}, "item_ids[1]"),
    "an item twice": ({"itemIds": ["a", "b", "a"]}, "item_ids[2]"),
    "a location twice": ({"locationIds": ["x", "x"]}, "location_ids[1]"),
    "too many locations": ({"locationIds": [f"x{i}" for i in range(101)]}, "location_ids"),
    "horizon 0": ({"horizonDays": 0}, "horizon_days"),
    "a negative horizon": ({"horizonDays": -1}, "horizon_days"),
    "a horizon of years": ({"horizonDays": 367}, "horizon_days"),
    "half a week": ({"horizonDays": 10, "period": 2}, "horizon_days"),
    "a period that is none": ({"period": 9}, "period"),
    "quantile 0": ({"quantiles": [0.0, 0.5]}, "quantiles[0]"),
    "quantile 1": ({"quantiles": [0.5, 1.0]}, "quantiles[1]"),
    "a quantile that is no number": ({"quantiles": ["NaN"]}, "quantiles[0]"),
    "quantiles in per cent": ({"quantiles": [10, 50, 90]}, "quantiles[0]"),
    "quantiles unsorted": ({"quantiles": [0.5, 0.1]}, "quantiles[1]"),
    "a quantile twice": ({"quantiles": [0.1, 0.1]}, "quantiles[1]"),
    "too many quantiles": ({"quantiles": [(i + 1) / 21 for i in range(20)]}, "quantiles"),
    "no date": ({"firstDay": "tomorrow"}, "first_day"),
    "no day of a month": ({"firstDay": "2011-02-29"}, "first_day"),
    "a date of another kind": ({"firstDay": "2011-W50-6"}, "first_day"),
    "a plan for another item": ({"plans": [{"itemId": "b"}]}, "plans[0].item_id"),
    "two plans for an item": ({"plans": [{"itemId": "a"}, {"itemId": "a"}]}, "plans[1].item_id"),
    "no currency": ({"plans": [{"itemId": "a", "price": {"amountMinor": "5"}}]}, "plans[0].price.currency_code"),
    "no price": (
        {"plans": [{"itemId": "a", "price": {"currencyCode": "GBP"}}]}, "plans[0].price.amount_minor",
    ),
    "a negative price": (
        {"plans": [{"itemId": "a", "price": GBP | {"amountMinor": "-5"}}]}, "plans[0].price.amount_minor",
    ),
    "a promotion on no day": (
        {"plans": [{"itemId": "a", "promotionDays": ["2011-12-11", "x"]}]}, "plans[0].promotion_days[1]",
    ),
    "a request id with a line end": ({"requestId": "a\nb"}, "request_id"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_by_its_field(case: str) -> None:
    body, field = WRONG[case]
    with pytest.raises(InvalidInput) as caught:
        decoded({"itemIds": ["a"]} | body)
    assert caught.value.field == field


def test_bytes_that_are_no_message() -> None:
    with pytest.raises(InvalidInput, match="ForecastDemandRequest"):
        decode_forecast(b"\xff\xff")


def built(answer: Answer) -> pb.ForecastDemandResponse:
    """The same from generated classes, field by field."""
    made = pb.ForecastDemandResponse(
        missing_item_ids=answer.missing_items,
        missing_location_ids=answer.missing_locations,
        first_day=day_text(answer.first_day),
        period={1: pb.FORECAST_PERIOD_DAY, 7: pb.FORECAST_PERIOD_WEEK}[answer.period],
        model_version=answer.version,
        request_id=answer.request_id,
    )
    for i, (item, location) in enumerate(zip(answer.item_ids, answer.location_ids, strict=True)):
        one = made.forecasts.add(
            item_id=item,
            location_id=location,
            mean=answer.mean[i].tolist(),
            method=answer.methods[answer.method[i]],
            confidence=int(answer.confidence[i]) + 1,
        )
        for quantile, units in zip(answer.quantiles, answer.units[i], strict=True):
            one.quantiles.add(quantile=quantile, units=units.tolist())
    for stage, cause in answer.degraded:
        made.degraded.add(stage=stage, cause=cause)
    return made


@pytest.mark.parametrize(
    "query",
    [
        Query(("i3", "gone", "i1"), request_id="ä"),
        Query(("i5",), ("south", "moon", "north"), 84, tuple(np.arange(1, 20) / 20)),
        Query(("i0",), horizon_days=7, period=Period.WEEK),
        Query(("gone",)),
    ],
)
@pytest.mark.parametrize("broken", ["", "onnxruntime: no"])
def test_the_bytes_are_those_of_the_messages(query: Query, broken: str) -> None:
    """Lengths of one and two bytes, one period and many, nothing at all."""
    model = weekday_rates(locations=("north", "south"), broken=broken)
    (answer,) = ForecastPipeline(model, lambda: Catalogue.build([])).run([query], Turn(0.0, 0.0, NEVER))
    assert isinstance(answer, Answer)
    assert pb.ForecastDemandResponse.FromString(encode_forecast(answer)) == built(answer)
