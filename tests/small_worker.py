"""A worker whose answers are obvious: it adds numbers up, and does what workers do on bad days when it is told to."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from serving.core.clock import SystemClock
from serving.core.errors import InvalidInput, Overloaded, StoregateError
from serving.core.turn import Turn
from serving.engine.calls import Lane, Route
from serving.engine.remote_lane import Sent
from serving.runtime.worker_params import WorkerParams
from serving.runtime.worker_parts import WorkerSpec
from serving.runtime.worker_post import Post
from serving.runtime.worker_turns import Turns

ADD = "/storegate.test/Add"
NAME = "small"
OTHER = "/storegate.test/Other"
HELD_S_MAX = 30.0


class SmallWorker:
    """Adds up the numbers of a request. settings: a folder, in which it writes down what it has computed."""

    def __init__(self, settings: Path) -> None:
        if (settings / "no-build").exists():
            raise InvalidInput("settings", str(settings), "a folder without no-build")
        self._folder = settings
        self.routes = [Route(name, Lane.ENGINE, self._decode, self._run, str.encode) for name in (ADD, OTHER)]

    def ready(self) -> tuple[bool, str]:
        return True, "adds"

    def facts(self) -> dict[str, str]:
        return {"release": "1"}

    def close(self) -> None:
        (self._folder / "closed").touch()

    def _decode(self, payload: bytes) -> list[str]:
        words = payload.decode().split()
        if not words:
            raise InvalidInput("numbers", "", "at least one")
        return words

    def _run(self, queries: Sequence[list[str]], turn: Turn) -> list[str | StoregateError]:
        with open(self._folder / "computed", "a") as log:
            log.writelines(" ".join(words) + "\n" for words in queries)
        return [self._answer(words, turn) for words in queries]

    def _answer(self, words: list[str], turn: Turn) -> str | StoregateError:
        match words:
            case ["search", name]:  # until nobody waits for it
                (self._folder / f"{name}.held").touch()
                until = time.monotonic() + HELD_S_MAX
                while not turn.gone():
                    assert time.monotonic() < until
                    time.sleep(0.005)
                (self._folder / f"{name}.ended").touch()
                return name
            case ["hold", name]:  # until the file is gone
                (self._folder / f"{name}.held").touch()
                until = time.monotonic() + HELD_S_MAX
                while (self._folder / name).exists():
                    assert time.monotonic() < until
                    time.sleep(0.005)
                return name
            case ["pid"]:
                return str(os.getpid())
            case ["nice"]:
                return str(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
            case ["policy"]:
                return str(os.sched_getscheduler(threading.get_native_id()))
            case ["many", count]:
                return "x" * int(count)
            case ["later"]:
                return Overloaded("come again", 2.5)
            case ["die", *name]:  # always, or once: it takes the file away first
                path = self._folder / "".join(name)
                if not name or path.exists():
                    if name:
                        path.unlink()
                    os.kill(os.getpid(), signal.SIGKILL)
                return "alive"
        return str(sum(int(word) for word in words))


def small(where: str = "deployment", apart: bool = False, **params: Any) -> WorkerSpec:
    methods = {ADD: Sent(repeatable=True), OTHER: Sent(repeatable=True)}
    return WorkerSpec(NAME, SmallWorker, methods, WorkerParams(where=where, **params), apart)


def attend(home: Path, folder: Path, name: str, replicas: int, stay: Connection) -> None:
    """The life of a process of the small worker, without Ray: until the other end of `stay` is closed."""
    spec, clock = small(replicas=replicas), SystemClock()
    turns = Turns(spec, clock)
    post = Post(spec, folder, home, name, ("127.0.0.1", (0,)), clock, turns)
    stay.poll(None)
    post.close(HELD_S_MAX)
