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
    EXPLAIN_TRACE: _ClassVar[Explain]
EXPLAIN_UNSPECIFIED: Explain
EXPLAIN_NONE: Explain
EXPLAIN_REASONS: Explain
EXPLAIN_TRACE: Explain

class Pin(_message.Message):
    __slots__ = ("item_id", "position")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    position: int
    def __init__(self, item_id: _Optional[str] = ..., position: _Optional[int] = ...) -> None: ...

class Constraints(_message.Message):
    __slots__ = ("max_per_brand", "max_per_category", "min_margin", "pins", "exclude_bought", "exclude_viewed")
    MAX_PER_BRAND_FIELD_NUMBER: _ClassVar[int]
    MAX_PER_CATEGORY_FIELD_NUMBER: _ClassVar[int]
    MIN_MARGIN_FIELD_NUMBER: _ClassVar[int]
    PINS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_BOUGHT_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_VIEWED_FIELD_NUMBER: _ClassVar[int]
    max_per_brand: int
    max_per_category: int
    min_margin: float
    pins: _containers.RepeatedCompositeFieldContainer[Pin]
    exclude_bought: bool
    exclude_viewed: bool
    def __init__(self, max_per_brand: _Optional[int] = ..., max_per_category: _Optional[int] = ..., min_margin: _Optional[float] = ..., pins: _Optional[_Iterable[_Union[Pin, _Mapping]]] = ..., exclude_bought: _Optional[bool] = ..., exclude_viewed: _Optional[bool] = ...) -> None: ...

