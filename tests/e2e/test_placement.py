"""BatchOrders and PlanSlotting at a running gateway: both faces, deadlines, callers who go away, bad input."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from e2e.faces import Face, GrpcFace, HttpFace, Refused
from e2e.gateways import Gateway, admin, awaited, command
from google.protobuf import json_format

from serving.runtime.home import workers
from storegate.client import Client
from storegate.v1 import placement_pb2 as pb
from storegate.v1.placement_pb2_grpc import PlacementServiceStub

AISLES, RACKS = 10, 90
COMPILE_S = 240.0
"""The first search of a home compiles."""


def asked(orders: int, seconds: float) -> dict[str, Any]:
    """A warehouse of 900 slots, each with an item; orders of four, more of the first items."""
    rng = random.Random(7)
    slots = [
        {"slotId": f"{aisle}-{rack}", "aisleId": str(aisle), "yMetres": rack}
        for aisle in range(AISLES)
        for rack in range(1, RACKS + 1)
    ]
    where = rng.sample(range(len(slots)), len(slots))
    lines = [[int(900 * rng.random() ** 2) for _ in range(4)] for _ in range(orders)]
    return {
        "layout": {
            "aisles": {
                "aisles": [{"aisleId": str(aisle), "xMetres": 5 * aisle} for aisle in range(AISLES)],
                "crossAisleYMetres": [0, RACKS + 1],
                "depotXMetres": 22.5,
            }
        },
        "slots": slots,
        "items": [{"itemId": f"i{item}", "slotId": slots[at]["slotId"]} for item, at in enumerate(where)],
        "orders": [
            {"orderId": f"o{number}", "lines": [{"itemId": f"i{item}"} for item in some]}
            for number, some in enumerate(lines)
        ],
        "searchSeconds": seconds,
    }


def batching(orders: int, seconds: float) -> Any:
    body = asked(orders, seconds) | {"limits": {"maxOrders": 8}}
    return json_format.ParseDict(body, pb.BatchOrdersRequest())


@pytest.fixture
def compiled(client: Client) -> None:
    client.batch_orders(batching(4, 0.01), timeout_s=COMPILE_S)


@pytest.mark.usefixtures("compiled")
def test_both_faces_batch_every_order(both_faces: tuple[GrpcFace, HttpFace]) -> None:
    """Once, within the limit, and with less walking than first come."""
    body = asked(60, 0.3) | {"limits": {"maxOrders": 8}}
    for face in both_faces:
        answer = face.ask("BatchOrders", body)
        assert sorted(order for one in answer.batches for order in one.order_ids) == sorted(f"o{n}" for n in range(60))
        assert max(len(one.order_ids) for one in answer.batches) == 8
        assert answer.metres < answer.first_come_metres < answer.s_shape_metres
        assert answer.exact_walks


@pytest.mark.usefixtures("compiled")
def test_moves_save_walking(face: Face) -> None:
    body = asked(40, 0.5) | {"maxMoves": 20}
    answer = face.ask("PlanSlotting", body)
    assert 0 < len(answer.moves) <= 20
    assert answer.after_metres < answer.before_metres
    assert len({one.slot_id for one in answer.placements}) == len(body["items"])


@pytest.mark.usefixtures("compiled")
def test_a_search_keeps_to_the_deadline_of_its_call(client: Client) -> None:
    """It answers with what it has found, however long it was told to search."""
    answer = client.batch_orders(batching(300, 200.0), timeout_s=4.0)
    assert answer.metres < answer.first_come_metres
    assert answer.seconds < 4.0


@pytest.mark.usefixtures("compiled")
def test_a_search_whose_caller_has_gone_holds_nobody_up(served: Gateway, both_faces: tuple[GrpcFace, HttpFace]) -> None:
    """The next one is answered long before it was to end; and one that plans slots waits for none that batches."""
    stub = PlacementServiceStub(both_faces[0].channel)

    long = stub.BatchOrders.future(batching(300, 200.0), timeout=200.0)
    awaited(lambda: searching(served), "it is on its way")
    slots = json_format.ParseDict(asked(4, 0.01), pb.PlanSlottingRequest())
    assert stub.PlanSlotting(slots, timeout=60.0).placements
    assert not long.done()
    next_one = stub.BatchOrders.future(batching(4, 0.01), timeout=60.0)
    long.cancel()
    assert next_one.result().batches


def test_a_search_whose_process_is_killed_is_made_again(ray_gateway: Gateway) -> None:
    """Its caller gets an answer, by the process that Ray starts instead."""
    with ray_gateway.client() as client:
        client.batch_orders(batching(4, 0.01), timeout_s=COMPILE_S)
        answers: list[Any] = []
        search = threading.Thread(
            target=lambda: answers.append(client.batch_orders(batching(300, 3.0), timeout_s=COMPILE_S))
        )
        search.start()
        awaited(lambda: searching(ray_gateway), "it is on its way")
        (before,) = place_workers(ray_gateway)
        psutil.Process(before).kill()
        search.join()
    assert answers
    assert answers[0].metres < answers[0].first_come_metres
    assert before not in place_workers(ray_gateway)


def place_workers(gateway: Gateway) -> list[int]:
    return [running.pid for running in workers(gateway.home) if running.worker == "place"]


def searching(gateway: Gateway) -> bool:
    return any(
        'storegate_batches_in_flight{lane="place.BatchOrders"} 1.0' in admin(replica, "/metrics").text
        for replica in gateway.ready_replicas()
    )


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"layout": {}}, "layout", "MISSING_LAYOUT"),
        ({"items": [{"itemId": "i0", "slotId": "gone"}]}, "items[0].slot_id", "UNKNOWN_SLOT"),
        ({"limits": {"maxUnits": "3"}}, "orders[0]", "INVALID_FIELD"),
        ({"searchSeconds": 1e9}, "search_seconds", "INVALID_FIELD"),
    ],
)
def test_bad_input_names_the_field(face: Face, changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Refused) as refused:
        face.ask("BatchOrders", asked(2, 0.01) | changes)
    assert (refused.value.facts["field"], refused.value.reason) == (field, reason)


def test_the_command_asks_a_gateway(local_gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "dc.toml").write_text(
        "[aisles]\ncount = 3\nspacing = 5\n[cross_aisles]\ny = [0, 11]\n[depot]\nx = 0\n"
        "[racks]\ncount = 10\npitch = 1\n"
    )
    (tmp_path / "items.csv").write_text("item_id,slot_id\npen,01-03\nmug,03-09\n")
    (tmp_path / "orders.csv").write_text("order_id,item_id\n1,pen\n2,mug\n3,pen\n")
    files = [f"--{name}={tmp_path / name}.{kind}" for name, kind in (("items", "csv"), ("orders", "csv"))]
    done = command(
        local_gateway.home, "place", "batch", f"--layout={tmp_path / 'dc.toml'}", *files, "--seconds=0.5",
        "--max-orders=2", "--json", "--target", local_gateway.target,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    batches = json.loads(done.stdout)["batches"]
    assert sorted(one["orderIds"] for one in batches) == [["1", "3"], ["2"]]
