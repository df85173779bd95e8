"""A checked Problem of the columns of a request. Every error names the field, the value and what would be right."""

from __future__ import annotations

import numpy as np

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import GreatCircle, PlanQuery, Profile
from serving.decisions.route.fleet import vehicles_of
from serving.decisions.route.loads import check_loads, dimensions, tie_shipments
from serving.decisions.route.matrix import Travels
from serving.decisions.route.names import known_nodes, skill_bits
from serving.decisions.route.params import Limits
from serving.decisions.route.problem import DEPOTS_MAX, PROFILES_MAX, STOPS_MAX, VEHICLES_MAX, Problem
from serving.decisions.route.ranges import check_window
from serving.decisions.route.roads import roads_of
from serving.decisions.route.stops import stops_of


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
    known = known_nodes(depots, rows)
    for number, hours in enumerate(depots.hours):
        check_window(f"depots[{number}].hours", hours)
    width = dimensions(query)
    words = skill_bits(query)
    stops = stops_of(rows, width, words)
    tie_shipments(query.shipments, rows, stops, len(depots.ids), known)
    profiles = query.profiles or (Profile("", GreatCircle()),)
    vehicles = vehicles_of(query.vehicles, depots, profiles, width, words)
    check_loads(stops, vehicles, query.shipments)
    distance, duration, speed = roads_of(query, profiles, known, travels, deadline)
    return Problem(
        depots.ids,
        np.array([hours[0] for hours in depots.hours], np.int64),
        np.array([hours[1] for hours in depots.hours], np.int64),
        stops, vehicles, distance, duration, speed,
    )  # fmt: skip
