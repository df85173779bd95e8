"""A worker's process: its seat, the listener that tells how it is, and the note by which others find that."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from serving.core.clock import Clock
from serving.engine.telemetry import Family
from serving.runtime.doors import first_free
from serving.runtime.home import announce_worker, home_mark, run_folder, withdraw
from serving.runtime.metrics import registry
from serving.runtime.worker_door import Door
from serving.runtime.worker_parts import Seat, WorkerSpec
from serving.runtime.worker_turns import Turns
from serving.transport.admin_face import admin_app
from serving.transport.http_server import HttpServer

ADMIN_CLOSE_S: Final = 0.5

log = logging.getLogger(__name__)


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
        turns: Turns,
    ) -> None:
        """name: of this process. admin: host, and ports to be tried in order. turns: compute what comes in by the door.
        Raises what building the worker raises, SettingError where no port can be bound, OSError where the home is
        read-only."""
        self.seat, self._turns = Seat(spec, settings, clock), turns
        self._door: Door | None = None
        self._admin: HttpServer | None = None
        self._announced: Path | None = None
        try:
            app = admin_app(self.seat.ready, registry(self._families, self.seat.facts), home_mark(home))
            self._admin = first_free(app, *admin)
            self._admin.start()
            door = f"{spec.name}-{name}.sock"
            if not spec.params.elastic:  # Ray counts what it carries, and scales by that
                self._door = self._open(run_folder(home) / door)
            self._announced = announce_worker(
                home, spec.name, name, admin[0], self._admin.port, door if self._door else "", spec.params.replicas
            )
        except BaseException:
            self.close()
            raise

    def withdraw(self) -> None:
        """Nobody finds it any more, and who has found it brings nothing new. Idempotent."""
        if self._announced is not None:
            withdraw(self._announced)
        if self._door is not None:
            self._door.leave()

    def _families(self) -> list[Family]:
        told = "Batches of the gateway that are here: computed and waiting."
        return [
            *self.seat.families(),
            Family("gauge", "storegate_worker_bundles", told, (), [((), self._turns.bundles)]),
        ]

    def close(self, grace_s: float = 0.0) -> None:
        """Lets what is here be computed for so long; the worker ends before the listener, which goes on telling.
        Idempotent."""
        self.withdraw()
        self._turns.drain(grace_s)
        self._turns.close()
        if self._door is not None:
            self._door.close()
        self.seat.close()
        if self._admin is not None:
            self._admin.close(ADMIN_CLOSE_S)

    def _open(self, path: Path) -> Door | None:
        """None = no socket can be there: Ray brings the bundles."""
        try:
            return Door(path, partial(self._turns.take, self.seat))
        except OSError as error:
            log.info("no door at %s: %s", path, error)
            return None
