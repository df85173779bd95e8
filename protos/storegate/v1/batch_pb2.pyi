import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from storegate.v1 import pricing_pb2 as _pricing_pb2
from storegate.v1 import recommendation_pb2 as _recommendation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class OperationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_STATE_UNSPECIFIED: _ClassVar[OperationState]
    OPERATION_STATE_PENDING: _ClassVar[OperationState]
    OPERATION_STATE_RUNNING: _ClassVar[OperationState]
    OPERATION_STATE_SUCCEEDED: _ClassVar[OperationState]
    OPERATION_STATE_FAILED: _ClassVar[OperationState]
    OPERATION_STATE_CANCELLED: _ClassVar[OperationState]
OPERATION_STATE_UNSPECIFIED: OperationState
OPERATION_STATE_PENDING: OperationState
OPERATION_STATE_RUNNING: OperationState
OPERATION_STATE_SUCCEEDED: OperationState
OPERATION_STATE_FAILED: OperationState
OPERATION_STATE_CANCELLED: OperationState

class BatchRecommendRequest(_message.Message):
    __slots__ = ("requests", "input_uri", "output_uri", "each", "model")
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    INPUT_URI_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_URI_FIELD_NUMBER: _ClassVar[int]
    EACH_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[_recommendation_pb2.RecommendRequest]
    input_uri: str
    output_uri: str
    each: _recommendation_pb2.RecommendRequest
    model: str
    def __init__(self, requests: _Optional[_Iterable[_Union[_recommendation_pb2.RecommendRequest, _Mapping]]] = ..., input_uri: _Optional[str] = ..., output_uri: _Optional[str] = ..., each: _Optional[_Union[_recommendation_pb2.RecommendRequest, _Mapping]] = ..., model: _Optional[str] = ...) -> None: ...

class BatchRecommendResponse(_message.Message):
    __slots__ = ("responses", "operation")
    RESPONSES_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    responses: _containers.RepeatedCompositeFieldContainer[_recommendation_pb2.RecommendResponse]
    operation: Operation
    def __init__(self, responses: _Optional[_Iterable[_Union[_recommendation_pb2.RecommendResponse, _Mapping]]] = ..., operation: _Optional[_Union[Operation, _Mapping]] = ...) -> None: ...

class ScoreColumn(_message.Message):
    __slots__ = ("name", "width", "numbers", "texts")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    NUMBERS_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    width: int
    numbers: _containers.RepeatedScalarFieldContainer[float]
    texts: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., width: _Optional[int] = ..., numbers: _Optional[_Iterable[float]] = ..., texts: _Optional[_Iterable[str]] = ...) -> None: ...

class BatchScoreRequest(_message.Message):
    __slots__ = ("model", "version", "columns", "outputs", "input_uri", "output_uri")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    INPUT_URI_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_URI_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    columns: _containers.RepeatedCompositeFieldContainer[ScoreColumn]
    outputs: _containers.RepeatedScalarFieldContainer[str]
    input_uri: str
    output_uri: str
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[ScoreColumn, _Mapping]]] = ..., outputs: _Optional[_Iterable[str]] = ..., input_uri: _Optional[str] = ..., output_uri: _Optional[str] = ...) -> None: ...

class BatchScoreResponse(_message.Message):
    __slots__ = ("model", "version", "columns", "operation")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    model: str
    version: str
    columns: _containers.RepeatedCompositeFieldContainer[ScoreColumn]
    operation: Operation
    def __init__(self, model: _Optional[str] = ..., version: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[ScoreColumn, _Mapping]]] = ..., operation: _Optional[_Union[Operation, _Mapping]] = ...) -> None: ...

class BatchQuotePricesRequest(_message.Message):
    __slots__ = ("item_ids", "all_items", "page_size", "page_token", "currency_code", "input_uri", "output_uri")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    ALL_ITEMS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    INPUT_URI_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_URI_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    all_items: bool
    page_size: int
    page_token: str
    currency_code: str
    input_uri: str
    output_uri: str
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., all_items: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., currency_code: _Optional[str] = ..., input_uri: _Optional[str] = ..., output_uri: _Optional[str] = ...) -> None: ...

class BatchQuotePricesResponse(_message.Message):
    __slots__ = ("quotes", "missing_item_ids", "info", "next_page_token", "operation")
    QUOTES_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    quotes: _containers.RepeatedCompositeFieldContainer[_pricing_pb2.PriceQuote]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    info: _pricing_pb2.PricingInfo
    next_page_token: str
    operation: Operation
    def __init__(self, quotes: _Optional[_Iterable[_Union[_pricing_pb2.PriceQuote, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., info: _Optional[_Union[_pricing_pb2.PricingInfo, _Mapping]] = ..., next_page_token: _Optional[str] = ..., operation: _Optional[_Union[Operation, _Mapping]] = ...) -> None: ...

class Operation(_message.Message):
    __slots__ = ("name", "kind", "state", "input_uri", "output_uri", "rows_done", "rows_total", "blocks_done", "blocks_total", "rows_per_second", "model_versions", "create_time", "update_time", "error_reason", "error_message", "cancelling")
    class ModelVersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    INPUT_URI_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_URI_FIELD_NUMBER: _ClassVar[int]
    ROWS_DONE_FIELD_NUMBER: _ClassVar[int]
    ROWS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_DONE_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ROWS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    ERROR_REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CANCELLING_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    state: OperationState
    input_uri: str
    output_uri: str
    rows_done: int
    rows_total: int
    blocks_done: int
    blocks_total: int
    rows_per_second: float
    model_versions: _containers.ScalarMap[str, str]
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    error_reason: str
    error_message: str
    cancelling: bool
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., state: _Optional[_Union[OperationState, str]] = ..., input_uri: _Optional[str] = ..., output_uri: _Optional[str] = ..., rows_done: _Optional[int] = ..., rows_total: _Optional[int] = ..., blocks_done: _Optional[int] = ..., blocks_total: _Optional[int] = ..., rows_per_second: _Optional[float] = ..., model_versions: _Optional[_Mapping[str, str]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error_reason: _Optional[str] = ..., error_message: _Optional[str] = ..., cancelling: _Optional[bool] = ...) -> None: ...

class GetOperationRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListOperationsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListOperationsResponse(_message.Message):
    __slots__ = ("operations",)
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[Operation]
    def __init__(self, operations: _Optional[_Iterable[_Union[Operation, _Mapping]]] = ...) -> None: ...

class CancelOperationRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ResumeOperationRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
