"""ForecastService: request bytes to checked queries, answers to bytes.

A forecast is some hundred numbers; building messages of them from Python costs more than computing them. So the arrays
go into the wire format [1] as they lie in memory: packed floats are little-endian IEEE 754, as NumPy has them here. A
test compares with what the generated classes give.
[1] https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError

from serving.core.errors import InvalidInput
from serving.decisions.forecast.contract import (
    HORIZON_DAYS_DEFAULT,
    HORIZON_DAYS_MAX,
    ITEMS_MAX,
    LOCATIONS_MAX,
    Answer,
    Confidence,
    Period,
    Plan,
    Query,
    checked_horizon,
    checked_quantiles,
    day_of,
    day_text,
)
from serving.transport import checks
from serving.transport.item_codec import AMOUNT_MAX, amount, currency_code
from storegate.v1 import forecast_pb2 as pb

REQUEST_ID_BYTES_MAX: Final = 256
_PERIODS: Final = {
    pb.FORECAST_PERIOD_UNSPECIFIED: Period.DAY,
    pb.FORECAST_PERIOD_DAY: Period.DAY,
    pb.FORECAST_PERIOD_WEEK: Period.WEEK,
}
_PERIOD_CODES: Final = {Period.DAY: pb.FORECAST_PERIOD_DAY, Period.WEEK: pb.FORECAST_PERIOD_WEEK}
_CONFIDENCES: Final = {
    Confidence.LOW: pb.FORECAST_CONFIDENCE_LOW,
    Confidence.MEDIUM: pb.FORECAST_CONFIDENCE_MEDIUM,
    Confidence.HIGH: pb.FORECAST_CONFIDENCE_HIGH,
}
_FORECASTS: Final = b"\x0a"  # field 1 of the response
_MEAN, _QUANTILES = b"\x1a", b"\x22"  # fields 3 and 4 of a forecast
_QUANTILE, _UNITS = b"\x09", b"\x12"  # fields 1 and 2 of a path


def decode_forecast(payload: bytes) -> Query:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.ForecastDemandRequest.FromString, "ForecastDemandRequest", payload)
    items = _unique("item_ids", request.item_ids, ITEMS_MAX)
    if not items:
        raise InvalidInput("item_ids", [], f"1 to {ITEMS_MAX} items")
    if request.period not in _PERIODS:
        raise InvalidInput("period", request.period, "FORECAST_PERIOD_DAY (1) or FORECAST_PERIOD_WEEK (2)")
    period = _PERIODS[request.period]
    horizon = request.horizon_days if request.HasField("horizon_days") else HORIZON_DAYS_DEFAULT
    return Query(
        items,
        _unique("location_ids", request.location_ids, LOCATIONS_MAX),
        checked_horizon("horizon_days", horizon, period),
        checked_quantiles("quantiles", request.quantiles),
        period,
        day_of("first_day", request.first_day) if request.first_day else None,
        _plans(request.plans, frozenset(items)),
        checks.text("request_id", request.request_id, REQUEST_ID_BYTES_MAX),
    )


def forecast_units(payload: bytes) -> int:
    """Hundreds of items begun, at least 1. What is no request counts 1: decoding it will say what is wrong."""
    try:
        return max(1, -(-len(pb.ForecastDemandRequest.FromString(payload).item_ids) // 100))
    except DecodeError:
        return 1


def encode_forecast(answer: Answer) -> bytes:
    """The serialised ForecastDemandResponse."""
    paths = [_QUANTILE + struct.pack("<d", value) for value in answer.quantiles]
    periods = answer.mean.shape[1]
    floats = _length(4 * periods)
    path = [_QUANTILES + _length(len(head) + 1 + len(floats) + 4 * periods) + head + _UNITS + floats for head in paths]
    mean_head, size = _MEAN + floats, 4 * periods
    mean = np.ascontiguousarray(answer.mean, "<f4").tobytes()
    units = np.ascontiguousarray(answer.units, "<f4").tobytes()
    ends = _ends(answer)
    parts: list[bytes] = []
    at = 0
    for i, (item, location) in enumerate(zip(answer.item_ids, answer.location_ids, strict=True)):
        one = [_text(b"\x0a", item), _text(b"\x12", location), mean_head, mean[i * size : (i + 1) * size]]
        for head in path:
            one += (head, units[at : at + size])
            at += size
        one.append(ends[answer.method[i], answer.confidence[i]])
        parts += (_FORECASTS, _length(sum(map(len, one))), *one)
    parts.append(_rest(answer))
    return b"".join(parts)


def _ends(answer: Answer) -> dict[tuple[int, int], bytes]:
    """The last fields of a forecast, by method and confidence."""
    return {
        (number, sure): checks.wire(pb.DemandForecast(method=method, confidence=code))
        for number, method in enumerate(answer.methods)
        for sure, code in _CONFIDENCES.items()
    }


def _rest(answer: Answer) -> bytes:
    """All but the forecasts."""
    rest = pb.ForecastDemandResponse(
        missing_item_ids=answer.missing_items,
        missing_location_ids=answer.missing_locations,
        first_day=day_text(answer.first_day),
        period=_PERIOD_CODES[answer.period],
        model_version=answer.version,
        request_id=answer.request_id,
    )
    for stage, cause in answer.degraded:
        rest.degraded.add(stage=stage, cause=cause)
    return checks.wire(rest)


def _plans(plans: Any, items: frozenset[str]) -> tuple[Plan, ...]:
    found: dict[str, Plan] = {}
    for place, plan in enumerate(plans):
        field = f"plans[{place}]"
        if plan.item_id not in items or plan.item_id in found:
            raise InvalidInput(f"{field}.item_id", plan.item_id, "an item of item_ids, each once")
        price, currency = 0, ""
        if plan.HasField("price"):
            currency = currency_code(f"{field}.price", plan.price.currency_code)
            price = amount(f"{field}.price", plan.price)
            checks.whole(f"{field}.price.amount_minor", price, 1, AMOUNT_MAX)
        if len(plan.promotion_days) > HORIZON_DAYS_MAX:
            told = f"{len(plan.promotion_days)} days"
            raise InvalidInput(f"{field}.promotion_days", told, f"at most {HORIZON_DAYS_MAX}")
        days = [day_of(f"{field}.promotion_days[{i}]", text) for i, text in enumerate(plan.promotion_days)]
        found[plan.item_id] = Plan(plan.item_id, price, currency, tuple(days))
    return tuple(found.values())


def _unique(field: str, values: Any, count_max: int) -> tuple[str, ...]:
    """The ids, each usable, not empty and there once."""
    ids = checks.ids(field, values, count_max)
    if len(set(ids)) != len(ids):
        place = next(place for place, one in enumerate(ids) if one in ids[:place])
        raise InvalidInput(f"{field}[{place}]", ids[place], "each once", reason="REPEATED_ID")
    return ids


def _text(tag: bytes, value: str) -> bytes:
    """A string field; nothing where it is empty."""
    data = value.encode()
    return tag + _length(len(data)) + data if data else b""


def _length(value: int) -> bytes:
    """A varint."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
