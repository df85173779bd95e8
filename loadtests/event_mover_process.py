"""One mover's life, in a process of its own: what event_kills.py and erasure.py kill."""

from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

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


def mover(url: str, archive: str, rows_max: int, started: Connection) -> None:
    """Says that it begins, moves all that waits, and ends the process."""
    stream = RedisEventLog(RedisServer(url), prefix=PREFIX)
    stream.wait_ready(WAIT_S)
    moving = Moving(stream, ParquetArchive(archive), rows_max)
    started.send(True)
    moving.run()
    os._exit(0)


def eraser(url: str, home: str, rows_max: int, started: Connection) -> None:
    """The same, and erases who is to be erased."""
    server = RedisServer(url)
    stream = RedisEventLog(server, prefix=PREFIX)
    erasing = erasing_of(server, Path(home))
    stream.wait_ready(WAIT_S)
    erasing.wait_ready(WAIT_S)
    moving = Moving(stream, ParquetArchive(Path(home) / "events"), rows_max, erasing=erasing)
    started.send(True)
    moving.run()
    os._exit(0)


def erasing_of(server: RedisServer, home: Path) -> Erasing:
    """What carries erasures out for a home; orders need not settle: no decision is on its way."""
    store = RedisErasures(server, Pseudonyms(erasure_key(home)), prefix=PREFIX, timeout_s=5.0)
    decisions = RedisDecisions(server, prefix=PREFIX, timeout_s=5.0)
    return Erasing(home, store, decisions, ErasureLedger(home), wall=lambda: time.time() + SETTLE_S)
