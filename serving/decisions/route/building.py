"""A checked Problem of the columns of a request. Every error names the field, the value and what would be right."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
from serving.core.ids import ID_BYTES_MAX, check_id
from serving.decisions.route.contract import (
    ALWAYS,
    ClosedRoad,
    Depots,
    GreatCircle,
    PlanQuery,
    Profile,
    Ragged,
    Shipment,
    StopRows,
    Vehicle,
    Window,
)
from serving.decisions.route.matrix import Travels
from serving.decisions.route.params import Limits
from serving.decisions.route.problem import (
    ANYWHERE,
    COST_MAX,
    DEPOTS_MAX,
    DIMENSIONS_MAX,
    FAR,
    LOAD_MAX,
    PRIORITY_MAX,
    PROFILES_MAX,
    SKILLS_MAX,
    STOPS_MAX,
    TIME_MAX,
    VEHICLES_MAX,
    WINDOWS_MAX,
    Ints,
    Problem,
    Stops,
    Vehicles,
)

M_PER_KM: Final = 1000.0
S_PER_HOUR: Final = 3600.0
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]


def check_sizes(limits: Limits, depots: int, vehicles: int, stops: int, profiles: int) -> None:
    """Before anything is read: raises InvalidInput naming the limit."""
    for field, count, low, most in (
        ("depots", depots, 1, DEPOTS_MAX),
        ("vehicles", vehicles, 1, min(limits.vehicles_max, VEHICLES_MAX)),
        ("stops", stops, 1, min(limits.stops_max, STOPS_MAX)),
        ("profiles", profiles, 0, PROFILES_MAX),
    ):
        if not low <= count <= most:
            raise InvalidInput(field, f"{count} {field}", f"{low} to {most}", reason="WRONG_COUNT")


def check_seconds(limits: Limits, seconds: float) -> float:
    """The time to improve in, the default for 0. Raises InvalidInput."""
    if seconds == 0:
        return limits.seconds
    if not 0 < seconds <= limits.seconds_max:
        raise InvalidInput("time_limit_s", seconds, f"more than 0 and at most {limits.seconds_max:g} s, or 0")
    return seconds


def build(query: PlanQuery, travels: Travels, deadline: float) -> Problem:
    """deadline: of the monotonic clock, for a table server. Raises InvalidInput, and what the server raises."""
    depots, rows = query.depots, query.stops
    known = _names(depots, rows)
    for number, hours in enumerate(depots.hours):
        _window(f"depots[{number}].hours", hours)
    width = _dimensions(query)
    words = _words(query)
    stops = _stops(rows, width, words)
    _ship(query.shipments, rows, stops, len(depots.ids), known)
    profiles = query.profiles or (Profile("", GreatCircle()),)
    vehicles = _vehicles(query.vehicles, depots, profiles, width, words)
    _check_demands(stops, vehicles, query.shipments)
    points = np.concatenate([depots.points, rows.points])
    _check_ranges(points, len(depots.ids))
    places = _Places(len(depots.ids), len(rows.ids))
    legs = [
        travels.legs(f"profiles[{number}]", profile, places, points, deadline)
        for number, profile in enumerate(profiles)
    ]
    distance, duration = _together([each.distance for each in legs]), _together([each.duration for each in legs])
    if query.closed and len(legs) == 1:  # those of the legs are everyone's
        distance, duration = distance.copy(), duration.copy()
    for number, road in enumerate(query.closed):
        _close(f"closed_roads[{number}]", road, known, distance, duration)
    speed = None
    if any(each.speed is not None for each in legs):
        speed = np.stack([np.ones(24) if each.speed is None else each.speed for each in legs])
    return Problem(
        depots.ids,
        np.array([hours[0] for hours in depots.hours], np.int64),
        np.array([hours[1] for hours in depots.hours], np.int64),
        stops, vehicles, distance, duration, speed,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Places(Sequence[str]):
    """How an error calls each place; made when there is one."""

    depots: int
    stops: int

    def __len__(self) -> int:
        return self.depots + self.stops

    def __getitem__(self, node: Any) -> Any:
        if not 0 <= node < len(self):
            raise IndexError(node)
        return f"depots[{node}]" if node < self.depots else f"stops[{node - self.depots}]"


def _together(matrices: Sequence[I32]) -> I32:
    """(p, m, m); of one profile its own, not copied."""
    return matrices[0][None] if len(matrices) == 1 else np.stack(matrices)


def _names(depots: Depots, rows: StopRows) -> dict[str, int]:
    """Id -> node, each once."""
    every = (*depots.ids, *rows.ids)
    known = dict(zip(every, range(len(every)), strict=True))
    whole = "".join(every)
    usual = all(every) and max(map(len, every)) <= ID_BYTES_MAX and whole.isascii() and whole.isprintable()
    if usual and len(known) == len(every):
        return known
    seen: set[str] = set()
    for kind, ids in (("depots", depots.ids), ("stops", rows.ids)):
        name = f"{kind[:-1]}_id"
        for number, value in enumerate(ids):
            _id(f"{kind}[{number}].{name}", value)
            if value in seen:
                raise InvalidInput(f"{kind}[{number}].{name}", value, "each depot and stop once", reason="REPEATED_ID")
            seen.add(value)
    return known


def _id(field: str, value: str) -> str:
    if not value:
        raise InvalidInput(field, value, f"an id of 1 to {ID_BYTES_MAX} bytes")
    return check_id(field, value)


def _window(field: str, window: Window) -> Window:
    start, end = window
    if not 0 <= start <= TIME_MAX:
        raise InvalidInput(f"{field}.start_s", start, f"0 to {TIME_MAX} seconds after midnight of the first day")
    if end < start:
        raise InvalidInput(f"{field}.end_s", end, f"no earlier than start_s ({start})", reason="WINDOW_CLOSES_BEFORE")
    if end > TIME_MAX:
        raise InvalidInput(f"{field}.end_s", end, f"at most {TIME_MAX}")
    return window


def _dimensions(query: PlanQuery) -> int:
    """Of load: 1 or more."""
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


def _table(values: Ragged, width: int, fill: int = 0) -> Ints:
    """(n, width): each owner's values, then `fill`."""
    flat, counts = values
    out = np.full((len(counts), width), fill, np.int64)
    out[np.arange(width)[None, :] < np.asarray(counts, np.int64)[:, None]] = flat
    return out


