"""What planners ask for: a town to be driven through, orders to be picked together, slots for a warehouse's items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from storegate.v1 import placement_pb2 as place
from storegate.v1 import routing_pb2 as route

PLAN_ROUTES: Final = "/storegate.v1.RoutingService/PlanRoutes"
BATCH_ORDERS: Final = "/storegate.v1.PlacementService/BatchOrders"
PLAN_SLOTTING: Final = "/storegate.v1.PlacementService/PlanSlotting"
STOPS, VEHICLES, CAPACITY = 100, 10, 100
AISLES, RACKS, ORDERS, LINES = 10, 90, 100, 4
BATCH_ORDERS_MAX = 8
CENTRE: Final = (51.5, -0.12)
SPREAD_DEGREES = 0.08


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of call. stream: whether several answers come."""

    name: str
    method: str
    payload: bytes
    stream: bool = False


def asks(seconds: float, seed: int) -> tuple[Ask, ...]:
    """In the order in which planners are given them: half of them plan routes. seconds: of each search."""
    routes = Ask("PlanRoutes", PLAN_ROUTES, town(seconds, seed).SerializeToString(), stream=True)
    orders, slots = batching(seconds, seed).SerializeToString(), slotting(seconds, seed).SerializeToString()
    return routes, Ask("BatchOrders", BATCH_ORDERS, orders), routes, Ask("PlanSlotting", PLAN_SLOTTING, slots)


def town(seconds: float, seed: int) -> route.PlanRoutesRequest:
    """Stops spread around one depot, with loads that fill about half of the vehicles."""
    rng = np.random.default_rng(seed)

    def near(spread: float) -> route.GeoPoint:
        latitude, longitude = rng.normal(CENTRE, spread).tolist()
        return route.GeoPoint(latitude=latitude, longitude=longitude)

    return route.PlanRoutesRequest(
        depots=[route.RouteDepot(depot_id="hub", point=near(0.0))],
        vehicles=[route.RouteVehicle(vehicle_id=f"van-{v}", capacities=[CAPACITY]) for v in range(VEHICLES)],
        stops=[
            route.RouteStop(
                stop_id=f"stop-{s}", point=near(SPREAD_DEGREES), deliveries=[int(rng.integers(1, 10))], service_s=120
            )
            for s in range(STOPS)
        ],
        time_limit_s=seconds,
        seed=seed,
    )


def batching(seconds: float, seed: int) -> place.BatchOrdersRequest:
    """The orders of an hour or so."""
    layout, slots, items, orders = _warehouse(seed)
    limits = place.PickLimits(max_orders=BATCH_ORDERS_MAX)
    return place.BatchOrdersRequest(
        layout=layout, slots=slots, items=items, orders=orders, limits=limits, search_seconds=seconds, seed=seed
    )


def slotting(seconds: float, seed: int) -> place.PlanSlottingRequest:
    """The same orders as the past by which slots are chosen."""
    layout, slots, items, orders = _warehouse(seed)
    return place.PlanSlottingRequest(
        layout=layout, slots=slots, items=items, orders=orders, search_seconds=seconds, seed=seed
    )


def _warehouse(
    seed: int,
) -> tuple[place.WarehouseLayout, list[place.StorageSlot], list[place.StoredItem], list[place.PickOrder]]:
    """One block of aisles, an item in every slot, the first items ordered most."""
    rng = np.random.default_rng(seed)
    aisles = [place.Aisle(aisle_id=str(a), x_metres=5.0 * a) for a in range(AISLES)]
    block = place.AisleLayout(aisles=aisles, cross_aisle_y_metres=[0.0, RACKS + 1.0], depot_x_metres=0.0)
    slots = [
        place.StorageSlot(slot_id=f"{a}-{rack}", aisle_id=str(a), y_metres=float(rack))
        for a in range(AISLES)
        for rack in range(1, RACKS + 1)
    ]
    items = [
        place.StoredItem(item_id=f"i{item}", slot_id=slots[at].slot_id)
        for item, at in enumerate(rng.permutation(len(slots)).tolist())
    ]
    wanted = (len(items) * rng.random((ORDERS, LINES)) ** 2).astype(int).tolist()
    orders = [
        place.PickOrder(order_id=f"o{number}", lines=[place.PickLine(item_id=f"i{item}") for item in some])
        for number, some in enumerate(wanted)
    ]
    return place.WarehouseLayout(aisles=block), slots, items, orders
