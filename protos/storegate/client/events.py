"""UserEventService: what visitors do, and their right to all of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from storegate.client.calls import Calls
from storegate.v1 import event_pb2

STREAM_S = 60.0
"""Deadline of a stream of events, of an import, and of a page of what is stored of a user."""

_ACKNOWLEDGEMENTS = {None: event_pb2.ACKNOWLEDGEMENT_UNSPECIFIED, False: event_pb2.FAST, True: event_pb2.DURABLE}


class UserEventCalls(Calls):
    """See Client."""

    def write_event(
        self,
        event_type: str,
        *,
        user_id: str = "",
        visitor_id: str = "",
        items: Iterable[str | tuple[str, int]] = (),
        event_id: str = "",
        durable: bool | None = None,
        timeout_s: float | None = None,
        **fields: Any,
    ) -> event_pb2.WriteUserEventResponse:
        """Tells what a visitor did. items: ids, or (id, quantity). event_id: chosen here when it is not given. durable:
        whether it is on the store's disk when this returns; None = the store's default."""
        pairs = [(item, 1) if isinstance(item, str) else item for item in items]
        event = event_pb2.UserEvent(
            event_id=event_id or uuid.uuid4().hex,
            event_type=event_type,
            user_id=user_id,
            visitor_id=visitor_id,
            items=[event_pb2.EventItem(item_id=item_id, quantity=quantity) for item_id, quantity in pairs],
            **fields,
        )
        request = event_pb2.WriteUserEventRequest(event=event, acknowledgement=_ACKNOWLEDGEMENTS[durable])
        return self._call("event", "WriteUserEvent", request, timeout_s)

    def stream_events(
        self,
        events: Iterable[event_pb2.UserEvent],
        *,
        durable: bool | None = None,
        timeout_s: float = STREAM_S,
    ) -> event_pb2.StreamUserEventsResponse:
        """Tells of many events at once; what became of them. timeout_s: for the whole stream. Safe to repeat when it
        ended early (UNAVAILABLE, RESOURCE_EXHAUSTED): every event has an event_id."""
        when = _ACKNOWLEDGEMENTS[durable]
        requests = (event_pb2.WriteUserEventRequest(event=event, acknowledgement=when) for event in events)
        return self._call("event", "StreamUserEvents", requests, timeout_s)

    def import_events(
        self,
        uri: str,
        *,
        start_file: str = "",
        skip_rows: int = 0,
        validate_only: bool = False,
        durable: bool | None = None,
        timeout_s: float = STREAM_S,
    ) -> event_pb2.ImportUserEventsResponse:
        """Lets the gateway read files of events (a path below its import folder, or a URI) as far as it comes in one
        call; until the answer is complete, ask again with its next_file and next_row. Safe to repeat."""
        request = event_pb2.ImportUserEventsRequest(
            uri=uri,
            start_file=start_file,
            skip_rows=skip_rows,
            validate_only=validate_only,
            acknowledgement=_ACKNOWLEDGEMENTS[durable],
        )
        return self._call("event", "ImportUserEvents", request, timeout_s)

    def export_user(
        self, user_id: str = "", *, visitor_id: str = "", page_size: int = 0, timeout_s: float = STREAM_S
    ) -> Iterator[event_pb2.ExportedRecord]:
        """All that is stored of a user, or of a visitor; page after page is asked for. timeout_s: of each page."""
        request = event_pb2.ExportUserRequest(user_id=user_id, visitor_id=visitor_id, page_size=page_size)
        while True:
            answer = self._call("event", "ExportUser", request, timeout_s)
            yield from answer.records
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    def erase_user(
        self, user_id: str = "", *, visitor_id: str = "", request_id: str = "", timeout_s: float | None = None
    ) -> event_pb2.EraseUserResponse:
        """Erases a user, or a visitor. Asked again with the request_id that was given, or answered, it tells how far it
        is."""
        request = event_pb2.EraseUserRequest(
            user_id=user_id, visitor_id=visitor_id, request_id=request_id or uuid.uuid4().hex
        )
        return self._call("event", "EraseUser", request, timeout_s)
