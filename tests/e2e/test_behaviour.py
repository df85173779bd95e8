"""Behaviour events: what a visitor does changes the next answer, everywhere and for good."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from e2e.conftest import PATIENT, SERVE, Shop
from e2e.faces import Face, Refused
from e2e.gateways import Gateway, awaited, command, gateway, gone

from serving.adapters.parquet_archive import ParquetArchive
from storegate.client import Client
from storegate.v1.common_pb2 import PERSONALIZATION_DENIED
from storegate.v1.event_pb2 import ImportUserEventsResponse
from storegate.v1.recommendation_pb2 import RecommendResponse


def shown(answer: RecommendResponse) -> list[str]:
    return [result.item_id for result in answer.results]


def untouched(client: Client, visitor: str) -> bool:
    """Whether nothing is stored about the visitor."""
    answer = client.recommend(visitor_id=visitor)
    return not answer.serving_info.HasField("events_applied_through") and not answer.serving_info.degraded


def test_an_event_changes_the_next_answer_on_every_replica(replica_clients: list[Client], shop: Shop) -> None:
    """Read your writes: written over one replica, seen by the very next answer of each."""
    visitor = f"reads-own-writes-{len(replica_clients)}"
    before = shown(replica_clients[0].recommend(visitor_id=visitor))
    assert replica_clients[0].write_event("add-to-cart", visitor_id=visitor, items=[shop.item]).stored
    answers = [client.recommend(visitor_id=visitor) for client in replica_clients]
    for answer in answers:
        assert answer.serving_info.HasField("events_applied_through")
        assert shown(answer) != before
        assert shop.item in {reason.related_item_id for result in answer.results for reason in result.reasons}


def test_visitors_and_users_with_one_name_are_two_people(client: Client, shop: Shop) -> None:
    """The key spaces do not meet."""
    client.write_event("add-to-cart", visitor_id="namesake", items=[shop.item])
    assert not client.recommend("namesake").serving_info.HasField("events_applied_through")


def test_an_event_id_counts_once(face: Face, shop: Shop) -> None:
    """A retry is told that nothing was stored, and changes nothing."""
    event = {"eventId": "once", "eventType": "detail-page-view", "visitorId": f"retries-{face.name}"}
    body = {"event": event | {"items": [{"itemId": shop.item}]}}
    asked = {"visitorId": event["visitorId"]}
    assert face.ask("WriteUserEvent", body).stored
    first = shown(face.ask("Recommend", asked))
    assert not face.ask("WriteUserEvent", body).stored
    assert shown(face.ask("Recommend", asked)) == first


def test_an_event_about_an_unknown_item_is_kept_and_told(face: Face) -> None:
    event = {"eventId": "e", "eventType": "detail-page-view", "visitorId": f"far-ahead-{face.name}"}
    answer = face.ask("WriteUserEvent", {"event": event | {"items": [{"itemId": "not-yet"}]}})
    assert answer.stored
    assert list(answer.missing_item_ids) == ["not-yet"]


def test_without_consent_nothing_is_written(client: Client, shop: Shop) -> None:
    """Not stored, and no trace of it in a later answer that may be personal."""
    answer = client.write_event(
        "add-to-cart", visitor_id="shy", items=[shop.item], personalization=PERSONALIZATION_DENIED
    )
    assert not answer.stored
    assert untouched(client, "shy")


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"eventTime": (datetime.now(UTC) + timedelta(days=2)).isoformat()}, "event.event_time", "INVALID_FIELD"),
        ({"items": []}, "event.items", "MISSING_ITEM"),
    ],
    ids=["future", "no item"],
)
def test_a_refused_event_leaves_no_trace(
    face: Face, client: Client, shop: Shop, change: dict[str, object], field: str, reason: str
) -> None:
    """The error names the field; the visitor is as unknown as before."""
    event = {"eventId": "e", "eventType": "add-to-cart", "visitorId": "refused", "items": [{"itemId": shop.item}]}
    with pytest.raises(Refused) as caught:
        face.ask("WriteUserEvent", {"event": event | change})
    assert (caught.value.reason, caught.value.facts["field"]) == (reason, field)
    assert untouched(client, "refused")


def test_events_are_kept_over_a_restart(new_home: Callable[[], Path], shop: Shop) -> None:
    """Stopped in order and started again on the same home, it knows the visitor; an old event_id is still known."""
    home = new_home()

    def look(running: Gateway, *, stored: bool) -> RecommendResponse:
        with running.client() as client:
            written = client.write_event("add-to-cart", visitor_id="comes-back", items=[shop.item], event_id="kept")
            assert written.stored is stored
            return client.recommend(visitor_id="comes-back")

    with gateway(home, *SERVE["local"], settings=PATIENT) as running:
        before = look(running, stored=True)
    with gateway(home, *SERVE["local"], settings=PATIENT) as running:
        after = look(running, stored=False)
    assert before.serving_info.events_applied_through == after.serving_info.events_applied_through
    assert shown(before) == shown(after)


def test_every_event_ends_in_the_archive_once(new_home: Callable[[], Path], shop: Shop) -> None:
    """Those of a gateway that is killed too: the next one moves them. `storegate events` shows and moves them."""
    home, settings = new_home(), PATIENT | {"events.move_s": 0.2}

    def archived() -> list[tuple[str, str]]:
        rows = [row for table in ParquetArchive(home / "events").tables() for row in table.to_pylist()]
        return sorted((row["event_id"], row["decision_id"]) for row in rows)

    with gateway(home, *SERVE["local"], settings=settings) as running, running.client() as client:
        answer = client.recommend(visitor_id="watched")
        for kind, event_id in (
            ("recommendation-impression", "seen"),
            ("add-to-cart", "carted"),
            ("add-to-cart", "carted"),
        ):
            client.write_event(
                kind,
                visitor_id="watched",
                items=[shop.item],
                event_id=event_id,
                attribution_token=answer.attribution_token,
            )
        led = answer.decision_id
        awaited(lambda: archived() == [("carted", led), ("seen", led)], "the archive has both events")
    with gateway(home, *SERVE["local"], settings=PATIENT | {"events.move_s": 0}) as running, running.client() as client:
        client.write_event("home-page-view", visitor_id="watched", event_id="later")
    assert "1 entries moved, 1 of them new events" in command(home, "events", "move").stdout
    assert archived() == [("carted", led), ("later", ""), ("seen", led)]
    shown_to_people = command(home, "events", "show")
    assert shown_to_people.returncode == 0
    assert "recommendation-impression 1" in " ".join(shown_to_people.stdout.split())


def test_an_import_stores_the_good_rows_and_names_the_others(face: Face, served: Gateway, client: Client) -> None:
    """Files that the gateway reads itself; the visitor's next answer knows of them."""
    folder, visitor = served.home / "imports" / f"clicks-{face.name}", f"imported-{face.name}"
    folder.mkdir(parents=True, exist_ok=True)
    header = "eventId,eventType,visitorId\n"
    (folder / "1.csv").write_text(f"{header}i1,home-page-view,{visitor}\ni2,click,{visitor}\n")
    (folder / "2.csv").write_text(f"{header}i3,home-page-view,{visitor}\n")
    answer = face.ask("ImportUserEvents", {"uri": f"{folder.name}/*.csv"})
    assert (answer.rows, answer.stored, answer.files, answer.complete) == (3, 2, 2, True)
    (refused,) = answer.refused
    assert (refused.file, refused.line, refused.reason) == (f"{folder.name}/1.csv", 3, "UNKNOWN_EVENT_TYPE")
    assert client.recommend(visitor_id=visitor).serving_info.HasField("events_applied_through")
    (folder / "2.csv").write_text("eventId,eventType,userId\n")
    with pytest.raises(Refused) as caught:
        face.ask("ImportUserEvents", {"uri": folder.name})
    assert caught.value.reason == "SCHEMA_CHANGED"


