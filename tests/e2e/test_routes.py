"""PlanRoutes and ReplanRoutes at a running gateway: both faces, the deadline, bad input, the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from e2e.faces import Face, GrpcFace, HttpFace, Refused
from e2e.gateways import Gateway, command
from google.protobuf import json_format
from towns import GLOBE, LINE, changed

from storegate.client import Client
from storegate.v1 import routing_pb2 as pb


def test_both_faces_plan_alike(both_faces: tuple[GrpcFace, HttpFace]) -> None:
    """The best way there and back is found at once."""
    for face in both_faces:
        answer = face.ask("PlanRoutes", LINE | {"timeLimitS": 0.3, "requestId": face.name})
        assert (answer.final, answer.request_id, answer.plan.cost) == (True, face.name, 600)


def test_a_running_plan_is_changed(both_faces: tuple[GrpcFace, HttpFace]) -> None:
    grpc, http = both_faces
    plan = grpc.ask("PlanRoutes", GLOBE | {"timeLimitS": 0.2}).plan
    change = {"problem": GLOBE, "plan": json_format.MessageToDict(plan), "changes": [{"cancelledStopId": "b"}]}
    answer = grpc.ask("ReplanRoutes", change)
    assert answer == http.ask("ReplanRoutes", change)
    assert sum(len(route.visits) for route in answer.plan.routes) + len(answer.plan.dropped) == 2


def test_plans_come_as_they_are_found(client: Client) -> None:
    """The first one long before the last; a caller that has seen enough leaves."""
    town = json_format.ParseDict(GLOBE | {"timeLimitS": 20}, pb.PlanRoutesRequest())
    plans = client.plan_routes(town)
    first = next(plans)
    plans.close()
    assert first.plan.routes
    assert first.elapsed_s < 20


@pytest.mark.parametrize(
    ("town", "field"),
    [
        (changed(LINE, "stops.1.windows", [{"startS": 9, "endS": 8}]), "stops[1].windows[0].end_s"),
        (changed(LINE, "stops.1.deliveries", ["99"]), "stops[1].deliveries"),
        (LINE | {"vehicles": []}, "vehicles"),
        (LINE | {"stops": [{"stopId": f"{number}"} for number in range(100_000)]}, "stops"),
        (GLOBE | {"profiles": [{"tableServer": {}}]}, "table_server"),
    ],
)
def test_bad_input_names_the_field(face: Face, town: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        face.ask("PlanRoutes", town)
    assert refused.value.facts["field"] == field


def test_the_command_plans_changes_and_draws(local_gateway: Gateway, tmp_path: Path) -> None:
    """Here and at a gateway; the files of one command are those of the next."""
    town, kept, picture = tmp_path / "town.json", tmp_path / "running.json", tmp_path / "town.html"
    town.write_text(json.dumps(changed(GLOBE, "vehicles.0.shift", {"startS": 28_800, "endS": 36_000})))
    done = command(
        local_gateway.home, "route", "plan", str(town), "--seconds", "0.3", "--out", str(kept), "--draw", str(picture),
        "--target", local_gateway.target,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 routes" in done.stdout
    assert "<svg" in picture.read_text()
    told = ("route", "replan", str(kept), "--now", "8:30", "--cancel", "b", "--json")
    here, there = (
        command(local_gateway.home, *told),
        command(local_gateway.home, *told, "--target", local_gateway.target),
    )
    assert here.returncode == there.returncode == 0, here.stderr + there.stderr
    assert here.stdout == there.stdout
