"""Drivers are started in turn, end in order, and end with who started them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from serving.runtime.batch_driver import Drive, Where, Worker
from serving.runtime.batch_watch import BatchWatch
from serving.runtime.pool_batches import run_in_processes

HERE = Path(__file__).parent


class Queue:
    """Operations that are over once their file says so."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder, self.names = folder, names

    def waiting(self) -> list[str]:
        return [name for name in self.names if not (self.folder / name).exists()]


def watch(folder: Path, work: Callable[..., object], *names: str) -> BatchWatch:
    return BatchWatch(
        Queue(folder, list(names)),
        lambda name: Drive(work, str(folder), name, Where(1)),
        lambda name: folder / f"{name}.log",
    )


def until(look: Callable[[], Any], what: str) -> None:
    for _ in range(600):
        if look():
            return
        threading.Event().wait(0.05)
    raise AssertionError(what)


def test_drivers_work_one_after_the_other_and_end_well(tmp_path: Path) -> None:
    """The oldest first; nothing is said but that they begin: each ends with code 0."""
    said: list[str] = []
    one = watch(tmp_path, note, "a", "b")

    def looked() -> bool:
        one.look(said.append)
        return (tmp_path / "b").exists() and not one.pid

    until(looked, "both are over")
    one.look(said.append)
    one.close()
    assert said == ["batch a begins", "batch b begins"], (tmp_path / "a.log").read_text()


def test_a_driver_that_cannot_work_is_left_alone_for_a_while(tmp_path: Path) -> None:
    """Twice as long after each bad end; the next batch has its turn meanwhile."""
    said: list[str] = []
    now = [0.0]
    queue = Queue(tmp_path, ["a", "b"])
    one = BatchWatch(
        queue,
        lambda name: Drive(broken if name == "a" else note, str(tmp_path), name, Where(1)),
        lambda name: tmp_path / f"{name}.log",
        lambda: now[0],
    )

    def begun(name: str) -> int:
        one.look(said.append)
        return said.count(f"batch {name} begins")

    until(lambda: begun("b") and (tmp_path / "b").exists() and not one.pid, "the other one is over")
    assert begun("a") == 1
    now[0] = 1.9
    assert begun("a") == 1
    now[0] = 2.1
    assert begun("a") == 2
    until(lambda: not one.pid, "it ends again")
    assert begun("a") == 2
    now[0] += 3.9
    assert begun("a") == 2
    now[0] += 0.2
    assert begun("a") == 3
    one.close()


def test_a_driver_that_cannot_be_started_is_told_and_put_off(tmp_path: Path) -> None:
    """Its log cannot be opened; however often, nothing ends but the try."""
    said: list[str] = []
    now = [0.0]
    one = BatchWatch(
        Queue(tmp_path, ["a"]), lambda name: Drive(note, "", name, Where(1)), lambda name: tmp_path, lambda: now[0]
    )
    for _ in range(1100):
        one.look(said.append)
        now[0] += 300.0
    assert one.pid == 0
    assert sum("cannot be begun" in line for line in said) == 1100
    one.look(said.append)
    one.look(said.append)
    assert sum("cannot be begun" in line for line in said) == 1101


def test_a_driver_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    one = watch(tmp_path, wait, "a")
    one.look(lambda text: None)
    until(lambda: (tmp_path / "waits").exists(), "the driver is at work")
    pid = one.pid
    one.close()
    assert not psutil.pid_exists(pid)


def test_a_driver_ends_with_who_started_it(tmp_path: Path) -> None:
    """Also when that is killed, and the driver waits for a block."""
    program = (
        "import sys, threading; sys.path.insert(0, sys.argv[2])\n"
        "import test_batch_watch as t; from pathlib import Path\n"
        "one = t.watch(Path(sys.argv[1]), t.wait, 'a'); one.look(print); print(one.pid, flush=True)\n"
        "threading.Event().wait()"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join((str(HERE), *sys.path))}
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), str(HERE)], stdout=subprocess.PIPE, text=True, env=environ
    )
    assert parent.stdout is not None
    assert parent.stdout.readline().strip() == "batch a begins"
    pid = int(parent.stdout.readline())
    until(lambda: (tmp_path / "waits").exists(), "the driver is at work")
    parent.kill()
    parent.wait()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, "it has ended")


def broken(folder: str, name: str, run: object) -> None:
    raise OSError(28, "No space left on device")


def note(folder: str, name: str, run: object) -> None:
    (Path(folder) / name).touch()


def wait(folder: str, name: str, run: object) -> None:
    (Path(folder) / "waits").touch()
    threading.Event().wait()


class Fragile:
    """Dies at block 3 the first time."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def __call__(self) -> Worker:
        return self.compute

    def compute(self, block: int) -> str:
        (self.folder / f"{block}-{os.getpid()}").touch()
        if block == 3 and len(list(self.folder.glob("3-*"))) == 1:
            os._exit(9)
        return str(block)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_dies_costs_its_block_alone(tmp_path: Path, workers: int) -> None:
    """In processes without Ray; each block is answered once, and only the one that was cut short is begun twice."""
    said = list(run_in_processes(workers, Fragile(str(tmp_path)), range(6)))
    assert sorted(said) == [str(block) for block in range(6)]
    assert [len(list(tmp_path.glob(f"{block}-*"))) for block in range(6)] == [1, 1, 1, 2, 1, 1]
