"""The way to a worker's processes on this machine: over a socket to each, past Ray, which only starts and watches them.

Where one of them is elsewhere, or none has opened its door yet, and for what a process that died has left behind,
Ray carries the bundle: it knows all of them, and waits for new ones.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Protocol

from serving.core.errors import WorkerUnavailable
from serving.engine.remote import Answers, Bundle, Link
from serving.engine.telemetry import Family
from serving.runtime.home import RunningWorker, workers
from serving.runtime.wire import Wire
from serving.runtime.worker_door import GONE, LEAVING, REFUSED, RUN

LOOK_S: Final = 0.5
"""Between two looks at who has come or gone."""
SETTLED_S: Final = 2.0
"""A folder that has not changed for so long has nothing new; a younger one may have changed twice at one time."""
KNOCK_S: Final = 1.0
"""For a door to open."""
DIED: Final = "has died with the call"

log = logging.getLogger(__name__)


class Far(Link, Protocol):
    """The way that always leads there."""

    def send_again(self, bundle: Bundle) -> Future[Answers]:
        """Like `send`, of a bundle whose process has died: it waits for another one, and is not tried a third time."""
        ...


class NearLink:
    """See Link."""

    def __init__(self, worker: str, home: Path, far: Far) -> None:
        self._worker, self._home, self._far = worker, home, far
        self._guard = threading.Lock()
        """Of the doors."""
        self._doors: dict[str, _Way] = {}
        self._wanted = 1
        self._seen = 0
        """The folder's time when nothing in it was new."""
        self._look_again = True
        """Whatever the folder's time is."""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"storegate-near-{worker}", daemon=True)
        self._thread.start()

    @property
    def near(self) -> int:
        """Processes that are reached without Ray; 0 while one of them is elsewhere."""
        return len(self._ways())

    def send(self, bundle: Bundle) -> Future[Answers]:
        """See Link. To the process with the fewest bundles of ours."""
        for way in sorted(self._ways(), key=_Way.rank):
            sent = way.send(bundle)
            if sent is not None:
                return sent
        return self._far.send(bundle)

    def families(self) -> list[Family]:
        """See Telling."""
        told = "Processes of a worker that are reached without Ray; 0 = Ray carries its bundles."
        return [Family("gauge", "storegate_worker_doors", told, ("worker",), [((self._worker,), float(self.near))])]

    def close(self) -> None:
        """See Link."""
        self._closed.set()
        self._thread.join()
        with self._guard:
            ways, self._doors = tuple(self._doors.values()), {}
        for way in ways:
            way.close()
        self._far.close()

    def _ways(self) -> list[_Way]:
        with self._guard:
            ways = [way for way in self._doors.values() if not way.leaving]
        return ways if len(ways) >= self._wanted else []

    def _watch(self) -> None:
        said = ""
        while True:
            try:
                self._look()
            except Exception as error:  # calls go through Ray meanwhile
                self._look_again = True
                if said != str(error):
                    said = str(error)
                    log.error("looking for the worker %s failed", self._worker, exc_info=error)
            if self._closed.wait(LOOK_S):
                return

    def _look(self) -> None:
        """Knocks at doors that are new."""
        folder = self._home / "run"
        try:
            stamp = folder.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if stamp == self._seen and not self._look_again:
            return
        self._look_again = False  # first: a way that is lost while we look is seen next time
        found = [one for one in workers(self._home) if one.worker == self._worker]
        self._wanted = max((one.replicas for one in found), default=1)
        for one in found:
            if one.here and one.door and one.name not in self._doors and not self._knock(folder / one.door, one):
                self._look_again = True
        if time.time_ns() - stamp > SETTLED_S * 1e9:
            self._seen = stamp

    def _knock(self, path: Path, one: RunningWorker) -> bool:
        end = socket.socket(socket.AF_UNIX)
        end.settimeout(KNOCK_S)
        try:
            end.connect(str(path))
            end.settimeout(None)
        except OSError as error:
            log.info("the process %s of the worker %s does not open: %s", one.name, self._worker, error)
            end.close()
            return False
        order = zlib.crc32(f"{os.getpid()} {one.name}".encode())
        name = f"storegate-near-{self._worker}"
        way = _Way(end, name, order, self._refused, lambda way: self._lost(one.name, way))
        try:
            way.start()
        except RuntimeError:  # no further thread can be started
            end.close()
            raise
        with self._guard:
            if not way.leaving:  # it may have gone already
                self._doors[one.name] = way
        return True

    def _lost(self, name: str, way: _Way) -> None:
        """A process has gone. What it had is computed once more where that does no harm."""
        with self._guard:
            left = way.left()
            if self._doors.get(name) is way:
                del self._doors[name]
        self._look_again = True  # its process may be there still
        if left and not self._closed.is_set():
            log.warning("a process of the worker %s has gone with %d batches", self._worker, len(left))
        for sent in left:
            if sent.bundle.repeatable and not self._closed.is_set():
                _follow(sent, self._far.send_again(sent.bundle))
            elif sent.set_running_or_notify_cancel():
                sent.set_exception(WorkerUnavailable(self._worker, "is leaving" if self._closed.is_set() else DIED))

    def _refused(self, sent: _Sent) -> None:
        """It has not begun, so that it may go elsewhere whatever it is."""
        _follow(sent, self._far.send(sent.bundle))


