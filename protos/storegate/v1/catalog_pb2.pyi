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

class LocationStock(_message.Message):
    __slots__ = ("location", "on_hand", "on_order")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    ON_ORDER_FIELD_NUMBER: _ClassVar[int]
    location: str
    on_hand: int
    on_order: int
    def __init__(self, location: _Optional[str] = ..., on_hand: _Optional[int] = ..., on_order: _Optional[int] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("item_id", "title", "category_path", "brand", "price", "cost", "list_price", "stock", "weight_grams", "length_mm", "width_mm", "height_mm", "available_time", "in_model", "attributes", "map_price", "competitor_price", "price_time")
    class AttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_PATH_FIELD_NUMBER: _ClassVar[int]
    BRAND_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    LIST_PRICE_FIELD_NUMBER: _ClassVar[int]
    STOCK_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_GRAMS_FIELD_NUMBER: _ClassVar[int]
    LENGTH_MM_FIELD_NUMBER: _ClassVar[int]
    WIDTH_MM_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_MM_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_TIME_FIELD_NUMBER: _ClassVar[int]
    IN_MODEL_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    MAP_PRICE_FIELD_NUMBER: _ClassVar[int]
    COMPETITOR_PRICE_FIELD_NUMBER: _ClassVar[int]
    PRICE_TIME_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    title: str
    category_path: _containers.RepeatedScalarFieldContainer[str]
    brand: str
    price: _common_pb2.Money
    cost: _common_pb2.Money
    list_price: _common_pb2.Money
    stock: _containers.RepeatedCompositeFieldContainer[LocationStock]
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int
    available_time: _timestamp_pb2.Timestamp
    in_model: bool
    attributes: _containers.ScalarMap[str, str]
    map_price: _common_pb2.Money
    competitor_price: _common_pb2.Money
    price_time: _timestamp_pb2.Timestamp
    def __init__(self, item_id: _Optional[str] = ..., title: _Optional[str] = ..., category_path: _Optional[_Iterable[str]] = ..., brand: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., list_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., stock: _Optional[_Iterable[_Union[LocationStock, _Mapping]]] = ..., weight_grams: _Optional[int] = ..., length_mm: _Optional[int] = ..., width_mm: _Optional[int] = ..., height_mm: _Optional[int] = ..., available_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., in_model: _Optional[bool] = ..., attributes: _Optional[_Mapping[str, str]] = ..., map_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., competitor_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., price_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class UpsertItemsRequest(_message.Message):
    __slots__ = ("items", "validate_only")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[Item]
    validate_only: bool
    def __init__(self, items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class UpsertItemsResponse(_message.Message):
    __slots__ = ("upserted", "catalogue_version")
    UPSERTED_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    upserted: int
    catalogue_version: int
    def __init__(self, upserted: _Optional[int] = ..., catalogue_version: _Optional[int] = ...) -> None: ...

class DeleteItemsRequest(_message.Message):
    __slots__ = ("item_ids",)
    ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    item_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, item_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class DeleteItemsResponse(_message.Message):
    __slots__ = ("deleted", "missing_item_ids", "catalogue_version")
    DELETED_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    deleted: int
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    catalogue_version: int
    def __init__(self, deleted: _Optional[int] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., catalogue_version: _Optional[int] = ...) -> None: ...

class ImportItemsRequest(_message.Message):
    __slots__ = ("inline_json_lines", "file", "validate_only")
    INLINE_JSON_LINES_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    inline_json_lines: str
    file: str
    validate_only: bool
    def __init__(self, inline_json_lines: _Optional[str] = ..., file: _Optional[str] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class ImportError(_message.Message):
    __slots__ = ("line", "field", "message")
    LINE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    line: int
    field: str
    message: str
    def __init__(self, line: _Optional[int] = ..., field: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ImportItemsResponse(_message.Message):
    __slots__ = ("imported", "refused", "errors", "catalogue_version")
    IMPORTED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    imported: int
    refused: int
    errors: _containers.RepeatedCompositeFieldContainer[ImportError]
    catalogue_version: int
    def __init__(self, imported: _Optional[int] = ..., refused: _Optional[int] = ..., errors: _Optional[_Iterable[_Union[ImportError, _Mapping]]] = ..., catalogue_version: _Optional[int] = ...) -> None: ...

class GetItemRequest(_message.Message):
    __slots__ = ("item_id",)
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    def __init__(self, item_id: _Optional[str] = ...) -> None: ...

class StockUpdate(_message.Message):
    __slots__ = ("item_id", "location", "on_hand", "on_order")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    ON_ORDER_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    location: str
    on_hand: int
    on_order: int
    def __init__(self, item_id: _Optional[str] = ..., location: _Optional[str] = ..., on_hand: _Optional[int] = ..., on_order: _Optional[int] = ...) -> None: ...

class SetStockRequest(_message.Message):
    __slots__ = ("updates",)
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    updates: _containers.RepeatedCompositeFieldContainer[StockUpdate]
    def __init__(self, updates: _Optional[_Iterable[_Union[StockUpdate, _Mapping]]] = ...) -> None: ...

class SetStockResponse(_message.Message):
    __slots__ = ("updated", "missing_item_ids", "catalogue_version")
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    updated: int
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    catalogue_version: int
    def __init__(self, updated: _Optional[int] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., catalogue_version: _Optional[int] = ...) -> None: ...

class PriceUpdate(_message.Message):
    __slots__ = ("item_id", "price", "cost", "list_price", "map_price", "competitor_price", "valid_from")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    LIST_PRICE_FIELD_NUMBER: _ClassVar[int]
    MAP_PRICE_FIELD_NUMBER: _ClassVar[int]
    COMPETITOR_PRICE_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    price: _common_pb2.Money
    cost: _common_pb2.Money
    list_price: _common_pb2.Money
    map_price: _common_pb2.Money
    competitor_price: _common_pb2.Money
    valid_from: _timestamp_pb2.Timestamp
    def __init__(self, item_id: _Optional[str] = ..., price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., list_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., map_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., competitor_price: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., valid_from: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SetPricesRequest(_message.Message):
    __slots__ = ("updates",)
    UPDATES_FIELD_NUMBER: _ClassVar[int]
    updates: _containers.RepeatedCompositeFieldContainer[PriceUpdate]
    def __init__(self, updates: _Optional[_Iterable[_Union[PriceUpdate, _Mapping]]] = ...) -> None: ...

class SetPricesResponse(_message.Message):
    __slots__ = ("updated", "missing_item_ids", "catalogue_version")
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    CATALOGUE_VERSION_FIELD_NUMBER: _ClassVar[int]
    updated: int
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    catalogue_version: int
    def __init__(self, updated: _Optional[int] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., catalogue_version: _Optional[int] = ...) -> None: ...
