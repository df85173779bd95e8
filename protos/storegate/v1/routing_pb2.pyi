from google.api import annotations_pb2 as _annotations_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GeoPoint(_message.Message):
    __slots__ = ("latitude", "longitude")
    LATITUDE_FIELD_NUMBER: _ClassVar[int]
    LONGITUDE_FIELD_NUMBER: _ClassVar[int]
    latitude: float
    longitude: float
    def __init__(self, latitude: _Optional[float] = ..., longitude: _Optional[float] = ...) -> None: ...

class TimeWindow(_message.Message):
    __slots__ = ("start_s", "end_s")
    START_S_FIELD_NUMBER: _ClassVar[int]
    END_S_FIELD_NUMBER: _ClassVar[int]
    start_s: int
    end_s: int
    def __init__(self, start_s: _Optional[int] = ..., end_s: _Optional[int] = ...) -> None: ...

class RouteDepot(_message.Message):
    __slots__ = ("depot_id", "point", "hours")
    DEPOT_ID_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    HOURS_FIELD_NUMBER: _ClassVar[int]
    depot_id: str
    point: GeoPoint
    hours: TimeWindow
    def __init__(self, depot_id: _Optional[str] = ..., point: _Optional[_Union[GeoPoint, _Mapping]] = ..., hours: _Optional[_Union[TimeWindow, _Mapping]] = ...) -> None: ...

class RouteVehicle(_message.Message):
    __slots__ = ("vehicle_id", "start_depot_id", "end_depot_id", "ends_anywhere", "capacities", "shift", "skills", "duration_s_max", "distance_m_max", "stops_max", "fixed_cost", "cost_per_km", "cost_per_hour", "profile")
    VEHICLE_ID_FIELD_NUMBER: _ClassVar[int]
    START_DEPOT_ID_FIELD_NUMBER: _ClassVar[int]
    END_DEPOT_ID_FIELD_NUMBER: _ClassVar[int]
    ENDS_ANYWHERE_FIELD_NUMBER: _ClassVar[int]
    CAPACITIES_FIELD_NUMBER: _ClassVar[int]
    SHIFT_FIELD_NUMBER: _ClassVar[int]
    SKILLS_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_MAX_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_MAX_FIELD_NUMBER: _ClassVar[int]
    STOPS_MAX_FIELD_NUMBER: _ClassVar[int]
    FIXED_COST_FIELD_NUMBER: _ClassVar[int]
    COST_PER_KM_FIELD_NUMBER: _ClassVar[int]
    COST_PER_HOUR_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    vehicle_id: str
    start_depot_id: str
    end_depot_id: str
    ends_anywhere: bool
    capacities: _containers.RepeatedScalarFieldContainer[int]
    shift: TimeWindow
    skills: _containers.RepeatedScalarFieldContainer[str]
    duration_s_max: int
    distance_m_max: int
    stops_max: int
    fixed_cost: float
    cost_per_km: float
    cost_per_hour: float
    profile: str
    def __init__(self, vehicle_id: _Optional[str] = ..., start_depot_id: _Optional[str] = ..., end_depot_id: _Optional[str] = ..., ends_anywhere: _Optional[bool] = ..., capacities: _Optional[_Iterable[int]] = ..., shift: _Optional[_Union[TimeWindow, _Mapping]] = ..., skills: _Optional[_Iterable[str]] = ..., duration_s_max: _Optional[int] = ..., distance_m_max: _Optional[int] = ..., stops_max: _Optional[int] = ..., fixed_cost: _Optional[float] = ..., cost_per_km: _Optional[float] = ..., cost_per_hour: _Optional[float] = ..., profile: _Optional[str] = ...) -> None: ...

