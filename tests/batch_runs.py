"""Batches over a file of users, some of whom have a history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from serving.adapters.batch_job import BlockWorker, create
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.batch import BatchSpec, Operation
from serving.decisions.recommend.batch import options_of
from serving.decisions.recommend.contract import Query

USERS = 150
ASKED = Query(page_size=8, max_per_brand=3, filter="price >= 105")


def profiles_at(url: str) -> RedisProfiles:
    store = RedisProfiles(RedisServer(url), prefix="batch:", read_timeout_s=2, write_timeout_s=2)
    assert store.wait_ready(10)
    return store


def users_file(path: Path, first: int = 0, last: int = USERS, **more: Sequence[object]) -> Path:
    path.parent.mkdir(exist_ok=True)
    ids = [f"u{n}" for n in range(first, last)]
    pq.write_table(
        pa.table({"user_id": ids, "segment": [f"s{n % 3}" for n in range(first, last)], **more}),
        path,
        row_group_size=64,
    )
    return path


def here(make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterable[str]:
    """In this process, one block after the other."""
    worker = make()
    return (worker(number) for number in blocks)


def only(count: int, make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterator[str]:
    """Ends the program after `count` blocks."""
    worker = make()
    for number in blocks[:count]:
        yield worker(number)
    raise KeyboardInterrupt


def output(place: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(place.glob("part-*.parquet"))])


def begun(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path, query: Query = ASKED
) -> Operation:
    source = users_file(tmp_path / "in" / "users.parquet")
    spec = BatchSpec("recommend", str(source), str(tmp_path / "out"), options_of(query))
    return create(around, store, spec, catalogue)
