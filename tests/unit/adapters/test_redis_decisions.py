"""What decisions in Redis add to the laws: every key expires, and records that cannot be read harm nobody."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.adapters.redis_decisions import ORPHAN_S, RedisDecisions
from serving.core.errors import StoreUnavailable
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.record import Decision
from serving.events.contract import Outcome

WAIT_S = 5.0
RETENTION_S = 1000
_numbers = itertools.count()


@pytest.fixture(scope="module", params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("home"), binary=request.param)
    yield RedisServer(embedded.url)
    embedded.close()


@pytest.fixture
def prefix() -> str:
    return f"d{next(_numbers)}:"


@pytest.fixture
def store(server: RedisServer, prefix: str) -> Iterator[RedisDecisions]:
    made = RedisDecisions(server, prefix=prefix, retention_s=RETENTION_S, timeout_s=2.0)
    assert made.wait_ready(WAIT_S)
    yield made
    made.close()


@pytest.fixture
def line(server: RedisServer) -> Iterator[RedisLine]:
    made = RedisLine(server, timeout_s=2.0)
    assert made.wait_ready(WAIT_S)
    yield made
    made.close()


def decision(number: int, user: str = "", visitor: str = "") -> Decision:
    query = Query(user_id=user, visitor_id=visitor, personal=bool(user or visitor))
    return Decision(f"{number:032x}", 1.8e9 + number, query, b"", {}, "r1", {}, 0, ())


def test_every_key_expires(store: RedisDecisions, line: RedisLine, prefix: str) -> None:
    """After the retention nothing is left of anybody; an outcome whose decision never came goes much sooner."""
    store.put([decision(1, user="ada"), decision(2, visitor="v"), decision(3)])
    store.add_outcomes([Outcome(f"{number:032x}", "mug", "detail-page-view", 5) for number in (1, 9)])
    (keys,) = line.run([("KEYS", f"{prefix}*")])
    lives = dict(zip((key.decode() for key in keys), line.run([("TTL", key) for key in keys]), strict=True))
    decisions = {f"{prefix}d:{number:032x}" for number in (1, 2, 3, 9)}
    assert set(lives) == decisions | {f"{prefix}d:recent", f"{prefix}{{u:ada}}:d", f"{prefix}{{v:v}}:d"}
    assert all(0 < live <= RETENTION_S for live in lives.values()), lives
    assert 0 < lives[f"{prefix}d:{9:032x}"] <= ORPHAN_S < lives[f"{prefix}d:{1:032x}"]


@pytest.mark.parametrize("data", [b"", b"\xffnonsense", b"\x01", b"\x01nonsense"])
def test_a_record_that_cannot_be_read_counts_as_forgotten(
    store: RedisDecisions, line: RedisLine, prefix: str, data: bytes
) -> None:
    """Of another version, or damaged: a scan goes on behind it."""
    store.put([decision(1), decision(2)])
    line.run([("HSET", f"{prefix}d:{1:032x}", "decision", data)])
    assert store.get(f"{1:032x}") is None
    assert [each.decision for each in store.scan(0, 2e9)] == [decision(2)]


def test_a_server_without_memory_keeps_nothing_and_says_so(store: RedisDecisions, line: RedisLine) -> None:
    line.run([("CONFIG", "SET", "maxmemory", 1)])
    try:
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            store.put([decision(1)])
        with pytest.raises(StoreUnavailable, match="maxmemory"):
            store.add_outcomes([Outcome(f"{1:032x}", "mug", "detail-page-view", 5)])
    finally:
        line.run([("CONFIG", "SET", "maxmemory", 0)])
    store.put([decision(1)])
    assert store.get(f"{1:032x}") is not None
