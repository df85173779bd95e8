"""What batches are computed with, and who starts the processes that work on them."""

from __future__ import annotations

import os
from functools import partial

from serving.adapters.batch_job import drive
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.runtime.batch_driver import Drive, Run, Where
from serving.runtime.batch_watch import BatchWatch
from serving.runtime.process import THREADS
from serving.settings import Settings
from serving.stores import counter_files

WORKER_ENVIRON = (*THREADS, "NUMBA_CACHE_DIR")
BATCH_READ_S = 1.0
"""How long a batch waits for the profiles of a slice; a replica for milliseconds."""
STORE_WAIT_S = 2.0


def batch_surroundings(settings: Settings) -> Surroundings:
    """What the blocks of batches are computed with."""
    found = settings.batch
    files = counter_files(settings)
    return Surroundings(
        settings.home, settings.recommend, partial(batch_profiles, settings), found.block_rows, found.worker_mib,
        files.folder if files else None, settings.price,
    )  # fmt: skip


def batch_profiles(settings: Settings) -> RedisProfiles:
    """Profiles for one that can wait, read by a worker of a batch."""
    server = RedisServer(settings.redis.url, connect_timeout_s=settings.redis.connect_timeout_s)
    store = RedisProfiles(server, prefix=settings.redis.prefix, read_timeout_s=BATCH_READ_S)
    store.wait_ready(STORE_WAIT_S)
    return store


def drive_batch(settings: Settings, name: str, run: Run) -> None:
    """Works on a batch until it is over; in a driver's process."""
    drive(batch_surroundings(settings), BatchStore(settings.home), name, run)


def batch_watch(settings: Settings, ray_address: str) -> BatchWatch:
    """What starts drivers. settings: of the replicas, which name the store. ray_address: "" = without Ray."""
    found, runtime = settings.batch, settings.runtime
    foreign = ray_address not in ("", "local") and runtime.ray_address
    environ = {name: os.environ[name] for name in WORKER_ENVIRON if name in os.environ} if foreign else {}
    where = Where(found.workers, found.worker_cpus, ray_address, runtime.ray_object_store_mib, environ)
    store = BatchStore(settings.home)
    return BatchWatch(store, lambda name: Drive(drive_batch, settings, name, where), store.log)
