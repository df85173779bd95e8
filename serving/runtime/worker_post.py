"""A worker's process: its seat, the listener that tells how it is, and the note by which others find that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from serving.core.clock import Clock
from serving.engine.telemetry import Family
from serving.runtime.doors import first_free
from serving.runtime.home import announce_worker, home_mark, withdraw
from serving.runtime.metrics import registry
from serving.runtime.worker_parts import Seat, WorkerSpec
from serving.transport.admin_face import admin_app
from serving.transport.http_server import HttpServer

ADMIN_CLOSE_S: Final = 0.5


class Post:
    """All of it when constructed, or nothing: what fails leaves no thread, port or connection behind."""

    def __init__(
        self,
        spec: WorkerSpec,
        settings: Any,
        home: Path,
        name: str,
        admin: tuple[str, Sequence[int]],
        clock: Clock,
        bundles: Callable[[], int],
    ) -> None:
        """name: of this process. admin: host, and ports to be tried in order. bundles: how many are here. Raises what
        building the worker raises, SettingError where no port can be bound, OSError where the home is read-only."""
        self.seat, self._bundles = Seat(spec, settings, clock), bundles
        self._admin: HttpServer | None = None
        self._announced: Path | None = None
        try:
            app = admin_app(self.seat.ready, registry(self._families, self.seat.facts), home_mark(home))
            self._admin = first_free(app, *admin)
            self._admin.start()
            self._announced = announce_worker(home, spec.name, name, admin[0], self._admin.port)
        except BaseException:
            self.close()
            raise

    def withdraw(self) -> None:
        """Nobody finds it any more. Idempotent."""
        if self._announced is not None:
            withdraw(self._announced)

    def _families(self) -> list[Family]:
        told = "Batches of the gateway that are here: computed and waiting."
        return [*self.seat.families(), Family("gauge", "storegate_worker_bundles", told, (), [((), self._bundles())])]

    def close(self) -> None:
        """The worker first: the listener goes on telling. Idempotent."""
        self.withdraw()
        self.seat.close()
        if self._admin is not None:
            self._admin.close(ADMIN_CLOSE_S)
