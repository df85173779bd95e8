"""One batch from bytes to bytes. A call's error is its own, and a defect of ours takes no neighbours with it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Any

from serving.core.errors import InternalError, StoregateError
from serving.core.turn import Turn
from serving.engine.calls import Call, Route
from serving.engine.telemetry import MethodTelemetry, Telemetry

log = logging.getLogger(__name__)


def execute(route: Route, calls: Sequence[Call], turn: Turn, telemetry: Telemetry) -> None:
    """Answers or fails every one of `calls` exactly once. Never raises an Exception."""
    counts = telemetry.methods[route.method]
    decode = route.decode
    live: list[Call] = []
    queries: list[Any] = []
    for call in calls:
        try:
            query = decode(call.payload)
        except Exception as error:
            fail(call, own_error(error, route.method, telemetry), counts)
            continue
        live.append(call)
        queries.append(query)
    if not live:
        return
    try:
        answers = route.run(queries, turn)
        if len(answers) != len(queries):
            raise RuntimeError(f"{len(answers)} answers to {len(queries)} queries")
    except Exception as error:
        answers = _one_by_one(route, queries, turn, telemetry, error)
    encode, encode_json = route.encode, route.encode_json or route.encode
    answered = 0
    for call, answer in zip(live, answers, strict=True):
        if isinstance(answer, StoregateError):
            fail(call, answer, counts)
            continue
        try:
            call.responder.respond(call.call_id, (encode_json if call.json else encode)(answer))
            answered += 1
        except Exception as error:
            fail(call, own_error(error, route.method, telemetry), counts)
    counts.answered += answered


def _one_by_one(
    route: Route, queries: Sequence[Any], turn: Turn, telemetry: Telemetry, error: Exception
) -> Sequence[Any]:
    """Runs each query alone after the batch raised `error`, so that only the poisonous ones fail."""
    if len(queries) == 1:
        return [own_error(error, route.method, telemetry)]
    answers: list[Any] = []
    for query in queries:
        try:
            (answer,) = route.run([query], turn)
        except Exception as own:
            answer = own_error(own, route.method, telemetry)
        answers.append(answer)
    return answers


def own_error(error: Exception, method: str, telemetry: Telemetry) -> StoregateError:
    """What the caller is told: a StoregateError as it is; anything else is a defect, logged under a reference."""
    if isinstance(error, StoregateError):
        return error
    telemetry.defects += 1
    reference = secrets.token_hex(4)
    log.error("defect in %s, reference %s", method, reference, exc_info=error)
    return InternalError(f"an internal error, logged under the reference {reference}", reference=reference)


def fail(call: Call, error: StoregateError, counts: MethodTelemetry | None) -> None:
    """Fails the call; a responder that cannot even do that is logged, and the batch goes on."""
    if counts is not None:
        counts.failed(error.reason)
    try:
        call.responder.fail(call.call_id, error)
    except Exception:
        log.exception("a responder could not deliver %s for %s", error.reason, call.method)
