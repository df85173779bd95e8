from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Aisle(_message.Message):
    __slots__ = ("aisle_id", "x_metres")
    AISLE_ID_FIELD_NUMBER: _ClassVar[int]
    X_METRES_FIELD_NUMBER: _ClassVar[int]
    aisle_id: str
    x_metres: float
    def __init__(self, aisle_id: _Optional[str] = ..., x_metres: _Optional[float] = ...) -> None: ...

class AisleLayout(_message.Message):
    __slots__ = ("aisles", "cross_aisle_y_metres", "depot_x_metres", "end_x_metres")
    AISLES_FIELD_NUMBER: _ClassVar[int]
    CROSS_AISLE_Y_METRES_FIELD_NUMBER: _ClassVar[int]
    DEPOT_X_METRES_FIELD_NUMBER: _ClassVar[int]
    END_X_METRES_FIELD_NUMBER: _ClassVar[int]
    aisles: _containers.RepeatedCompositeFieldContainer[Aisle]
    cross_aisle_y_metres: _containers.RepeatedScalarFieldContainer[float]
    depot_x_metres: float
    end_x_metres: float
    def __init__(self, aisles: _Optional[_Iterable[_Union[Aisle, _Mapping]]] = ..., cross_aisle_y_metres: _Optional[_Iterable[float]] = ..., depot_x_metres: _Optional[float] = ..., end_x_metres: _Optional[float] = ...) -> None: ...

class DistanceLayout(_message.Message):
    __slots__ = ("points", "metres", "depot", "end")
    POINTS_FIELD_NUMBER: _ClassVar[int]
    METRES_FIELD_NUMBER: _ClassVar[int]
    DEPOT_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    points: int
    metres: _containers.RepeatedScalarFieldContainer[float]
    depot: int
    end: int
    def __init__(self, points: _Optional[int] = ..., metres: _Optional[_Iterable[float]] = ..., depot: _Optional[int] = ..., end: _Optional[int] = ...) -> None: ...

class WarehouseLayout(_message.Message):
    __slots__ = ("aisles", "distances")
    AISLES_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    aisles: AisleLayout
    distances: DistanceLayout
    def __init__(self, aisles: _Optional[_Union[AisleLayout, _Mapping]] = ..., distances: _Optional[_Union[DistanceLayout, _Mapping]] = ...) -> None: ...

class StorageSlot(_message.Message):
    __slots__ = ("slot_id", "aisle_id", "y_metres", "point", "zone", "volume_litres", "weight_kg")
    SLOT_ID_FIELD_NUMBER: _ClassVar[int]
    AISLE_ID_FIELD_NUMBER: _ClassVar[int]
    Y_METRES_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_LITRES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_KG_FIELD_NUMBER: _ClassVar[int]
    slot_id: str
    aisle_id: str
    y_metres: float
    point: int
    zone: str
    volume_litres: float
    weight_kg: float
    def __init__(self, slot_id: _Optional[str] = ..., aisle_id: _Optional[str] = ..., y_metres: _Optional[float] = ..., point: _Optional[int] = ..., zone: _Optional[str] = ..., volume_litres: _Optional[float] = ..., weight_kg: _Optional[float] = ...) -> None: ...

class StoredItem(_message.Message):
    __slots__ = ("item_id", "slot_id", "volume_litres", "weight_kg", "units", "zone", "pinned")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_ID_FIELD_NUMBER: _ClassVar[int]
    VOLUME_LITRES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_KG_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    slot_id: str
    volume_litres: float
    weight_kg: float
    units: int
    zone: str
    pinned: bool
    def __init__(self, item_id: _Optional[str] = ..., slot_id: _Optional[str] = ..., volume_litres: _Optional[float] = ..., weight_kg: _Optional[float] = ..., units: _Optional[int] = ..., zone: _Optional[str] = ..., pinned: _Optional[bool] = ...) -> None: ...

