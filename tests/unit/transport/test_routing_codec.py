"""Routes on the wire: numbers of a matrix as they came, plans to messages and back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from planners import planner
from towns import LINE, changed, message

from serving.core.clock import NEVER
from serving.core.errors import InvalidInput
from serving.transport.routing_codec import (
    decode_plan,
    decode_replan,
    encode_plan,
    packed_doubles,
    plan_message,
    plan_units,
)
from storegate.v1 import routing_pb2 as pb


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 2047, 2048, 20_000])
def test_the_numbers_of_a_matrix_are_those_that_were_sent(count: int) -> None:
    """Whatever their length takes on the wire; infinity, NaN and -0 too."""
    rng = np.random.default_rng(count)
    numbers = rng.normal(size=count)
    numbers[:: max(count // 3, 1)] = (math.inf, math.nan, -0.0)[count % 3]
    matrix = pb.TravelMatrix(distances_m=numbers.tolist(), durations_s=numbers[:5].tolist(), symmetric=True)
    found = packed_doubles(matrix)
    assert found.get(1, np.empty(0)).tobytes() == numbers.tobytes()
    assert found.get(2, np.empty(0)).tobytes() == numbers[:5].tobytes()


def test_numbers_one_by_one_and_fields_of_a_later_version_do_no_harm() -> None:
    """Protobuf allows both."""
    unpacked = b"".join(b"\x09" + np.float64(number).tobytes() for number in (1.5, 2.5))
    later = b"\xfa\x01\x03abc" + b"\xf9\x02" + b"x" * 8 + b"\x18\x01"
    matrix = pb.TravelMatrix.FromString(unpacked + later)
    assert matrix.symmetric
    assert packed_doubles(matrix)[1].tolist() == [1.5, 2.5]


def test_a_plan_comes_back_as_the_start_that_it_was() -> None:
    request = message(LINE | {"timeLimitS": 0.05})
    answer = planner().plan(decode_plan(request.SerializeToString()), NEVER)
    request.start.CopyFrom(pb.PlanRoutesResponse.FromString(encode_plan(answer)).plan)
    (row,) = decode_plan(request.SerializeToString()).start
    (route,) = answer.plan.routes
    assert row.vehicle == "van"
    assert [answer.problem.stops.ids.index(stop) for stop in row.stops] == list(route.stops)
    assert (row.arrivals, row.begins, row.departures) == (route.arrivals, route.begins, route.departures)
    assert (row.leaves, row.ends) == (route.leaves, route.ends)


def test_the_gap_is_to_the_bound_and_a_bound_of_nothing_has_none() -> None:
    request = message(changed(LINE, "vehicles", LINE["vehicles"][:1]) | {"timeLimitS": 0.05})
    answer = planner().plan(decode_plan(request.SerializeToString()), NEVER)
    for bound, gap in ((500.0, 20.0), (600.0, 0.0), (0.0, None), (None, None)):
        plan = plan_message(replace(answer, plan=replace(answer.plan, bound=bound)))
        assert plan.HasField("lower_bound") == (bound is not None)
        assert (plan.gap_pct if plan.HasField("gap_pct") else None) == gap


def test_changes_are_part_of_the_problem_that_is_planned_anew() -> None:
    """New stops last, roads closed beside those that were."""
    request = pb.ReplanRoutesRequest(problem=message(LINE | {"closedRoads": [{"fromId": "a", "toId": "b"}]}))
    request.changes.add(new_stop=pb.RouteStop(stop_id="d"))
    request.changes.add(closed_road=pb.ClosedRoad(from_id="b", to_id="c"))
    request.changes.add(cancelled_stop_id="a")
    query = decode_replan(request.SerializeToString())
    assert query.query.stops.ids == ("a", "b", "c", "d")
    assert [(road.start, road.end) for road in query.query.closed] == [("a", "b"), ("b", "c")]
    assert query.cancelled == (("changes[2].cancelled_stop_id", "a"),)


@pytest.mark.parametrize("payload", [b"\xff\xff", b"\x0a\x05\x0a\x03\xff\xff\xff"])
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    for decode in (decode_plan, decode_replan):
        with pytest.raises(InvalidInput):
            decode(payload)


def test_a_long_request_is_more_work() -> None:
    assert [plan_units(b"x" * size) for size in (0, 65_535, 65_536, 4 << 20)] == [1, 1, 2, 65]