def _loads(name: str, values: Ragged, width: int) -> Ints:
    """(n, k) of stops; what is not given is nothing."""
    out = _table(values, width)
    wrong = (out < 0) | (out > LOAD_MAX)
    if wrong.any():
        number, k = np.argwhere(wrong)[0]
        raise InvalidInput(f"stops[{number}].{name}[{k}]", int(out[number, k]), f"0 to {LOAD_MAX}")
    return out


def _words(query: PlanQuery) -> dict[str, int]:
    """Skill -> bit."""
    words: dict[str, int] = {}
    for owner, columns in (("vehicles", [each.skills for each in query.vehicles]), ("stops", query.stops.skills)):
        for number, column in enumerate(columns):
            for place, word in enumerate(column):
                field = f"{owner}[{number}].skills[{place}]"
                words.setdefault(_id(field, word), len(words))
                if len(words) > SKILLS_MAX:
                    raise InvalidInput(field, word, f"at most {SKILLS_MAX} different skills in a request")
    return words


def _bits(columns: Iterable[Sequence[str]], words: dict[str, int]) -> Ints:
    return np.array([sum(1 << words[word] for word in set(column)) for column in columns], np.int64)


def _stops(rows: StopRows, width: int, words: dict[str, int]) -> Stops:
    count = len(rows.ids)
    opens, closes = _windows(rows.windows)
    service, priority = np.asarray(rows.service, np.int64), np.asarray(rows.priority, np.int64)
    _within("stops", "service_s", service, 0, TIME_MAX)
    _within("stops", "priority", priority, 0, PRIORITY_MAX)
    if isinstance(rows.penalty, np.ndarray):
        penalty, given = rows.penalty, np.isfinite(rows.penalty)
    else:
        penalty = np.array([math.inf if each is None else each for each in rows.penalty], np.float64)
        given = np.array([each is not None for each in rows.penalty], bool)
    wrong = given & ~((penalty >= 0) & (penalty <= COST_MAX))
    if wrong.any():
        number = int(np.flatnonzero(wrong)[0])
        raise InvalidInput(f"stops[{number}].drop_penalty", penalty[number], f"0 to {COST_MAX:g}, or none")
    return Stops(
        ids=rows.ids,
        delivery=_loads("deliveries", rows.deliveries, width),
        pickup=_loads("pickups", rows.pickups, width),
        carried=np.zeros((count, width), np.int64),
        partner=np.full(count, -1, np.int64),
        opens=opens,
        closes=closes,
        service=service,
        penalty=penalty,
        priority=priority,
        skills=_bits(rows.skills, words) if words else np.zeros(count, np.int64),
    )


