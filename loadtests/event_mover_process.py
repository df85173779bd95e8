"""One mover's life, in a process of its own: what event_kills.py and erasure.py kill."""

from __future__ import annotations

import os
import time
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from serving.adapters.counter_files import CounterFiles
from serving.adapters.counting import Counting
from serving.adapters.erasing import SETTLE_S, Erasing
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.event_mover import Moving
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_erasures import RedisErasures
from serving.adapters.redis_event_log import RedisEventLog
from serving.adapters.token_keys import erasure_key
from serving.events.erasure import Pseudonyms

PREFIX: Final = "kills:"
WAIT_S: Final = 10.0
TODAY: Final = date(2025, 11, 24)
"""Of the counters: that of the newest event."""
DAYS: Final = 60
HALF_LIFE_DAYS: Final = 14.0


def mover(url: str, archive: str, counters: str, rows_max: int, started: Connection) -> None:
    """Says that it begins, moves all that waits, and ends the process."""
    stream = RedisEventLog(RedisServer(url), prefix=PREFIX)
    stream.wait_ready(WAIT_S)
    place = ParquetArchive(archive)
    moving = Moving(stream, place, rows_max, counting=counting_of(place, Path(counters)))
    started.send(True)
    moving.run()
    moving.close()
    os._exit(0)


def eraser(url: str, home: str, rows_max: int, started: Connection) -> None:
    """The same, and erases who is to be erased."""
    server = RedisServer(url)
    stream = RedisEventLog(server, prefix=PREFIX)
    erasing = erasing_of(server, Path(home))
    stream.wait_ready(WAIT_S)
    erasing.wait_ready(WAIT_S)
    place = ParquetArchive(Path(home) / "events")
    moving = Moving(stream, place, rows_max, erasing=erasing, counting=counting_of(place, Path(home) / "counters"))
    started.send(True)
    moving.run()
    moving.close()
    os._exit(0)


def erasing_of(server: RedisServer, home: Path) -> Erasing:
    """What carries erasures out for a home; orders need not settle: no decision is on its way."""
    store = RedisErasures(server, Pseudonyms(erasure_key(home)), prefix=PREFIX, timeout_s=5.0)
    decisions = RedisDecisions(server, prefix=PREFIX, timeout_s=5.0)
    return Erasing(home, store, decisions, ErasureLedger(home), wall=lambda: time.time() + SETTLE_S)


def counting_of(archive: ParquetArchive, folder: Path) -> Counting:
    """What counts the archive, into the folder."""
    files = CounterFiles(folder)
    return Counting(archive, files, retention_days=DAYS, half_life_days=HALF_LIFE_DAYS, today=lambda: TODAY)
