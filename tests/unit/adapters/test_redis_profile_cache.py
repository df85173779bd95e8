"""Profiles that a replica keeps are those that Redis has: whoever writes, and whatever happens to the connection."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from serving.adapters import redis_connection
from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import StoreUnavailable
from serving.events.records import RECORD_BYTES, encode
from serving.events.types import UserEvent

pytestmark = pytest.mark.timeout(60)
WAIT_S = 5.0
MIB = 1 << 20
_numbers = itertools.count()


def record(number: int) -> bytes:
    return encode(UserEvent(f"e{number}", "home-page-view", "ada", "", 1_700_000_000 + number))


@pytest.fixture(scope="module", params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def embedded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("home"), binary=request.param)
    yield server
    server.close()


@pytest.fixture
def line(embedded: EmbeddedRedis) -> Iterator[RedisLine]:
    """For what an operator does."""
    made = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    assert made.wait_ready(WAIT_S)
    yield made
    made.close()


@pytest.fixture
def open_store(embedded: EmbeddedRedis) -> Iterator[Callable[[], RedisProfiles]]:
    """Stores of one prefix, as the replicas of a gateway have them."""
    prefix, made = f"c{next(_numbers)}:", list[RedisProfiles]()

    def make() -> RedisProfiles:
        store = RedisProfiles(
            RedisServer(embedded.url), prefix=prefix, read_timeout_s=2, write_timeout_s=2, cache_bytes_max=MIB
        )
        made.append(store)
        assert store.wait_ready(WAIT_S)
        return store

    yield make
    for store in made:
        store.close()


def hits(store: RedisProfiles) -> int:
    assert store.cache is not None
    return store.cache.hits


def events(store: RedisProfiles, key: str = "u:ada") -> int:
    return len(store.fetch([key], 2.0)[0]) // RECORD_BYTES


def warm(store: RedisProfiles) -> None:
    """Until the profile is kept, and answered from there."""
    before = hits(store)
    for _ in range(5):
        events(store)
    assert hits(store) > before


def eventually(holds: Callable[[], bool]) -> None:
    """Word from the server to another connection may take a moment."""
    waiting = threading.Event()
    for _ in range(500):
        if holds():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not come true")


def test_a_profile_is_read_once(open_store: Callable[[], RedisProfiles]) -> None:
    store = open_store()
    store.append([("u:ada", record(1))], 1.0)
    warm(store)
    before = hits(store)
    assert store.fetch(["u:ada", "u:nobody", "u:ada"], 2.0) == [record(1), b"", record(1)]
    assert store.fetch(["u:nobody"], 2.0) == [b""]
    assert hits(store) == before + 3


def test_ones_own_write_is_seen_by_the_next_read(open_store: Callable[[], RedisProfiles]) -> None:
    """At once: there is no waiting in this test."""
    store = open_store()
    for number in range(1, 200):
        store.append([("u:ada", record(number))], 1.0)
        assert events(store) == number


def test_a_write_of_another_replica_is_heard(open_store: Callable[[], RedisProfiles]) -> None:
    here, there = open_store(), open_store()
    for number in range(1, 30):
        there.append([("u:ada", record(number))], 1.0)
        eventually(lambda wanted=number: events(here) == wanted)  # type: ignore[misc]
        warm(here)


def test_reading_while_another_writes_ends_with_what_was_written(open_store: Callable[[], RedisProfiles]) -> None:
    """A profile never loses an event again, and nothing old is kept."""
    here, there, count = open_store(), open_store(), 400
    ended = threading.Event()

    def write() -> None:
        for number in range(1, count + 1):
            there.append([("u:ada", record(number))], 1.0)
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while not ended.is_set():
        now = events(here)
        assert now >= seen
        seen = now
    writer.join()
    eventually(lambda: events(here) == count)
    warm(here)
    assert events(here) == count


def test_a_deleted_profile_is_gone(open_store: Callable[[], RedisProfiles], line: RedisLine) -> None:
    """As erasing a user does it; and everything at once."""
    for command in (("DEL",), ("FLUSHDB",)):
        store = open_store()
        store.append([("u:ada", record(1))], 1.0)
        warm(store)
        line.run([(*command, f"{store._prefix}{{u:ada}}") if command == ("DEL",) else command])
        eventually(lambda store=store: events(store) == 0)  # type: ignore[misc]
        store.close()


def test_a_new_connection_begins_with_nothing(open_store: Callable[[], RedisProfiles], line: RedisLine) -> None:
    """What was changed while nobody could tell is not missed."""
    here = open_store()
    here.append([("u:ada", record(1))], 1.0)
    warm(here)
    line.run([("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")])
    open_store().append([("u:ada", record(2))], 1.0)
    with suppress(StoreUnavailable):  # of who finds the connection lost; the keeper may have found it before
        events(here)
    assert here.wait_ready(WAIT_S)
    assert events(here) == 2
    warm(here)


def test_a_server_that_is_silent_is_asked(
    open_store: Callable[[], RedisProfiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its word may have been lost on the way: then its silence says nothing."""
    store = open_store()
    store.append([("u:ada", record(1))], 1.0)
    warm(store)
    monkeypatch.setattr(redis_connection, "SILENT_S_MAX", -1.0)
    before = hits(store)
    assert events(store) == 1
    assert hits(store) == before


def test_without_the_right_to_be_told_nothing_is_kept(
    embedded: EmbeddedRedis, line: RedisLine, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that does not let us track serves all the same, and that is said."""
    line.run([("ACL", "SETUSER", "plain", "on", ">word", "~*", "+@all", "-client")])
    server = RedisServer(embedded.url.replace("unix://", "unix://plain:word@", 1))
    store = RedisProfiles(
        server, prefix=f"c{next(_numbers)}:", read_timeout_s=2, write_timeout_s=2, cache_bytes_max=MIB
    )
    assert store.wait_ready(WAIT_S)
    store.append([("u:ada", record(1))], 1.0)
    assert [events(store) for _ in range(3)] == [1, 1, 1]
    assert hits(store) == 0
    assert "does not tell what has changed" in caplog.text
    store.close()


def test_one_that_keeps_nothing_does_not_ask_to_be_told(embedded: EmbeddedRedis, line: RedisLine) -> None:
    before = tracking(line)
    store = RedisProfiles(RedisServer(embedded.url), prefix="none:", read_timeout_s=2)
    assert store.wait_ready(WAIT_S)
    assert store.cache is None
    assert tracking(line) == before
    store.close()


def tracking(line: RedisLine) -> int:
    (said,) = line.run([("INFO", "clients")])
    return int(dict(row.split(":") for row in said.decode().split() if ":" in row)["tracking_clients"])
