"""A release, a store with histories, and a catalogue that has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from batch_runs import USERS, profiles_at
from releases import A, release
from worlds import blob, few

from model_repo.publish import publish
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.core.catalogue import Item


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store in which every second user has a history."""
    with closing(EmbeddedRedis(tmp_path_factory.mktemp("redis"))) as server:
        with closing(profiles_at(server.url)) as store:
            known = [
                (f"u:u{n}", blob(("purchase-complete", f"i{n % 40}", 9), ("detail-page-view", f"i{(n + 7) % 40}", 1)))
                for n in range(0, USERS, 2)
            ]
            store.append(known, 2)
        yield server.url


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    publish(home, release(A, "A"), wall_s=1.7e9)
    return home


@pytest.fixture
def around(trained: Path, redis_url: str) -> Surroundings:
    return Surroundings(trained, few(exploration_share=0.2), partial(profiles_at, redis_url), 40, 4096)


@pytest.fixture
def store(trained: Path) -> BatchStore:
    return BatchStore(trained)


@pytest.fixture
def catalogue() -> MemoryCatalogue:
    """An item has been sold out, and another has come, since the release was published."""
    made = MemoryCatalogue()
    made.write([(0, Item("i4", title="A 4", price=200, stock={"north": (0, 0)}))])
    made.write([(0, Item("new", title="New", price=300, currency="GBP"))])
    return made
