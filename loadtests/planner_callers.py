"""Callers of plans, in a process of their own.

They stand for other machines: they hold no lock that a caller of pages waits for, and can be kept off its core.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Final

import grpc

from loadtests.planner_calls import Ask
from serving.runtime.aside import stand_aside

CHANNEL: Final = [("grpc.use_local_subchannel_pool", 1)]
PLAN_S: Final = 60.0
START_S_MAX: Final = 60.0
END_S_MAX: Final = PLAN_S + 10.0
REFUSED_S: Final = 0.1
"""Between two calls of one that is refused: it does not ask in a tight loop."""


class Planners(AbstractContextManager["Planners"]):
    """Callers at work inside, each with one kind of plan again and again. After it: `plans` by kind, and `failed`."""

    def __init__(self, target: str, kinds: Sequence[Ask], count: int, cores: Sequence[int] = ()) -> None:
        """cores: that they use, none = those of the calling thread. Returns when they ask. Raises RuntimeError or
        EOFError when their process does not come up."""
        self.plans: Counter[str] = Counter()
        self.failed: list[str] = []
        spawn = get_context("spawn")
        self._ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_ask, args=(theirs, target, kinds, count, cores), daemon=True)
        self._process.start()
        theirs.close()
        self._told(START_S_MAX)

    def __exit__(self, *_: object) -> None:
        """Lets each finish the plan it waits for, so that nothing is searched afterwards."""
        try:
            self._ours.send(None)
            self.plans, self.failed = self._told(END_S_MAX)
        finally:
            self._process.terminate()
            self._process.join()
            self._ours.close()

    def _told(self, within_s: float) -> tuple[Counter[str], list[str]]:
        if not self._ours.poll(within_s):
            self._process.kill()
            raise RuntimeError(f"the process of the callers of plans says nothing within {within_s:g} s")
        plans, failed = self._ours.recv()
        return plans, failed


def _ask(theirs: Connection, target: str, kinds: Sequence[Ask], count: int, cores: Sequence[int]) -> None:
    """In that process."""
    stand_aside()
    if cores:
        os.sched_setaffinity(0, cores)
    enough, plans, failed = threading.Event(), Counter[str](), list[str]()
    each = [kinds[number % len(kinds)] for number in range(count)]
    threads = [threading.Thread(target=_repeat, args=(target, kind, enough, plans, failed)) for kind in each]
    for thread in threads:
        thread.start()
    theirs.send((plans, failed))
    try:
        theirs.recv()
    finally:  # also when who has started us is gone
        enough.set()
        for thread in threads:
            thread.join()
    theirs.send((plans, failed))


def _repeat(target: str, kind: Ask, enough: threading.Event, plans: Counter[str], failed: list[str]) -> None:
    """Once or more."""
    with grpc.insecure_channel(target, options=CHANNEL) as channel:
        while True:
            try:
                planned(channel, kind, PLAN_S)
                plans[kind.name] += 1
            except grpc.RpcError as error:
                failed.append(f"{kind.name}: {error.code().name}: {error.details()}")
                enough.wait(REFUSED_S)
            if enough.is_set():
                return


def planned(channel: grpc.Channel, kind: Ask, timeout_s: float) -> bytes:
    """The last answer to one call. Raises grpc.RpcError."""
    if not kind.stream:
        answer: bytes = channel.unary_unary(kind.method)(kind.payload, timeout=timeout_s)
        return answer
    (*_, last) = channel.unary_stream(kind.method)(kind.payload, timeout=timeout_s)
    return bytes(last)
