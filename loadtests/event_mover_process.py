"""One mover's life, in a process of its own: what event_kills.py kills."""

from __future__ import annotations

import os
from datetime import date
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from serving.adapters.counter_files import CounterFiles
from serving.adapters.counting import Counting
from serving.adapters.event_mover import Moving
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_event_log import RedisEventLog

PREFIX: Final = "kills:"
WAIT_S: Final = 10.0
TODAY: Final = date(2025, 11, 24)
"""Of the counters: that of the newest event."""
DAYS: Final = 60
HALF_LIFE_DAYS: Final = 14.0


def mover(url: str, archive: str, rows_max: int, started: Connection) -> None:
    """Says that it begins, moves all that waits, and ends the process."""
    stream = RedisEventLog(RedisServer(url), prefix=PREFIX)
    stream.wait_ready(WAIT_S)
    moving = counted(stream, Path(archive), rows_max)
    started.send(True)
    moving.run()
    moving.close()
    os._exit(0)


def counted(stream: RedisEventLog, archive: Path, rows_max: int) -> Moving:
    """What moves to the archive and counts it, into the folder beside it."""
    place = ParquetArchive(archive)
    counting = Counting(
        place, CounterFiles(archive.parent / "counters"), retention_days=DAYS, half_life_days=HALF_LIFE_DAYS,
        today=lambda: TODAY,
    )  # fmt: skip
    return Moving(stream, place, rows_max, counting=counting)
