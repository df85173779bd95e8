"""BatchService: request bytes to checked queries, answers and operations to bytes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Final

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
    Responses,
    ResumeOperation,
    Scored,
    State,
)
from serving.core.clock import Clock
from serving.core.errors import InvalidInput
from serving.decisions.forecast.batch import options_of as forecast_options
from serving.decisions.inference.batch import options_of as score_options
from serving.decisions.price.contract import AllQuery, QuoteQuery, Quotes
from serving.decisions.recommend.batch import options_of as recommend_options
from serving.decisions.recommend.contract import NEED_ITEMS, Query
from serving.transport import checks, pricing_codec
from serving.transport.forecast_codec import decode_forecast
from serving.transport.recommend_codec import decode_recommend
from storegate.v1 import batch_pb2 as pb

REQUESTS_MAX: Final = 10_000
URI_BYTES_MAX: Final = 2048
COLUMNS_MAX: Final = 1000
_OWN: Final = ("user_id", "visitor_id", "session_events", "page_token", "request_id", "validate_only", "trace_item_ids")
"""What the rows of a file bring themselves, or cannot have."""
FORECASTS_MAX: Final = 1000
_FORECAST_OWN: Final = ("item_ids", "location_ids", "plans", "request_id")
"""Likewise, of forecasts."""
_STATES: Final = {
    State.PENDING: pb.OPERATION_STATE_PENDING,
    State.RUNNING: pb.OPERATION_STATE_RUNNING,
    State.SUCCEEDED: pb.OPERATION_STATE_SUCCEEDED,
    State.FAILED: pb.OPERATION_STATE_FAILED,
    State.CANCELLED: pb.OPERATION_STATE_CANCELLED,
}


def decode_recommend_batch(payload: bytes, clock: Clock) -> InlineRecommend | BatchSpec:
    """Raises InvalidInput naming the field, of an inline request with its place."""
    request = checks.parsed(pb.BatchRecommendRequest.FromString, "BatchRecommendRequest", payload)
    if _has_uris(request):
        if request.requests:
            raise InvalidInput("requests", f"{len(request.requests)} requests", "requests or input_uri, not both")
        for name in _OWN:
            if getattr(request.each, name):
                raise InvalidInput(f"each.{name}", "a value", "none: it is asked for each row of the file")
        query = _placed("each.", lambda: _each(request.each, clock))
        model = checks.text("model", request.model, 256)
        return BatchSpec("recommend", *_uris(request), recommend_options(query, model))
    _no_file_s(request)
    if not 1 <= len(request.requests) <= REQUESTS_MAX:
        expected = f"1 to {REQUESTS_MAX}, or input_uri and output_uri"
        raise InvalidInput("requests", f"{len(request.requests)} requests", expected)
    encoded = tuple(map(checks.wire, request.requests))
    for place, one in enumerate(encoded):
        _placed(f"requests[{place}].", partial(decode_recommend, one, clock))
    return InlineRecommend(encoded)


def decode_score_batch(payload: bytes) -> InlineScore | BatchSpec:
    """Raises InvalidInput naming the field."""
    request = checks.parsed(pb.BatchScoreRequest.FromString, "BatchScoreRequest", payload)
    model = checks.needed_id("model", request.model)
    version = checks.text("version", request.version, 256)
    outputs = checks.ids("outputs", request.outputs, COLUMNS_MAX)
    if _has_uris(request):
        if request.columns:
            raise InvalidInput("columns", f"{len(request.columns)} columns", "columns or input_uri, not both")
        return BatchSpec("score", *_uris(request), score_options(model, version, outputs))
    if not 1 <= len(request.columns) <= COLUMNS_MAX:
        raise InvalidInput(
            "columns", f"{len(request.columns)} columns", f"1 to {COLUMNS_MAX}, or input_uri and output_uri"
        )
    return InlineScore(model, version, tuple(_column(place, one) for place, one in enumerate(request.columns)), outputs)


def decode_forecast_batch(payload: bytes) -> InlineForecast | BatchSpec:
    """Raises InvalidInput naming the field, of an inline request with its place."""
    request = checks.parsed(pb.BatchForecastRequest.FromString, "BatchForecastRequest", payload)
    if _has_uris(request):
        if request.requests:
            raise InvalidInput("requests", f"{len(request.requests)} requests", "requests or input_uri, not both")
        for name in _FORECAST_OWN:
            if getattr(request.each, name):
                raise InvalidInput(f"each.{name}", "a value", "none: it is asked for each row of the file")
        request.each.item_ids.append("of the file")
        query = _placed("each.", lambda: decode_forecast(checks.wire(request.each)))
        model = checks.text("model", request.model, 256)
        return BatchSpec("forecast", *_uris(request), forecast_options(query, model))
    _no_file_s(request)
    if not 1 <= len(request.requests) <= FORECASTS_MAX:
        expected = f"1 to {FORECASTS_MAX}, or input_uri and output_uri"
        raise InvalidInput("requests", f"{len(request.requests)} requests", expected)
    encoded = tuple(map(checks.wire, request.requests))
    for place, one in enumerate(encoded):
        _placed(f"requests[{place}].", partial(decode_forecast, one))
    return InlineForecast(encoded)


def decode_quote_batch(payload: bytes) -> QuoteQuery | AllQuery | BatchSpec:
    """Raises InvalidInput naming the field."""
    request = checks.parsed(pb.BatchQuotePricesRequest.FromString, "BatchQuotePricesRequest", payload)
    if not _has_uris(request):
        return pricing_codec.decode_bulk(request)
    for name in ("item_ids", "all_items", "page_size", "page_token"):
        if getattr(request, name):
            raise InvalidInput(name, "a value", "none with input_uri")
    currency = pricing_codec.currency_of(request.currency_code)
    return BatchSpec("prices", *_uris(request), {"currency": currency} if currency else {})


def decode_get_operation(payload: bytes) -> GetOperation:
    request = checks.parsed(pb.GetOperationRequest.FromString, "GetOperationRequest", payload)
    return GetOperation(checks.needed_id("name", request.name))


def decode_list_operations(payload: bytes) -> ListOperations:
    checks.parsed(pb.ListOperationsRequest.FromString, "ListOperationsRequest", payload)
    return ListOperations()


def decode_cancel_operation(payload: bytes) -> CancelOperation:
    request = checks.parsed(pb.CancelOperationRequest.FromString, "CancelOperationRequest", payload)
    return CancelOperation(checks.needed_id("name", request.name))


def decode_resume_operation(payload: bytes) -> ResumeOperation:
    request = checks.parsed(pb.ResumeOperationRequest.FromString, "ResumeOperationRequest", payload)
    return ResumeOperation(checks.needed_id("name", request.name))


def encode_recommend_batch(answer: Responses | Operation) -> bytes:
    """BatchRecommendResponse."""
    if isinstance(answer, Operation):
        return checks.wire(pb.BatchRecommendResponse(operation=_operation(answer)))
    return _responses(answer)


def encode_forecast_batch(answer: Responses | Operation) -> bytes:
    """BatchForecastResponse."""
    if isinstance(answer, Operation):
        return checks.wire(pb.BatchForecastResponse(operation=_operation(answer)))
    return _responses(answer)


def _responses(answer: Responses) -> bytes:
    """A batch's response: the encoded responses are put in as they are."""
    out = bytearray()
    for one in answer.encoded:
        out += _RESPONSE + checks.varint(len(one)) + one
    return bytes(out)