class _Sent(Future[Answers]):
    """Answers to come."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__()
        self.bundle = bundle


class _Way:
    """To one process."""

    def __init__(
        self,
        end: socket.socket,
        name: str,
        order: int,
        refused: Callable[[_Sent], None],
        lost: Callable[[_Way], None],
    ) -> None:
        """order: among those with as many bundles; of each gateway another one, so that they do not choose alike."""
        self.leaving = False
        """No further bundles."""
        self._order, self._refused = order, refused
        self._guard = threading.Lock()
        self._sent: dict[int, _Sent] = {}
        self._numbers = itertools.count()
        self._wire = Wire(end, name, self._heard, lambda: lost(self))

    def start(self) -> None:
        self._wire.start()

    def rank(self) -> tuple[int, int]:
        """Less is better. Bundles that are called back count until the process has said so: one that hangs gets no
        more than its turn."""
        return len(self._sent), self._order

    def send(self, bundle: Bundle) -> Future[Answers] | None:
        """None = it takes none any more."""
        sent = _Sent(bundle)
        with self._guard:
            if self.leaving:
                return None
            number = next(self._numbers)
            self._sent[number] = sent
        self._wire.say((RUN, number, bundle))
        sent.add_done_callback(lambda done: self._done(number, done))
        return sent

    def left(self) -> list[_Sent]:
        """What has not been answered; afterwards nothing is sent any more."""
        with self._guard:
            self.leaving = True
            left = [sent for sent in self._sent.values() if not sent.done()]
            self._sent.clear()
        return left

    def close(self) -> None:
        self._wire.close()

    def _done(self, number: int, sent: Future[Answers]) -> None:
        """Answered, or called back."""
        if sent.cancelled() and number in self._sent:
            self._wire.say((GONE, number))

    def _heard(self, message: tuple[int, Any] | None) -> None:
        if message is LEAVING:
            self.leaving = True
            return
        number, answers = message
        sent = self._sent.pop(number, None)
        if sent is None or sent.done():  # called back
            return
        if answers == REFUSED:
            self._refused(sent)
        elif not sent.set_running_or_notify_cancel():
            return
        elif isinstance(answers, BaseException):
            sent.set_exception(answers)
        else:
            sent.set_result(answers)


def _follow(sent: _Sent, other: Future[Answers]) -> None:
    """What becomes of the one becomes of the other; to call the first back calls the second back."""

    def answered(done: Future[Answers]) -> None:
        if done.cancelled():
            sent.cancel()
        elif sent.set_running_or_notify_cancel():
            error = done.exception()
            if error is None:
                sent.set_result(done.result())
            else:
                sent.set_exception(error)

    other.add_done_callback(answered)
    sent.add_done_callback(lambda first: other.cancel() if first.cancelled() else None)
