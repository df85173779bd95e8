"""GetDecision and ReplayDecision: request bytes to a decision's id, what was found to bytes."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from serving.core.errors import InvalidInput
from serving.decisions.recommend.contract import SOURCE_NAMES
from serving.decisions.recommend.record import Logged, Replayed
from serving.decisions.recommend.record_bytes import query_to_dict
from serving.transport import checks
from storegate.v1 import recommendation_pb2 as pb

_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)


def decode_get(payload: bytes) -> str:
    """The decision's id. Raises InvalidInput."""
    return _id(checks.parsed(pb.GetDecisionRequest.FromString, "GetDecisionRequest", payload))


def decode_replay(payload: bytes) -> str:
    """The decision's id. Raises InvalidInput."""
    return _id(checks.parsed(pb.ReplayDecisionRequest.FromString, "ReplayDecisionRequest", payload))


def encode_logged(logged: Logged) -> bytes:
    """The Decision message."""
    return checks.wire(message_of(logged))


def encode_replayed(replayed: Replayed) -> bytes:
    """ReplayDecisionResponse."""
    found = [
        pb.Difference(field=each.field, logged=each.logged, replayed=each.replayed) for each in replayed.differences
    ]
    return checks.wire(
        pb.ReplayDecisionResponse(decision=message_of(replayed.logged), identical=not found, differences=found)
    )


def _id(request: Any) -> str:
    name: str = request.decision_id
    if not _ID.fullmatch(name):
        raise InvalidInput("decision_id", name, "32 hexadecimal digits, as in the decision_id of an answer")
    return name


def message_of(logged: Logged) -> Any:
    """The Decision message, not encoded yet."""
    decision = logged.decision
    query = decision.query
    message = pb.Decision(
        decision_id=decision.decision_id,
        placement=query.placement,
        user_id=query.user_id,
        visitor_id=query.visitor_id,
        query_json=json.dumps(query_to_dict(query), ensure_ascii=False),
        model_versions=decision.versions,
        catalogue_version=decision.catalogue_version,
        degraded=[pb.Degraded(stage=stage, cause=cause) for stage, cause in decision.degraded],
    )
    message.time.FromMicroseconds(round(decision.wall * 1e6))
    outcomes: dict[str, list[str]] = {}
    for outcome in logged.outcomes:
        outcomes.setdefault(outcome.item_id, []).append(outcome.event_type)
    for result in decision.results:
        row = message.results.add(
            item_id=result.item_id,
            score=result.score,
            propensity=result.propensity,
            source=SOURCE_NAMES[result.source],
            outcomes=outcomes.get(result.item_id, ()),
        )
        if result.price or result.currency:
            row.price.amount_minor, row.price.currency_code = result.price, result.currency
    return message
