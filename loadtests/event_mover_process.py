"""One mover's life, in a process of its own: what event_kills.py kills."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection
from typing import Final

from serving.adapters.event_mover import Moving
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_event_log import RedisEventLog

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
