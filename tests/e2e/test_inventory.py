"""PlanReplenishment and AllocateStock at a running gateway: both faces, live stock, bad input, the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Shop
from e2e.faces import Face, GrpcFace, HttpFace, Refused
from e2e.gateways import Gateway, awaited, command

from storegate.client import Client
from storegate.v1 import inventory_pb2 as pb
from storegate.v1.catalog_pb2 import StockUpdate


@pytest.fixture(scope="module")
def items(shop: Shop) -> list[str]:
    """The most sold one and a few others."""
    return [shop.item, *[item.item_id for item in shop.dataset.items[:4] if item.item_id != shop.item]]


def test_both_faces_answer_alike(both_faces: tuple[GrpcFace, HttpFace], items: list[str]) -> None:
    """By the forecast of the release; an unknown item is named, and the others are planned."""
    grpc, http = both_faces
    body = {"items": [{"itemId": item, "leadTimeDays": 7, "pack": "6", "onHand": "0"} for item in [*items, "gone"]]}
    answer = grpc.ask("PlanReplenishment", body)
    assert answer == http.ask("PlanReplenishment", body)
    assert [plan.item_id for plan in answer.plans] == items
    assert list(answer.missing_item_ids) == ["gone"]
    assert answer.plans[0].order_quantity > 0
    for plan in answer.plans:
        assert plan.order_quantity % 6 == 0
        assert plan.inventory_position + plan.order_quantity >= plan.order_up_to  # some is on order
        assert (plan.method, plan.model_version) == ("forecast", answer.model_version)


def test_stock_that_is_set_counts_in_the_next_plan(client: Client, items: list[str]) -> None:
    """A worker follows the catalogue: within a second or so of the write."""
    ask = pb.ReplenishItem(item_id=items[0], lead_time_days=7, fill_rate=0.98)
    client.set_stock([StockUpdate(item_id=items[0], location="warehouse-7", on_hand=100_000, on_order=5)])

    def planned() -> Any:
        return client.plan_replenishment([ask]).plans[0]

    awaited(lambda: planned().inventory_position >= 100_005, "the stock is seen")
    assert planned().order_quantity == 0
    assert planned().bound == pb.REPLENISHMENT_BOUND_NOTHING_NEEDED


def test_stock_is_shared_out(both_faces: tuple[GrpcFace, HttpFace], items: list[str]) -> None:
    grpc, http = both_faces
    places = [{"locationId": name, "onHand": "0", "dailyDemand": {"mean": 1, "sd": 1}} for name in ("a", "b")]
    body = {
        "items": [{"itemId": items[0], "sources": [{"locationId": "hub", "quantity": "9"}], "destinations": places}],
        "horizonDays": 14,
    }
    answer = grpc.ask("AllocateStock", body)
    assert answer == http.ask("AllocateStock", body)
    assert sorted(receipt.quantity for receipt in answer.receipts) == [4, 5]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"leadTimeDays": 0}, "items[0].lead_time_days"),
        ({"onHand": "-1"}, "items[0].on_hand"),
        ({"pack": "12", "maxQuantity": "11"}, "items[0].pack"),
        ({"cycleServiceLevel": 1.0}, "items[0].cycle_service_level"),
        ({"dailyDemand": {"mean": "NaN", "sd": 1}}, "items[0].daily_demand.mean"),
    ],
)
def test_bad_input_names_the_field(face: Face, items: list[str], changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        face.ask("PlanReplenishment", {"items": [{"itemId": items[0], "leadTimeDays": 7} | changes]})
    assert refused.value.facts["field"] == field


def test_the_command_asks_a_gateway_and_writes_a_file(local_gateway: Gateway, items: list[str], tmp_path: Path) -> None:
    """The same plan from the gateway and from the release; all items into a file."""
    home = local_gateway.home
    told = ("replenish", items[1], "--lead-time", "9", "--on-hand", "3", "--json")
    here, there = command(home, *told), command(home, *told, "--target", local_gateway.target)
    assert here.returncode == there.returncode == 0, here.stderr + there.stderr
    assert here.stdout == there.stdout
    path = tmp_path / "orders.parquet"
    done = command(home, "replenish", "--out", str(path))
    assert done.returncode == 0, done.stderr
    assert "to be ordered" in done.stdout
    assert path.stat().st_size > 1000
