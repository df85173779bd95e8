"""The event log in real servers: written with the profile, moved once, by one mover at a time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_servers import SERVERS, server_id

from loadtests import event_kills
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.event_mover import EventMover, Moving
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_event_log import PAGE, RedisEventLog, event_log
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import Conflict, NotDurable, StoreUnavailable
from serving.events.log import LoggedEvent, decode_logged, encode_logged
from serving.events.moving import Moved, move
from serving.events.records import encode
from serving.events.types import UserEvent

pytestmark = pytest.mark.timeout(120)
WAIT_S = 5.0
NOW_S = 1_764_000_000
_numbers = itertools.count()


@pytest.fixture(scope="module", params=SERVERS, ids=server_id)
def embedded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("home"), binary=request.param)
    yield server
    server.close()


@pytest.fixture
def prefix() -> str:
    return f"l{next(_numbers)}:"


@pytest.fixture
def line(embedded: EmbeddedRedis) -> Iterator[RedisLine]:
    made = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    assert made.wait_ready(WAIT_S)
    yield made
    made.close()


@pytest.fixture
def open_store(embedded: EmbeddedRedis, prefix: str) -> Iterator[Callable[..., RedisProfiles]]:
    made: list[RedisProfiles] = []

    def make(**options: int) -> RedisProfiles:
        store = RedisProfiles(RedisServer(embedded.url), prefix=prefix, read_timeout_s=2, write_timeout_s=2, **options)
        made.append(store)
        assert store.wait_ready(WAIT_S)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def open_log(embedded: EmbeddedRedis, prefix: str) -> Iterator[Callable[[], RedisEventLog]]:
    made: list[RedisEventLog] = []

    def make() -> RedisEventLog:
        log = RedisEventLog(RedisServer(embedded.url), prefix=prefix)
        made.append(log)
        assert log.wait_ready(WAIT_S)
        return log

    yield make
    for log in made:
        log.close()


def event(number: int, kind: str = "home-page-view", time_s: int = NOW_S) -> UserEvent:
    return UserEvent(f"e{number}", kind, "ada", "", time_s + number, (("mug", 1),) if kind == "stockout-seen" else ())


def write(store: RedisProfiles, *events: UserEvent, logged_only: bool = False) -> list[int]:
    return store.append(
        [(one.profile_key, b"" if logged_only else encode(one)) for one in events],
        2.0,
        [encode_logged(LoggedEvent(one)) for one in events],
    )


def logged(log: RedisEventLog, rows_max: int = 10_000) -> list[str]:
    return [decode_logged(entry).event.event_id for _, entry in log.take(rows_max)]


def test_an_event_is_logged_with_its_profile_and_once(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog]
) -> None:
    """A repeated one, in the same group or later, is not; one too old for a full profile is."""
    store, log = open_store(records_max=2), open_log()
    assert write(store, event(1), event(2), event(1)) == [1, 1, 0]
    assert write(store, event(3)) == [1]
    assert write(store, event(2)) == [0]
    assert write(store, event(0, time_s=NOW_S - 1000)) == [0]
    assert store.append([("u:ada", encode(event(7)))], 2.0) == [1]  # as seeding does: nothing for the log
    assert logged(log) == ["e1", "e2", "e3", "e0"]


def test_what_the_shop_did_takes_no_place_in_a_profile(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog]
) -> None:
    store, log = open_store(), open_log()
    assert write(store, event(1, "stockout-seen"), logged_only=True) == [1]
    assert store.fetch(["u:ada"], 2.0) == [b""]
    assert logged(log) == ["e1"]


def test_a_full_log_takes_nothing_and_says_so(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog]
) -> None:
    """Neither into the profile: the caller tries again, and nothing is half there."""
    store, log = open_store(log_max=2), open_log()
    write(store, event(1), event(2))
    with pytest.raises(StoreUnavailable, match="the event log is full"):
        write(store, event(3))
    assert store.fetch(["u:ada"], 2.0) == [encode(event(1)) + encode(event(2))]
    log.drop([position for position, _ in log.take(10)])
    assert write(store, event(3)) == [1]
    assert log.waiting == 1


def test_a_batch_is_given_again_until_it_is_dropped(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog]
) -> None:
    """Also to the next mover, and in more than one page."""
    store, first = open_store(), open_log()
    count = PAGE * 2 + 7
    write(store, *[event(number) for number in range(count)])
    taken = first.take(count - 5)
    assert len(taken) == count - 5
    assert first.take(10) == taken
    first.close()
    second = open_log()
    assert second.take(10) == taken
    second.drop([position for position, _ in taken[:PAGE]])
    assert second.take(10) == taken[PAGE:]
    second.drop([position for position, _ in taken[PAGE:]])
    assert logged(second) == [f"e{number}" for number in range(count - 5, count)]


def test_one_mover_at_a_time(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog], line: RedisLine, prefix: str
) -> None:
    """The second is refused until the first has gone or been silent for long; the first then finds that out."""
    store, first, second = open_store(), open_log(), open_log()
    write(store, event(1))
    taken = first.take(10)
    with pytest.raises(Conflict, match="another process"):
        second.take(10)
    line.run([("DEL", f"{prefix}events:mover")])  # as if its time had run out
    assert second.take(10) == taken
    with pytest.raises(Conflict):
        first.drop([taken[0][0]])
    second.drop([taken[0][0]])
    assert second.waiting == 0


def test_a_lease_that_has_run_out_is_no_harm_while_nobody_else_has_it(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog], line: RedisLine, prefix: str
) -> None:
    """A batch whose archive took long is dropped, and not archived for ever again."""
    store, log = open_store(), open_log()
    write(store, event(1))
    taken = log.take(10)
    line.run([("DEL", f"{prefix}events:mover")])
    log.drop([taken[0][0]])
    assert log.waiting == 0
    with pytest.raises(Conflict):
        open_log().take(10)


def test_a_mover_whose_turn_comes_again_looks_at_what_others_did(
    open_store: Callable[..., RedisProfiles],
    open_log: Callable[[], RedisEventLog],
    line: RedisLine,
    prefix: str,
    tmp_path: Path,
) -> None:
    """Two gateways on one Redis: what the one has archived the other does not archive again."""
    store = open_store()
    movers = [Moving(open_log(), ParquetArchive(tmp_path), 10) for _ in range(2)]
    for number, mover in [(1, 0), (2, 1), (2, 0), (1, 1), (3, 0), (3, 1)]:
        write(store, event(number, "stockout-seen"), logged_only=True)
        movers[mover].run()
        line.run([("DEL", f"{prefix}events:mover")])  # its time has run out
    assert sum(len(table) for table in ParquetArchive(tmp_path).tables()) == 3


def test_a_store_whose_memory_is_full_is_drained(
    open_store: Callable[..., RedisProfiles],
    open_log: Callable[[], RedisEventLog],
    line: RedisLine,
    prefix: str,
    tmp_path: Path,
) -> None:
    """Writes fail then, and moving the log is what helps."""
    store = open_store()
    write(store, *[event(number) for number in range(50)])
    line.run([("CONFIG", "SET", "maxmemory", 1)])
    try:
        with pytest.raises(StoreUnavailable, match=r"OOM|used memory"):
            write(store, event(99))
        assert Moving(open_log(), ParquetArchive(tmp_path), 20).run().events == 50
    finally:
        line.run([("CONFIG", "SET", "maxmemory", 0)])
    assert write(store, event(99)) == [1]


def test_what_comes_while_the_log_is_moved_is_for_the_next_time(
    open_store: Callable[..., RedisProfiles],
    open_log: Callable[[], RedisEventLog],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise a busy shop would make one file after another, and never put them together."""
    store, archive, numbers = open_store(), ParquetArchive(tmp_path), itertools.count(100)
    put = archive.put

    def slowly(*arguments: Any) -> int:
        write(store, event(next(numbers)))
        return put(*arguments)

    monkeypatch.setattr(archive, "put", slowly)
    write(store, *[event(number) for number in range(20)])
    assert Moving(open_log(), archive, 10).run() == Moved(entries=20, events=20)


