"""Durable writes: on the server's disk before they are answered, or refused with what to change there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis_servers import SERVERS, WAITED_FOR, server_id

from serving.adapters.embedded_redis import EmbeddedRedis, candidates
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_durability import DURABLE_S
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import NotDurable, StoreUnavailable
from serving.events.records import encode
from serving.events.types import UserEvent

pytestmark = pytest.mark.timeout(120)
WAIT_S = 5.0
RECORD = encode(UserEvent("e1", "add-to-cart", "ada", "", 1_764_000_000, (("mug", 1),)))
WRITE = [("u:ada", RECORD)]
AOF = "appendonlydir/*.incr.aof"

Open = Callable[[str], RedisProfiles]


@pytest.fixture
def open_store() -> Iterator[Open]:
    made: list[RedisProfiles] = []

    def make(url: str) -> RedisProfiles:
        made.append(RedisProfiles(RedisServer(url), read_timeout_s=2, write_timeout_s=2))
        assert made[-1].wait_ready(WAIT_S)
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def waited(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """Syncs every second, and tells when it has."""
    with closing(EmbeddedRedis(tmp_path, binary=WAITED_FOR)) as server:
        yield server


def configure(server: EmbeddedRedis, name: str, value: str) -> None:
    line = RedisLine(RedisServer(server.url), timeout_s=2.0)
    assert line.wait_ready(WAIT_S)
    assert line.run([("CONFIG", "SET", name, value)]) == [b"OK"]
    line.close()


@pytest.mark.parametrize("binary", candidates(), ids=server_id)
def test_a_server_that_cannot_be_waited_for_is_told(binary: Path, tmp_path: Path, open_store: Open) -> None:
    """It syncs every second: the error says what to change; nothing is written."""
    with closing(EmbeddedRedis(tmp_path, binary=binary)) as server:
        store = open_store(server.url)
        with pytest.raises(NotDurable, match="set appendfsync always"):
            store.append(WRITE, 2.0, durable=True)
        assert store.fetch(["u:ada"], 2.0) == [b""]


@pytest.mark.parametrize("binary", SERVERS, ids=server_id)
def test_a_durable_write_survives_the_kill_of_the_server(binary: Path, tmp_path: Path, open_store: Open) -> None:
    with closing(EmbeddedRedis(tmp_path, binary=binary, fsync="always")) as server:
        assert open_store(server.url).append(WRITE, 2.0, durable=True) == [1]
        os.kill(server.pid, signal.SIGKILL)
    with closing(EmbeddedRedis(tmp_path, binary=binary)) as server:
        assert open_store(server.url).fetch(["u:ada"], 2.0) == [RECORD]


def test_a_server_that_syncs_every_second_is_waited_for(
    waited: EmbeddedRedis, tmp_path: Path, open_store: Open
) -> None:
    """When the write is answered its file is synced; a repeated one, which changes nothing, is waited for alike."""
    store = open_store(waited.url)
    for added in ([1], [0]):
        assert store.append(WRITE, 2.0, durable=True) == added
        with closing(RedisLine(RedisServer(waited.url), timeout_s=2.0)) as line:
            assert line.wait_ready(WAIT_S)
            (info,) = line.run([("INFO", "persistence")])
        assert b"aof_pending_bio_fsync:0" in info
    assert any(RECORD in file.read_bytes() for file in tmp_path.rglob(AOF))


def test_what_is_not_on_the_disk_in_time_is_not_acknowledged(waited: EmbeddedRedis, open_store: Open) -> None:
    """A server that leaves syncing to the kernel never says that it has: the write may be kept, and is not promised."""
    configure(waited, "appendfsync", "no")
    store = open_store(waited.url)
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="not on its disk within"):
        store.append(WRITE, 2.0, durable=True)
    assert time.monotonic() - begun >= 0.9 * DURABLE_S - 0.1
    configure(waited, "appendfsync", "everysec")
    assert store.append(WRITE, 2.0, durable=True) == [0]


def test_a_server_without_a_file_is_told(waited: EmbeddedRedis, open_store: Open) -> None:
    configure(waited, "appendonly", "no")
    with pytest.raises(NotDurable, match="set appendonly yes"):
        open_store(waited.url).append(WRITE, 2.0, durable=True)


def test_fast_writes_do_not_wait_for_the_disk(waited: EmbeddedRedis, open_store: Open) -> None:
    """They are answered by a server that would keep a durable one waiting for ever."""
    configure(waited, "appendfsync", "no")
    assert open_store(waited.url).append(WRITE, 2.0) == [1]