def begun(client: Client, name: str) -> ImportUserEventsResponse | None:
    """A call whose time is over in the middle of a file; None = before a row was stored, as on a busy machine."""
    try:
        answer = client.import_events(name, timeout_s=0.8)
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
            raise
        return None
    return answer if answer.next_row else None


def test_an_import_goes_on_after_the_gateway_was_killed(new_home: Callable[[], Path], shop: Shop) -> None:
    """SIGKILL while a call is under way; asked again from where the last answer said, all is there once."""
    home, count = new_home(), 8_000
    (home / "imports").mkdir(exist_ok=True)
    rows = (f"e{number},home-page-view,u{number}\n" for number in range(count))
    (home / "imports" / "many.csv").write_text("eventId,eventType,userId\n" + "".join(rows))
    settings = PATIENT | {"events.move_s": 0}
    running = Gateway(home, *SERVE["local"], settings=settings)
    try:
        with running.wait_ready().client() as client, ThreadPoolExecutor(1) as one:
            first = awaited(lambda: begun(client, "many.csv"), "a call that ends in the middle")
            assert first.next_row < count
            lost = one.submit(client.import_events, "many.csv", skip_rows=first.next_row, timeout_s=60.0)
            further = f"u{first.next_row + 500}"
            awaited(
                lambda: client.recommend(further).serving_info.HasField("events_applied_through"),
                "rows of the second call are stored",
            )
            family = running.family()
            running.process.kill()
            with pytest.raises(grpc.RpcError):
                lost.result(60.0)
        assert gone(family) == []
    finally:
        running.kill()
    with gateway(home, *SERVE["local"], settings=settings):
        done = command(home, "events", "import", "--server-side", "many.csv")
        assert done.returncode == 0, done.stderr
        assert f"{count:,} rows" in done.stdout
    assert command(home, "events", "move").returncode == 0
    archived = [name for table in ParquetArchive(home / "events").tables() for name in table["event_id"].to_pylist()]
    assert sorted(archived) == sorted(f"e{number}" for number in range(count))


def test_a_durable_write_says_what_to_change_where_it_cannot_be(face: Face, client: Client) -> None:
    """Our own Redis syncs every second by default."""
    event = {"eventId": "e", "eventType": "home-page-view", "visitorId": f"durable-{face.name}"}
    with pytest.raises(Refused) as caught:
        face.ask("WriteUserEvent", {"event": event, "acknowledgement": "DURABLE"})
    assert caught.value.reason == "NOT_DURABLE"
    assert "appendfsync always" in caught.value.facts["problem"]
    assert untouched(client, f"durable-{face.name}")


def test_a_durable_write_survives_the_kill_of_the_store(new_home: Callable[[], Path], shop: Shop) -> None:
    """With redis.embedded_fsync = always: SIGKILL right after the answer."""
    settings = PATIENT | {"redis.embedded_fsync": "always", "events.move_s": 0}
    with gateway(new_home(), *SERVE["local"], settings=settings) as running, running.client() as client:
        assert client.write_event("add-to-cart", visitor_id="safe", items=[shop.item], durable=True).stored
        awaited(running.redis, "the embedded Redis runs").kill()
        awaited(
            lambda: client.recommend(visitor_id="safe").serving_info.HasField("events_applied_through"),
            "the store is back, with the event",
        )