def test_entries_that_are_no_events_do_not_stop_the_rest(
    open_store: Callable[..., RedisProfiles],
    open_log: Callable[[], RedisEventLog],
    line: RedisLine,
    prefix: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, log = open_store(), open_log()
    line.run([("XADD", event_log(prefix), "*", "event", "not JSON")])
    write(store, event(1))
    archive = ParquetArchive(tmp_path)
    assert move(log, archive, 10) == Moved(entries=2, events=1, unreadable=1)
    assert "is left out: not an entry of the event log" in caplog.text
    assert "not JSON" not in caplog.text  # it may name somebody
    assert move(log, archive, 10) == Moved()


def test_the_thread_moves_what_comes_and_what_is_left_at_the_end(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog], tmp_path: Path
) -> None:
    store = open_store()
    mover = EventMover(open_log(), ParquetArchive(tmp_path), 100, every_s=0.05)
    write(store, event(1))
    watched, pause = open_log(), threading.Event()
    for _ in range(500):
        if not watched.waiting:
            break
        pause.wait(0.01)
    assert not watched.waiting
    for number in range(2, 40):
        write(store, event(number))
    mover.close()
    assert sum(len(table) for table in ParquetArchive(tmp_path).tables()) == 39
    assert watched.waiting == 0


def test_killed_movers_lose_nothing_and_keep_nothing_twice(tmp_path: Path) -> None:
    """A few of the kills of `python -m loadtests.event_kills`."""
    found = event_kills.run(25, 7, tmp_path)
    assert (found.lost, found.twice, found.changed, found.miscounted) == (0, 0, 0, 0)
    assert found.kills > 0
    assert found.archived == found.written > 100


def test_a_user_who_may_not_look_is_told_what_to_allow(embedded: EmbeddedRedis, line: RedisLine) -> None:
    line.run([("ACL", "SETUSER", "blind", "on", ">word", "~*", "+@all", "-config")])
    server = RedisServer(embedded.url.replace("unix://", "unix://blind:word@", 1))
    store = RedisProfiles(server, read_timeout_s=2, write_timeout_s=2)
    assert store.wait_ready(WAIT_S)
    with pytest.raises(NotDurable, match=r"\+config"):
        store.append([("u:ada", encode(event(1)))], 2.0, durable=True)
    store.close()


def test_moving_until_nothing_waits(
    open_store: Callable[..., RedisProfiles], open_log: Callable[[], RedisEventLog], tmp_path: Path
) -> None:
    store = open_store()
    write(store, *[event(number) for number in range(95)])
    assert Moving(open_log(), ParquetArchive(tmp_path), 10).run() == Moved(entries=95, events=95)
