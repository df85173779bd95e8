"""What callers see when Redis is stopped, killed or slow, and that all recovers by itself."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.adapters import redis_connection
from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.catalogue.contract import UpsertItems, Written
from serving.catalogue.follower import Follower
from serving.catalogue.live import LiveCatalogue
from serving.core.catalogue import Item
from serving.core.errors import StoreUnavailable
from serving.core.turn import Turn
from serving.events.records import encode
from serving.events.types import UserEvent

pytestmark = pytest.mark.timeout(60)
WAIT_S = 10.0
CALLS_WHILE_OPEN = 2000
"""At the timeouts below these would take minutes if each of them waited for the server."""
TURN = Turn(now=0.0, wall=1_700_000_000.0, deadline=float("inf"))
EVENT = UserEvent("e1", "home-page-view", "ada", "", 1_700_000_000)


@pytest.fixture(params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def embedded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path, binary=request.param)
    yield server
    server.close()


@pytest.fixture
def profiles(embedded: EmbeddedRedis) -> Iterator[RedisProfiles]:
    store = RedisProfiles(RedisServer(embedded.url), read_timeout_s=0.05, write_timeout_s=0.25)
    assert store.wait_ready(WAIT_S)
    store.append([(EVENT.profile_key, encode(EVENT))], 1.0)
    yield store
    store.close()


class SlowProxy:
    """Passes bytes between TCP and a Unix socket; while `slow` is set, every answer waits for `delay_s`."""

    def __init__(self, target: Path, delay_s: float) -> None:
        self.slow = threading.Event()
        self._closing = threading.Event()
        self._target, self._delay_s = target, delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._target))
            for source, sink, answers in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, sink, answers), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers and self.slow.is_set():
                    self._closing.wait(self._delay_s)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            sink.close()


def eventually(condition: Callable[[], bool]) -> bool:
    """Waits until the condition holds, up to WAIT_S; whether it did."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.01) for _ in range(int(WAIT_S / 0.01)))


def unavailable(store: RedisProfiles) -> str:
    """The cause of the failed fetch."""
    with pytest.raises(StoreUnavailable) as failure:
        store.fetch([EVENT.profile_key], 1.0)
    return failure.value.cause


def test_a_stopped_server_fails_calls_at_once_and_recovers(embedded: EmbeddedRedis, profiles: RedisProfiles) -> None:
    os.kill(embedded.pid, signal.SIGSTOP)
    assert "no answer within 50 ms" in unavailable(profiles)
    assert not profiles.available
    for _ in range(CALLS_WHILE_OPEN):
        assert unavailable(profiles).startswith("redis: ")
    with pytest.raises(StoreUnavailable, match="no answer within 250 ms"):
        profiles.append([(EVENT.profile_key, encode(EVENT))], 1.0)
    for _ in range(CALLS_WHILE_OPEN):
        with pytest.raises(StoreUnavailable):
            profiles.append([(EVENT.profile_key, encode(EVENT))], 1.0)
    os.kill(embedded.pid, signal.SIGCONT)
    assert profiles.wait_ready(WAIT_S)
    assert profiles.fetch([EVENT.profile_key], 1.0) == [encode(EVENT)]
    assert profiles.append([(EVENT.profile_key, encode(EVENT))], 1.0) == [0]


def test_a_killed_server_fails_calls_until_it_is_back(embedded: EmbeddedRedis, profiles: RedisProfiles) -> None:
    os.kill(embedded.pid, signal.SIGKILL)
    os.waitpid(embedded.pid, 0)
    for _ in range(CALLS_WHILE_OPEN):
        unavailable(profiles)
    embedded.revive()
    assert profiles.wait_ready(WAIT_S)
    assert profiles.fetch([EVENT.profile_key], 1.0) == [encode(EVENT)]


