"""A worker: what computes the calls of some methods beside the gateway, and how it sits in the process it runs in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from serving.core.clock import Clock
from serving.core.turn import not_gone
from serving.engine.calls import Route
from serving.engine.remote import Answers, Bundle, Host
from serving.engine.remote_lane import Sent
from serving.engine.telemetry import Family
from serving.runtime.worker_params import IDLE, WorkerParams
from serving.runtime.worker_params import NICE as NICELY

NICE: Final = 10
"""Of the thread that computes: the storefront's calls go first where both want the same core."""


class Worker(Protocol):
    """Built in the process in which it computes, on a thread that computes."""

    @property
    def routes(self) -> Sequence[Route]:
        """Its methods; `Route.lane` does not matter."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether its calls are answered, and why not; quick, from any thread."""
        ...

    def facts(self) -> dict[str, str]:
        """Label -> value, for the metrics: which release, for example."""
        ...

    def close(self) -> None:
        """Idempotent."""
        ...


@runtime_checkable
class Warming(Protocol):
    """A worker that goes on getting ready when it is there already."""

    def warm(self) -> None:
        """Called once, on a thread that computes, in a process of its own; the first calls wait for it."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What the gateway and the launcher know of a worker."""

    name: str
    build: Callable[[Any], Worker]
    """Settings -> a worker. Importable: Ray sends it by its name."""
    methods: dict[str, Sent]
    """Full gRPC name -> what the gateway has to know of it."""
    params: WorkerParams
    apart: bool = False
    """Whether its methods wait for none of each other: each has a lane and a thread of its own."""

    @property
    def turns(self) -> dict[str, str]:
        """Method -> its turn. What has the same turn is computed one after another."""
        return {method: method if self.apart else self.name for method in self.methods}


class Seat:
    """A worker in this process. Built by whoever then computes with it."""

    def __init__(self, spec: WorkerSpec, settings: Any, clock: Clock) -> None:
        self._spec, self._clock = spec, clock
        self._worker = spec.build(settings)
        try:
            self._host = Host(spec.name, self._worker.routes, clock, spec.turns)
        except BaseException:
            self._worker.close()
            raise

    def run(self, bundle: Bundle, arrived: float, gone: Callable[[], bool] = not_gone) -> Answers:
        """See Host."""
        return self._host.run(bundle, arrived, gone)

    def warm(self) -> None:
        """See Warming."""
        if isinstance(self._worker, Warming):
            self._worker.warm()

    def healthy(self) -> tuple[bool, str]:
        """Whether it goes on; one that does not should be replaced."""
        stalled_s = self._host.stalled_s(self._clock.monotonic())
        if stalled_s <= self._spec.params.call_s_max:
            return True, ""
        return False, f"the worker {self._spec.name} has computed one batch for {stalled_s:.0f} s"

    def ready(self) -> tuple[bool, str]:
        """Whether calls are answered, and why not."""
        healthy, reason = self.healthy()
        return self._worker.ready() if healthy else (False, reason)

    def families(self) -> list[Family]:
        """Its metrics."""
        return self._host.families()

    def facts(self) -> dict[str, str]:
        """As the worker's."""
        return {"worker": self._spec.name} | self._worker.facts()

    def close(self) -> None:
        """Idempotent."""
        self._worker.close()


def stand_aside(scheduling: str = NICELY) -> None:
    """The calling thread, and those that it starts, come after the storefront's: threads of Linux have a nice value
    each, and a policy. Elsewhere nothing changes.

    scheduling: `idle` is for processes that hold no lock a page waits for: a thread of SCHED_IDLE leaves its core to
    whoever wakes in its session (sched(7)), where a niced one runs on to the end of its slice; but it may also be kept
    waiting with the lock of Python in its hands.
    """
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        if scheduling == IDLE:
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
