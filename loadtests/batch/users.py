"""Users of a batch: those of the demo store again and again, each with a name and a profile of his own, seeded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from loadtests.batch.asked import Say
from loadtests.ids import HISTORY_FILE, USER_PREFIX
from serving.adapters.model_loader import load
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.errors import NotReady
from serving.events.history import read_history
from serving.features import FEATURES

SEED_BATCH = 500
STORE_S = 30.0


def users_file(path: Path, users: int, seed: int) -> None:
    """One column, in portions: memory does not grow with the number of users."""
    rng = np.random.default_rng(seed)
    step = 1_000_000
    with pq.ParquetWriter(path, pa.schema([("user_id", pa.string())])) as out:
        for first in range(0, users, step):
            numbers = rng.permutation(np.arange(first, min(first + step, users)))
            out.write_table(pa.table({"user_id": [f"B{number:08d}" for number in numbers]}), row_group_size=step)


def profiles_of(home: Path, count: int) -> Iterator[tuple[str, bytes]]:
    """(key, records) of so many users: those of the history again and again."""
    history = load(home, FEATURES).history_dir / HISTORY_FILE
    blobs = [blob for _, blob in read_history(history) if blob]
    for number in range(count):
        yield f"{USER_PREFIX}B{number:08d}", blobs[number % len(blobs)]


def seed_profiles(home: Path, count: int, say: Say) -> None:
    """Into the embedded store of a gateway that runs on this home."""
    store = RedisProfiles(RedisServer(f"unix://{home}/redis/redis.sock"), write_timeout_s=STORE_S)
    try:
        if not store.wait_ready(STORE_S):
            raise NotReady("the embedded redis of the gateway does not answer")
        rows, done = profiles_of(home, count), 0
        while portion := list(islice(rows, SEED_BATCH)):
            store.append(portion, STORE_S)
            done += len(portion)
            if done % 100_000 < SEED_BATCH:
                say(f"{done:,} of {count:,} profiles")
    finally:
        store.close()
