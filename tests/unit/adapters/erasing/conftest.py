"""A world for each test, on a server of each kind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from erasures import World

from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.redis_connection import RedisServer

_numbers = itertools.count()


@pytest.fixture(scope="module", params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def embedded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"), binary=request.param)
    yield server
    server.close()


@pytest.fixture
def world(embedded: EmbeddedRedis, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, RedisServer(embedded.url), f"erase{next(_numbers)}:")
    yield made
    made.close()
