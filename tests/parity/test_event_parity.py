"""UserEventService: the same over both faces; see parity_laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused
from parity_shop import DECIDED, LOGGED

from serving.core.errors import FilesUnavailable, InvalidInput, NotInstalled, StoreUnavailable
from serving.events.contract import EventWritten, WriteEvent
from serving.events.erasure import Erased, EraseUser, Erasure
from serving.events.erasure import State as ErasureState
from serving.events.export import ExportedEvent, ExportUser, Page, Place, ProfileRecord, Stage
from serving.events.import_contract import EventsImported, ImportEvents, RefusedRow
from serving.events.log import LoggedEvent
from serving.events.types import UserEvent
from serving.transport.user_codec import export_token

PROOF = Erasure(
    "e" * 32, "5" * 32, 1_700_000_000_123, ErasureState.COMPLETE, 1_700_000_005_000, 3, 1, 7, 2, 4, ("a: b",)
)
EXPORTED = [
    ProfileRecord("add-to-cart", "22423", 1_700_000_000, 2),
    ExportedEvent(
        LoggedEvent(UserEvent("e", "search", "u", "v", 1_700_000_000, (("22423", 2),), "mug"), DECIDED, 3),
        1_700_000_000_123,
    ),
    LOGGED,
    PROOF,
]
EVENT = {"eventId": "e", "eventType": "add-to-cart", "userId": "u", "items": [{"itemId": "22423", "quantity": 2}]}


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case WriteEvent(event=event) if event.event_id == "down":
            return StoreUnavailable("redis: connection refused")
        case WriteEvent():
            return EventWritten(True, ("x",))
        case ImportEvents(uri="away.csv"):
            return FilesUnavailable("s3://bucket/away.csv", "no connection")
        case ImportEvents(uri="gs://bucket/a.csv"):
            return NotInstalled("gs:// URIs", "a pyarrow with Google Cloud Storage", "pip install pyarrow")
        case ImportEvents(uri="b.csv"):
            return InvalidInput("uri", "b.csv: no column itemId", "the schema of a.csv", reason="SCHEMA_CHANGED")
        case ImportEvents(skip_rows=skipped):
            refused = RefusedRow("a.csv", 2, 3, "e2", "event.items", "MISSING_ITEM", "event.items: ...")
            return EventsImported(2**40, 3, 2, 1, [refused], {"x"}, 2, 1, "b.csv", skipped + 7)
        case EraseUser(request_id="other"):
            return InvalidInput("request_id", "other", "one that has not been used for somebody else")
        case EraseUser(user_id=user_id, request_id=request_id):
            return Erased(
                request_id, PROOF if user_id == "u" else replace(PROOF, state=ErasureState.RUNNING, completed_ms=0)
            )
        case ExportUser(place=None, page_size=size):
            return Page(EXPORTED[:size], Place(Stage.ARCHIVE, 5, 7, "2026-11-26", 3), query.profile_key)
        case ExportUser():
            return Page([], None, query.profile_key)


ANSWERED: Answered = [
    ("WriteUserEvent", {"event": EVENT}),
    ("WriteUserEvent", {"event": EVENT | {"eventTime": "2024-05-01T12:00:00Z"}, "validateOnly": True}),
    ("ImportUserEvents", {"uri": "clicks/*.csv"}),
    (
        "ImportUserEvents",
        {"uri": "a", "startFile": "a/b.csv", "skipRows": "9007199254740991", "acknowledgement": "DURABLE"},
    ),
    ("EraseUser", {"userId": "u", "requestId": "ä"}),
    ("EraseUser", {"visitorId": "v"}),
    ("ExportUser", {"userId": "u"}),
    ("ExportUser", {"visitorId": "v", "pageSize": 2}),
    ("ExportUser", {"userId": "u", "pageToken": export_token(Place(Stage.WAITING, 5, 7, "", 2), "u:u")}),
]


REFUSED: Refused = [
    ("WriteUserEvent", {"event": EVENT | {"eventTime": "2999-01-01T00:00:00Z"}}, "INVALID_FIELD"),
    ("WriteUserEvent", {"event": EVENT | {"items": []}}, "MISSING_ITEM"),
    ("WriteUserEvent", {"event": EVENT | {"eventType": "click"}}, "UNKNOWN_EVENT_TYPE"),
    ("WriteUserEvent", {"event": EVENT | {"eventId": "down"}}, "STORE_UNAVAILABLE"),
    ("ImportUserEvents", {}, "INVALID_FIELD"),
    ("ImportUserEvents", {"uri": "a.csv", "skipRows": "-1"}, "INVALID_FIELD"),
    ("ImportUserEvents", {"uri": "away.csv"}, "FILES_UNAVAILABLE"),
    ("ImportUserEvents", {"uri": "gs://bucket/a.csv"}, "NOT_INSTALLED"),
    ("ImportUserEvents", {"uri": "b.csv"}, "SCHEMA_CHANGED"),
    ("EraseUser", {}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "u", "visitorId": "v"}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "x" * 257}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "u", "requestId": "a\nb"}, "INVALID_FIELD"),
    ("EraseUser", {"userId": "u", "requestId": "other"}, "INVALID_FIELD"),
    ("ExportUser", {}, "INVALID_FIELD"),
    ("ExportUser", {"userId": "u", "pageSize": 1001}, "INVALID_FIELD"),
    ("ExportUser", {"userId": "u", "pageToken": "next"}, "INVALID_PAGE_TOKEN"),
    ("ExportUser", {"userId": "x", "pageToken": export_token(Place(Stage.WAITING, 5, 7), "u:u")}, "INVALID_PAGE_TOKEN"),
]


class TestUserEvents(EqualAnswers, EqualErrors):
    service = "storegate.v1.UserEventService"
    computed = staticmethod(computed)
    answered = ANSWERED
    refused = REFUSED
