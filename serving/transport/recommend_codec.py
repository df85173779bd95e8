"""Recommend and Rerank: request bytes to a checked Query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from serving.core.clock import Clock
from serving.core.errors import InvalidInput
from serving.core.ids import check_id
from serving.decisions.recommend.contract import (
    CONTEXT_ITEMS_MAX,
    EXCLUDE_ITEMS_MAX,
    OTHERS_YOU_MAY_LIKE,
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MAX,
    PLACEMENTS,
    RECOMMENDED_FOR_YOU,
    RERANK_ITEMS_MAX,
    SESSION_EVENTS_MAX,
    Query,
    SessionEvent,
)
from serving.events.types import NEEDS_ITEM, TYPE_CODES
from serving.transport import checks
from storegate.v1 import recommendation_pb2 as pb

EXPLAIN_NONE: Final = 1


def decode_recommend(payload: bytes, clock: Clock) -> Query:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.RecommendRequest.FromString, "RecommendRequest", payload)
    placement = request.placement or RECOMMENDED_FOR_YOU
    if placement not in PLACEMENTS:
        raise InvalidInput("placement", placement, "one of " + ", ".join(PLACEMENTS), reason="UNKNOWN_PLACEMENT")
    item_ids = checks.ids("item_ids", request.item_ids, CONTEXT_ITEMS_MAX)
    if placement == OTHERS_YOU_MAY_LIKE and not item_ids:
        raise InvalidInput("item_ids", [], f"the items that {OTHERS_YOU_MAY_LIKE} is about, at least one")
    page_size = checks.whole("page_size", request.page_size, 0, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT
    exclude = checks.ids("exclude_item_ids", request.exclude_item_ids, EXCLUDE_ITEMS_MAX)
    return _query(request, placement, item_ids, page_size, exclude, None, clock)


def decode_rerank(payload: bytes, clock: Clock) -> Query:
    """The checked query, its items in `given`. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.RerankRequest.FromString, "RerankRequest", payload)
    items = checks.ids("item_ids", request.item_ids, RERANK_ITEMS_MAX)
    if not items:
        raise InvalidInput("item_ids", [], f"1 to {RERANK_ITEMS_MAX} items to order")
    page_size = checks.whole("page_size", request.page_size, 0, RERANK_ITEMS_MAX) or len(items)
    return _query(request, RECOMMENDED_FOR_YOU, (), page_size, (), items, clock)


def _query(
    request: Any,
    placement: str,
    item_ids: tuple[str, ...],
    page_size: int,
    exclude: tuple[str, ...],
    given: tuple[str, ...] | None,
    clock: Clock,
) -> Query:
    """What both requests have in common."""
    events, explain = request.session_events, request.explain
    if not 0 <= explain <= 2:
        raise InvalidInput("explain", explain, "NONE (1), REASONS (2) or none (0)")
    per_brand = per_category = 0
    if request.HasField("constraints"):
        caps = request.constraints
        per_brand = checks.whole("constraints.max_per_brand", caps.max_per_brand, 0)
        per_category = checks.whole("constraints.max_per_category", caps.max_per_category, 0)
    return Query(
        placement,
        check_id("user_id", request.user_id),
        check_id("visitor_id", request.visitor_id),
        item_ids,
        _session(events, clock) if events else (),
        page_size,
        exclude,
        per_brand,
        per_category,
        _diversity(request.diversity) if request.HasField("diversity") else None,
        explain != EXPLAIN_NONE,
        checks.consent(request.personalization),
        check_id("request_id", request.request_id),
        request.validate_only,
        given,
    )


def _diversity(value: float) -> float:
    if not 0.0 <= value <= 1.0:  # false for NaN too
        raise InvalidInput("diversity", value, "0 (relevance alone) to 1")
    return value


def _session(events: Sequence[Any], clock: Clock) -> tuple[SessionEvent, ...]:
    if len(events) > SESSION_EVENTS_MAX:
        raise InvalidInput("session_events", f"{len(events)} events", f"at most {SESSION_EVENTS_MAX}, the newest")
    now_s = clock.wall()
    out = []
    for position, event in enumerate(events):
        name, item_id = event.event_type, event.item_id
        code = TYPE_CODES.get(name)
        if code is None:
            checks.event_type(f"session_events[{position}].event_type", name)
        if item_id:
            check_id(f"session_events[{position}].item_id", item_id)
        elif name in NEEDS_ITEM:
            raise InvalidInput(f"session_events[{position}].item_id", item_id, f"the item of the {name}")
        at_s = 0
        if event.HasField("event_time"):
            at_s = checks.time_s(f"session_events[{position}].event_time", event.event_time, now_s)
        out.append(SessionEvent(code or 0, item_id, at_s))
    return tuple(out)