def _windows(windows: Ragged) -> tuple[Ints, Ints]:
    """(opens, closes), (n, w); a stop with fewer repeats its last."""
    counts = np.asarray(windows[1], np.int64) // 2
    many = max(int(counts.max(initial=0)), 1)
    if many > WINDOWS_MAX:
        number = int(counts.argmax())
        raise InvalidInput(f"stops[{number}].windows", f"{counts[number]} windows", f"at most {WINDOWS_MAX}")
    pairs = _table(windows, 2 * many).reshape(len(counts), many, 2)
    pairs[counts == 0, 0] = ALWAYS
    last = np.maximum(counts, 1) - 1
    beyond = np.arange(many)[None, :] > last[:, None]
    pairs = np.where(beyond[:, :, None], pairs[np.arange(len(counts)), last][:, None, :], pairs)
    opens, closes = pairs[:, :, 0], pairs[:, :, 1]
    apart = (opens[:, 1:] > closes[:, :-1]) | beyond[:, 1:]
    if not (((opens >= 0) & (opens <= closes) & (closes <= TIME_MAX)).all() and apart.all()):
        _name_window(opens, closes, counts)
    return np.ascontiguousarray(opens), np.ascontiguousarray(closes)


def _name_window(opens: Ints, closes: Ints, counts: Ints) -> None:
    """Raises InvalidInput for the first window that is none."""
    for number, count in enumerate(counts.tolist()):
        before = -1
        for place in range(count):
            field = f"stops[{number}].windows[{place}]"
            start, end = _window(field, (int(opens[number, place]), int(closes[number, place])))
            if start <= before:
                expected = f"later than the end of the window before it ({before}): ascending and apart"
                raise InvalidInput(f"{field}.start_s", start, expected)
            before = end


def _within(owner: str, name: str, values: Ints, low: int, high: int) -> None:
    wrong = np.flatnonzero((values < low) | (values > high))
    if len(wrong):
        raise InvalidInput(f"{owner}[{wrong[0]}].{name}", int(values[wrong[0]]), f"{low} to {high}")


def _ship(shipments: Sequence[Shipment], rows: StopRows, stops: Stops, depots: int, known: dict[str, int]) -> None:
    """Ties the two stops of each shipment together."""
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


def _vehicles(
    rows: Sequence[Vehicle], depots: Depots, profiles: Sequence[Profile], width: int, words: dict[str, int]
) -> Vehicles:
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
        skills=_bits([one.skills for one in rows], words) if words else np.zeros(len(rows), np.int64),
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
    if _id(f"{field}.vehicle_id", one.vehicle_id) in seen:
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
        _between(f"{field}.capacities[{k}]", room, 0, LOAD_MAX)
    _window(f"{field}.shift", one.shift)
    _between(f"{field}.duration_s_max", one.duration_max, 0, TIME_MAX)
    _between(f"{field}.distance_m_max", one.distance_max, 0, FAR)
    _between(f"{field}.stops_max", one.stops_max, 0, STOPS_MAX)
    for name in ("fixed_cost", "cost_per_km", "cost_per_hour"):
        _between(f"{field}.{name}", getattr(one, name), 0, COST_MAX)


def _between(field: str, value: Any, low: float, high: float) -> None:
    if not low <= value <= high:  # nor NaN
        raise InvalidInput(field, value, f"{low:.15g} to {high:.15g}")


def _check_demands(stops: Stops, vehicles: Vehicles, shipments: Sequence[Shipment]) -> None:
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


def _check_ranges(points: F64, depots: int) -> None:
    """Coordinates that are given."""
    for column, name, most in ((0, "latitude", 90.0), (1, "longitude", 180.0)):
        with np.errstate(invalid="ignore"):
            wrong = np.flatnonzero(~(np.abs(points[:, column]) <= most) & ~np.isnan(points[:, column]))
        if len(wrong):
            node = int(wrong[0])
            owner = f"depots[{node}]" if node < depots else f"stops[{node - depots}]"
            raise InvalidInput(f"{owner}.point.{name}", points[node, column], f"-{most:g} to {most:g} degrees")


def _close(field: str, road: ClosedRoad, known: dict[str, int], distance: Any, duration: Any) -> None:
    """Makes the arc one that nobody may drive."""
    for name, value in (("from_id", road.start), ("to_id", road.end)):
        if value not in known:
            raise InvalidInput(f"{field}.{name}", value, "the id of a depot or a stop", reason="UNKNOWN_ID")
    start, end = known[road.start], known[road.end]
    if start == end:
        raise InvalidInput(f"{field}.to_id", road.end, "another place than from_id")
    for matrix in (distance, duration):
        matrix[:, start, end] = FAR
        if road.both_ways:
            matrix[:, end, start] = FAR
