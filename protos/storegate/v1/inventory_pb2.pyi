from google.api import annotations_pb2 as _annotations_pb2
from storegate.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReplenishmentPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLENISHMENT_POLICY_UNSPECIFIED: _ClassVar[ReplenishmentPolicy]
    REPLENISHMENT_POLICY_BASE_STOCK: _ClassVar[ReplenishmentPolicy]
    REPLENISHMENT_POLICY_S_S: _ClassVar[ReplenishmentPolicy]

class UnmetDemand(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNMET_DEMAND_UNSPECIFIED: _ClassVar[UnmetDemand]
    UNMET_DEMAND_LOST: _ClassVar[UnmetDemand]
    UNMET_DEMAND_WAITS: _ClassVar[UnmetDemand]

class ReplenishmentBound(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REPLENISHMENT_BOUND_UNSPECIFIED: _ClassVar[ReplenishmentBound]
    REPLENISHMENT_BOUND_PACK: _ClassVar[ReplenishmentBound]
    REPLENISHMENT_BOUND_MINIMUM: _ClassVar[ReplenishmentBound]
    REPLENISHMENT_BOUND_MAXIMUM: _ClassVar[ReplenishmentBound]
    REPLENISHMENT_BOUND_NOTHING_NEEDED: _ClassVar[ReplenishmentBound]
REPLENISHMENT_POLICY_UNSPECIFIED: ReplenishmentPolicy
REPLENISHMENT_POLICY_BASE_STOCK: ReplenishmentPolicy
REPLENISHMENT_POLICY_S_S: ReplenishmentPolicy
UNMET_DEMAND_UNSPECIFIED: UnmetDemand
UNMET_DEMAND_LOST: UnmetDemand
UNMET_DEMAND_WAITS: UnmetDemand
REPLENISHMENT_BOUND_UNSPECIFIED: ReplenishmentBound
REPLENISHMENT_BOUND_PACK: ReplenishmentBound
REPLENISHMENT_BOUND_MINIMUM: ReplenishmentBound
REPLENISHMENT_BOUND_MAXIMUM: ReplenishmentBound
REPLENISHMENT_BOUND_NOTHING_NEEDED: ReplenishmentBound

class DailyDemand(_message.Message):
    __slots__ = ("mean", "sd")
    MEAN_FIELD_NUMBER: _ClassVar[int]
    SD_FIELD_NUMBER: _ClassVar[int]
    mean: float
    sd: float
    def __init__(self, mean: _Optional[float] = ..., sd: _Optional[float] = ...) -> None: ...

class DemandQuantile(_message.Message):
    __slots__ = ("quantile", "units")
    QUANTILE_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    quantile: float
    units: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, quantile: _Optional[float] = ..., units: _Optional[_Iterable[float]] = ...) -> None: ...

class StockArrival(_message.Message):
    __slots__ = ("quantity", "days")
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    quantity: int
    days: int
    def __init__(self, quantity: _Optional[int] = ..., days: _Optional[int] = ...) -> None: ...

class OnOrder(_message.Message):
    __slots__ = ("arrivals",)
    ARRIVALS_FIELD_NUMBER: _ClassVar[int]
    arrivals: _containers.RepeatedCompositeFieldContainer[StockArrival]
    def __init__(self, arrivals: _Optional[_Iterable[_Union[StockArrival, _Mapping]]] = ...) -> None: ...

class ReplenishItem(_message.Message):
    __slots__ = ("item_id", "location_id", "on_hand", "on_order", "lead_time_days", "lead_time_sd_days", "review_period_days", "pack", "min_quantity", "max_quantity", "unit_cost", "holding_rate", "order_cost", "shortage_cost", "cycle_service_level", "fill_rate", "policy", "unmet_demand", "daily_demand", "demand_quantiles")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    ON_ORDER_FIELD_NUMBER: _ClassVar[int]
    LEAD_TIME_DAYS_FIELD_NUMBER: _ClassVar[int]
    LEAD_TIME_SD_DAYS_FIELD_NUMBER: _ClassVar[int]
    REVIEW_PERIOD_DAYS_FIELD_NUMBER: _ClassVar[int]
    PACK_FIELD_NUMBER: _ClassVar[int]
    MIN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MAX_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    UNIT_COST_FIELD_NUMBER: _ClassVar[int]
    HOLDING_RATE_FIELD_NUMBER: _ClassVar[int]
    ORDER_COST_FIELD_NUMBER: _ClassVar[int]
    SHORTAGE_COST_FIELD_NUMBER: _ClassVar[int]
    CYCLE_SERVICE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    FILL_RATE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    UNMET_DEMAND_FIELD_NUMBER: _ClassVar[int]
    DAILY_DEMAND_FIELD_NUMBER: _ClassVar[int]
    DEMAND_QUANTILES_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    location_id: str
    on_hand: int
    on_order: OnOrder
    lead_time_days: float
    lead_time_sd_days: float
    review_period_days: int
    pack: int
    min_quantity: int
    max_quantity: int
    unit_cost: _common_pb2.Money
    holding_rate: float
    order_cost: _common_pb2.Money
    shortage_cost: _common_pb2.Money
    cycle_service_level: float
    fill_rate: float
    policy: ReplenishmentPolicy
    unmet_demand: UnmetDemand
    daily_demand: DailyDemand
    demand_quantiles: _containers.RepeatedCompositeFieldContainer[DemandQuantile]
    def __init__(self, item_id: _Optional[str] = ..., location_id: _Optional[str] = ..., on_hand: _Optional[int] = ..., on_order: _Optional[_Union[OnOrder, _Mapping]] = ..., lead_time_days: _Optional[float] = ..., lead_time_sd_days: _Optional[float] = ..., review_period_days: _Optional[int] = ..., pack: _Optional[int] = ..., min_quantity: _Optional[int] = ..., max_quantity: _Optional[int] = ..., unit_cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., holding_rate: _Optional[float] = ..., order_cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., shortage_cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., cycle_service_level: _Optional[float] = ..., fill_rate: _Optional[float] = ..., policy: _Optional[_Union[ReplenishmentPolicy, str]] = ..., unmet_demand: _Optional[_Union[UnmetDemand, str]] = ..., daily_demand: _Optional[_Union[DailyDemand, _Mapping]] = ..., demand_quantiles: _Optional[_Iterable[_Union[DemandQuantile, _Mapping]]] = ...) -> None: ...

class PlanReplenishmentRequest(_message.Message):
    __slots__ = ("items", "first_day", "request_id")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[ReplenishItem]
    first_day: str
    request_id: str
    def __init__(self, items: _Optional[_Iterable[_Union[ReplenishItem, _Mapping]]] = ..., first_day: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ReplenishmentPlan(_message.Message):
    __slots__ = ("item_id", "location_id", "order_quantity", "order_up_to", "reorder_point", "safety_stock", "inventory_position", "expected_demand", "expected_fill_rate", "expected_service_level", "expected_stock", "expected_shortage", "expected_shortage_before_arrival", "expected_holding_cost", "expected_shortage_cost", "order_value", "bound", "policy", "method", "model_version", "stock_known")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    ORDER_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ORDER_UP_TO_FIELD_NUMBER: _ClassVar[int]
    REORDER_POINT_FIELD_NUMBER: _ClassVar[int]
    SAFETY_STOCK_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_POSITION_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_DEMAND_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FILL_RATE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SERVICE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_STOCK_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SHORTAGE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SHORTAGE_BEFORE_ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_HOLDING_COST_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SHORTAGE_COST_FIELD_NUMBER: _ClassVar[int]
    ORDER_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    STOCK_KNOWN_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    location_id: str
    order_quantity: int
    order_up_to: int
    reorder_point: int
    safety_stock: float
    inventory_position: int
    expected_demand: float
    expected_fill_rate: float
    expected_service_level: float
    expected_stock: float
    expected_shortage: float
    expected_shortage_before_arrival: float
    expected_holding_cost: _common_pb2.Money
    expected_shortage_cost: _common_pb2.Money
    order_value: _common_pb2.Money
    bound: ReplenishmentBound
    policy: ReplenishmentPolicy
    method: str
    model_version: str
    stock_known: bool
    def __init__(self, item_id: _Optional[str] = ..., location_id: _Optional[str] = ..., order_quantity: _Optional[int] = ..., order_up_to: _Optional[int] = ..., reorder_point: _Optional[int] = ..., safety_stock: _Optional[float] = ..., inventory_position: _Optional[int] = ..., expected_demand: _Optional[float] = ..., expected_fill_rate: _Optional[float] = ..., expected_service_level: _Optional[float] = ..., expected_stock: _Optional[float] = ..., expected_shortage: _Optional[float] = ..., expected_shortage_before_arrival: _Optional[float] = ..., expected_holding_cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., expected_shortage_cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., order_value: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., bound: _Optional[_Union[ReplenishmentBound, str]] = ..., policy: _Optional[_Union[ReplenishmentPolicy, str]] = ..., method: _Optional[str] = ..., model_version: _Optional[str] = ..., stock_known: _Optional[bool] = ...) -> None: ...

class PlanReplenishmentResponse(_message.Message):
    __slots__ = ("plans", "missing_item_ids", "missing_location_ids", "model_version", "request_id", "first_day")
    PLANS_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    MISSING_LOCATION_IDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    plans: _containers.RepeatedCompositeFieldContainer[ReplenishmentPlan]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    missing_location_ids: _containers.RepeatedScalarFieldContainer[str]
    model_version: str
    request_id: str
    first_day: str
    def __init__(self, plans: _Optional[_Iterable[_Union[ReplenishmentPlan, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., missing_location_ids: _Optional[_Iterable[str]] = ..., model_version: _Optional[str] = ..., request_id: _Optional[str] = ..., first_day: _Optional[str] = ...) -> None: ...

class TransportCost(_message.Message):
    __slots__ = ("source_id", "cost")
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    source_id: str
    cost: _common_pb2.Money
    def __init__(self, source_id: _Optional[str] = ..., cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ...) -> None: ...

class AllocationSource(_message.Message):
    __slots__ = ("location_id", "quantity")
    LOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    location_id: str
    quantity: int
    def __init__(self, location_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class AllocationDestination(_message.Message):
    __slots__ = ("location_id", "on_hand", "unit_value", "priority", "min_quantity", "max_quantity", "transport_costs", "daily_demand", "demand_quantiles")
    LOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    UNIT_VALUE_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    MIN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MAX_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_COSTS_FIELD_NUMBER: _ClassVar[int]
    DAILY_DEMAND_FIELD_NUMBER: _ClassVar[int]
    DEMAND_QUANTILES_FIELD_NUMBER: _ClassVar[int]
    location_id: str
    on_hand: int
    unit_value: _common_pb2.Money
    priority: float
    min_quantity: int
    max_quantity: int
    transport_costs: _containers.RepeatedCompositeFieldContainer[TransportCost]
    daily_demand: DailyDemand
    demand_quantiles: _containers.RepeatedCompositeFieldContainer[DemandQuantile]
    def __init__(self, location_id: _Optional[str] = ..., on_hand: _Optional[int] = ..., unit_value: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., priority: _Optional[float] = ..., min_quantity: _Optional[int] = ..., max_quantity: _Optional[int] = ..., transport_costs: _Optional[_Iterable[_Union[TransportCost, _Mapping]]] = ..., daily_demand: _Optional[_Union[DailyDemand, _Mapping]] = ..., demand_quantiles: _Optional[_Iterable[_Union[DemandQuantile, _Mapping]]] = ...) -> None: ...

class AllocationItem(_message.Message):
    __slots__ = ("item_id", "sources", "destinations")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    DESTINATIONS_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    sources: _containers.RepeatedCompositeFieldContainer[AllocationSource]
    destinations: _containers.RepeatedCompositeFieldContainer[AllocationDestination]
    def __init__(self, item_id: _Optional[str] = ..., sources: _Optional[_Iterable[_Union[AllocationSource, _Mapping]]] = ..., destinations: _Optional[_Iterable[_Union[AllocationDestination, _Mapping]]] = ...) -> None: ...

class LocationCapacity(_message.Message):
    __slots__ = ("location_id", "units")
    LOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    UNITS_FIELD_NUMBER: _ClassVar[int]
    location_id: str
    units: int
    def __init__(self, location_id: _Optional[str] = ..., units: _Optional[int] = ...) -> None: ...

class AllocateStockRequest(_message.Message):
    __slots__ = ("items", "horizon_days", "capacities", "first_day", "request_id")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    HORIZON_DAYS_FIELD_NUMBER: _ClassVar[int]
    CAPACITIES_FIELD_NUMBER: _ClassVar[int]
    FIRST_DAY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[AllocationItem]
    horizon_days: int
    capacities: _containers.RepeatedCompositeFieldContainer[LocationCapacity]
    first_day: str
    request_id: str
    def __init__(self, items: _Optional[_Iterable[_Union[AllocationItem, _Mapping]]] = ..., horizon_days: _Optional[int] = ..., capacities: _Optional[_Iterable[_Union[LocationCapacity, _Mapping]]] = ..., first_day: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class StockShipment(_message.Message):
    __slots__ = ("item_id", "source_id", "destination_id", "quantity")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    source_id: str
    destination_id: str
    quantity: int
    def __init__(self, item_id: _Optional[str] = ..., source_id: _Optional[str] = ..., destination_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class StockReceipt(_message.Message):
    __slots__ = ("item_id", "location_id", "quantity", "expected_sales", "expected_value", "transport_cost")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    LOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_SALES_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VALUE_FIELD_NUMBER: _ClassVar[int]
    TRANSPORT_COST_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    location_id: str
    quantity: int
    expected_sales: float
    expected_value: _common_pb2.Money
    transport_cost: _common_pb2.Money
    def __init__(self, item_id: _Optional[str] = ..., location_id: _Optional[str] = ..., quantity: _Optional[int] = ..., expected_sales: _Optional[float] = ..., expected_value: _Optional[_Union[_common_pb2.Money, _Mapping]] = ..., transport_cost: _Optional[_Union[_common_pb2.Money, _Mapping]] = ...) -> None: ...

class StockKept(_message.Message):
    __slots__ = ("item_id", "source_id", "quantity")
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    source_id: str
    quantity: int
    def __init__(self, item_id: _Optional[str] = ..., source_id: _Optional[str] = ..., quantity: _Optional[int] = ...) -> None: ...

class AllocateStockResponse(_message.Message):
    __slots__ = ("shipments", "receipts", "kept", "missing_item_ids", "model_version", "request_id")
    SHIPMENTS_FIELD_NUMBER: _ClassVar[int]
    RECEIPTS_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    MISSING_ITEM_IDS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    shipments: _containers.RepeatedCompositeFieldContainer[StockShipment]
    receipts: _containers.RepeatedCompositeFieldContainer[StockReceipt]
    kept: _containers.RepeatedCompositeFieldContainer[StockKept]
    missing_item_ids: _containers.RepeatedScalarFieldContainer[str]
    model_version: str
    request_id: str
    def __init__(self, shipments: _Optional[_Iterable[_Union[StockShipment, _Mapping]]] = ..., receipts: _Optional[_Iterable[_Union[StockReceipt, _Mapping]]] = ..., kept: _Optional[_Iterable[_Union[StockKept, _Mapping]]] = ..., missing_item_ids: _Optional[_Iterable[str]] = ..., model_version: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...
