"""Recommend, RecommendPage and Rerank: request bytes to a checked Query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from google.protobuf.message import DecodeError

from serving.core.clock import Clock
from serving.core.errors import InvalidInput
from serving.core.ids import check_id
from serving.decisions.recommend.contract import (
    CONTEXT_ITEMS_MAX,
    EXCLUDE_ITEMS_MAX,
    EXPLAIN_NONE,
    EXPLAIN_REASONS,
    EXPLAIN_TRACE,
    NEED_ITEMS,
    OBJECTIVES,
    PAGE_PLACEMENTS_MAX,
    PAGE_SIZE_DEFAULT,
    PAGE_SIZE_MAX,
    PAGED_ITEMS_MAX,
    PINS_MAX,
    PLACEMENTS,
    RECOMMENDED_FOR_YOU,
    RERANK_ITEMS_MAX,
    SESSION_EVENTS_MAX,
    TRACE_ITEMS_MAX,
    PageQuery,
    Pin,
    Query,
    SessionEvent,
)
from serving.decisions.recommend.filters import compiled
from serving.events.types import NEEDS_ITEM, TYPE_CODES
from serving.transport import checks
from serving.transport.page_tokens import offset_of
from storegate.v1 import recommendation_pb2 as pb

EXPLAINS: Final = (EXPLAIN_REASONS, EXPLAIN_NONE, EXPLAIN_REASONS, EXPLAIN_TRACE)
"""By the number of the contract's enum."""
RERANK_UNIT_ITEMS: Final = 100
IDS: Final = ("user_id", "visitor_id", "request_id")
"""What differs from request to request."""
USUAL_BYTES_MAX: Final = 256
USUAL_MAX: Final = 2048
"""Kinds of requests that are remembered, about 1.5 KiB each; the one asked for longest ago is forgotten first."""
NO_RULES: Final[dict[str, Any]] = {}


def decode_recommend(payload: bytes, clock: Clock) -> Query:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.RecommendRequest.FromString, "RecommendRequest", payload)
    user_id, visitor_id, request_id = request.user_id, request.visitor_id, request.request_id
    for name in IDS:
        request.ClearField(name)
    rest = checks.wire(request)
    usual = not request.session_events and len(rest) <= USUAL_BYTES_MAX
    fields = _usual(rest, clock) if usual else _fields(request, clock)  # type: ignore[arg-type]  # a clock has a hash
    return Query(
        user_id=check_id("user_id", user_id),
        visitor_id=check_id("visitor_id", visitor_id),
        request_id=check_id("request_id", request_id),
        **fields,
    )


@lru_cache(USUAL_MAX)
def _usual(rest: bytes, clock: Clock) -> dict[str, Any]:
    """What many requests have in common: all but the ids, and without session events, whose times are compared with the
    clock. Not to be changed by whoever gets it."""
    return _fields(pb.RecommendRequest.FromString(rest), clock)


def _fields(request: Any, clock: Clock) -> dict[str, Any]:
    """Fields of the query to a RecommendRequest, without the ids."""
    asked = _asked(request, "")
    if request.page_token:
        asked["offset"] = offset_of(request.page_token)
        asked["page_size"] = min(asked["page_size"], PAGED_ITEMS_MAX - asked["offset"])
    if request.trace_item_ids:
        asked["trace_items"] = checks.ids("trace_item_ids", request.trace_item_ids, TRACE_ITEMS_MAX)
    fields = {
        **asked,
        **_visitor(request, clock),
        **_wishes(request),
        "exclude": checks.ids("exclude_item_ids", request.exclude_item_ids, EXCLUDE_ITEMS_MAX),
        "filter": _filter("filter", request.filter),
    }
    return {name: value for name, value in fields.items() if name not in IDS}


def decode_page(payload: bytes, clock: Clock) -> PageQuery:
    """The checked page, one query a placement. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.RecommendPageRequest.FromString, "RecommendPageRequest", payload)
    if not 1 <= len(request.placements) <= PAGE_PLACEMENTS_MAX:
        raise InvalidInput("placements", f"{len(request.placements)} placements", f"1 to {PAGE_PLACEMENTS_MAX}")
    shared = {
        **_visitor(request, clock),
        **_wishes(request),
        "exclude": checks.ids("exclude_item_ids", request.exclude_item_ids, EXCLUDE_ITEMS_MAX),
    }
    everywhere = _filter("filter", request.filter)
    queries = []
    for number, part in enumerate(request.placements):
        where = f"placements[{number}]."
        both = _both(everywhere, _filter(where + "filter", part.filter), where + "filter")
        queries.append(Query(**_asked(part, where), **shared, filter=both))
    return PageQuery(tuple(queries), queries[0].request_id)


def decode_rerank(payload: bytes, clock: Clock) -> Query:
    """The checked query, its items in `given`. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.RerankRequest.FromString, "RerankRequest", payload)
    items = checks.ids("item_ids", request.item_ids, RERANK_ITEMS_MAX)
    if not items:
        raise InvalidInput("item_ids", [], f"1 to {RERANK_ITEMS_MAX} items to order")
    return Query(
        page_size=checks.whole("page_size", request.page_size, 0, RERANK_ITEMS_MAX) or len(items),
        **_visitor(request, clock),
        **_page_rules(request, ""),
        given=items,
    )


