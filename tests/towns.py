"""Small towns to plan routes in, as the JSON of a PlanRoutesRequest."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from google.protobuf import json_format

from serving.core.clock import NEVER
from serving.core.errors import InvalidInput
from serving.decisions.route.building import build
from serving.decisions.route.matrix import Tables, Travels
from serving.decisions.route.problem import Problem
from serving.transport.routing_codec import decode_plan
from storegate.v1 import routing_pb2 as pb

LINE: dict[str, Any] = {
    "depots": [{"depotId": "hub"}],
    "vehicles": [{"vehicleId": "van", "capacities": ["10"]}, {"vehicleId": "bike", "capacities": ["3"]}],
    "stops": [{"stopId": name, "deliveries": ["2"], "serviceS": 60} for name in ("a", "b", "c")],
    "profiles": [
        {
            "matrix": {
                "distancesM": [0, 100, 200, 300, 100, 0, 100, 200, 200, 100, 0, 100, 300, 200, 100, 0],
                "durationsS": [0, 10, 20, 30, 10, 0, 10, 20, 20, 10, 0, 10, 30, 20, 10, 0],
                "symmetric": True,
            }
        }
    ],
}
"""A road with the hub at one end and three houses, 100 m apart: the best way is there and back."""

GLOBE: dict[str, Any] = {
    "depots": [{"depotId": "hub", "point": {"latitude": 51.5, "longitude": -0.12}}],
    "vehicles": [{"vehicleId": "van"}],
    "stops": [
        {"stopId": "a", "point": {"latitude": 51.51, "longitude": -0.12}},
        {"stopId": "b", "point": {"latitude": 51.5, "longitude": -0.1}},
    ],
}


def no_tables() -> Tables:
    raise InvalidInput("table_server", "", "one")


def changed(town: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with `value` at a dotted path, such as "stops.0.windows"; lists take one more at their end."""
    copied = copy.deepcopy(town)
    *parents, name = path.split(".")
    node: Any = copied
    for parent in parents:
        node = node[int(parent)] if isinstance(node, list) else node.setdefault(parent, {})
    if isinstance(node, list):
        node[int(name) : int(name) + 1] = [value]
    else:
        node[name] = value
    return copied


def message(town: dict[str, Any]) -> Any:
    return json_format.ParseDict(town, pb.PlanRoutesRequest())


def problem_of(town: dict[str, Any], travels: Travels | None = None) -> Problem:
    query = decode_plan(message(town).SerializeToString())
    return build(query, travels or Travels(no_tables, 4), NEVER)


def refused(town: dict[str, Any]) -> InvalidInput:
    """The error of a town that cannot be planned in."""
    with pytest.raises(InvalidInput) as found:
        problem_of(town)
    assert "np." not in found.value.facts["value"], "numbers as people write them"
    return found.value
