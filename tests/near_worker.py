"""Processes of the small worker on this machine, without Ray, and the way to them past it."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from link_laws import awaited
from small_worker import NAME, attend, small

from serving.cli.status import summed
from serving.core.clock import SystemClock
from serving.engine.remote import Answers, Bundle
from serving.runtime.home import workers
from serving.runtime.near_link import NearLink
from serving.runtime.worker_thread import ThreadLink


class Beside:
    """A far way that is a thread of this process; it counts what comes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._link = ThreadLink(small(), folder, SystemClock())
        self.first: list[Bundle] = []
        self.again: list[Bundle] = []

    def send(self, bundle: Bundle) -> Future[Answers]:
        self.first.append(bundle)
        return self._link.send(bundle)

    def send_again(self, bundle: Bundle) -> Future[Answers]:
        self.again.append(bundle)
        return self._link.send(bundle)

    def close(self) -> None:
        self._link.close()


@dataclass
class Near:
    """home: where they announce themselves; folder: in which they write down what they compute."""

    home: Path
    folder: Path
    replicas: int
    far: Beside
    link: NearLink = field(init=False)
    processes: dict[str, tuple[BaseProcess, Connection]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.link = NearLink(NAME, self.home, self.far)

    def enter(self, name: str) -> None:
        """One more process, which is awaited."""
        context = get_context("spawn")
        there, stay = context.Pipe(duplex=False)
        process = context.Process(target=attend, args=(self.home, self.folder, name, self.replicas, there))
        process.start()
        there.close()
        self.processes[name] = (process, stay)
        awaited(lambda: name in [one.name for one in workers(self.home)], "it has announced itself")

    def tell_to_leave(self, name: str) -> None:
        self.processes[name][1].close()

    def kill(self, name: str) -> None:
        process, _ = self.processes[name]
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()

    def bundles(self) -> int:
        """At all processes, computed and waiting."""
        pages = [
            urllib.request.urlopen(f"http://127.0.0.1:{one.admin_port}/metrics", timeout=5).read().decode()
            for one in workers(self.home)
        ]
        return int(sum(summed(page, "storegate_worker_bundles") for page in pages))

    def close(self) -> None:
        self.link.close()
        for process, stay in self.processes.values():
            stay.close()
            process.join()


@contextmanager
def short_home() -> Iterator[Path]:
    """Of which a socket's path has room, wherever the tests run."""
    with TemporaryDirectory(prefix="sg-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def near(folder: Path, replicas: int, count: int | None = None) -> Iterator[Near]:
    """So many processes of a worker that is told to have `replicas`, and the way to them; all of them by default."""
    with short_home() as home:
        world = Near(home, folder, replicas, Beside(folder / "far"))
        try:
            for number in range(replicas if count is None else count):
                world.enter(f"p{number}")
            if count is None:
                awaited(lambda: world.link.near == replicas, "the doors are open")
            yield world
        finally:
            world.close()
