"""EraseUser and ExportUser: request bytes to a checked query, answers to bytes."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict
from typing import Any, Final

from serving.core.errors import InvalidInput
from serving.core.ids import check_id, hash64
from serving.decisions.recommend.record import Logged
from serving.events.erasure import Erased, EraseUser, Erasure, State
from serving.events.export import ExportedEvent, ExportUser, Page, Place, ProfileRecord, Stage, Told
from serving.transport import checks, decision_codec
from storegate.v1 import event_pb2 as pb

PAGE_SIZE: Final = 500
PAGE_SIZE_MAX: Final = 1000
OFFSET_MAX: Final = 2**40
STATES: Final = {State.RUNNING: pb.ERASURE_RUNNING, State.COMPLETE: pb.ERASURE_COMPLETE}


def decode_erase(payload: bytes) -> EraseUser:
    """The checked request. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.EraseUserRequest.FromString, "EraseUserRequest", payload)
    user_id, visitor_id = _whose(request)
    return EraseUser(user_id, visitor_id, check_id("request_id", request.request_id))


def encode_erased(erased: Erased) -> bytes:
    """EraseUserResponse."""
    return checks.wire(pb.EraseUserResponse(request_id=erased.request_id, erasure=_erasure(erased.erasure)))


def decode_export(payload: bytes) -> ExportUser:
    """The checked request. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.ExportUserRequest.FromString, "ExportUserRequest", payload)
    user_id, visitor_id = _whose(request)
    size = checks.whole("page_size", request.page_size, 0, PAGE_SIZE_MAX) or PAGE_SIZE
    query = ExportUser(user_id, visitor_id, size)
    place = _place(request.page_token, query.profile_key) if request.page_token else None
    return ExportUser(user_id, visitor_id, size, place)


def encode_page(page: Page) -> bytes:
    """ExportUserResponse."""
    return checks.wire(
        pb.ExportUserResponse(
            records=[_record(one) for one in page.told],
            next_page_token="" if page.place is None else export_token(page.place, page.whose),
        )
    )


def export_token(place: Place, whose: str) -> str:
    """A page token: opaque to callers, and of use for one profile key alone."""
    data = json.dumps({"whose": hash64(whose), **asdict(place)}, separators=(",", ":"))
    return urlsafe_b64encode(data.encode()).decode().rstrip("=")


def _place(token: str, whose: str) -> Place:
    try:
        found = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        place = Place(
            Stage(found["stage"]),
            int(found["first_ms"]),
            int(found["last_ms"]),
            str(found["day"]),
            int(found["offset"]),
        )
        good = found["whose"] == hash64(whose) and 0 <= place.offset < OFFSET_MAX
        good = good and 0 <= place.first_ms <= place.last_ms < OFFSET_MAX * 8
    except (ValueError, KeyError, TypeError):
        good = False
    if not good or export_token(place, whose) != token:
        raise InvalidInput(
            "page_token", token, "the next_page_token of an answer about the same person", reason="INVALID_PAGE_TOKEN"
        )
    return place


def _whose(request: Any) -> tuple[str, str]:
    user_id = check_id("user_id", request.user_id)
    visitor_id = check_id("visitor_id", request.visitor_id)
    if not (user_id or visitor_id):
        raise InvalidInput("user_id", user_id, "a user_id or a visitor_id")
    if user_id and visitor_id:
        raise InvalidInput("visitor_id", visitor_id, "nothing beside a user_id: ask for each of the two")
    return user_id, visitor_id


def _record(one: Told) -> Any:
    match one:
        case ProfileRecord():
            record = pb.ProfileRecord(event_type=one.event_type, item_id=one.item_id, quantity=one.quantity)
            record.event_time.seconds = one.time_s
            return pb.ExportedRecord(profile_record=record)
        case ExportedEvent():
            return pb.ExportedRecord(event=_event(one))
        case Logged():
            return pb.ExportedRecord(decision=decision_codec.message_of(one))
        case _:
            return pb.ExportedRecord(erasure=_erasure(one))


def _event(one: ExportedEvent) -> Any:
    event = one.logged.event
    message = pb.UserEvent(
        event_id=event.event_id,
        event_type=event.event_type,
        user_id=event.user_id,
        visitor_id=event.visitor_id,
        items=[pb.EventItem(item_id=item_id, quantity=quantity) for item_id, quantity in event.items],
        search_query=event.search_query,
    )
    message.event_time.seconds = event.time_s
    found = pb.ExportedEvent(event=message, decision_id=one.logged.decision_id)
    found.received_time.FromMilliseconds(one.received_ms)
    return found


def _erasure(one: Erasure) -> Any:
    message = pb.Erasure(
        erasure_id=one.erasure_id,
        state=STATES[one.state],
        subject=one.subject,
        profile_records=one.profile_records,
        decisions=one.decisions,
        events=one.events,
        history_records=one.history_records,
        files=one.files,
        left=one.left,
    )
    message.request_time.FromMilliseconds(one.requested_ms)
    if one.completed_ms:
        message.complete_time.FromMilliseconds(one.completed_ms)
    return message
