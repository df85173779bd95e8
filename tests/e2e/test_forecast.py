"""ForecastDemand at a running gateway: both faces, on Ray or not, the command, batches, a model that is replaced."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from e2e.conftest import Shop
from e2e.faces import Face, GrpcFace, HttpFace, Refused
from e2e.gateways import Gateway, awaited, command
from google.protobuf import json_format

from serving.adapters.releases import Release, manifest
from serving.adapters.versions import folder, promote, write_version
from storegate.client import Client
from storegate.v1 import batch_pb2 as batches
from storegate.v1 import forecast_pb2 as pb
from storegate.v1.common_pb2 import Money
from storegate.v1.inventory_pb2 import ReplenishItem

QUANTILES = [0.05, 0.5, 0.95]


@pytest.fixture(scope="module")
def items(shop: Shop) -> list[str]:
    """The most sold one and a few others."""
    return [shop.item, *[item.item_id for item in shop.dataset.items[:6] if item.item_id != shop.item]]


def test_both_faces_answer_alike(both_faces: tuple[GrpcFace, HttpFace], items: list[str]) -> None:
    """Day by day and week by week; an unknown item is named, and the others are answered."""
    grpc, http = both_faces
    for more in ({}, {"period": "FORECAST_PERIOD_WEEK", "horizonDays": 56}):
        body = {"itemIds": [*items, "nobody sells this"], "quantiles": QUANTILES, "requestId": "r"} | more
        answer = grpc.ask("ForecastDemand", body)
        assert answer == http.ask("ForecastDemand", body)
        assert [one.item_id for one in answer.forecasts] == items
        assert list(answer.missing_item_ids) == ["nobody sells this"]
        for one in answer.forecasts:
            assert len(one.mean) == (8 if more else 28)
            low, middle, high = (path.units for path in one.quantiles)
            assert all(a <= b <= c for a, b, c in zip(low, middle, high, strict=True))
        assert sum(answer.forecasts[0].mean) > 0, "the item that was sold most"


def test_what_is_planned_is_taken_in(face: Face, items: list[str], client: Client) -> None:
    """A price in the item's currency; another currency is refused, with the field."""
    currency = client.get_item(items[0]).price.currency_code
    price = client.get_item(items[0]).price.amount_minor
    plan: dict[str, Any] = {"itemId": items[0], "price": {"amountMinor": str(price), "currencyCode": currency}}
    as_it_is = face.ask("ForecastDemand", {"itemIds": items[:1]})
    assert face.ask("ForecastDemand", {"itemIds": items[:1], "plans": [plan]}) == as_it_is
    plan["price"]["currencyCode"] = "XTS"
    with pytest.raises(Refused) as refused:
        face.ask("ForecastDemand", {"itemIds": items[:1], "plans": [plan]})
    assert refused.value.reason == "CURRENCY_DIFFERS"
    assert refused.value.facts["field"] == "plans[0].price.currency_code"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"horizonDays": 0}, "INVALID_FIELD"),
        ({"horizonDays": 366}, "HORIZON_TOO_LONG"),
        ({"quantiles": [0.5, 1]}, "INVALID_FIELD"),
        ({"quantiles": [0.5, 0.1]}, "INVALID_FIELD"),
        ({"firstDay": "1999-12-31"}, "BEYOND_THE_MODEL"),
        ({"itemIds": [f"i{n}" for n in range(1001)]}, "INVALID_FIELD"),
    ],
)
def test_what_cannot_be_answered_is_refused(face: Face, items: list[str], body: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        face.ask("ForecastDemand", {"itemIds": items[:1]} | body)
    assert refused.value.reason == reason


def test_a_new_price_in_the_catalogue_is_what_the_model_is_asked_with(client: Client, items: list[str]) -> None:
    """Within seconds, wherever the forecast is computed; and back again."""
    before = client.get_item(items[0]).price
    half = Money(amount_minor=max(1, before.amount_minor // 2), currency_code=before.currency_code)
    planned = client.forecast_demand(items[:1], plans=[pb.DemandPlan(item_id=items[0], price=half)])
    try:
        client.set_prices([{"item_id": items[0], "price": half}])  # type: ignore[list-item]
        awaited(lambda: client.forecast_demand(items[:1]) == planned, "the forecast is with the new price")
    finally:
        client.set_prices([{"item_id": items[0], "price": before}])  # type: ignore[list-item]


def versions(client: Client, items: list[str]) -> set[str]:
    """Of the forecasts that answer, and that are planned by: workers follow the releases each by itself."""
    plans = client.plan_replenishment([ReplenishItem(item_id=items[0], lead_time_days=7)])
    return {client.forecast_demand(items[:1]).model_version, plans.model_version}


@pytest.fixture
def second(served: Gateway, client: Client, items: list[str]) -> Iterator[str]:
    """A release that differs from the live one in the name of its forecast alone; not live yet. The first is, after."""
    live = manifest(served.home).live
    files = folder(served.home, "forecast", live.models["forecast"])
    content = {path.name: path for path in files.iterdir() if path.name != "SHA256SUMS"}
    write_version(served.home, "forecast", "second", content)
    yield live.release
    promote(served.home, live)
    before = {live.models["forecast"]}
    awaited(lambda: versions(client, items) == before, "every worker is back at the first")


def test_a_model_is_replaced_while_it_is_asked(served: Gateway, client: Client, items: list[str], second: str) -> None:
    """No call fails, and every answer is of one model or the other."""
    live = manifest(served.home).live
    asked: Counter[str] = Counter()
    failed: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                asked[client.forecast_demand(items).model_version] += 1
        except BaseException as error:
            failed.append(error)

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for one in askers:
        one.start()
    try:
        awaited(lambda: asked[live.models["forecast"]] > 5 or failed, "the first model answers")
        promote(served.home, Release("second", {**live.models, "forecast": "second"}))
        awaited(lambda: asked["second"] > 5 or failed, "the second model answers")
        awaited(lambda: versions(client, items) == {"second"} or failed, "every worker has followed")
    finally:
        done.set()
        for one in askers:
            one.join()
    assert failed == []
    assert set(asked) == {live.models["forecast"], "second"}


def test_a_batch_is_answered_as_each_alone(client: Client, items: list[str]) -> None:
    """Inline."""
    asked = [pb.ForecastDemandRequest(item_ids=[item], quantiles=QUANTILES, request_id=item) for item in items]
    found = client.batch_forecast(batches.BatchForecastRequest(requests=asked)).responses
    assert list(found) == [client.forecast_demand([item], quantiles=QUANTILES, request_id=item) for item in items]


def test_a_batch_over_a_file(local_gateway: Gateway, items: list[str]) -> None:
    """The command hands it to the gateway: the rows of a Parquet file, as ForecastDemand answers them."""
    place = local_gateway.home / "exchange"
    place.mkdir(exist_ok=True)
    pq.write_table(pa.table({"item_id": [*items, "gone"], "line": range(len(items) + 1)}), place / "items.parquet")
    told = ("--input", str(place / "items.parquet"), "--output", str(place / "demand"), "--horizon", "14")
    done = command(local_gateway.home, "batch", "forecast", *told)
    assert done.returncode == 0, done.stderr
    assert f"{len(items) + 1} rows in" in done.stdout
    (part,) = (place / "demand").glob("part-*.parquet")
    rows = pq.read_table(part).to_pylist()
    with local_gateway.client() as client:
        online = client.forecast_demand(items, horizon_days=14).forecasts
    assert [row["line"] for row in rows] == list(range(len(items) + 1))
    for row, one in zip(rows, online, strict=False):
        assert row["mean"] == list(one.mean)
        assert row["q0.9"] == list(one.quantiles[2].units)
    assert rows[-1]["mean"] is None
    assert "gone" in rows[-1]["error"]


def test_the_command_answers_as_the_gateway(
    local_gateway: Gateway, shop: Shop, items: list[str], tmp_path: Path
) -> None:
    """A few as JSON, from the release and from the gateway; all of them into a file, in the order of the model."""
    home = local_gateway.home
    told = ("forecast", *items[:2], "--json", "--horizon", "14")
    here, there = command(home, *told), command(home, *told, "--target", local_gateway.target)
    assert here.returncode == 0, here.stderr
    assert json.loads(here.stdout) == json.loads(there.stdout)
    done = command(home, "forecast", "--out", str(tmp_path / "all.parquet"), "--horizon", "14", "--quantile", "0.5")
    assert done.returncode == 0, done.stderr
    table = pq.read_table(tmp_path / "all.parquet")
    alone = json_format.Parse(here.stdout, pb.ForecastDemandResponse()).forecasts[0]
    mine = table.filter(pa.compute.equal(table["item_id"], items[0]))
    assert mine["mean"].to_pylist() == list(alone.mean)
    assert len(table) == 14 * len(set(table["item_id"].to_pylist()))
