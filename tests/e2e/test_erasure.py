"""What a shop does when somebody asks for his data, or wants to be forgotten: over the command line, HTTP and gRPC."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from e2e.conftest import Shop
from e2e.gateways import ASK_S_MAX, Gateway, command

from loadtests.byte_scan import Scan
from storegate.client import Client
from storegate.v1 import common_pb2, event_pb2, recommendation_pb2

pytestmark = pytest.mark.timeout(240)
GONE, STAYS, DENIED = "gone-7c1e55d0", "stays-7c1e55d0", "denied-7c1e55d0"


def places(gateway: Gateway, mark: str) -> set[str]:
    """Top-level names below home, and "redis", where the bytes are found."""
    scan = Scan([mark.encode()])
    scan.folder(gateway.home)
    scan.redis(f"unix://{quote(str(gateway.home / 'redis' / 'redis.sock'))}")
    scan.stored(gateway.home)
    return {place.partition("/")[0].partition(":")[0] for place in scan.places}


def test_a_user_is_exported_and_then_erased(local_gateway: Gateway, shop: Shop, tmp_path: Path) -> None:
    """Without consent nothing was kept in the first place; of everybody else all is there as before."""
    item = shop.item
    with local_gateway.client() as client:
        for user in (GONE, STAYS):
            client.write_event("detail-page-view", user_id=user, items=[item], event_id="1")
            client.write_event("search", user_id=user, search_query="mug", event_id="2")
            client.recommend(user, explain=recommendation_pb2.EXPLAIN_TRACE)  # is logged
        denied = client.write_event(
            "detail-page-view", user_id=DENIED, items=[item], event_id="3",
            personalization=common_pb2.PERSONALIZATION_DENIED,
        )  # fmt: skip
        client.recommend(
            DENIED, explain=recommendation_pb2.EXPLAIN_TRACE, personalization=common_pb2.PERSONALIZATION_DENIED
        )
    assert not denied.stored
    target = ("--target", local_gateway.target)
    path = tmp_path / "gone.jsonl"
    told = command(local_gateway.home, "user", "export", GONE, "--out", str(path), *target)
    assert told.returncode == 0, told.stderr
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["event"]["event"]["eventType"] for record in records if "event" in record] == [
        "detail-page-view",
        "search",
    ]
    assert sum("profileRecord" in record for record in records) == 2
    assert path.stat().st_mode & 0o077 == 0
    assert places(local_gateway, DENIED) == set()
    assert "redis" in places(local_gateway, GONE)

    erased = command(local_gateway.home, "user", "erase", GONE, "nobody-7c1e55d0", "--wait", *target)
    assert erased.returncode == 0, erased.stderr
    assert "2 complete" in erased.stdout
    assert places(local_gateway, GONE) == set()
    assert places(local_gateway, STAYS)
    with local_gateway.client() as client:
        (left,) = client.export_user(GONE)
        kinds = [record.WhichOneof("record") for record in client.export_user(STAYS)]
    assert left.erasure.state == event_pb2.ERASURE_COMPLETE
    assert (left.erasure.profile_records, left.erasure.events, list(left.erasure.left)) == (2, 2, [])
    assert kinds.count("event") == kinds.count("profile_record") == 2


def test_both_faces_of_every_gateway_tell_of_one_erasure(served: Gateway, client: Client) -> None:
    """Whichever replica is asked."""
    body = {"visitorId": "cookie-7c1e55d0", "requestId": "ticket-1"}
    answer = httpx.post(f"{served.url}/v1/users:erase", json=body, timeout=ASK_S_MAX, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.json()["erasure"]["state"] == "ERASURE_RUNNING"
    again = client.erase_user(visitor_id="cookie-7c1e55d0", request_id="ticket-1").erasure
    assert again.erasure_id == answer.json()["erasure"]["erasureId"]
    told = httpx.post(f"{served.url}/v1/users:export", json={"visitorId": "x"}, timeout=ASK_S_MAX, trust_env=False)
    assert (told.status_code, told.json()) == (200, {})


def test_bad_input_is_told_in_one_line(local_gateway: Gateway, tmp_path: Path) -> None:
    target = ("--target", local_gateway.target)
    nothing = command(local_gateway.home, "user", "erase", *target)
    assert (nothing.returncode, "--file" in nothing.stderr) == (2, True)
    long = command(local_gateway.home, "user", "erase", "x" * 300, *target)
    assert (long.returncode, "at most 256 bytes" in long.stderr) == (2, True)
    away = command(local_gateway.home, "user", "export", "x", "--out", str(tmp_path / "no" / "x.jsonl"), *target)
    assert (away.returncode, "can be written" in away.stderr) == (2, True)
