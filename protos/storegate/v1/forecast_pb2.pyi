from google.api import annotations_pb2 as _annotations_pb2
from storegate.v1 import common_pb2 as _common_pb2
from storegate.v1 import recommendation_pb2 as _recommendation_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ForecastPeriod(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORECAST_PERIOD_UNSPECIFIED: _ClassVar[ForecastPeriod]
    FORECAST_PERIOD_DAY: _ClassVar[ForecastPeriod]
    FORECAST_PERIOD_WEEK: _ClassVar[ForecastPeriod]

class ForecastConfidence(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORECAST_CONFIDENCE_UNSPECIFIED: _ClassVar[ForecastConfidence]
    FORECAST_CONFIDENCE_LOW: _ClassVar[ForecastConfidence]
    FORECAST_CONFIDENCE_MEDIUM: _ClassVar[ForecastConfidence]
    FORECAST_CONFIDENCE_HIGH: _ClassVar[ForecastConfidence]
FORECAST_PERIOD_UNSPECIFIED: ForecastPeriod
FORECAST_PERIOD_DAY: ForecastPeriod
FORECAST_PERIOD_WEEK: ForecastPeriod
FORECAST_CONFIDENCE_UNSPECIFIED: ForecastConfidence
FORECAST_CONFIDENCE_LOW: ForecastConfidence
FORECAST_CONFIDENCE_MEDIUM: ForecastConfidence
FORECAST_CONFIDENCE_HIGH: ForecastConfidence

class DemandPlan(_message.Message):
    __slots__ = ("item_id", "price", "promotion_days")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    PROMOTION_DAYS_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    price: _common_pb2.Money
    promotion_days: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, item_id: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., promotion_days: _Optional[_Iterable[str]] = ...) -> None: ...

class ForecastDemandRequest(_message.Message):
    __slots__ = ("item_ids", "location_ids", "horizon_days", "quantiles", "period", "first_day", "plans", "request_id")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    LOCATION_IDS_FIELD_NUMBER: _ClassVar[int]
    HORIZON_DAYS_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    PLANS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    location_ids: _containers.RepeatedScalarFieldContainer[str]
    horizon_days: int
    quantiles: _containers.RepeatedScalarFieldContainer[float]
    period: ForecastPeriod
    first_day: str
    plans: _containers.RepeatedCompositeFieldContainer[DemandPlan]
    request_id: str
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., location_ids: _Optional[_Iterable[str]] = ..., horizon_days: _Optional[int] = ..., quantiles: _Optional[_Iterable[float]] = ..., period: _Optional[_Union[ForecastPeriod, str]] = ..., first_day: _Optional[str] = ..., plans: _Optional[_Iterable[_Union[DemandPlan, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...

class QuantilePath(_message.Message):
    __slots__ = ("quantile", "units")
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    quantile: float
    units: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, quantile: _Optional[float] = ..., units: _Optional[_Iterable[float]] = ...) -> None: ...

class DemandForecast(_message.Message):
    __slots__ = ("item_id", "location_id", "mean", "quantiles", "method", "confidence")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    location_id: str
    mean: _containers.RepeatedScalarFieldContainer[float]
    quantiles: _containers.RepeatedCompositeFieldContainer[QuantilePath]
    method: str
    confidence: ForecastConfidence
    def __init__(self, item_id: _Optional[str] = ..., location_id: _Optional[str] = ..., mean: _Optional[_Iterable[float]] = ..., quantiles: _Optional[_Iterable[_Union[QuantilePath, _Mapping]]] = ..., method: _Optional[str] = ..., confidence: _Optional[_Union[ForecastConfidence, str]] = ...) -> None: ...

class ForecastDemandResponse(_message.Message):
    __slots__ = ("forecasts", "missing_item_ids", "missing_location_ids", "first_day", "period", "model_version", "degraded", "request_id")
    FORECASTS_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    MISSING_LOCATION_IDS_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    forecasts: _containers.RepeatedCompositeFieldContainer[DemandForecast]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    missing_location_ids: _containers.RepeatedScalarFieldContainer[str]
    first_day: str
    period: ForecastPeriod
    model_version: str
    degraded: _containers.RepeatedCompositeFieldContainer[_recommendation_pb2.Degraded]
    request_id: str
    def __init__(self, forecasts: _Optional[_Iterable[_Union[DemandForecast, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., missing_location_ids: _Optional[_Iterable[str]] = ..., first_day: _Optional[str] = ..., period: _Optional[_Union[ForecastPeriod, str]] = ..., model_version: _Optional[str] = ..., degraded: _Optional[_Iterable[_Union[_recommendation_pb2.Degraded, _Mapping]]] = ..., request_id: _Optional[str] = ...) -> None: ...
