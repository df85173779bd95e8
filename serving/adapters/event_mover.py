"""The thread that moves the event log to the archive, as long as the gateway's launcher lives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from serving.adapters.counting import Counting
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_event_log import RedisEventLog
from serving.core.errors import ArchiveUnavailable, Conflict, DataError, StoregateError
from serving.core.priority import yield_to_others
from serving.events.moving import Moved, move

NICE: Final = 10
WAIT_S: Final = 2.0
CLOSE_S_MAX: Final = 30.0
COMPACT_DAYS: Final = 2
"""The newest days, which most events come to, are looked at after each move; all others once a day."""

_log = logging.getLogger(__name__)
Today = Callable[[], date]


def _today() -> date:
    return datetime.now(UTC).date()


class Moving:
    """Moves all that waits, and puts small files together. Not thread-safe."""

    def __init__(
        self,
        stream: RedisEventLog,
        archive: ParquetArchive,
        rows_max: int,
        today: Today = _today,
        counting: Counting | None = None,
    ) -> None:
        """counting: of this archive; None = nothing is counted."""
        self._stream, self._archive, self._rows_max, self._today = stream, archive, rows_max, today
        self._counting, self._uncounted = counting, ""
        self._tidied = date.min
        stream.on_taken, archive.before_change = self._forget, stream.hold

    def run(self) -> Moved:
        """What waits now; what comes meanwhile is for the next time. Raises StoreUnavailable, ArchiveUnavailable,
        Conflict."""
        total, waiting = Moved(), self._stream.waiting
        while total.entries < waiting and (moved := move(self._stream, self._archive, self._rows_max)).entries:
            total.add(moved)
        self._count()
        if total.events:
            self._tidy()
        return total

    def close(self) -> None:
        """What was counted is on the disk."""
        self._counted(lambda counting: counting.close())

    def _forget(self) -> None:
        self._archive.forget()
        if self._counting is not None:
            self._counting.forget()

    def _count(self) -> None:
        self._counted(lambda counting: counting.run())

    def _counted(self, work: Callable[[Counting], None]) -> None:
        """Under the lease. Nothing that is wrong with the counters keeps events from being moved."""
        if self._counting is None:
            return
        try:
            self._stream.hold()
            work(self._counting)
            self._uncounted = ""
        except (OSError, ArchiveUnavailable) as error:
            if str(error) != self._uncounted:  # once, not every few seconds
                self._uncounted = str(error)
                _log.warning("the counters are not brought up to date: %s", error)
        except StoregateError:  # of the lease
            raise
        except Exception as error:  # a defect here must not keep files from being put together
            if str(error) != self._uncounted:
                self._uncounted = str(error)
                _log.exception("the counters are not brought up to date")

    def _tidy(self) -> None:
        today = self._today()
        recent = {today - timedelta(days=back) for back in range(COMPACT_DAYS)}
        for day in self._archive.days():
            if day in recent or self._tidied != today:
                try:
                    self._compact(day)
                except DataError as error:  # the other days can be put together all the same
                    _log.error("the files of %s are left as they are: %s", day, error.message)
        self._tidied = today

    def _compact(self, day: date) -> None:
        before = self._archive.files(day) if self._counting is not None else []
        if self._archive.compact(day):
            self._counted(lambda counting: counting.compacted(day, before, self._archive.files(day)))


class EventMover:
    """Works from construction on, every `every_s` seconds and once more at the end."""

    def __init__(
        self,
        stream: RedisEventLog,
        archive: ParquetArchive,
        rows_max: int,
        every_s: float,
        counting: Counting | None = None,
    ) -> None:
        self._stream, self._every_s = stream, every_s
        self._moving = Moving(stream, archive, rows_max, counting=counting)
        self._closing = threading.Event()
        self._told = ""
        self._thread = threading.Thread(target=self._work, name="event-mover", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Moves what waits, then ends; an archive that does not answer is not waited for. Idempotent."""
        self._closing.set()
        self._thread.join(CLOSE_S_MAX)

    def _work(self) -> None:
        yield_to_others(NICE)
        self._stream.wait_ready(WAIT_S)
        ending = False
        while not ending:
            ending = self._closing.wait(self._every_s)
            try:
                self._moving.run()
                self._told = ""
            except Conflict as error:
                self._tell(logging.INFO, error)
            except StoregateError as error:  # it waits in the store until this is mended
                self._tell(logging.WARNING, error)
            except Exception:
                _log.exception("the event log was not moved")
        try:
            self._moving.close()
        except StoregateError as error:  # what was not written is counted again
            self._tell(logging.INFO, error)
        self._stream.close()

    def _tell(self, level: int, error: StoregateError) -> None:
        """Once, not every few seconds."""
        if error.message != self._told:
            self._told = error.message
            _log.log(level, "the event log is not moved: %s", error.message)