class PickLine(_message.Message):
    __slots__ = ("item_id", "quantity")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    quantity: int
    def __init__(self, item_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class PickOrder(_message.Message):
    __slots__ = ("order_id", "lines")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    lines: _containers.RepeatedCompositeFieldContainer[PickLine]
    def __init__(self, order_id: _Optional[str] = ..., lines: _Optional[_Iterable[_Union[PickLine, _Mapping]]] = ...) -> None: ...

class PickLimits(_message.Message):
    __slots__ = ("max_orders", "max_lines", "max_units", "max_volume_litres", "max_weight_kg")
    MAX_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MAX_LINES_FIELD_NUMBER: _ClassVar[int]
    MAX_UNITS_FIELD_NUMBER: _ClassVar[int]
    MAX_VOLUME_LITRES_FIELD_NUMBER: _ClassVar[int]
    MAX_WEIGHT_KG_FIELD_NUMBER: _ClassVar[int]
    max_orders: int
    max_lines: int
    max_units: int
    max_volume_litres: float
    max_weight_kg: float
    def __init__(self, max_orders: _Optional[int] = ..., max_lines: _Optional[int] = ..., max_units: _Optional[int] = ..., max_volume_litres: _Optional[float] = ..., max_weight_kg: _Optional[float] = ...) -> None: ...

class BatchOrdersRequest(_message.Message):
    __slots__ = ("layout", "slots", "items", "orders", "limits", "search_seconds", "seed", "request_id")
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SEARCH_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    layout: WarehouseLayout
    slots: _containers.RepeatedCompositeFieldContainer[StorageSlot]
    items: _containers.RepeatedCompositeFieldContainer[StoredItem]
    orders: _containers.RepeatedCompositeFieldContainer[PickOrder]
    limits: PickLimits
    search_seconds: float
    seed: int
    request_id: str
    def __init__(self, layout: _Optional[_Union[WarehouseLayout, _Mapping]] = ..., slots: _Optional[_Iterable[_Union[StorageSlot, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[StoredItem, _Mapping]]] = ..., orders: _Optional[_Iterable[_Union[PickOrder, _Mapping]]] = ..., limits: _Optional[_Union[PickLimits, _Mapping]] = ..., search_seconds: _Optional[float] = ..., seed: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class Pick(_message.Message):
    __slots__ = ("order_id", "item_id", "quantity")
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    order_id: str
    item_id: str
    quantity: int
    def __init__(self, order_id: _Optional[str] = ..., item_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class PickStop(_message.Message):
    __slots__ = ("slot_id", "picks")
    SLOT_ID_FIELD_NUMBER: _ClassVar[int]
    PICKS_FIELD_NUMBER: _ClassVar[int]
    slot_id: str
    picks: _containers.RepeatedCompositeFieldContainer[Pick]
    def __init__(self, slot_id: _Optional[str] = ..., picks: _Optional[_Iterable[_Union[Pick, _Mapping]]] = ...) -> None: ...

class PickBatch(_message.Message):
    __slots__ = ("order_ids", "stops", "metres", "lines", "units", "volume_litres", "weight_kg")
    ORDER_IDS_FIELD_NUMBER: _ClassVar[int]
    STOPS_FIELD_NUMBER: _ClassVar[int]
    METRES_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    VOLUME_LITRES_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_KG_FIELD_NUMBER: _ClassVar[int]
    order_ids: _containers.RepeatedScalarFieldContainer[str]
    stops: _containers.RepeatedCompositeFieldContainer[PickStop]
    metres: float
    lines: int
    units: int
    volume_litres: float
    weight_kg: float
    def __init__(self, order_ids: _Optional[_Iterable[str]] = ..., stops: _Optional[_Iterable[_Union[PickStop, _Mapping]]] = ..., metres: _Optional[float] = ..., lines: _Optional[int] = ..., units: _Optional[int] = ..., volume_litres: _Optional[float] = ..., weight_kg: _Optional[float] = ...) -> None: ...

class BatchOrdersResponse(_message.Message):
    __slots__ = ("batches", "metres", "first_come_metres", "s_shape_metres", "engine", "rounds", "seconds", "exact_walks", "request_id")
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    METRES_FIELD_NUMBER: _ClassVar[int]
    FIRST_COME_METRES_FIELD_NUMBER: _ClassVar[int]
    S_SHAPE_METRES_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    ROUNDS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    EXACT_WALKS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    batches: _containers.RepeatedCompositeFieldContainer[PickBatch]
    metres: float
    first_come_metres: float
    s_shape_metres: float
    engine: str
    rounds: int
    seconds: float
    exact_walks: bool
    request_id: str
    def __init__(self, batches: _Optional[_Iterable[_Union[PickBatch, _Mapping]]] = ..., metres: _Optional[float] = ..., first_come_metres: _Optional[float] = ..., s_shape_metres: _Optional[float] = ..., engine: _Optional[str] = ..., rounds: _Optional[int] = ..., seconds: _Optional[float] = ..., exact_walks: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class PlanSlottingRequest(_message.Message):
    __slots__ = ("layout", "slots", "items", "orders", "max_moves", "search_seconds", "seed", "request_id")
    LAYOUT_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    MAX_MOVES_FIELD_NUMBER: _ClassVar[int]
    SEARCH_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    layout: WarehouseLayout
    slots: _containers.RepeatedCompositeFieldContainer[StorageSlot]
    items: _containers.RepeatedCompositeFieldContainer[StoredItem]
    orders: _containers.RepeatedCompositeFieldContainer[PickOrder]
    max_moves: int
    search_seconds: float
    seed: int
    request_id: str
    def __init__(self, layout: _Optional[_Union[WarehouseLayout, _Mapping]] = ..., slots: _Optional[_Iterable[_Union[StorageSlot, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[StoredItem, _Mapping]]] = ..., orders: _Optional[_Iterable[_Union[PickOrder, _Mapping]]] = ..., max_moves: _Optional[int] = ..., search_seconds: _Optional[float] = ..., seed: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class ItemPlacement(_message.Message):
    __slots__ = ("item_id", "slot_id")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SLOT_ID_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    slot_id: str
    def __init__(self, item_id: _Optional[str] = ..., slot_id: _Optional[str] = ...) -> None: ...

class SlotMove(_message.Message):
    __slots__ = ("item_id", "from_slot_id", "to_slot_id", "group", "saved_metres")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    FROM_SLOT_ID_FIELD_NUMBER: _ClassVar[int]
    TO_SLOT_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    SAVED_METRES_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    from_slot_id: str
    to_slot_id: str
    group: int
    saved_metres: float
    def __init__(self, item_id: _Optional[str] = ..., from_slot_id: _Optional[str] = ..., to_slot_id: _Optional[str] = ..., group: _Optional[int] = ..., saved_metres: _Optional[float] = ...) -> None: ...

class PlanSlottingResponse(_message.Message):
    __slots__ = ("placements", "moves", "before_metres", "after_metres", "index_metres", "evaluations", "seconds", "request_id")
    PLACEMENTS_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    BEFORE_METRES_FIELD_NUMBER: _ClassVar[int]
    AFTER_METRES_FIELD_NUMBER: _ClassVar[int]
    INDEX_METRES_FIELD_NUMBER: _ClassVar[int]
    EVALUATIONS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    placements: _containers.RepeatedCompositeFieldContainer[ItemPlacement]
    moves: _containers.RepeatedCompositeFieldContainer[SlotMove]
    before_metres: float
    after_metres: float
    index_metres: float
    evaluations: int
    seconds: float
    request_id: str
    def __init__(self, placements: _Optional[_Iterable[_Union[ItemPlacement, _Mapping]]] = ..., moves: _Optional[_Iterable[_Union[SlotMove, _Mapping]]] = ..., before_metres: _Optional[float] = ..., after_metres: _Optional[float] = ..., index_metres: _Optional[float] = ..., evaluations: _Optional[int] = ..., seconds: _Optional[float] = ..., request_id: _Optional[str] = ...) -> None: ...
