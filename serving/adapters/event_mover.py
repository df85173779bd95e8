"""The thread that moves the event log to the archive, as long as the gateway's launcher lives."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from serving.adapters.counting import Counting
from serving.adapters.erasing import Erasing
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_event_log import RedisEventLog
from serving.core.errors import ArchiveUnavailable, Conflict, DataError, NotReady, StoregateError, StoreUnavailable
from serving.core.priority import yield_to_others
from serving.events.erasure import Order
from serving.events.moving import Moved, move

NICE: Final = 10
WAIT_S: Final = 2.0
CLOSE_S_MAX: Final = 30.0
LOOK_S: Final = 1.0
"""How often it is looked whether somebody is to be erased."""
PAUSE_S: Final = 10.0
PAUSE_S_MAX: Final = 300.0
"""Between two tries to erase, twice as long after each failure."""
COMPACT_DAYS: Final = 2
"""The newest days, which most events come to, are looked at after each move; all others once a day."""

_log = logging.getLogger(__name__)
Today = Callable[[], date]


def _today() -> date:
    return datetime.now(UTC).date()


class Moving:
    """Moves all that waits, counts it, erases who is to be erased, and puts small files together. Not thread-safe."""

    def __init__(
        self,
        stream: RedisEventLog,
        archive: ParquetArchive,
        rows_max: int,
        today: Today = _today,
        erasing: Erasing | None = None,
        counting: Counting | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """erasing: None = nobody is erased here. counting: of this archive; None = nothing is counted."""
        self._clock, self._erase_from, self._pause_s = clock, -math.inf, 0.0
        self._stream, self._archive, self._rows_max, self._today = stream, archive, rows_max, today
        self._erasing, self._tidied = erasing, date.min
        self._counting, self._uncounted = counting, ""
        stream.on_taken, archive.before_change = self._forget, stream.hold

    def run(self) -> Moved:
        """What waits now; what comes meanwhile is for the next time. Raises StoreUnavailable, ArchiveUnavailable,
        Conflict, DataError."""
        orders = self._erasing.ripe() if self._erasing is not None and self.erases else []
        total = self._drain()
        counted = self._count()
        if total.events:
            self._tidy()
        if self._erasing is not None and self.erases:
            try:
                total.add(self._erase(self._erasing, orders, counted))
            except Conflict:
                raise
            except Exception:
                self._pause_s = min(max(2 * self._pause_s, PAUSE_S), PAUSE_S_MAX)
                self._erase_from = self._clock() + self._pause_s
                raise
            self._pause_s = 0.0
        return total

    @property
    def erases(self) -> bool:
        """Whether erasures are carried out now: after a failure, which may have read all of the archive, not at once
        again."""
        return self._clock() >= self._erase_from

    def _drain(self) -> Moved:
        total, waiting = Moved(), self._stream.waiting
        while total.entries < waiting and (moved := move(self._stream, self._archive, self._rows_max)).entries:
            total.add(moved)
        return total

    def _erase(self, erasing: Erasing, orders: Sequence[Order], counted: bool) -> Moved:
        """orders: those of before the last drain. Also goes on with what a mover that died has left. counted: whether
        the counters are what the archive says. Raises NotReady as long as they cannot be."""
        if orders:
            self._stream.hold()
            oldest = self._stream.oldest
            erasing.file([one for one in orders if oldest is None or one.cut_ms <= oldest.ms], self._archive)
            counted = self._count()  # the days that were written anew: those of before knew the erased by a hash
        filed = erasing.filed()
        if not filed:
            return Moved()
        if not counted:
            raise NotReady(f"{len(filed)} erasures wait until the counters can be brought up to date")
        self._stream.hold()
        barred = erasing.bar()
        moved = self._drain()
        moved.entries = max(0, moved.entries - (not barred))  # the bar is nobody's
        moved.erased = erasing.complete(filed, barred, self._stream.hold)
        return moved

    def close(self) -> None:
        """What was counted is on the disk."""
        self._counted(lambda counting: counting.close())

    def _forget(self) -> None:
        self._archive.forget()
        if self._counting is not None:
            self._counting.forget()

    def _count(self) -> bool:
        return self._counted(lambda counting: counting.run())

    def _counted(self, work: Callable[[Counting], None]) -> bool:
        """Under the lease; whether it was done. Nothing that is wrong with the counters keeps events from being
        moved."""
        if self._counting is None:
            return True
        try:
            self._stream.hold()
            work(self._counting)
            self._uncounted = ""
            return True
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
        return False

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
        erasing: Erasing | None = None,
        counting: Counting | None = None,
    ) -> None:
        self._stream, self._every_s, self._erasing = stream, every_s, erasing
        self._moving = Moving(stream, archive, rows_max, erasing=erasing, counting=counting)
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
        if self._erasing is not None:
            self._erasing.wait_ready(WAIT_S)
        ending = False
        while not ending:
            ending = self._wait()
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
        if self._erasing is not None:
            self._erasing.close()

    def _wait(self) -> bool:
        """Until it is time to move, sooner when somebody is to be erased; whether to end."""
        until = time.monotonic() + self._every_s
        while (left_s := until - time.monotonic()) > 0:
            if self._closing.wait(min(left_s, LOOK_S)):
                return True
            if self._erasures_wait():
                break
        return self._closing.is_set()

    def _erasures_wait(self) -> bool:
        try:
            return self._erasing is not None and self._moving.erases and self._erasing.waiting > 0
        except StoreUnavailable:
            return False

    def _tell(self, level: int, error: StoregateError) -> None:
        """Once, not every few seconds."""
        if error.message != self._told:
            self._told = error.message
            _log.log(level, "the event log is not moved: %s", error.message)
