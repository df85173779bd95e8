"""Who starts and who is told that workers come and go."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from small_worker import NAME, small

from serving.runtime.home import announce_worker, withdraw
from serving.runtime.leaving import Departure
from serving.runtime.worker_watch import WorkerWatch


def test_what_is_missing_is_told_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    """One of two processes is up: the worker is named, when the time is over."""
    announce_worker(tmp_path, NAME, "w1", "127.0.0.1", 1)
    said: list[str] = []
    watch = WorkerWatch(tmp_path, [small(replicas=2)])
    watch.wait(0.0, Departure(), said.append)
    assert len(said) == 1
    assert NAME in said[0]
    announce_worker(tmp_path, NAME, "w2", "127.0.0.1", 2)
    said.clear()
    watch.wait(60.0, Departure(), said.append)
    assert said == []


def test_a_worker_that_goes_and_comes_back_is_told_once_each(tmp_path: Path) -> None:
    """Not when one of several processes is replaced."""
    said: list[str] = []
    other = dataclasses.replace(small(), name="other")
    watch = WorkerWatch(tmp_path, [small(), other])
    watch.look(said.append)
    assert said == []
    first = announce_worker(tmp_path, NAME, "w1", "127.0.0.1", 1)
    watch.look(said.append)
    second = announce_worker(tmp_path, NAME, "w2", "127.0.0.1", 2)
    withdraw(first)
    watch.look(said.append)
    assert said == [f"the worker {NAME} is up"]
    withdraw(second)
    watch.look(said.append)
    watch.look(said.append)
    assert said[1:] == [f"the worker {NAME} is gone: Ray starts another one"]


def test_a_worker_that_will_not_come_is_not_waited_for(tmp_path: Path) -> None:
    """Ray has given it up: the cause is told at once."""
    said: list[str] = []
    watch = WorkerWatch(tmp_path, [small()], lambda name: "no module named x")
    watch.wait(1e6, Departure(), said.append)
    assert len(said) == 1
    assert "no module named x" in said[0]
    assert NAME in watch.problem()
