"""What visitors do changes what others are shown, within seconds and without a training or a restart."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import grpc
from e2e.conftest import PATIENT, SERVE, Shop
from e2e.gateways import awaited, command, gateway

from serving.decisions.recommend.live import PART
from storegate.client import Client
from storegate.v1.catalog_pb2 import StockUpdate
from storegate.v1.recommendation_pb2 import RecommendResponse, ReplayDecisionResponse

SETTINGS = PATIENT | {
    "events.counters": "counters",
    "events.move_s": 0.2,
    "recommend.stockout_visitors": 2,
    "decisions.share": 1.0,
}


def awaited_decision(client: Client, decision_id: str) -> ReplayDecisionResponse:
    """Its replay, once it has been logged."""

    def replayed() -> ReplayDecisionResponse | None:
        with suppress(grpc.RpcError):
            return client.replay_decision(decision_id)
        return None

    found = awaited(replayed, "the decision is logged")
    assert found is not None
    return found


def shown(answer: RecommendResponse) -> list[str]:
    return [result.item_id for result in answer.results]


def test_what_visitors_do_changes_what_others_are_shown(new_home: Callable[[], Path], shop: Shop) -> None:
    """Trending, similar items and stock; the counters stand in the answer, equal a recount, and outlive a restart."""
    home = new_home()
    with gateway(home, *SERVE["local"], settings=SETTINGS) as running, running.client() as client:

        def trending() -> list[str]:
            return shown(client.recommend(placement="trending", page_size=50))

        def similar() -> list[str]:
            return shown(client.recommend(placement="similar-items", item_ids=[page], page_size=50))

        first = client.recommend(placement="trending", page_size=50)
        before, page = shown(first), shop.in_stock[0]
        assert PART not in first.serving_info.model_versions
        rare = next(item for item in shop.in_stock if item not in before and item != page)
        other = next(item for item in shop.in_stock if item not in {*similar(), rare, page})
        for number in range(200):
            client.write_event("purchase-complete", visitor_id=f"buyer-{number}", items=[rare])
        for number in range(60):
            some = [shop.in_stock[-1 - number % 17], shop.in_stock[-20 - number % 13]]
            client.write_event("detail-page-view", visitor_id=f"looker-{number}", items=some)
        for number in range(10):
            for item in (page, other):
                client.write_event("detail-page-view", visitor_id=f"both-{number}", items=[item])
        awaited(lambda: trending()[0] == rare, "what is bought trends")
        awaited(lambda: other in similar(), "what is viewed together is similar")
        for number in range(2):
            client.write_event("stockout-seen", visitor_id=f"unlucky-{number}", items=[rare])
        awaited(lambda: rare not in trending(), "what was seen out of stock is not shown")
        client.set_stock([StockUpdate(item_id=rare, location="north", on_hand=5)])
        assert awaited(lambda: trending()[0] == rare, "until the shop says that there is some")
        answer = client.recommend(placement="trending", page_size=50)
        replayed = awaited_decision(client, answer.decision_id)
        assert list(replayed.differences) == []
        table = " ".join(command(home, "events", "counters").stdout.split())
        assert rare in table
        assert "200.00" in table
        assert f"counters {answer.serving_info.model_versions[PART]}" in command(home, "status").stdout
    told = command(home, "events", "counters", "--check")
    assert told.returncode == 0, told.stdout + told.stderr
    with gateway(home, *SERVE["local"], settings=SETTINGS) as running, running.client() as client:
        assert shown(client.recommend(placement="trending", page_size=50))[0] == rare
    day = next((home / "counters").glob("day=*.npz"))
    day.write_bytes(b"cut")
    broken = command(home, "events", "counters", "--check")
    assert broken.returncode == 1
    assert "the counters cannot be read" in broken.stdout
