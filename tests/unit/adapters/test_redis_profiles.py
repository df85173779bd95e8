"""What profiles in Redis add to the laws: seeding, time to live, key names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import StoreUnavailable
from serving.events.records import RECORD, RECORD_BYTES, encode
from serving.events.types import UserEvent

WAIT_S = 5.0
_numbers = itertools.count()


@pytest.fixture(scope="module", params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("home"), binary=request.param)
    yield RedisServer(embedded.url)
    embedded.close()


def history(users: int) -> list[tuple[str, bytes]]:
    """Users with 0 to 40 records each, by time."""
    random = np.random.default_rng(3)
    made = []
    for user in range(users):
        records = np.zeros(int(random.integers(1, 40)), RECORD)
        records["event"] = random.integers(1, 2**63, len(records))
        records["time_s"] = np.sort(random.integers(1, 2**31, len(records)))
        made.append((f"u:{user}", records.tobytes()))
    return made


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisProfiles]:
    made = RedisProfiles(
        server, prefix=f"p{next(_numbers)}:", records_max=20, ttl_s=1000, read_timeout_s=2, write_timeout_s=2
    )
    assert made.wait_ready(WAIT_S)
    yield made
    made.close()


def test_history_is_seeded_once_a_version(store: RedisProfiles) -> None:
    """The newest records of everybody; progress is told."""
    past, told = history(1200), list[int]()
    assert store.seed("v1", iter(past), told.append) == 1200
    assert told[-1] == 1200
    assert told == sorted(told)
    keys = [key for key, _ in past]
    assert store.fetch(keys, 2.0) == [blob[-20 * RECORD_BYTES :] for _, blob in past]
    assert store.seed("v1", iter(past)) == 0


def test_seeding_keeps_what_is_there_and_repeats_nothing(store: RedisProfiles) -> None:
    """A live event before the seeding stays; a later version brings only what is new."""
    live = UserEvent("live", "home-page-view", "1", "", 2**31 + 5)
    store.append([(live.profile_key, encode(live))], 2.0)
    past = history(3)
    store.seed("v1", past)
    expected = (past[1][1] + encode(live))[-20 * RECORD_BYTES :]
    assert store.fetch(["u:1"], 2.0) == [expected]
    assert store.seed("v2", past) == 3
    assert store.fetch(["u:1"], 2.0) == [expected]
    newer = np.zeros(1, RECORD)
    newer["event"], newer["time_s"] = 99, 2**31 + 9
    store.seed("v3", [("u:1", past[1][1] + newer.tobytes())])
    assert store.fetch(["u:1"], 2.0) == [(expected + newer.tobytes())[-20 * RECORD_BYTES :]]


def test_keys_are_tagged_and_live_as_long_as_set(server: RedisServer) -> None:
    """`PREFIX{u:ID}`, so that a cluster would keep a user in one slot."""
    prefix = f"p{next(_numbers)}:"
    store = RedisProfiles(server, prefix=prefix, ttl_s=1000, read_timeout_s=2, write_timeout_s=2)
    line = RedisLine(server, timeout_s=2.0)
    assert store.wait_ready(WAIT_S)
    assert line.wait_ready(WAIT_S)
    store.append([("u:ada", encode(UserEvent("e", "home-page-view", "ada", "", 5)))], 2.0)
    store.seed("v1", history(1))
    first, second = line.run([("TTL", f"{prefix}{{u:ada}}"), ("TTL", f"{prefix}{{u:0}}")])
    assert 0 < first <= 1000
    assert 0 < second <= 1000
    store.close()
    line.close()


def test_seeding_without_a_server_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.adapters.redis_profiles.SEED_TIMEOUT_S", 0.1)
    store = RedisProfiles(RedisServer(f"unix://{tmp_path}/nothing"))
    with pytest.raises(StoreUnavailable, match="no connection"):
        store.seed("v1", history(1))
    store.close()