class RouteStop(_message.Message):
    __slots__ = ("stop_id", "point", "deliveries", "pickups", "windows", "service_s", "skills", "drop_penalty", "priority")
    STOP_ID_FIELD_NUMBER: _ClassVar[int]
    POINT_FIELD_NUMBER: _ClassVar[int]
    DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    PICKUPS_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_S_FIELD_NUMBER: _ClassVar[int]
    SKILLS_FIELD_NUMBER: _ClassVar[int]
    DROP_PENALTY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    stop_id: str
    point: GeoPoint
    deliveries: _containers.RepeatedScalarFieldContainer[int]
    pickups: _containers.RepeatedScalarFieldContainer[int]
    windows: _containers.RepeatedCompositeFieldContainer[TimeWindow]
    service_s: int
    skills: _containers.RepeatedScalarFieldContainer[str]
    drop_penalty: float
    priority: int
    def __init__(self, stop_id: _Optional[str] = ..., point: _Optional[_Union[GeoPoint, _Mapping]] = ..., deliveries: _Optional[_Iterable[int]] = ..., pickups: _Optional[_Iterable[int]] = ..., windows: _Optional[_Iterable[_Union[TimeWindow, _Mapping]]] = ..., service_s: _Optional[int] = ..., skills: _Optional[_Iterable[str]] = ..., drop_penalty: _Optional[float] = ..., priority: _Optional[int] = ...) -> None: ...

class Shipment(_message.Message):
    __slots__ = ("pickup_stop_id", "delivery_stop_id", "loads")
    PICKUP_STOP_ID_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_STOP_ID_FIELD_NUMBER: _ClassVar[int]
    LOADS_FIELD_NUMBER: _ClassVar[int]
    pickup_stop_id: str
    delivery_stop_id: str
    loads: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pickup_stop_id: _Optional[str] = ..., delivery_stop_id: _Optional[str] = ..., loads: _Optional[_Iterable[int]] = ...) -> None: ...

class TravelMatrix(_message.Message):
    __slots__ = ("distances_m", "durations_s", "symmetric")
    DISTANCES_M_FIELD_NUMBER: _ClassVar[int]
    DURATIONS_S_FIELD_NUMBER: _ClassVar[int]
    SYMMETRIC_FIELD_NUMBER: _ClassVar[int]
    distances_m: _containers.RepeatedScalarFieldContainer[float]
    durations_s: _containers.RepeatedScalarFieldContainer[float]
    symmetric: bool
    def __init__(self, distances_m: _Optional[_Iterable[float]] = ..., durations_s: _Optional[_Iterable[float]] = ..., symmetric: _Optional[bool] = ...) -> None: ...

class GreatCircleTravel(_message.Message):
    __slots__ = ("speeds_kmh", "detour_factor")
    SPEEDS_KMH_FIELD_NUMBER: _ClassVar[int]
    DETOUR_FACTOR_FIELD_NUMBER: _ClassVar[int]
    speeds_kmh: _containers.RepeatedScalarFieldContainer[float]
    detour_factor: float
    def __init__(self, speeds_kmh: _Optional[_Iterable[float]] = ..., detour_factor: _Optional[float] = ...) -> None: ...

class TableServerTravel(_message.Message):
    __slots__ = ("server_profile",)
    SERVER_PROFILE_FIELD_NUMBER: _ClassVar[int]
    server_profile: str
    def __init__(self, server_profile: _Optional[str] = ...) -> None: ...

class TravelProfile(_message.Message):
    __slots__ = ("name", "matrix", "great_circle", "table_server", "speed_factors")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MATRIX_FIELD_NUMBER: _ClassVar[int]
    GREAT_CIRCLE_FIELD_NUMBER: _ClassVar[int]
    TABLE_SERVER_FIELD_NUMBER: _ClassVar[int]
    SPEED_FACTORS_FIELD_NUMBER: _ClassVar[int]
    name: str
    matrix: TravelMatrix
    great_circle: GreatCircleTravel
    table_server: TableServerTravel
    speed_factors: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[str] = ..., matrix: _Optional[_Union[TravelMatrix, _Mapping]] = ..., great_circle: _Optional[_Union[GreatCircleTravel, _Mapping]] = ..., table_server: _Optional[_Union[TableServerTravel, _Mapping]] = ..., speed_factors: _Optional[_Iterable[float]] = ...) -> None: ...

class ClosedRoad(_message.Message):
    __slots__ = ("from_id", "to_id", "both_ways")
    FROM_ID_FIELD_NUMBER: _ClassVar[int]
    TO_ID_FIELD_NUMBER: _ClassVar[int]
    BOTH_WAYS_FIELD_NUMBER: _ClassVar[int]
    from_id: str
    to_id: str
    both_ways: bool
    def __init__(self, from_id: _Optional[str] = ..., to_id: _Optional[str] = ..., both_ways: _Optional[bool] = ...) -> None: ...

