"""The vehicles of a request as arrays, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from serving.core.errors import InvalidInput
from serving.core.ids import ID_BYTES_MAX
from serving.decisions.route.contract import Depots, Profile, Vehicle
from serving.decisions.route.names import bits_of, check_name
from serving.decisions.route.problem import ANYWHERE, COST_MAX, FAR, LOAD_MAX, STOPS_MAX, TIME_MAX, Ints, Vehicles
from serving.decisions.route.ranges import check_number, check_window

M_PER_KM: Final = 1000.0
S_PER_HOUR: Final = 3600.0


def vehicles_of(
    rows: Sequence[Vehicle], depots: Depots, profiles: Sequence[Profile], width: int, words: dict[str, int]
) -> Vehicles:
    """width: dimensions of load. words: skill -> bit. Raises InvalidInput."""
    place = {name: number for number, name in enumerate(depots.ids)}
    names: dict[str, int] = {}
    for number, profile in enumerate(profiles):
        if profile.name in names:
            raise InvalidInput(f"profiles[{number}].name", profile.name, "each name once", reason="REPEATED_ID")
        names[profile.name] = number
    names.setdefault("", 0)
    seen: set[str] = set()
    for number, one in enumerate(rows):
        if one.vehicle_id in seen or not _usual(one, place, names, width):
            _check_vehicle(f"vehicles[{number}]", one, seen, place, names, width)
        seen.add(one.vehicle_id)
    free = not any(one.fixed_cost or one.cost_per_km or one.cost_per_hour for one in rows)
    starts = [place.get(one.start, 0) for one in rows]

    def column(values: list[int]) -> Ints:
        return np.array(values, np.int64)

    return Vehicles(
        ids=tuple([one.vehicle_id for one in rows]),
        start=column(starts),
        end=column(
            [
                ANYWHERE if one.ends_anywhere else place.get(one.end, start)
                for one, start in zip(rows, starts, strict=True)
            ]
        ),
        capacity=np.array([list(one.capacities) or [LOAD_MAX] * width for one in rows], np.int64),
        opens=column([one.shift[0] for one in rows]),
        closes=column([one.shift[1] for one in rows]),
        duration_max=column([one.duration_max or TIME_MAX for one in rows]),
        distance_max=column([one.distance_max or FAR for one in rows]),
        stops_max=column([one.stops_max or STOPS_MAX for one in rows]),
        fixed_cost=np.array([one.fixed_cost for one in rows]),
        cost_per_metre=np.array([1.0 if free else one.cost_per_km / M_PER_KM for one in rows]),
        cost_per_second=np.array([one.cost_per_hour / S_PER_HOUR for one in rows]),
        profile=column([names[one.profile] for one in rows]),
        skills=bits_of([one.skills for one in rows], words) if words else np.zeros(len(rows), np.int64),
    )


def _usual(one: Vehicle, depots: dict[str, int], profiles: dict[str, int], width: int) -> bool:
    """Whether a vehicle needs no check: no field has to be named for it, which takes longer."""
    start, end = one.shift
    return (
        0 < len(one.vehicle_id) <= ID_BYTES_MAX
        and one.vehicle_id.isascii()
        and one.vehicle_id.isprintable()
        and (not one.start or one.start in depots)
        and (not one.end or (one.end in depots and not one.ends_anywhere))
        and one.profile in profiles
        and (not one.capacities or len(one.capacities) == width)
        and all(0 <= room <= LOAD_MAX for room in one.capacities)
        and 0 <= start <= end <= TIME_MAX
        and 0 <= one.duration_max <= TIME_MAX
        and 0 <= one.distance_max <= FAR
        and 0 <= one.stops_max <= STOPS_MAX
        and 0 <= one.fixed_cost <= COST_MAX
        and 0 <= one.cost_per_km <= COST_MAX
        and 0 <= one.cost_per_hour <= COST_MAX
    )


def _check_vehicle(
    field: str, one: Vehicle, seen: set[str], depots: dict[str, int], profiles: dict[str, int], width: int
) -> None:
    if check_name(f"{field}.vehicle_id", one.vehicle_id) in seen:
        raise InvalidInput(f"{field}.vehicle_id", one.vehicle_id, "each vehicle once", reason="REPEATED_ID")
    for name, value in (("start_depot_id", one.start), ("end_depot_id", one.end)):
        if value and value not in depots:
            raise InvalidInput(f"{field}.{name}", value, "the id of one of the depots", reason="UNKNOWN_ID")
    if one.ends_anywhere and one.end:
        raise InvalidInput(f"{field}.end_depot_id", one.end, "none beside ends_anywhere")
    if one.profile not in profiles:
        raise InvalidInput(f"{field}.profile", one.profile, "the name of one of the profiles", reason="UNKNOWN_ID")
    if one.capacities and len(one.capacities) != width:
        expected = f"{width}, one a dimension of load, or none"
        raise InvalidInput(f"{field}.capacities", f"{len(one.capacities)} numbers", expected)
    for k, room in enumerate(one.capacities):
        check_number(f"{field}.capacities[{k}]", room, 0, LOAD_MAX)
    check_window(f"{field}.shift", one.shift)
    check_number(f"{field}.duration_s_max", one.duration_max, 0, TIME_MAX)
    check_number(f"{field}.distance_m_max", one.distance_max, 0, FAR)
    check_number(f"{field}.stops_max", one.stops_max, 0, STOPS_MAX)
    for name in ("fixed_cost", "cost_per_km", "cost_per_hour"):
        check_number(f"{field}.{name}", getattr(one, name), 0, COST_MAX)
