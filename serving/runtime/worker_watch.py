"""Tells which workers answer, when it changes. The gateway serves without them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from serving.runtime.home import workers
from serving.runtime.leaving import Departure
from serving.runtime.parts import Say
from serving.runtime.worker_parts import WorkerSpec

POLL_S: Final = 0.1


class WorkerWatch:
    """`look` is called about once a second; one thread."""

    def __init__(self, home: Path, specs: Sequence[WorkerSpec], failed: Callable[[str], str] = lambda name: "") -> None:
        """failed: worker -> why it will not come up, as far as is known."""
        self._home, self._specs, self._failed = home, specs, failed
        self._up: dict[str, int] = {}

    def wait(self, timeout_s: float, leave: Departure, say: Say) -> None:
        """Until every worker has its processes or will not have them, or for so long; tells which have not."""
        until = time.monotonic() + timeout_s
        while (missing := self._missing()) and time.monotonic() < until:
            if all(map(self._failed, missing)):
                break
            leave.check()
            time.sleep(POLL_S)
        self._up = self._count()
        for name in missing:
            why = self._failed(name) or "it takes long"
            say(f"the worker {name} is not up ({why}): its calls are told to come again")

    def problem(self) -> str:
        """Which workers have not got their processes; empty when all have."""
        missing = self._missing()
        return f"workers that are not up: {', '.join(missing)}" if missing else ""

    def look(self, say: Say) -> None:
        """Tells of workers that have come up or gone."""
        found, before = self._count(), self._up
        self._up = found
        for spec in self._specs:
            now, then = found.get(spec.name, 0), before.get(spec.name, 0)
            if now and not then:
                say(f"the worker {spec.name} is up")
            elif then and not now:
                say(f"the worker {spec.name} is gone: Ray starts another one")

    def _count(self) -> dict[str, int]:
        """Worker -> its processes that have announced themselves."""
        found: dict[str, int] = {}
        for running in workers(self._home):
            found[running.worker] = found.get(running.worker, 0) + 1
        return found

    def _missing(self) -> list[str]:
        found = self._count()
        return [spec.name for spec in self._specs if found.get(spec.name, 0) < spec.params.replicas]
