"""WriteUserEvent and ImportUserEvents: request bytes to a checked query, the result to bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from serving.core.clock import Clock
from serving.core.errors import InvalidInput
from serving.core.ids import check_id
from serving.events.contract import EventWritten, WriteEvent
from serving.events.import_contract import EventsImported, ImportEvents
from serving.events.types import NEEDS_ITEM, UserEvent
from serving.transport import checks
from storegate.v1 import event_pb2 as pb

EVENT_ITEMS_MAX: Final = 100
QUANTITY_MAX: Final = 65535
SEARCH_BYTES_MAX: Final = 256
URI_BYTES_MAX: Final = 4096
ROWS_MAX: Final = 2**53
SEARCH: Final = "search"
DURABLE: Final[dict[int, bool | None]] = {pb.ACKNOWLEDGEMENT_UNSPECIFIED: None, pb.FAST: False, pb.DURABLE: True}


def decode_write(payload: bytes, clock: Clock) -> WriteEvent:
    """The checked write. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.WriteUserEventRequest.FromString, "WriteUserEventRequest", payload)
    if not request.HasField("event"):
        raise InvalidInput("event", None, "the event to write")
    return write_of(
        request.event, clock.wall(), durable_of(request.acknowledgement), validate_only=request.validate_only
    )


def write_of(event: Any, now_s: float, durable: bool | None, *, validate_only: bool) -> WriteEvent:
    """The checked write of a UserEvent message. Raises InvalidInput naming the field."""
    return WriteEvent(
        _event(event, now_s),
        validate_only,
        checks.consent(event.personalization),
        event.attribution_token,
        durable,
    )


def encode_written(written: EventWritten) -> bytes:
    """WriteUserEventResponse."""
    return checks.wire(pb.WriteUserEventResponse(stored=written.stored, missing_item_ids=written.missing))


def decode_import(payload: bytes) -> ImportEvents:
    """The checked query. Raises InvalidInput naming the field."""
    request = checks.parsed(pb.ImportUserEventsRequest.FromString, "ImportUserEventsRequest", payload)
    if not request.uri:
        raise InvalidInput("uri", request.uri, "a file, a folder or a pattern, below the import folder or as a URI")
    return ImportEvents(
        checks.text("uri", request.uri, URI_BYTES_MAX),
        checks.text("start_file", request.start_file, URI_BYTES_MAX),
        checks.whole("skip_rows", request.skip_rows, 0, ROWS_MAX),
        request.validate_only,
        durable_of(request.acknowledgement),
    )


def encode_imported(done: EventsImported) -> bytes:
    """ImportUserEventsResponse."""
    return checks.wire(
        pb.ImportUserEventsResponse(
            rows=done.rows,
            stored=done.stored,
            known=done.known,
            denied=done.denied,
            refused=[
                pb.RefusedRow(
                    file=one.file, row=one.row, line=one.line, event_id=one.event_id, field=one.field,
                    reason=one.reason, message=one.message,
                )
                for one in done.refused
            ],
            missing_item_ids=sorted(done.missing),
            files=done.files,
            files_done=done.files_done,
            next_file=done.next_file,
            next_row=done.next_row,
            complete=done.complete,
        )
    )  # fmt: skip


def durable_of(acknowledgement: int) -> bool | None:
    """None = the store's default."""
    if acknowledgement not in DURABLE:
        raise InvalidInput("acknowledgement", acknowledgement, "ACKNOWLEDGEMENT_UNSPECIFIED, FAST or DURABLE")
    return DURABLE[acknowledgement]


def _event(event: Any, now_s: float) -> UserEvent:
    name = checks.event_type("event.event_type", event.event_type)
    user_id = check_id("event.user_id", event.user_id)
    visitor_id = check_id("event.visitor_id", event.visitor_id)
    if not (user_id or visitor_id):
        raise InvalidInput("event.user_id", user_id, "user_id or visitor_id: an event belongs to somebody")
    search_query = checks.text("event.search_query", event.search_query, SEARCH_BYTES_MAX)
    if name == SEARCH and not search_query:
        raise InvalidInput("event.search_query", search_query, "what was searched for")
    return UserEvent(
        event_id=checks.needed_id("event.event_id", event.event_id),
        event_type=name,
        user_id=user_id,
        visitor_id=visitor_id,
        time_s=checks.time_s("event.event_time", event.event_time, now_s)
        if event.HasField("event_time")
        else int(now_s),
        items=_items(event.items, name),
        search_query=search_query,
    )


def _items(items: Sequence[Any], event_type: str) -> tuple[tuple[str, int], ...]:
    if not items and event_type in NEEDS_ITEM:
        raise InvalidInput("event.items", [], f"the items of the {event_type}, at least one", reason="MISSING_ITEM")
    if len(items) > EVENT_ITEMS_MAX:
        raise InvalidInput("event.items", f"{len(items)} items", f"at most {EVENT_ITEMS_MAX}")
    return tuple(
        (
            checks.needed_id(f"event.items[{position}].item_id", item.item_id),
            checks.whole(f"event.items[{position}].quantity", item.quantity, 0, QUANTITY_MAX) or 1,
        )
        for position, item in enumerate(items)
    )
