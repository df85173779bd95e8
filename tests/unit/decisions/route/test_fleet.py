"""The vehicles of a request: what is made of them, and every way in which one can be wrong, named."""

from __future__ import annotations

from typing import Any

import pytest
from towns import LINE, changed, problem_of, refused

from serving.decisions.route.problem import LOAD_MAX


def test_costs_that_are_given_are_the_costs() -> None:
    town = changed(changed(LINE, "vehicles.0.costPerKm", 500), "vehicles.1.costPerHour", 36)
    vehicles = problem_of(town).vehicles
    assert vehicles.cost_per_metre.tolist() == [0.5, 0.0]
    assert vehicles.cost_per_second.tolist() == [0.0, 0.01]


def test_no_capacity_is_no_bound() -> None:
    assert problem_of(changed(LINE, "vehicles.0.capacities", [])).vehicles.capacity[0].tolist() == [LOAD_MAX]


WRONG = [
    ("vehicles.1.vehicleId", "van", "vehicles[1].vehicle_id"),
    ("vehicles.1.startDepotId", "moon", "vehicles[1].start_depot_id"),
    ("vehicles.1.endDepotId", "a", "vehicles[1].end_depot_id"),
    ("vehicles.1", {"vehicleId": "x", "endDepotId": "hub", "endsAnywhere": True}, "vehicles[1].end_depot_id"),
    ("vehicles.1.profile", "boat", "vehicles[1].profile"),
    ("vehicles.1.capacities", ["1", "2"], "vehicles[0].capacities"),
    ("vehicles.1.capacities", ["-1"], "vehicles[1].capacities[0]"),
    ("vehicles.1.shift", {"startS": 50, "endS": 40}, "vehicles[1].shift.end_s"),
    ("vehicles.1.costPerKm", "NaN", "vehicles[1].cost_per_km"),
    ("vehicles.1.fixedCost", -1, "vehicles[1].fixed_cost"),
    ("vehicles.1.stopsMax", -1, "vehicles[1].stops_max"),
    ("profiles.1", {"name": "", "greatCircle": {}}, "profiles[1].name"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_a_vehicle_that_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    assert refused(changed(LINE, path, value)).field == field
