"""SIGUSR2: every replica is replaced by a new one, which runs the code that lies on disk now; calls go on meanwhile."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from serving.core.errors import NotReady
from serving.runtime.parts import Say

SIGNAL = signal.SIGUSR2

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Rollout:
    """What is asked for by the signal, and goes on between two looks. One at a time; one that is asked for meanwhile
    comes next."""

    deploy: Callable[[], None]
    """Tells Ray to replace all replicas; does not wait for it."""
    names: Callable[[], set[str]]
    """Of the replicas that serve."""
    problem: Callable[[], str]
    """Why not all serve yet; empty when they do. Raises NotReady when they never will."""
    patience_s: float
    """After so long a rollout is given up; the replicas that are there serve on."""
    _asked: threading.Event = field(default_factory=threading.Event)
    _old: set[str] = field(default_factory=set)
    _until: float = 0.0

    def ask(self) -> None:
        """The same as the signal."""
        self._asked.set()

    def look(self, say: Say) -> None:
        """Begins what was asked for, or tells how it went; called about once a second."""
        if self._old:
            self._go_on(say)
        elif self._asked.is_set():
            self._asked.clear()
            self._begin(say)

    def _begin(self, say: Say) -> None:
        old = self.names()
        try:
            self.deploy()
        except Exception as error:  # Ray's controller may be away, with any error of Ray's
            log.error("the replicas cannot be replaced: %s", error)
            say("the replicas cannot be replaced now: ask again")
            return
        self._old, self._until = old, time.monotonic() + self.patience_s
        say(f"replacing {len(old)} replicas")

    def _go_on(self, say: Say) -> None:
        left, never = self._old & self.names(), False
        try:
            problem = f"{len(left)} old replicas serve still" if left else self.problem()
        except NotReady as error:
            problem, never = error.message, True
        except Exception as error:  # as above; Ray starts its controller again
            problem = f"Ray does not answer ({error})"
        if problem and not never and time.monotonic() < self._until:
            return
        self._old = set()
        say(f"not all replicas were replaced: {problem}" if problem else "all replicas were replaced")


@contextmanager
def on_signal(rollout: Rollout) -> Iterator[Rollout]:
    """Inside, the signal asks for it. Main thread only."""

    def asked(number: int, frame: FrameType | None) -> None:
        rollout.ask()

    before = signal.signal(SIGNAL, asked)
    try:
        yield rollout
    finally:
        signal.signal(SIGNAL, before)
