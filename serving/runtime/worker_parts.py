"""A worker: what computes the calls of some methods beside the gateway, and how it sits in the process it runs in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from serving.core.clock import Clock
from serving.core.turn import not_gone
from serving.engine.calls import Route
from serving.engine.remote import Answers, Bundle, Host
from serving.engine.remote_lane import Sent
from serving.engine.telemetry import Family
from serving.runtime.worker_params import WorkerParams


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