def test_an_idle_line_is_renewed_before_anybody_calls(embedded: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart of the server the first call succeeds, because the keeper has seen the old line close."""
    monkeypatch.setattr(redis_connection, "IDLE_CHECK_S", 0.01)
    line = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    assert line.wait_ready(WAIT_S)
    os.kill(embedded.pid, signal.SIGKILL)
    os.waitpid(embedded.pid, 0)
    assert eventually(lambda: not line.available)
    embedded.revive()
    assert line.wait_ready(WAIT_S)
    assert line.run([("PING",)]) == [b"PONG"]
    line.close()


def test_a_server_that_answers_after_a_second_counts_as_away(embedded: EmbeddedRedis) -> None:
    proxy = SlowProxy(embedded.socket, delay_s=1.0)
    store = RedisProfiles(RedisServer(proxy.url), read_timeout_s=0.05, write_timeout_s=0.25)
    try:
        assert store.wait_ready(WAIT_S)
        store.append([(EVENT.profile_key, encode(EVENT))], 1.0)
        proxy.slow.set()
        for _ in range(CALLS_WHILE_OPEN):
            unavailable(store)
        with pytest.raises(StoreUnavailable):
            store.append([(EVENT.profile_key, encode(EVENT))], 1.0)
        proxy.slow.clear()
        assert store.wait_ready(WAIT_S)
        assert store.fetch([EVENT.profile_key], 1.0) == [encode(EVENT)]
    finally:
        store.close()
        proxy.close()


def test_a_caller_in_a_hurry_does_not_cut_the_line_for_others(embedded: EmbeddedRedis) -> None:
    """Its late reply is skipped by the next caller, who gets an answer of its own."""
    proxy = SlowProxy(embedded.socket, delay_s=0.1)
    line = RedisLine(RedisServer(proxy.url), timeout_s=5.0)
    try:
        assert line.wait_ready(WAIT_S)
        proxy.slow.set()
        for word in ("one", "two"):
            with pytest.raises(StoreUnavailable, match="no answer within 1 ms"):
                line.run([("ECHO", word), ("ECHO", word)], 0.001)
        assert line.available
        assert line.run([("ECHO", "three"), ("NONSENSE",), ("ECHO", "four")], 5.0)[::2] == [b"three", b"four"]
        with pytest.raises(StoreUnavailable, match="no time left"):
            line.run([("PING",)], 0.0)
    finally:
        line.close()
        proxy.close()


def test_scripts_that_the_server_forgot_are_loaded_again(embedded: EmbeddedRedis, profiles: RedisProfiles) -> None:
    line = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    assert line.wait_ready(WAIT_S)
    line.run([("SCRIPT", "FLUSH")])
    line.close()
    other = UserEvent("e2", "home-page-view", "ada", "", 1_700_000_001)
    assert profiles.append([(other.profile_key, encode(other)), (EVENT.profile_key, encode(EVENT))], 1.0) == [1, 0]


def test_a_server_without_memory_refuses_writes_and_still_reads(
    embedded: EmbeddedRedis, profiles: RedisProfiles
) -> None:
    line = RedisLine(RedisServer(embedded.url), timeout_s=2.0)
    assert line.wait_ready(WAIT_S)
    line.run([("CONFIG", "SET", "maxmemory", 1)])
    other = UserEvent("e2", "home-page-view", "ada", "", 1_700_000_001)
    with pytest.raises(StoreUnavailable, match="maxmemory"):
        profiles.append([(other.profile_key, encode(other))], 1.0)
    assert profiles.fetch([EVENT.profile_key], 1.0) == [encode(EVENT)]
    line.run([("CONFIG", "SET", "maxmemory", 0)])
    line.close()
    assert profiles.append([(other.profile_key, encode(other))], 1.0) == [1]


def test_a_server_that_is_down_at_the_start_is_found_later(tmp_path: Path) -> None:
    store = RedisProfiles(RedisServer(f"unix://{tmp_path}/redis/redis.sock"), read_timeout_s=0.05)
    try:
        unavailable(store)
        embedded = EmbeddedRedis(tmp_path)
        assert store.wait_ready(WAIT_S)
        assert store.fetch(["u:ada"], 1.0) == [b""]
        embedded.close()
    finally:
        store.close()


def test_the_catalogue_reads_on_and_catches_up_after_an_outage(embedded: EmbeddedRedis) -> None:
    """Two replicas; the server is stopped, both answer from memory and refuse writes, then all is well again."""
    stores = [RedisCatalogue(RedisServer(embedded.url), timeout_s=0.1, follow_timeout_s=0.4) for _ in range(2)]
    replicas = [LiveCatalogue(store, [Item("mug", title="Mug")], ["mug"]) for store in stores]
    followers = [Follower(replica) for replica in replicas]
    try:
        assert all(follower.start(WAIT_S) for follower in followers)
        os.kill(embedded.pid, signal.SIGSTOP)
        (refused,) = replicas[0].run_write([UpsertItems((Item("cup"),))], TURN)
        assert isinstance(refused, StoreUnavailable)
        assert [replica.known("mug") for replica in replicas] == [True, True]
        os.kill(embedded.pid, signal.SIGCONT)
        assert stores[0].wait_ready(WAIT_S)
        (written,) = replicas[0].run_write([UpsertItems((Item("cup"),))], TURN)
        assert isinstance(written, Written)
        assert replicas[0].known("cup")
        assert eventually(lambda: replicas[1].known("cup"))
    finally:
        for follower, store in zip(followers, stores, strict=True):
            follower.close()
            store.close()
