"""RoutingService on small towns: plans and changes whose right answer is obvious, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from google.protobuf import json_format
from planners import planner
from towns import GLOBE, LINE, changed, message

from serving.core.clock import NEVER
from serving.core.errors import InternalError, InvalidInput
from serving.decisions.route.contract import PlanAnswer
from serving.decisions.route.problem import Plan
from serving.decisions.route.service import checked
from serving.transport.routing_codec import decode_plan, decode_replan, encode_plan, encode_replan
from storegate.v1 import routing_pb2 as pb

STEP_S = 0.05


def planned(town: dict[str, Any], **fields: Any) -> Any:
    """RoutePlan message."""
    request = message(town | {"timeLimitS": STEP_S} | fields)
    answer = planner().plan(decode_plan(request.SerializeToString()), NEVER)
    return pb.PlanRoutesResponse.FromString(encode_plan(answer)).plan


def replanned(town: dict[str, Any], plan: Any, now: int, **fields: Any) -> Any:
    """ReplanRoutesResponse message."""
    request = json_format.ParseDict({"problem": town, "nowS": now} | fields, pb.ReplanRoutesRequest())
    request.plan.CopyFrom(plan)
    answer = planner().replan(decode_replan(request.SerializeToString()), NEVER)
    return pb.ReplanRoutesResponse.FromString(encode_replan(answer))


def visits(plan: Any) -> dict[str, list[str]]:
    return {route.vehicle_id: [visit.stop_id for visit in route.visits] for route in plan.routes}


@pytest.fixture
def running() -> Any:
    """The van leaves at 0 and comes by a at 10, b at 80, c at 150: one of the ways that are as short as any."""
    visits = [
        pb.RouteVisit(stop_id=stop, arrival_s=at, begin_s=at, departure_s=at + 60)
        for stop, at in (("a", 10), ("b", 80), ("c", 150))
    ]
    route = pb.VehicleRoute(vehicle_id="van", visits=visits, leaves_s=0, ends_s=240, distance_m=600, cost=600)
    return pb.RoutePlan(routes=[route], cost=600, distance_m=600)


VAN = changed(LINE, "vehicles", LINE["vehicles"][:1])


def test_a_plan_says_when_where_and_what_it_costs() -> None:
    plan = planned(LINE)
    assert plan.cost == plan.distance_m == 600
    assert plan.duration_s == 60 + 3 * 60
    assert plan.engine
    (route,) = plan.routes
    assert list(route.start_loads) == [6]
    for visit in route.visits:
        assert visit.departure_s == visit.begin_s + 60


def test_loads_make_a_second_way() -> None:
    """Each vehicle takes one stop and a half at most."""
    town = changed(changed(LINE, "vehicles.0.capacities", ["4"]), "vehicles.1.capacities", ["4"])
    plan = planned(town)
    assert sorted(stop for stops in visits(plan).values() for stop in stops) == ["a", "b", "c"]
    assert all(route.start_loads[0] <= 4 for route in plan.routes)
    assert plan.cost == 600 + 200


def test_shipments_are_collected_before_they_are_handed_over() -> None:
    town = changed(changed(VAN, "stops.0.deliveries", []), "stops.2.deliveries", [])
    town["shipments"] = [{"pickupStopId": "c", "deliveryStopId": "a", "loads": ["3"]}]
    (stops,) = visits(planned(town)).values()
    assert stops.index("c") < stops.index("a")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("stops.2.skills", ["crane"], "no-vehicle-has-its-skills"),
        ("stops.2.windows", [{"startS": 0, "endS": 5}], "out-of-reach-in-time"),
        ("stops.2.dropPenalty", 1, "costs-more-than-its-penalty"),
    ],
)
def test_what_is_left_out_has_its_reason(path: str, value: Any, reason: str) -> None:
    plan = planned(changed(VAN, path, value))
    assert [(one.stop_id, one.reason) for one in plan.dropped] == [("c", reason)]
    assert plan.cost == 400
    assert plan.penalty == (1 if "Penalty" in path else 0)


def test_a_whole_that_nobody_can_visit_is_an_answer() -> None:
    plan = planned(changed(VAN, "vehicles.0.shift", {"startS": 0, "endS": 5}))
    assert not plan.routes
    assert sorted(one.stop_id for one in plan.dropped) == ["a", "b", "c"]


def test_slower_hours_take_longer() -> None:
    """Twice as slow from midnight to one, so twice as long."""
    town = changed(VAN, "profiles.0.speedFactors", [0.5] + [1.0] * 23)
    assert planned(town).duration_s == 2 * 60 + 3 * 60


def test_a_start_is_taken_as_far_as_it_fits() -> None:
    start = {"routes": [{"vehicleId": "van", "visits": [{"stopId": "b"}, {"stopId": "b"}, {"stopId": "moon"}]},
                        {"vehicleId": "boat", "visits": [{"stopId": "a"}]}]}  # fmt: skip
    assert planned(LINE, start=start).cost == 600


def test_nothing_happens_when_nothing_has_happened(running: Any) -> None:
    answer = replanned(VAN, running, 75, requestId="r")
    assert not answer.changed_vehicle_ids
    assert answer.request_id == "r"
    assert visits(answer.plan) == visits(running)
    assert answer.plan.routes[0].visits == running.routes[0].visits
    assert answer.plan.routes[0].done == 2, "it is on its way to the second"


def test_a_cancelled_stop_is_driven_past(running: Any) -> None:
    answer = replanned(VAN, running, 20, changes=[{"cancelledStopId": "c"}])
    assert visits(answer.plan) == {"van": ["a", "b"]}
    assert [(one.stop_id, one.reason) for one in answer.plan.dropped] == [("c", "cancelled")]
    assert list(answer.changed_vehicle_ids) == ["van"]


def test_a_cancelled_stop_does_not_come_back(running: Any) -> None:
    """With the next change; one that found no room is tried again."""
    plan = replanned(VAN, running, 20, changes=[{"cancelledStopId": "c"}]).plan
    again = replanned(VAN, plan, 20)
    assert not again.changed_vehicle_ids
    assert [(one.stop_id, one.reason) for one in again.plan.dropped] == [("c", "cancelled")]
    plan.dropped[0].reason = "no-time-left"
    assert sorted(visits(replanned(VAN, plan, 20, interchangeableGoods=True).plan)["van"]) == ["a", "b", "c"]


def test_what_has_been_driven_stays(running: Any) -> None:
    answer = replanned(VAN, running, 100, changes=[{"cancelledStopId": "a"}])
    assert visits(answer.plan) == {"van": ["a", "b", "c"]}


def test_a_new_stop_is_put_where_it_costs_least() -> None:
    """Before the van has left."""
    town = changed(GLOBE, "vehicles.0.shift", {"startS": 3600, "endS": 7200})
    plan = planned(town)
    new = {"stopId": "new", "point": {"latitude": 51.505, "longitude": -0.12}, "serviceS": 60}
    answer = replanned(town, plan, 0, changes=[{"newStop": new}])
    (stops,) = visits(answer.plan).values()
    assert sorted(stops) == ["a", "b", "new"]
    assert abs(answer.plan.cost - plan.cost) <= 2, "it lies on the way"


def test_a_plan_of_as_many_stops_as_may_be_takes_new_ones() -> None:
    """A hundred more; then its problem is too large to be changed."""
    most = planner().limits.stops_max
    town = GLOBE | {"stops": [{"stopId": f"s{i}", "point": GLOBE["stops"][0]["point"]} for i in range(most)]}
    new = [{"newStop": {"stopId": f"new{i}", "point": GLOBE["stops"][0]["point"]}} for i in range(100)]
    answer = replanned(town, pb.RoutePlan(), 0, changes=new)
    assert sum(len(route.visits) for route in answer.plan.routes) == most + 100
    town["stops"].append({"stopId": "more", "point": GLOBE["stops"][0]["point"]})
    with pytest.raises(InvalidInput) as refused:
        replanned(town, pb.RoutePlan(), 0, changes=new)
    assert refused.value.field == "stops"


def test_a_late_vehicle_comes_later(running: Any) -> None:
    answer = replanned(VAN, running, 20, changes=[{"delay": {"vehicleId": "van", "delayS": 100}}])
    before, after = running.routes[0].visits, answer.plan.routes[0].visits
    assert [visit.arrival_s for visit in after][1:] == [visit.arrival_s + 100 for visit in before][1:]


def test_a_vehicle_is_where_it_says(running: Any) -> None:
    at = [{"vehicleId": "van", "done": 1, "readyS": 500}]
    answer = replanned(VAN, running, 400, progress=at)
    route = answer.plan.routes[0]
    assert route.done == 1
    assert route.visits[1].arrival_s == 510


def test_a_closed_road_is_driven_round(running: Any) -> None:
    """From a to b by way of c, for example: no arc that is closed is driven."""
    road = {"fromId": "b", "toId": "c", "bothWays": True}
    answer = replanned(VAN, running, 20, changes=[{"closedRoad": road}])
    (stops,) = visits(answer.plan).values()
    assert ("b", "c") not in pairwise(stops)
    assert ("c", "b") not in pairwise(stops)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"changes": [{"cancelledStopId": "moon"}]}, "changes[0].cancelled_stop_id"),
        ({"changes": [{}]}, "changes[0]"),
        ({"changes": [{"delay": {"vehicleId": "boat", "delayS": 1}}]}, "changes[0].delay.vehicle_id"),
        ({"changes": [{"delay": {"vehicleId": "van", "delayS": -1}}]}, "changes[0].delay.delay_s"),
        ({"changes": [{"closedRoad": {"fromId": "a", "toId": "x"}}]}, "changes[0].closed_road.to_id"),
        ({"changes": [{"newStop": {"stopId": "a"}}]}, "changes[0].new_stop.stop_id"),
        ({"changes": [{"newStop": {"stopId": "d"}}]}, "profiles[0].matrix.distances_m"),
        ({"changes": [{"cancelledStopId": "a"}] * 101}, "changes"),
        ({"progress": [{"vehicleId": "boat"}]}, "progress[0].vehicle_id"),
        ({"progress": [{"vehicleId": "van", "done": 1}] * 2}, "progress[1].vehicle_id"),
        ({"progress": [{"vehicleId": "van", "done": 4}]}, "progress[0].done"),
        ({"progress": [{"vehicleId": "van", "readyS": -4}]}, "progress[0].ready_s"),
        ({"nowS": -1}, "now_s"),
    ],
)
def test_a_change_that_makes_no_sense_is_named(running: Any, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        replanned(VAN, running, 20, **fields)
    assert refused.value.field == field


def test_a_plan_that_is_none_of_this_problem_is_named(running: Any) -> None:
    for meddle, field in (
        (lambda plan: setattr(plan.routes[0], "vehicle_id", "boat"), "plan.routes[0].vehicle_id"),
        (lambda plan: setattr(plan.routes[0].visits[1], "stop_id", "moon"), "plan.routes[0].visits[1].stop_id"),
        (lambda plan: setattr(plan.routes[0].visits[1], "stop_id", "a"), "plan.routes[0].visits[1].stop_id"),
        (lambda plan: setattr(plan.routes[0].visits[1], "begin_s", 0), "plan.routes[0].visits[1].begin_s"),
        (lambda plan: setattr(plan.routes[0], "ends_s", 0), "plan.routes[0].ends_s"),
        (lambda plan: setattr(plan.routes[0], "ends_s", 2**31 - 1), "plan.routes[0].ends_s"),
        (lambda plan: setattr(plan.routes[0], "leaves_s", -1), "plan.routes[0].leaves_s"),
        (lambda plan: plan.dropped.add(stop_id="a"), "plan.dropped[0].stop_id"),
        (lambda plan: plan.routes.add(vehicle_id="van"), "plan.routes[1].vehicle_id"),
    ):
        wrong = pb.RoutePlan()
        wrong.CopyFrom(running)
        meddle(wrong)
        with pytest.raises(InvalidInput) as refused:
            replanned(VAN, wrong, 20)
        assert refused.value.field == field


def test_a_plan_that_is_not_feasible_never_leaves() -> None:
    """Whoever made it."""
    answer: PlanAnswer = planner().plan(decode_plan(message(VAN | {"timeLimitS": STEP_S}).SerializeToString()), NEVER)
    good = answer.plan
    assert checked(answer.problem, good) is good
    with pytest.raises(InternalError, match="not feasible"):
        checked(answer.problem, Plan((), (), 0.0, 0.0, "liar"))
