"""BatchService: the same over both faces; see parity_laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused, signed
from parity_shop import FORECASTS, PRICES, answer

from serving.core.batch import (
    BatchSpec,
    CancelOperation,
    Column,
    GetOperation,
    InlineForecast,
    InlineRecommend,
    InlineScore,
    ListOperations,
    Operation,
    Progress,
    Responses,
    ResumeOperation,
    Scored,
    State,
)
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import InvalidInput, NotFound
from serving.core.turn import Turn
from serving.decisions.price import quoting
from serving.decisions.price.contract import AllQuery
from serving.transport import codecs as wire

OPERATION = Operation(
    "20261126T221500-0badcafe", BatchSpec("recommend", "in.parquet", "s3://bucket/out"), State.FAILED,
    Progress(40, 150, 1, 4, 0.5), 1_700_000_000, 1_700_000_009, {"versions": {"ranker": "7"}}, "BAD_DATA", "cut short",
)  # fmt: skip


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case InlineRecommend(requests=requests):
            codec = wire.codecs(SystemClock(), signed)[wire.RECOMMEND]
            return Responses(tuple(codec.encode(answer(codec.decode(one))) for one in requests))
        case InlineForecast(requests=requests):
            codec = wire.codecs(SystemClock())[wire.FORECAST_DEMAND]
            return Responses(
                tuple(codec.encode(FORECASTS.run([codec.decode(one)], Turn(0.0, 0.0, NEVER))[0]) for one in requests)
            )
        case InlineScore(model="absent"):
            return NotFound("model", "absent")
        case InlineScore(model=model, columns=columns):
            return Scored(model, "3", (*columns, Column("texts", 2, texts=("a", "ä"))))
        case AllQuery():
            return quoting.page(PRICES, query)
        case BatchSpec(output_uri="there"):
            return InvalidInput("output_uri", "there", "a folder that is empty", reason="OUTPUT_EXISTS")
        case BatchSpec():
            return replace(OPERATION, spec=query, state=State.PENDING)
        case GetOperation(name=name) | CancelOperation(name=name) | ResumeOperation(name=name):
            return replace(OPERATION, cancelling=True) if name == OPERATION.name else NotFound("operation", name)
        case ListOperations():
            return [OPERATION, replace(OPERATION, state=State.RUNNING)]


ANSWERED: Answered = [
    ("BatchRecommend", {"requests": [{"userId": "a", "pageSize": 2}, {"requestId": "ä", "diversity": 0.5}]}),
    (
        "BatchRecommend",
        {"inputUri": "in.parquet", "outputUri": "out", "each": {"placement": "similar-items"}, "model": "r2"},
    ),
    ("BatchScore", {"model": "m", "columns": [{"name": "x", "width": 2, "numbers": [1, 2.5, -1e300, "NaN"]}]}),
    ("BatchScore", {"model": "m", "version": "7", "outputs": ["y"], "inputUri": "s3://b/in", "outputUri": "s3://b/o"}),
    ("BatchForecast", {"requests": [{"itemIds": ["i1"]}, {"itemIds": ["gone"], "horizonDays": 7, "requestId": "ä"}]}),
    (
        "BatchForecast",
        {"inputUri": "in.parquet", "outputUri": "out", "each": {"horizonDays": 56, "quantiles": [0.5]}, "model": "r2"},
    ),
    ("BatchQuotePrices", {"allItems": True, "pageSize": 2}),
    ("BatchQuotePrices", {"inputUri": "items.parquet", "outputUri": "out", "currencyCode": "GBP"}),
    ("GetOperation", {"name": OPERATION.name}),
    ("ListOperations", {}),
    ("CancelOperation", {"name": OPERATION.name}),
    ("ResumeOperation", {"name": OPERATION.name}),
]


REFUSED: Refused = [
    ("BatchRecommend", {}, "INVALID_FIELD"),
    ("BatchRecommend", {"requests": [{}, {"placement": "homepage"}]}, "UNKNOWN_PLACEMENT"),
    ("BatchRecommend", {"inputUri": "in.parquet"}, "INVALID_FIELD"),
    ("BatchRecommend", {"requests": [{}], "inputUri": "a", "outputUri": "b"}, "INVALID_FIELD"),
    ("BatchRecommend", {"requests": [{}], "each": {"pageSize": 5}}, "INVALID_FIELD"),
    ("BatchRecommend", {"inputUri": "a", "outputUri": "b", "each": {"userId": "u"}}, "INVALID_FIELD"),
    ("BatchRecommend", {"inputUri": "a", "outputUri": "b", "each": {"filter": "pirce < 5"}}, "UNKNOWN_FIELD_IN_FILTER"),
    ("BatchRecommend", {"inputUri": "a", "outputUri": "there"}, "OUTPUT_EXISTS"),
    ("BatchScore", {"columns": [{"name": "x", "numbers": [1]}]}, "INVALID_FIELD"),
    ("BatchScore", {"model": "m", "columns": [{"name": "x", "width": 2, "numbers": [1]}]}, "INVALID_FIELD"),
    ("BatchScore", {"model": "m", "columns": [{"name": "x", "numbers": [1], "texts": ["a"]}]}, "INVALID_FIELD"),
    ("BatchScore", {"model": "absent", "columns": [{"name": "x", "numbers": [1]}]}, "NOT_FOUND"),
    ("BatchForecast", {}, "INVALID_FIELD"),
    ("BatchForecast", {"requests": [{"itemIds": ["a"]}, {"itemIds": []}]}, "INVALID_FIELD"),
    ("BatchForecast", {"requests": [{"itemIds": ["a"]}], "model": "r2"}, "INVALID_FIELD"),
    ("BatchForecast", {"requests": [{"itemIds": ["a"]}], "inputUri": "a", "outputUri": "b"}, "INVALID_FIELD"),
    ("BatchForecast", {"inputUri": "a", "outputUri": "b", "each": {"itemIds": ["a"]}}, "INVALID_FIELD"),
    ("BatchForecast", {"inputUri": "a", "outputUri": "b", "each": {"horizonDays": 0}}, "INVALID_FIELD"),
    ("GetOperation", {"name": "absent"}, "NOT_FOUND"),
    ("BatchQuotePrices", {}, "INVALID_FIELD"),
    ("BatchQuotePrices", {"itemIds": ["a"], "allItems": True}, "INVALID_FIELD"),
    ("BatchQuotePrices", {"allItems": True, "pageToken": "next"}, "INVALID_FIELD"),
    ("BatchQuotePrices", {"allItems": True, "inputUri": "a", "outputUri": "b"}, "INVALID_FIELD"),
]


class TestBatches(EqualAnswers, EqualErrors):
    service = "storegate.v1.BatchService"
    computed = staticmethod(computed)
    answered = ANSWERED
    refused = REFUSED
