"""The worker that answers PlacementService, wherever it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from serving.adapters.slot_moves import choose_moves
from serving.core.clock import SystemClock
from serving.core.turn import Turn
from serving.decisions.place.calls import PlacementCalls
from serving.decisions.place.service import PlacementService
from serving.engine.calls import Lane, Route
from serving.settings import Settings
from serving.transport import codecs as wire


class PlaceWorker:
    """Needs no models and no store: a request says all there is to know."""

    def __init__(self, settings: Settings) -> None:
        clock = SystemClock()
        self._service = PlacementService(choose_moves)
        self._compiling = threading.Lock()
        self._compiled = False
        calls = PlacementCalls(self._service, clock, settings.workers.place.call_s_max)
        codecs = wire.codecs(clock)
        runs = {
            wire.BATCH_ORDERS: partial(self._run, calls.run_batch),
            wire.PLAN_SLOTTING: partial(self._run, calls.run_slotting),
        }
        self._routes = [
            Route(name, Lane.ENGINE, codec.decode, run, codec.encode, codec.size, codec.encode_json)  # type: ignore[arg-type]  # each its own query
            for name, run in runs.items()
            for codec in [codecs[name]]
        ]

    @property
    def routes(self) -> Sequence[Route]:
        """See Worker."""
        return self._routes

    def ready(self) -> tuple[bool, str]:
        """Always."""
        return True, "plans walks"

    def facts(self) -> dict[str, str]:
        """None beside its name."""
        return {}

    def warm(self) -> None:
        """Compiles what is computed with, for up to a minute where no process has done so before."""
        with self._compiling:
            if not self._compiled:
                self._service.warm()
                self._compiled = True

    def close(self) -> None:
        """Nothing is open."""

    def _run(self, run: Callable[[Sequence[Any], Turn], Sequence[Any]], queries: Sequence[Any], turn: Turn) -> Any:
        """The first call compiles, where nobody has before: a gateway's own process is not kept from starting."""
        self.warm()
        return run(queries, turn)
