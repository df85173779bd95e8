"""Where the gateways of this machine bring their bundles to a worker's process themselves.

A call through Ray Serve passes a dozen threads of the gateway and takes milliseconds longer
(`python -m loadtests.workers`) than one over a socket that both have open.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from serving.core.errors import InternalError
from serving.engine.remote import Answers, Bundle
from serving.runtime.wire import JOIN_S, Wire
from serving.runtime.worker_turns import Taken

RUN: Final = "run"
"""(RUN, number, bundle) to the worker; back comes (number, answers), always."""
GONE: Final = "gone"
"""(GONE, number): nobody waits for it any more; what comes back for it does not matter."""
REFUSED: Final = "refused"
"""Instead of answers: it has not begun, and will not."""
LEAVING: Final = None
"""From the worker: no further bundles, please."""
AGAIN_S: Final = 0.1
"""After a visitor who could not be let in, for want of files or threads."""

Take = Callable[[Bundle], Taken]
log = logging.getLogger(__name__)


class Door:
    """A socket in a private folder, open from construction on. Raises OSError, also where its path is too long.

    Its threads have the nice value of who opens it.
    """

    def __init__(self, path: Path, take: Take) -> None:
        self._path, self._take = path, take
        self._guard = threading.Lock()
        """Of the visitors and `_leaving`."""
        self._visitors: set[_Visitor] = set()
        self._leaving = False
        self._closing = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.bind(str(path))
            path.chmod(0o600)
            self._socket.listen()
        except BaseException:
            self._socket.close()
            raise
        self._thread = threading.Thread(target=self._accept, name="storegate-door", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Asks for no further bundles; those on their way are taken, or refused once the threads have ended."""
        with self._guard:
            self._leaving = True
            visitors = tuple(self._visitors)
        for visitor in visitors:
            visitor.wire.say(LEAVING)

    def close(self) -> None:
        """Idempotent. What has been computed is still said."""
        self._path.unlink(missing_ok=True)
        if self._closing.is_set():
            return
        self._closing.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        self._thread.join(JOIN_S)
        self._socket.close()
        with self._guard:
            visitors = tuple(self._visitors)
        for visitor in visitors:
            visitor.wire.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                self._let_in(self._socket.accept()[0])
            except (OSError, RuntimeError) as error:  # RuntimeError: no further thread can be started
                if self._closing.wait(AGAIN_S):
                    return
                log.warning("a gateway could not be let in: %s", error)

    def _let_in(self, end: socket.socket) -> None:
        visitor = _Visitor(end, self._take, self._parted)
        with self._guard:
            self._visitors.add(visitor)
            leaving = self._leaving
        try:
            visitor.wire.start()
        except RuntimeError:
            self._parted(visitor)
            end.close()
            raise
        if leaving:
            visitor.wire.say(LEAVING)

    def _parted(self, visitor: _Visitor) -> None:
        with self._guard:
            self._visitors.discard(visitor)


class _Visitor:
    """A gateway's replica at the door."""

    def __init__(self, end: socket.socket, take: Take, parted: Callable[[_Visitor], None]) -> None:
        self._take, self._parted = take, parted
        self._taken: dict[int, Taken] = {}
        self.wire = Wire(end, "storegate-visitor", self._heard, self._lost)

    def _heard(self, message: tuple[str, int, Bundle] | tuple[str, int]) -> None:
        number = message[1]
        if message[0] == GONE:
            taken = self._taken.get(number)
            if taken is not None:
                taken.call_back()
            return
        try:
            taken = self._taken[number] = self._take(message[2])  # type: ignore[misc]  # that is a RUN
        except RuntimeError:  # the process is on its way out
            self.wire.say((number, REFUSED))
            return
        taken.answers.add_done_callback(partial(self._computed, number))

    def _computed(self, number: int, answers: Future[Answers]) -> None:
        self._taken.pop(number, None)
        try:
            self.wire.say((number, answers.result()))
        except CancelledError:
            self.wire.say((number, REFUSED))
        except BaseException as error:  # `Host.run` never raises an Exception
            log.error("a bundle failed as a whole", exc_info=error)
            self.wire.say((number, InternalError("the worker failed; its log has more")))

    def _lost(self) -> None:
        for taken in tuple(self._taken.values()):
            taken.call_back()
        self._parted(self)