def encode_score_batch(answer: Scored | Operation) -> bytes:
    """BatchScoreResponse."""
    if isinstance(answer, Operation):
        return checks.wire(pb.BatchScoreResponse(operation=_operation(answer)))
    columns = [
        pb.ScoreColumn(name=one.name, width=one.width, numbers=one.numbers, texts=one.texts) for one in answer.columns
    ]
    return checks.wire(pb.BatchScoreResponse(model=answer.model, version=answer.version, columns=columns))


def encode_quote_batch(answer: Quotes | Operation) -> bytes:
    """BatchQuotePricesResponse."""
    if isinstance(answer, Operation):
        return checks.wire(pb.BatchQuotePricesResponse(operation=_operation(answer)))
    return checks.wire(
        pb.BatchQuotePricesResponse(
            quotes=pricing_codec.quote_messages(answer),
            missing_item_ids=answer.missing,
            info=pricing_codec.info_message(answer.table),
            next_page_token=pricing_codec.page_token(answer.following, answer.order),
        )
    )


def encode_operation(found: Operation) -> bytes:
    return checks.wire(_operation(found))


def encode_operations(found: list[Operation]) -> bytes:
    return checks.wire(pb.ListOperationsResponse(operations=map(_operation, found)))


_RESPONSE: Final = b"\x0a"  # field 1 of BatchRecommendResponse and BatchForecastResponse, length-delimited


def _no_file_s(request: Any) -> None:
    """Raises InvalidInput for what is said of the rows of a file, where there is none."""
    for name in ("each", "model"):
        if request.HasField(name) if name == "each" else getattr(request, name):
            raise InvalidInput(name, "a value", "none without input_uri: each of the requests says what it wants")


def _has_uris(request: Any) -> bool:
    return bool(request.input_uri or request.output_uri)


def _uris(request: Any) -> tuple[str, str]:
    found = []
    for name in ("input_uri", "output_uri"):
        uri = checks.text(name, getattr(request, name), URI_BYTES_MAX)
        if not uri:
            raise InvalidInput(name, uri, "a path or a URI: a batch over files needs both")
        found.append(uri)
    return found[0], found[1]


def _each(request: Any, clock: Clock) -> Query:
    """What is asked for each row of a file, whose items may come from the file too."""
    if request.item_ids or request.placement not in NEED_ITEMS:
        return decode_recommend(checks.wire(request), clock)
    request.item_ids.append("of the file")
    return replace(decode_recommend(checks.wire(request), clock), item_ids=())


def _placed(where: str, decode: Any) -> Any:
    """What `decode` gives; an error names the field with its place."""
    try:
        return decode()
    except InvalidInput as error:
        raise error.about(where + error.field) from None


def _column(place: int, column: Any) -> Column:
    field = f"columns[{place}]"
    name = checks.needed_id(f"{field}.name", column.name)
    width = checks.whole(f"{field}.width", column.width, 0, 1_000_000)
    if column.numbers and column.texts:
        raise InvalidInput(field, name, "numbers or texts, not both")
    count = len(column.numbers) or len(column.texts)
    if not count or count % (width or 1):
        raise InvalidInput(field, f"{count} values", f"at least one row of {width or 1}, and whole rows")
    return Column(name, width, tuple(column.numbers), tuple(column.texts))


def _operation(found: Operation) -> Any:
    progress = found.progress
    made = pb.Operation(
        name=found.name,
        kind=found.spec.kind,
        state=_STATES[found.state],
        input_uri=found.spec.input_uri,
        output_uri=found.spec.output_uri,
        rows_done=progress.rows_done,
        rows_total=progress.rows_total,
        blocks_done=progress.blocks_done,
        blocks_total=progress.blocks_total,
        rows_per_second=progress.rows_per_second,
        model_versions=found.pins.get("versions", {}),
        error_reason=found.reason,
        error_message=found.message,
        cancelling=found.cancelling,
    )
    made.create_time.seconds, made.update_time.seconds = found.created_s, found.updated_s
    return made
