"""SIGINT and SIGTERM: during a start they end it; afterwards they wake whoever waits to leave."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Leaving(BaseException):
    """Raised in the main thread by a signal that comes while the gateway starts. No Exception: nobody handles it."""


class Departure:
    """Whether, and how often, somebody asked us to leave."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._steady = False

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def steady(self) -> None:
        """The start is over: from now on a signal only sets a flag. Raises Leaving if one came just before."""
        self._steady = True
        self.check()

    def check(self) -> None:
        """Raises Leaving if a signal has come: the one it raised may have been lost in a finaliser."""
        if self._asked.is_set():
            raise Leaving

    def wait(self, timeout_s: float) -> bool:
        """Waits for a signal; whether one came."""
        return self._asked.wait(timeout_s)

    def ask(self) -> None:
        """The same as a signal, from the program."""
        self._asked.set()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        again = self._asked.is_set()
        self._asked.set()
        if not self._steady and not again:
            raise Leaving


@contextmanager
def departure() -> Iterator[Departure]:
    """Installs the handlers, and puts the old ones back. Needs the main thread."""
    leave = Departure()
    before = {number: signal.signal(number, leave.on_signal) for number in SIGNALS}
    unraisable, sys.unraisablehook = sys.unraisablehook, _unless_leaving(sys.unraisablehook)
    try:
        yield leave
    finally:
        leave._steady = True
        sys.unraisablehook = unraisable
        for number, handler in before.items():
            signal.signal(number, handler)


def reinstall(leave: Departure) -> None:
    """Puts our handlers back after a library (Ray) has installed its own."""
    for number in SIGNALS:
        signal.signal(number, leave.on_signal)


def _unless_leaving(hook: Callable[[sys.UnraisableHookArgs], object]) -> Callable[[sys.UnraisableHookArgs], object]:
    """`hook`, but silent about Leaving: Python drops it in a finaliser, `Departure.check` raises it again."""
    return lambda dropped: None if dropped.exc_type is Leaving else hook(dropped)
