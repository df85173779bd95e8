"""A caller beside the load, who reads the answers."""

from __future__ import annotations

import threading

from loadtests.peers.ask import Asker, NoAnswer, difference
from loadtests.peers.running import Server
from loadtests.peers.servers.ports import HOST
from loadtests.peers.subject import Case, World

PROBE_S = 0.1
"""Pause between an answer and the next question."""


class Probe:
    """Asks beside the load, one question at a time, and compares the answers. A context manager."""

    def __init__(self, server: Server, world: World, case: Case) -> None:
        self._server, self._world, self._case = server, world, case
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="probe", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _ask(self) -> None:
        world, case = self._world, self._case
        with Asker(self._server.peer.wire, HOST, self._server.port) as asker:
            while not self._ended.wait(PROBE_S):
                at = (case.probed * 7919) % len(world.queries)
                case.probed += 1
                try:
                    page, _ = asker.ask(world.queries[at])
                except NoAnswer as error:
                    case.problems.append(str(error))
                else:
                    if wrong := difference(page, world.pages[at]):
                        case.problems.append(wrong)

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
