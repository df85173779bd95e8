import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from storegate.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Explain(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPLAIN_UNSPECIFIED: _ClassVar[Explain]
    EXPLAIN_NONE: _ClassVar[Explain]
    EXPLAIN_REASONS: _ClassVar[Explain]
EXPLAIN_UNSPECIFIED: Explain
EXPLAIN_NONE: Explain
EXPLAIN_REASONS: Explain

class Constraints(_message.Message):
    __slots__ = ("max_per_brand", "max_per_category")
    MAX_PER_BRAND_FIELD_NUMBER: _ClassVar[int]
    MAX_PER_CATEGORY_FIELD_NUMBER: _ClassVar[int]
    max_per_brand: int
    max_per_category: int
    def __init__(self, max_per_brand: _Optional[int] = ..., max_per_category: _Optional[int] = ...) -> None: ...

class RecommendRequest(_message.Message):
    __slots__ = ("placement", "user_id", "visitor_id", "item_ids", "session_events", "page_size", "exclude_item_ids", "constraints", "diversity", "explain", "personalization", "request_id", "validate_only")
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_EVENTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    DIVERSITY_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PERSONALIZATION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    placement: str
    user_id: str
    visitor_id: str
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    session_events: _containers.RepeatedCompositeFieldContainer[SessionEvent]
    page_size: int
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    constraints: Constraints
    diversity: float
    explain: Explain
    personalization: _common_pb2.Personalization
    request_id: str
    validate_only: bool
    def __init__(self, placement: _Optional[str] = ..., user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., item_ids: _Optional[_Iterable[str]] = ..., session_events: _Optional[_Iterable[_Union[SessionEvent, _Mapping]]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., constraints: _Optional[_Union[Constraints, _Mapping]] = ..., diversity: _Optional[float] = ..., explain: _Optional[_Union[Explain, str]] = ..., personalization: _Optional[_Union[_common_pb2.Personalization, str]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class SessionEvent(_message.Message):
    __slots__ = ("event_type", "item_id", "event_time")
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    event_type: str
    item_id: str
    event_time: _timestamp_pb2.Timestamp
    def __init__(self, event_type: _Optional[str] = ..., item_id: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("code", "weight", "related_item_id", "text")
    CODE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RELATED_ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: str
    weight: float
    related_item_id: str
    text: str
    def __init__(self, code: _Optional[str] = ..., weight: _Optional[float] = ..., related_item_id: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class RecommendResult(_message.Message):
    __slots__ = ("item_id", "title", "price", "score", "reasons", "source")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    title: str
    price: _common_pb2.Money
    score: float
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    source: str
    def __init__(self, item_id: _Optional[str] = ..., title: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., score: _Optional[float] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., source: _Optional[str] = ...) -> None: ...

class Degraded(_message.Message):
    __slots__ = ("stage", "cause")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    stage: str
    cause: str
    def __init__(self, stage: _Optional[str] = ..., cause: _Optional[str] = ...) -> None: ...

class StageTime(_message.Message):
    __slots__ = ("name", "micros")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MICROS_FIELD_NUMBER: _ClassVar[int]
    name: str
    micros: int
    def __init__(self, name: _Optional[str] = ..., micros: _Optional[int] = ...) -> None: ...

class ServingInfo(_message.Message):
    __slots__ = ("model_versions", "index_version", "catalogue_version", "stages", "degraded", "batch_size", "events_applied_through")
    class ModelVersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MODEL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    INDEX_VERSION_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_APPLIED_THROUGH_FIELD_NUMBER: _ClassVar[int]
    model_versions: _containers.ScalarMap[str, str]
    index_version: str
    catalogue_version: int
    stages: _containers.RepeatedCompositeFieldContainer[StageTime]
    degraded: _containers.RepeatedCompositeFieldContainer[Degraded]
    batch_size: int
    events_applied_through: _timestamp_pb2.Timestamp
    def __init__(self, model_versions: _Optional[_Mapping[str, str]] = ..., index_version: _Optional[str] = ..., catalogue_version: _Optional[int] = ..., stages: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ..., degraded: _Optional[_Iterable[_Union[Degraded, _Mapping]]] = ..., batch_size: _Optional[int] = ..., events_applied_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("results", "missing_item_ids", "serving_info", "request_id")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SERVING_INFO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecommendResult]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    serving_info: ServingInfo
    request_id: str
    def __init__(self, results: _Optional[_Iterable[_Union[RecommendResult, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., serving_info: _Optional[_Union[ServingInfo, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class RerankRequest(_message.Message):
    __slots__ = ("user_id", "visitor_id", "item_ids", "session_events", "page_size", "constraints", "diversity", "explain", "personalization", "request_id", "validate_only")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_EVENTS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    DIVERSITY_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PERSONALIZATION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    visitor_id: str
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    session_events: _containers.RepeatedCompositeFieldContainer[SessionEvent]
    page_size: int
    constraints: Constraints
    diversity: float
    explain: Explain
    personalization: _common_pb2.Personalization
    request_id: str
    validate_only: bool
    def __init__(self, user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., item_ids: _Optional[_Iterable[str]] = ..., session_events: _Optional[_Iterable[_Union[SessionEvent, _Mapping]]] = ..., page_size: _Optional[int] = ..., constraints: _Optional[_Union[Constraints, _Mapping]] = ..., diversity: _Optional[float] = ..., explain: _Optional[_Union[Explain, str]] = ..., personalization: _Optional[_Union[_common_pb2.Personalization, str]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class RerankResponse(_message.Message):
    __slots__ = ("results", "missing_item_ids", "serving_info", "request_id")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SERVING_INFO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecommendResult]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    serving_info: ServingInfo
    request_id: str
    def __init__(self, results: _Optional[_Iterable[_Union[RecommendResult, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., serving_info: _Optional[_Union[ServingInfo, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...
