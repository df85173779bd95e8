"""What is carried: its dimensions, shipments from stop to stop, and whether some vehicle can take it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import PlanQuery, Shipment, StopRows
from serving.decisions.route.problem import DIMENSIONS_MAX, LOAD_MAX, Stops, Vehicles


def dimensions(query: PlanQuery) -> int:
    """Of load: 1 or more. Raises InvalidInput."""
    rows = query.stops
    counts = [
        ("stops", "deliveries", rows.deliveries[1]),
        ("stops", "pickups", rows.pickups[1]),
        ("vehicles", "capacities", [len(each.capacities) for each in query.vehicles]),
        ("shipments", "loads", [len(each.loads) for each in query.shipments]),
    ]
    width = max(1, *(int(np.max(count, initial=0)) for _, _, count in counts))
    if width > DIMENSIONS_MAX:
        for owner, name, count in counts:
            for number, many in enumerate(count):
                if many > DIMENSIONS_MAX:
                    raise InvalidInput(f"{owner}[{number}].{name}", f"{many} numbers", f"at most {DIMENSIONS_MAX}")
    return width


def tie_shipments(
    shipments: Sequence[Shipment], rows: StopRows, stops: Stops, depots: int, known: dict[str, int]
) -> None:
    """In the arrays of `stops`, the two of each shipment. known: id -> node. Raises InvalidInput."""
    for number, shipment in enumerate(shipments):
        ends = []
        for name, value in (("pickup_stop_id", shipment.pickup), ("delivery_stop_id", shipment.delivery)):
            field = f"shipments[{number}].{name}"
            stop = known.get(value, -1) - depots
            if stop < 0:
                raise InvalidInput(field, value, "the id of one of the stops", reason="UNKNOWN_ID")
            if stop in ends:
                raise InvalidInput(field, value, "another stop than pickup_stop_id")
            if stops.partner[stop] >= 0:
                raise InvalidInput(field, value, "a stop that is in no other shipment")
            if rows.deliveries[1][stop] or rows.pickups[1][stop]:
                raise InvalidInput(field, value, "a stop without deliveries and pickups of its own")
            ends.append(stop)
        first, last = ends
        stops.partner[first], stops.partner[last] = last, first
        for k, load in enumerate(shipment.loads):
            if not 0 <= load <= LOAD_MAX:
                raise InvalidInput(f"shipments[{number}].loads[{k}]", load, f"0 to {LOAD_MAX}")
            stops.carried[first, k], stops.carried[last, k] = load, -load


def check_loads(stops: Stops, vehicles: Vehicles, shipments: Sequence[Shipment]) -> None:
    """Raises InvalidInput for a stop or a shipment whose loads no vehicle can carry, even alone."""
    need = np.maximum(np.maximum(stops.delivery, stops.pickup), stops.carried)
    if (need <= vehicles.capacity.min(0)).all():
        return
    for number in np.flatnonzero((need > vehicles.capacity.min(0)).any(1)):
        if not (need[number] <= vehicles.capacity).all(1).any():
            loads = need[number]
            if stops.partner[number] >= 0:
                shipped = [one.pickup for one in shipments].index(stops.ids[number])
                field = f"shipments[{shipped}].loads"
            else:
                fits = (stops.delivery[number] <= vehicles.capacity).all(1).any()
                name, table = ("pickups", stops.pickup) if fits else ("deliveries", stops.delivery)
                field, loads = f"stops[{number}].{name}", table[number]
            raise InvalidInput(
                field, loads[0] if len(loads) == 1 else loads.tolist(),
                f"no more than some vehicle's capacities (largest: {vehicles.capacity.max(0).tolist()})",
                reason="ABOVE_EVERY_CAPACITY",
            )  # fmt: skip
