"""The stores that the settings name, opened as they want it: for replicas, the launcher and the command line."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from serving.adapters.counter_files import CounterFiles
from serving.adapters.counting import Counting
from serving.adapters.erasing import Erasing
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.event_mover import EventMover
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_event_log import RedisEventLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.retrain_schedule import RetrainSchedule
from serving.adapters.shop_store import ShopStore
from serving.adapters.token_keys import erasure_key
from serving.events.erasure import Pseudonyms
from serving.runtime.parts import Say
from serving.settings import Settings

DAY_S = 86_400
MOVER_TIMEOUT_S = 5.0
ITEMS_S_MIN = 0.5
"""Least time for a write of many items, which takes longer than one event (`redis.write_timeout_s`)."""
COUNTERS = "counters"
"""Where counters are unless a setting says otherwise."""


def profile_store(settings: Settings, server: RedisServer) -> RedisProfiles:
    """Users' events, kept as the settings want it."""
    return RedisProfiles(
        server,
        prefix=settings.redis.prefix,
        records_max=settings.events.profile_records_max,
        ttl_s=settings.events.ttl_days * 86_400,
        read_timeout_s=settings.recommend.profile_timeout_ms / 1000,
        write_timeout_s=settings.redis.write_timeout_s,
        cache_bytes_max=settings.redis.profile_cache_mib << 20,
        log_max=settings.events.waiting_max,
    )


def catalogue_store(settings: Settings, server: RedisServer) -> RedisCatalogue:
    """Changes of the catalogue."""
    timeout_s = max(ITEMS_S_MIN, settings.redis.write_timeout_s)
    return RedisCatalogue(server, prefix=settings.redis.prefix, timeout_s=timeout_s)


def event_archive(settings: Settings) -> ParquetArchive:
    """Where the event log ends."""
    place = settings.events.archive
    return ParquetArchive(place if "://" in place else settings.home / place)


def event_mover(settings: Settings, server: RedisServer) -> EventMover:
    """What moves the event log there, and erases who is to be erased; it works already."""
    stream, found = RedisEventLog(server, prefix=settings.redis.prefix), settings.events
    archive = event_archive(settings)
    if not found.counters:  # what was counted before is brought up to date by nobody, also not when people are erased
        CounterFiles(settings.home / COUNTERS).forget_people()
    return EventMover(
        stream, archive, found.move_rows_max, found.move_s, user_erasing(settings, server), counting(settings, archive)
    )


def pseudonyms(settings: Settings) -> Pseudonyms:
    """What erasures of this home call people."""
    return Pseudonyms(erasure_key(settings.home))


def user_erasing(settings: Settings, server: RedisServer) -> Erasing:
    """What carries erasures out."""
    store = RedisErasures(server, pseudonyms(settings), prefix=settings.redis.prefix, timeout_s=MOVER_TIMEOUT_S)
    return Erasing(settings.home, store, decision_store(settings, server), ErasureLedger(settings.home))


def counter_files(settings: Settings) -> CounterFiles | None:
    """The folder of the counters; None = there are none."""
    return CounterFiles(settings.home / settings.events.counters) if settings.events.counters else None


def counting(settings: Settings, archive: ParquetArchive) -> Counting | None:
    """What counts the archive for the pipelines."""
    files, found = counter_files(settings), settings.events
    if files is None:
        return None
    return Counting(archive, files, retention_days=found.counters_days, half_life_days=found.counters_half_life_days)


def retrain_schedule(settings: Settings) -> RetrainSchedule:
    """What trains again, as the settings want it; they name the store that runs. No file of settings is read there."""
    command = [sys.executable, "-m", "serving.cli", "retrain", "--background", "--config", os.devnull]
    return RetrainSchedule(settings.home, settings.retrain, command, {**os.environ, **settings.environment()})


def decision_store(settings: Settings, server: RedisServer) -> RedisDecisions:
    """Logged decisions, kept as the settings want it."""
    found = settings.decisions
    return RedisDecisions(
        server,
        prefix=settings.redis.prefix,
        retention_s=found.retention_days * DAY_S,
        kept_max=found.kept_max,
        user_max=found.user_max,
    )


class Backing(ShopStore):
    """The store of these settings, the settings that name it, and what is done beside the replicas on a schedule."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._retraining: RetrainSchedule | None = None
        super().__init__(
            settings.home,
            settings.redis.url,
            lambda server: profile_store(settings, server),
            say,
            fsync=settings.redis.embedded_fsync,
            mover=(lambda server: event_mover(settings, server)) if settings.events.move_s else None,
            names=pseudonyms(settings),
        )
        self.settings = replace(settings, redis=replace(settings.redis, url=self.url))
        if settings.retrain.every_hours:
            self._retraining = retrain_schedule(self.settings)

    def look(self, say: Say) -> None:
        """See Backing of runtime/parts.py."""
        if self._retraining is not None:
            self._retraining.look(say)
        super().look(say)

    def close(self) -> None:
        """Ends a training under way, then the store. Idempotent."""
        if self._retraining is not None:
            self._retraining.close()
        super().close()