class PlanRoutesRequest(_message.Message):
    __slots__ = ("depots", "vehicles", "stops", "shipments", "profiles", "closed_roads", "time_limit_s", "seed", "start", "request_id")
    DEPOTS_FIELD_NUMBER: _ClassVar[int]
    VEHICLES_FIELD_NUMBER: _ClassVar[int]
    STOPS_FIELD_NUMBER: _ClassVar[int]
    SHIPMENTS_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    CLOSED_ROADS_FIELD_NUMBER: _ClassVar[int]
    TIME_LIMIT_S_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    depots: _containers.RepeatedCompositeFieldContainer[RouteDepot]
    vehicles: _containers.RepeatedCompositeFieldContainer[RouteVehicle]
    stops: _containers.RepeatedCompositeFieldContainer[RouteStop]
    shipments: _containers.RepeatedCompositeFieldContainer[Shipment]
    profiles: _containers.RepeatedCompositeFieldContainer[TravelProfile]
    closed_roads: _containers.RepeatedCompositeFieldContainer[ClosedRoad]
    time_limit_s: float
    seed: int
    start: RoutePlan
    request_id: str
    def __init__(self, depots: _Optional[_Iterable[_Union[RouteDepot, _Mapping]]] = ..., vehicles: _Optional[_Iterable[_Union[RouteVehicle, _Mapping]]] = ..., stops: _Optional[_Iterable[_Union[RouteStop, _Mapping]]] = ..., shipments: _Optional[_Iterable[_Union[Shipment, _Mapping]]] = ..., profiles: _Optional[_Iterable[_Union[TravelProfile, _Mapping]]] = ..., closed_roads: _Optional[_Iterable[_Union[ClosedRoad, _Mapping]]] = ..., time_limit_s: _Optional[float] = ..., seed: _Optional[int] = ..., start: _Optional[_Union[RoutePlan, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class RouteVisit(_message.Message):
    __slots__ = ("stop_id", "arrival_s", "begin_s", "departure_s")
    STOP_ID_FIELD_NUMBER: _ClassVar[int]
    ARRIVAL_S_FIELD_NUMBER: _ClassVar[int]
    BEGIN_S_FIELD_NUMBER: _ClassVar[int]
    DEPARTURE_S_FIELD_NUMBER: _ClassVar[int]
    stop_id: str
    arrival_s: int
    begin_s: int
    departure_s: int
    def __init__(self, stop_id: _Optional[str] = ..., arrival_s: _Optional[int] = ..., begin_s: _Optional[int] = ..., departure_s: _Optional[int] = ...) -> None: ...

class VehicleRoute(_message.Message):
    __slots__ = ("vehicle_id", "visits", "leaves_s", "ends_s", "distance_m", "waiting_s", "start_loads", "cost", "done")
    VEHICLE_ID_FIELD_NUMBER: _ClassVar[int]
    VISITS_FIELD_NUMBER: _ClassVar[int]
    LEAVES_S_FIELD_NUMBER: _ClassVar[int]
    ENDS_S_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_FIELD_NUMBER: _ClassVar[int]
    WAITING_S_FIELD_NUMBER: _ClassVar[int]
    START_LOADS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    vehicle_id: str
    visits: _containers.RepeatedCompositeFieldContainer[RouteVisit]
    leaves_s: int
    ends_s: int
    distance_m: int
    waiting_s: int
    start_loads: _containers.RepeatedScalarFieldContainer[int]
    cost: float
    done: int
    def __init__(self, vehicle_id: _Optional[str] = ..., visits: _Optional[_Iterable[_Union[RouteVisit, _Mapping]]] = ..., leaves_s: _Optional[int] = ..., ends_s: _Optional[int] = ..., distance_m: _Optional[int] = ..., waiting_s: _Optional[int] = ..., start_loads: _Optional[_Iterable[int]] = ..., cost: _Optional[float] = ..., done: _Optional[int] = ...) -> None: ...

class DroppedStop(_message.Message):
    __slots__ = ("stop_id", "reason", "detail")
    STOP_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    stop_id: str
    reason: str
    detail: str
    def __init__(self, stop_id: _Optional[str] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class RoutePlan(_message.Message):
    __slots__ = ("routes", "dropped", "cost", "penalty", "distance_m", "duration_s", "engine", "lower_bound", "gap_pct")
    ROUTES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    PENALTY_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_M_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    GAP_PCT_FIELD_NUMBER: _ClassVar[int]
    routes: _containers.RepeatedCompositeFieldContainer[VehicleRoute]
    dropped: _containers.RepeatedCompositeFieldContainer[DroppedStop]
    cost: float
    penalty: float
    distance_m: int
    duration_s: int
    engine: str
    lower_bound: float
    gap_pct: float
    def __init__(self, routes: _Optional[_Iterable[_Union[VehicleRoute, _Mapping]]] = ..., dropped: _Optional[_Iterable[_Union[DroppedStop, _Mapping]]] = ..., cost: _Optional[float] = ..., penalty: _Optional[float] = ..., distance_m: _Optional[int] = ..., duration_s: _Optional[int] = ..., engine: _Optional[str] = ..., lower_bound: _Optional[float] = ..., gap_pct: _Optional[float] = ...) -> None: ...

class PlanRoutesResponse(_message.Message):
    __slots__ = ("plan", "elapsed_s", "final", "request_id")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_S_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    plan: RoutePlan
    elapsed_s: float
    final: bool
    request_id: str
    def __init__(self, plan: _Optional[_Union[RoutePlan, _Mapping]] = ..., elapsed_s: _Optional[float] = ..., final: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class VehicleProgress(_message.Message):
    __slots__ = ("vehicle_id", "done", "ready_s")
    VEHICLE_ID_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    READY_S_FIELD_NUMBER: _ClassVar[int]
    vehicle_id: str
    done: int
    ready_s: int
    def __init__(self, vehicle_id: _Optional[str] = ..., done: _Optional[int] = ..., ready_s: _Optional[int] = ...) -> None: ...

class VehicleDelay(_message.Message):
    __slots__ = ("vehicle_id", "delay_s")
    VEHICLE_ID_FIELD_NUMBER: _ClassVar[int]
    DELAY_S_FIELD_NUMBER: _ClassVar[int]
    vehicle_id: str
    delay_s: int
    def __init__(self, vehicle_id: _Optional[str] = ..., delay_s: _Optional[int] = ...) -> None: ...

class RouteChange(_message.Message):
    __slots__ = ("new_stop", "cancelled_stop_id", "delay", "closed_road")
    NEW_STOP_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_STOP_ID_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    CLOSED_ROAD_FIELD_NUMBER: _ClassVar[int]
    new_stop: RouteStop
    cancelled_stop_id: str
    delay: VehicleDelay
    closed_road: ClosedRoad
    def __init__(self, new_stop: _Optional[_Union[RouteStop, _Mapping]] = ..., cancelled_stop_id: _Optional[str] = ..., delay: _Optional[_Union[VehicleDelay, _Mapping]] = ..., closed_road: _Optional[_Union[ClosedRoad, _Mapping]] = ...) -> None: ...

class ReplanRoutesRequest(_message.Message):
    __slots__ = ("problem", "plan", "now_s", "progress", "changes", "request_id", "interchangeable_goods")
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    PLAN_FIELD_NUMBER: _ClassVar[int]
    NOW_S_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INTERCHANGEABLE_GOODS_FIELD_NUMBER: _ClassVar[int]
    problem: PlanRoutesRequest
    plan: RoutePlan
    now_s: int
    progress: _containers.RepeatedCompositeFieldContainer[VehicleProgress]
    changes: _containers.RepeatedCompositeFieldContainer[RouteChange]
    request_id: str
    interchangeable_goods: bool
    def __init__(self, problem: _Optional[_Union[PlanRoutesRequest, _Mapping]] = ..., plan: _Optional[_Union[RoutePlan, _Mapping]] = ..., now_s: _Optional[int] = ..., progress: _Optional[_Iterable[_Union[VehicleProgress, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[RouteChange, _Mapping]]] = ..., request_id: _Optional[str] = ..., interchangeable_goods: _Optional[bool] = ...) -> None: ...

class ReplanRoutesResponse(_message.Message):
    __slots__ = ("plan", "changed_vehicle_ids", "request_id")
    PLAN_FIELD_NUMBER: _ClassVar[int]
    CHANGED_VEHICLE_IDS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    plan: RoutePlan
    changed_vehicle_ids: _containers.RepeatedScalarFieldContainer[str]
    request_id: str
    def __init__(self, plan: _Optional[_Union[RoutePlan, _Mapping]] = ..., changed_vehicle_ids: _Optional[_Iterable[str]] = ..., request_id: _Optional[str] = ...) -> None: ...
