import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from storegate.v1 import common_pb2 as _common_pb2
from storegate.v1 import recommendation_pb2 as _recommendation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Acknowledgement(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACKNOWLEDGEMENT_UNSPECIFIED: _ClassVar[Acknowledgement]
    FAST: _ClassVar[Acknowledgement]
    DURABLE: _ClassVar[Acknowledgement]

class ErasureState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERASURE_STATE_UNSPECIFIED: _ClassVar[ErasureState]
    ERASURE_RUNNING: _ClassVar[ErasureState]
    ERASURE_COMPLETE: _ClassVar[ErasureState]
ACKNOWLEDGEMENT_UNSPECIFIED: Acknowledgement
FAST: Acknowledgement
DURABLE: Acknowledgement
ERASURE_STATE_UNSPECIFIED: ErasureState
ERASURE_RUNNING: ErasureState
ERASURE_COMPLETE: ErasureState

class EventItem(_message.Message):
    __slots__ = ("item_id", "quantity")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    quantity: int
    def __init__(self, item_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class UserEvent(_message.Message):
    __slots__ = ("event_id", "event_type", "user_id", "visitor_id", "event_time", "items", "search_query", "personalization", "attribution_token")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    SEARCH_QUERY_FIELD_NUMBER: _ClassVar[int]
    PERSONALIZATION_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    event_type: str
    user_id: str
    visitor_id: str
    event_time: _timestamp_pb2.Timestamp
    items: _containers.RepeatedCompositeFieldContainer[EventItem]
    search_query: str
    personalization: _common_pb2.Personalization
    attribution_token: str
    def __init__(self, event_id: _Optional[str] = ..., event_type: _Optional[str] = ..., user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., items: _Optional[_Iterable[_Union[EventItem, _Mapping]]] = ..., search_query: _Optional[str] = ..., personalization: _Optional[_Union[_common_pb2.Personalization, str]] = ..., attribution_token: _Optional[str] = ...) -> None: ...

class WriteUserEventRequest(_message.Message):
    __slots__ = ("event", "validate_only", "acknowledgement")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    event: UserEvent
    validate_only: bool
    acknowledgement: Acknowledgement
    def __init__(self, event: _Optional[_Union[UserEvent, _Mapping]] = ..., validate_only: _Optional[bool] = ..., acknowledgement: _Optional[_Union[Acknowledgement, str]] = ...) -> None: ...

class WriteUserEventResponse(_message.Message):
    __slots__ = ("stored", "missing_item_ids")
    STORED_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    stored: bool
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, stored: _Optional[bool] = ..., missing_item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RefusedEvent(_message.Message):
    __slots__ = ("position", "event_id", "reason", "message")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    position: int
    event_id: str
    reason: str
    message: str
    def __init__(self, position: _Optional[int] = ..., event_id: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class StreamUserEventsResponse(_message.Message):
    __slots__ = ("received", "stored", "refused_count", "refused", "missing_item_ids")
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_COUNT_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    received: int
    stored: int
    refused_count: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedEvent]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, received: _Optional[int] = ..., stored: _Optional[int] = ..., refused_count: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedEvent, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ImportUserEventsRequest(_message.Message):
    __slots__ = ("uri", "start_file", "skip_rows", "validate_only", "acknowledgement")
    URI_FIELD_NUMBER: _ClassVar[int]
    START_FILE_FIELD_NUMBER: _ClassVar[int]
    SKIP_ROWS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_FIELD_NUMBER: _ClassVar[int]
    uri: str
    start_file: str
    skip_rows: int
    validate_only: bool
    acknowledgement: Acknowledgement
    def __init__(self, uri: _Optional[str] = ..., start_file: _Optional[str] = ..., skip_rows: _Optional[int] = ..., validate_only: _Optional[bool] = ..., acknowledgement: _Optional[_Union[Acknowledgement, str]] = ...) -> None: ...

class RefusedRow(_message.Message):
    __slots__ = ("file", "row", "line", "event_id", "field", "reason", "message")
    FILE_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    file: str
    row: int
    line: int
    event_id: str
    field: str
    reason: str
    message: str
    def __init__(self, file: _Optional[str] = ..., row: _Optional[int] = ..., line: _Optional[int] = ..., event_id: _Optional[str] = ..., field: _Optional[str] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ImportUserEventsResponse(_message.Message):
    __slots__ = ("rows", "stored", "known", "denied", "refused", "missing_item_ids", "files", "files_done", "next_file", "next_row", "complete")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    FILES_DONE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FILE_FIELD_NUMBER: _ClassVar[int]
    NEXT_ROW_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    rows: int
    stored: int
    known: int
    denied: int
    refused: _containers.RepeatedCompositeFieldContainer[RefusedRow]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    files: int
    files_done: int
    next_file: str
    next_row: int
    complete: bool
    def __init__(self, rows: _Optional[int] = ..., stored: _Optional[int] = ..., known: _Optional[int] = ..., denied: _Optional[int] = ..., refused: _Optional[_Iterable[_Union[RefusedRow, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., files: _Optional[int] = ..., files_done: _Optional[int] = ..., next_file: _Optional[str] = ..., next_row: _Optional[int] = ..., complete: _Optional[bool] = ...) -> None: ...

class ExportUserRequest(_message.Message):
    __slots__ = ("user_id", "visitor_id", "page_size", "page_token")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    visitor_id: str
    page_size: int
    page_token: str
    def __init__(self, user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ProfileRecord(_message.Message):
    __slots__ = ("event_type", "item_id", "event_time", "quantity")
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    event_type: str
    item_id: str
    event_time: _timestamp_pb2.Timestamp
    quantity: int
    def __init__(self, event_type: _Optional[str] = ..., item_id: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., quantity: _Optional[int] = ...) -> None: ...

class ExportedEvent(_message.Message):
    __slots__ = ("event", "received_time", "decision_id")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_TIME_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    event: UserEvent
    received_time: _timestamp_pb2.Timestamp
    decision_id: str
    def __init__(self, event: _Optional[_Union[UserEvent, _Mapping]] = ..., received_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., decision_id: _Optional[str] = ...) -> None: ...

class ExportedRecord(_message.Message):
    __slots__ = ("profile_record", "event", "decision", "erasure")
    PROFILE_RECORD_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    profile_record: ProfileRecord
    event: ExportedEvent
    decision: _recommendation_pb2.Decision
    erasure: Erasure
    def __init__(self, profile_record: _Optional[_Union[ProfileRecord, _Mapping]] = ..., event: _Optional[_Union[ExportedEvent, _Mapping]] = ..., decision: _Optional[_Union[_recommendation_pb2.Decision, _Mapping]] = ..., erasure: _Optional[_Union[Erasure, _Mapping]] = ...) -> None: ...

class ExportUserResponse(_message.Message):
    __slots__ = ("records", "next_page_token")
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    records: _containers.RepeatedCompositeFieldContainer[ExportedRecord]
    next_page_token: str
    def __init__(self, records: _Optional[_Iterable[_Union[ExportedRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Erasure(_message.Message):
    __slots__ = ("erasure_id", "state", "subject", "request_time", "complete_time", "profile_records", "decisions", "events", "history_records", "files", "left")
    ERASURE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_TIME_FIELD_NUMBER: _ClassVar[int]
    PROFILE_RECORDS_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_RECORDS_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    erasure_id: str
    state: ErasureState
    subject: str
    request_time: _timestamp_pb2.Timestamp
    complete_time: _timestamp_pb2.Timestamp
    profile_records: int
    decisions: int
    events: int
    history_records: int
    files: int
    left: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, erasure_id: _Optional[str] = ..., state: _Optional[_Union[ErasureState, str]] = ..., subject: _Optional[str] = ..., request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., complete_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., profile_records: _Optional[int] = ..., decisions: _Optional[int] = ..., events: _Optional[int] = ..., history_records: _Optional[int] = ..., files: _Optional[int] = ..., left: _Optional[_Iterable[str]] = ...) -> None: ...

class EraseUserRequest(_message.Message):
    __slots__ = ("user_id", "visitor_id", "request_id")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    visitor_id: str
    request_id: str
    def __init__(self, user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class EraseUserResponse(_message.Message):
    __slots__ = ("request_id", "erasure")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    erasure: Erasure
    def __init__(self, request_id: _Optional[str] = ..., erasure: _Optional[_Union[Erasure, _Mapping]] = ...) -> None: ...