class Delivery(_message.Message):
    __slots__ = ("location", "need_by")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    NEED_BY_FIELD_NUMBER: _ClassVar[int]
    location: str
    need_by: _timestamp_pb2.Timestamp
    def __init__(self, location: _Optional[str] = ..., need_by: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RecommendRequest(_message.Message):
    __slots__ = ("placement", "user_id", "visitor_id", "item_ids", "session_events", "page_size", "exclude_item_ids", "constraints", "diversity", "explain", "personalization", "request_id", "validate_only", "filter", "objective", "objective_weight", "deliver_to", "page_token", "trace_item_ids")
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
    FILTER_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    DELIVER_TO_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TRACE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
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
    filter: str
    objective: str
    objective_weight: float
    deliver_to: Delivery
    page_token: str
    trace_item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, placement: _Optional[str] = ..., user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., item_ids: _Optional[_Iterable[str]] = ..., session_events: _Optional[_Iterable[_Union[SessionEvent, _Mapping]]] = ..., page_size: _Optional[int] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., constraints: _Optional[_Union[Constraints, _Mapping]] = ..., diversity: _Optional[float] = ..., explain: _Optional[_Union[Explain, str]] = ..., personalization: _Optional[_Union[_common_pb2.Personalization, str]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ..., filter: _Optional[str] = ..., objective: _Optional[str] = ..., objective_weight: _Optional[float] = ..., deliver_to: _Optional[_Union[Delivery, _Mapping]] = ..., page_token: _Optional[str] = ..., trace_item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

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
    __slots__ = ("item_id", "title", "price", "score", "reasons", "source", "propensity")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    title: str
    price: _common_pb2.Money
    score: float
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    source: str
    propensity: float
    def __init__(self, item_id: _Optional[str] = ..., title: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., score: _Optional[float] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., source: _Optional[str] = ..., propensity: _Optional[float] = ...) -> None: ...

class TraceStage(_message.Message):
    __slots__ = ("name", "kept", "removed")
    class RemovedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    name: str
    kept: int
    removed: _containers.ScalarMap[str, int]
    def __init__(self, name: _Optional[str] = ..., kept: _Optional[int] = ..., removed: _Optional[_Mapping[str, int]] = ...) -> None: ...

class TraceItem(_message.Message):
    __slots__ = ("item_id", "shown", "rank", "score", "sources", "why_not", "signals")
    class SignalsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SHOWN_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    WHY_NOT_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    shown: bool
    rank: int
    score: float
    sources: _containers.RepeatedScalarFieldContainer[str]
    why_not: str
    signals: _containers.ScalarMap[str, float]
    def __init__(self, item_id: _Optional[str] = ..., shown: _Optional[bool] = ..., rank: _Optional[int] = ..., score: _Optional[float] = ..., sources: _Optional[_Iterable[str]] = ..., why_not: _Optional[str] = ..., signals: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Trace(_message.Message):
    __slots__ = ("stages", "items")
    STAGES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    stages: _containers.RepeatedCompositeFieldContainer[TraceStage]
    items: _containers.RepeatedCompositeFieldContainer[TraceItem]
    def __init__(self, stages: _Optional[_Iterable[_Union[TraceStage, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[TraceItem, _Mapping]]] = ...) -> None: ...

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
    __slots__ = ("model_versions", "index_version", "catalogue_version", "stages", "degraded", "batch_size", "events_applied_through", "experiment_arm")
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
    EXPERIMENT_ARM_FIELD_NUMBER: _ClassVar[int]
    model_versions: _containers.ScalarMap[str, str]
    index_version: str
    catalogue_version: int
    stages: _containers.RepeatedCompositeFieldContainer[StageTime]
    degraded: _containers.RepeatedCompositeFieldContainer[Degraded]
    batch_size: int
    events_applied_through: _timestamp_pb2.Timestamp
    experiment_arm: str
    def __init__(self, model_versions: _Optional[_Mapping[str, str]] = ..., index_version: _Optional[str] = ..., catalogue_version: _Optional[int] = ..., stages: _Optional[_Iterable[_Union[StageTime, _Mapping]]] = ..., degraded: _Optional[_Iterable[_Union[Degraded, _Mapping]]] = ..., batch_size: _Optional[int] = ..., events_applied_through: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., experiment_arm: _Optional[str] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("results", "missing_item_ids", "serving_info", "request_id", "decision_id", "attribution_token", "next_page_token", "trace")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SERVING_INFO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecommendResult]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    serving_info: ServingInfo
    request_id: str
    decision_id: str
    attribution_token: str
    next_page_token: str
    trace: Trace
    def __init__(self, results: _Optional[_Iterable[_Union[RecommendResult, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., serving_info: _Optional[_Union[ServingInfo, _Mapping]] = ..., request_id: _Optional[str] = ..., decision_id: _Optional[str] = ..., attribution_token: _Optional[str] = ..., next_page_token: _Optional[str] = ..., trace: _Optional[_Union[Trace, _Mapping]] = ...) -> None: ...

class PagePlacement(_message.Message):
    __slots__ = ("placement", "page_size", "item_ids", "filter", "constraints", "diversity")
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    DIVERSITY_FIELD_NUMBER: _ClassVar[int]
    placement: str
    page_size: int
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    constraints: Constraints
    diversity: float
    def __init__(self, placement: _Optional[str] = ..., page_size: _Optional[int] = ..., item_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., constraints: _Optional[_Union[Constraints, _Mapping]] = ..., diversity: _Optional[float] = ...) -> None: ...

class RecommendPageRequest(_message.Message):
    __slots__ = ("user_id", "visitor_id", "session_events", "placements", "exclude_item_ids", "filter", "explain", "personalization", "objective", "objective_weight", "deliver_to", "request_id", "validate_only")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_EVENTS_FIELD_NUMBER: _ClassVar[int]
    PLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    PERSONALIZATION_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVE_WEIGHT_FIELD_NUMBER: _ClassVar[int]
    DELIVER_TO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    visitor_id: str
    session_events: _containers.RepeatedCompositeFieldContainer[SessionEvent]
    placements: _containers.RepeatedCompositeFieldContainer[PagePlacement]
    exclude_item_ids: _containers.RepeatedScalarFieldContainer[str]
    filter: str
    explain: Explain
    personalization: _common_pb2.Personalization
    objective: str
    objective_weight: float
    deliver_to: Delivery
    request_id: str
    validate_only: bool
    def __init__(self, user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., session_events: _Optional[_Iterable[_Union[SessionEvent, _Mapping]]] = ..., placements: _Optional[_Iterable[_Union[PagePlacement, _Mapping]]] = ..., exclude_item_ids: _Optional[_Iterable[str]] = ..., filter: _Optional[str] = ..., explain: _Optional[_Union[Explain, str]] = ..., personalization: _Optional[_Union[_common_pb2.Personalization, str]] = ..., objective: _Optional[str] = ..., objective_weight: _Optional[float] = ..., deliver_to: _Optional[_Union[Delivery, _Mapping]] = ..., request_id: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class PageSection(_message.Message):
    __slots__ = ("placement", "response")
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    placement: str
    response: RecommendResponse
    def __init__(self, placement: _Optional[str] = ..., response: _Optional[_Union[RecommendResponse, _Mapping]] = ...) -> None: ...

class RecommendPageResponse(_message.Message):
    __slots__ = ("sections", "request_id")
    SECTIONS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    sections: _containers.RepeatedCompositeFieldContainer[PageSection]
    request_id: str
    def __init__(self, sections: _Optional[_Iterable[_Union[PageSection, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("results", "missing_item_ids", "serving_info", "request_id", "decision_id", "attribution_token", "trace")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    SERVING_INFO_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTION_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TRACE_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RecommendResult]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    serving_info: ServingInfo
    request_id: str
    decision_id: str
    attribution_token: str
    trace: Trace
    def __init__(self, results: _Optional[_Iterable[_Union[RecommendResult, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., serving_info: _Optional[_Union[ServingInfo, _Mapping]] = ..., request_id: _Optional[str] = ..., decision_id: _Optional[str] = ..., attribution_token: _Optional[str] = ..., trace: _Optional[_Union[Trace, _Mapping]] = ...) -> None: ...

class GetDecisionRequest(_message.Message):
    __slots__ = ("decision_id",)
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    def __init__(self, decision_id: _Optional[str] = ...) -> None: ...

class DecisionResult(_message.Message):
    __slots__ = ("item_id", "score", "propensity", "source", "price", "outcomes")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    score: float
    propensity: float
    source: str
    price: _common_pb2.Money
    outcomes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, item_id: _Optional[str] = ..., score: _Optional[float] = ..., propensity: _Optional[float] = ..., source: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., outcomes: _Optional[_Iterable[str]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("decision_id", "time", "placement", "user_id", "visitor_id", "query_json", "model_versions", "catalogue_version", "results", "degraded")
    class ModelVersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    VISITOR_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_JSON_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    time: _timestamp_pb2.Timestamp
    placement: str
    user_id: str
    visitor_id: str
    query_json: str
    model_versions: _containers.ScalarMap[str, str]
    catalogue_version: int
    results: _containers.RepeatedCompositeFieldContainer[DecisionResult]
    degraded: _containers.RepeatedCompositeFieldContainer[Degraded]
    def __init__(self, decision_id: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., placement: _Optional[str] = ..., user_id: _Optional[str] = ..., visitor_id: _Optional[str] = ..., query_json: _Optional[str] = ..., model_versions: _Optional[_Mapping[str, str]] = ..., catalogue_version: _Optional[int] = ..., results: _Optional[_Iterable[_Union[DecisionResult, _Mapping]]] = ..., degraded: _Optional[_Iterable[_Union[Degraded, _Mapping]]] = ...) -> None: ...

class ReplayDecisionRequest(_message.Message):
    __slots__ = ("decision_id",)
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    decision_id: str
    def __init__(self, decision_id: _Optional[str] = ...) -> None: ...

class Difference(_message.Message):
    __slots__ = ("field", "logged", "replayed")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LOGGED_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    field: str
    logged: str
    replayed: str
    def __init__(self, field: _Optional[str] = ..., logged: _Optional[str] = ..., replayed: _Optional[str] = ...) -> None: ...

class ReplayDecisionResponse(_message.Message):
    __slots__ = ("decision", "identical", "differences")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    IDENTICAL_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    identical: bool
    differences: _containers.RepeatedCompositeFieldContainer[Difference]
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., identical: _Optional[bool] = ..., differences: _Optional[_Iterable[_Union[Difference, _Mapping]]] = ...) -> None: ...