def page_units(payload: bytes) -> int:
    """Placements of the page, at least 1. What is no request counts 1: decoding it will say what is wrong."""
    try:
        return max(len(pb.RecommendPageRequest.FromString(payload).placements), 1)
    except DecodeError:
        return 1


def rerank_units(payload: bytes) -> int:
    """Hundreds of items begun, at least 1; likewise."""
    try:
        items = len(pb.RerankRequest.FromString(payload).item_ids)
    except DecodeError:
        return 1
    return max(-(-items // RERANK_UNIT_ITEMS), 1)


def _asked(request: Any, where: str) -> dict[str, Any]:
    """What a placement is asked for: its name, items, size and rules."""
    placement = request.placement or RECOMMENDED_FOR_YOU
    if placement not in PLACEMENTS:
        expected = "one of " + ", ".join(PLACEMENTS)
        raise InvalidInput(where + "placement", placement, expected, reason="UNKNOWN_PLACEMENT")
    item_ids = checks.ids(where + "item_ids", request.item_ids, CONTEXT_ITEMS_MAX)
    if not item_ids and placement in NEED_ITEMS:
        raise InvalidInput(where + "item_ids", [], f"the items that {placement} is about, at least one")
    return {
        "placement": placement,
        "item_ids": item_ids,
        "page_size": checks.whole(where + "page_size", request.page_size, 0, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT,
        **_page_rules(request, where),
    }


def _page_rules(request: Any, where: str) -> dict[str, Any]:
    """Constraints and diversity."""
    rules = _constraints(request.constraints, where + "constraints.") if request.HasField("constraints") else NO_RULES
    if request.HasField("diversity"):
        return {**rules, "diversity": _share(where + "diversity", request.diversity, "0 (relevance alone) to 1")}
    return rules


def _constraints(rules: Any, where: str) -> dict[str, Any]:
    pins = rules.pins
    if len(pins) > PINS_MAX:
        raise InvalidInput(where + "pins", f"{len(pins)} pins", f"at most {PINS_MAX}")
    return {
        "max_per_brand": checks.whole(where + "max_per_brand", rules.max_per_brand, 0),
        "max_per_category": checks.whole(where + "max_per_category", rules.max_per_category, 0),
        "min_margin": _share(where + "min_margin", rules.min_margin, "a share of the price, 0 to 1"),
        "pins": tuple(_pin(f"{where}pins[{number}].", pin) for number, pin in enumerate(pins)),
        "exclude_bought": rules.exclude_bought,
        "exclude_viewed": rules.exclude_viewed,
    }


def _pin(where: str, pin: Any) -> Pin:
    item_id = checks.needed_id(where + "item_id", pin.item_id)
    return Pin(item_id, checks.whole(where + "position", pin.position, 1, PAGE_SIZE_MAX) - 1)


def _visitor(request: Any, clock: Clock) -> dict[str, Any]:
    """Who asks, what they have just done, and what may be told."""
    events, explain = request.session_events, request.explain
    if not 0 <= explain < len(EXPLAINS):
        raise InvalidInput("explain", explain, "NONE (1), REASONS (2), TRACE (3) or none (0)")
    return {
        "user_id": check_id("user_id", request.user_id),
        "visitor_id": check_id("visitor_id", request.visitor_id),
        "session": _session(events, clock) if events else (),
        "explain": EXPLAINS[explain],
        "personal": checks.consent(request.personalization),
        "request_id": check_id("request_id", request.request_id),
        "validate_only": request.validate_only,
    }


def _wishes(request: Any) -> dict[str, Any]:
    """What the shop wants of the page, and where things must arrive."""
    wishes: dict[str, Any] = {}
    if request.objective:
        if request.objective not in OBJECTIVES:
            expected = "one of " + ", ".join(OBJECTIVES)
            raise InvalidInput("objective", request.objective, expected, reason="UNKNOWN_OBJECTIVE")
        wishes["objective"] = request.objective
    if request.HasField("objective_weight"):
        expected = "0 (likely purchases) to 1 (the objective alone)"
        wishes["objective_weight"] = _share("objective_weight", request.objective_weight, expected)
    if request.HasField("deliver_to"):
        wishes["deliver_to"] = checks.needed_id("deliver_to.location", request.deliver_to.location)
        if request.deliver_to.HasField("need_by"):
            seconds = request.deliver_to.need_by.seconds
            wishes["need_by_s"] = checks.whole("deliver_to.need_by", seconds, checks.TIME_S_MIN, 2**32 - 1)
    return wishes


def _filter(field: str, text: str) -> str:
    """The filter when it is one; compiled here, so that an answer never fails by it."""
    if text:
        try:
            compiled(text)
        except InvalidInput as error:
            raise InvalidInput(field, text, error.expected, reason=error.reason) from None
    return text


def _both(everywhere: str, mine: str, field: str) -> str:
    """A filter that holds where both do; two that are within the bounds may be beyond them together."""
    if not (everywhere.strip() and mine.strip()):
        return everywhere if everywhere.strip() else mine
    return _filter(field, f"({everywhere}) AND ({mine})")


def _share(field: str, value: float, expected: str) -> float:
    if not 0.0 <= value <= 1.0 or math.isnan(value):
        raise InvalidInput(field, value, expected)
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
