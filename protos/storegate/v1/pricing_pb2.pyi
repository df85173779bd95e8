import datetime

from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from storegate.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QuotePricesRequest(_message.Message):
    __slots__ = ("item_ids", "currency_code")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    currency_code: str
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., currency_code: _Optional[str] = ...) -> None: ...

class PriceQuote(_message.Message):
    __slots__ = ("item_id", "price", "lowest", "highest", "bound_by", "gave_way", "contradiction", "expected_units", "expected_margin_minor", "propensity", "explored", "current_price", "current_margin_minor")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    LOWEST_FIELD_NUMBER: _ClassVar[int]
    HIGHEST_FIELD_NUMBER: _ClassVar[int]
    BOUND_BY_FIELD_NUMBER: _ClassVar[int]
    GAVE_WAY_FIELD_NUMBER: _ClassVar[int]
    CONTRADICTION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_UNITS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_MARGIN_MINOR_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    EXPLORED_FIELD_NUMBER: _ClassVar[int]
    CURRENT_PRICE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_MARGIN_MINOR_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    price: _common_pb2.Money
    lowest: _common_pb2.Money
    highest: _common_pb2.Money
    bound_by: str
    gave_way: _containers.RepeatedScalarFieldContainer[str]
    contradiction: _containers.RepeatedScalarFieldContainer[str]
    expected_units: float
    expected_margin_minor: float
    propensity: float
    explored: bool
    current_price: _common_pb2.Money
    current_margin_minor: float
    def __init__(self, item_id: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., lowest: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., highest: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., bound_by: _Optional[str] = ..., gave_way: _Optional[_Iterable[str]] = ..., contradiction: _Optional[_Iterable[str]] = ..., expected_units: _Optional[float] = ..., expected_margin_minor: _Optional[float] = ..., propensity: _Optional[float] = ..., explored: _Optional[bool] = ..., current_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., current_margin_minor: _Optional[float] = ...) -> None: ...

class PricingInfo(_message.Message):
    __slots__ = ("model_version", "rules_version", "catalogue_version", "period_start", "period_end", "units_days", "degraded")
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    RULES_VERSION_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PERIOD_START_FIELD_NUMBER: _ClassVar[int]
    PERIOD_END_FIELD_NUMBER: _ClassVar[int]
    UNITS_DAYS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    model_version: str
    rules_version: str
    catalogue_version: int
    period_start: _timestamp_pb2.Timestamp
    period_end: _timestamp_pb2.Timestamp
    units_days: float
    degraded: str
    def __init__(self, model_version: _Optional[str] = ..., rules_version: _Optional[str] = ..., catalogue_version: _Optional[int] = ..., period_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., period_end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., units_days: _Optional[float] = ..., degraded: _Optional[str] = ...) -> None: ...

class QuotePricesResponse(_message.Message):
    __slots__ = ("quotes", "missing_item_ids", "info")
    QUOTES_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    quotes: _containers.RepeatedCompositeFieldContainer[PriceQuote]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    info: PricingInfo
    def __init__(self, quotes: _Optional[_Iterable[_Union[PriceQuote, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., info: _Optional[_Union[PricingInfo, _Mapping]] = ...) -> None: ...

class SimulatePricesRequest(_message.Message):
    __slots__ = ("item_ids", "prices_minor", "currency_code")
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    PRICES_MINOR_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_CODE_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    prices_minor: _containers.RepeatedScalarFieldContainer[int]
    currency_code: str
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ..., prices_minor: _Optional[_Iterable[int]] = ..., currency_code: _Optional[str] = ...) -> None: ...

class PricePoint(_message.Message):
    __slots__ = ("price", "expected_units", "expected_revenue_minor", "expected_margin_minor", "relative_units", "allowed", "forbidden_by")
    PRICE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_UNITS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_REVENUE_MINOR_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_MARGIN_MINOR_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_UNITS_FIELD_NUMBER: _ClassVar[int]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    FORBIDDEN_BY_FIELD_NUMBER: _ClassVar[int]
    price: _common_pb2.Money
    expected_units: float
    expected_revenue_minor: float
    expected_margin_minor: float
    relative_units: float
    allowed: bool
    forbidden_by: str
    def __init__(self, price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., expected_units: _Optional[float] = ..., expected_revenue_minor: _Optional[float] = ..., expected_margin_minor: _Optional[float] = ..., relative_units: _Optional[float] = ..., allowed: _Optional[bool] = ..., forbidden_by: _Optional[str] = ...) -> None: ...

class PriceCurve(_message.Message):
    __slots__ = ("quote", "points", "elasticity")
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    ELASTICITY_FIELD_NUMBER: _ClassVar[int]
    quote: PriceQuote
    points: _containers.RepeatedCompositeFieldContainer[PricePoint]
    elasticity: float
    def __init__(self, quote: _Optional[_Union[PriceQuote, _Mapping]] = ..., points: _Optional[_Iterable[_Union[PricePoint, _Mapping]]] = ..., elasticity: _Optional[float] = ...) -> None: ...

class SimulatePricesResponse(_message.Message):
    __slots__ = ("curves", "missing_item_ids", "info")
    CURVES_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    curves: _containers.RepeatedCompositeFieldContainer[PriceCurve]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    info: PricingInfo
    def __init__(self, curves: _Optional[_Iterable[_Union[PriceCurve, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., info: _Optional[_Union[PricingInfo, _Mapping]] = ...) -> None: ...
