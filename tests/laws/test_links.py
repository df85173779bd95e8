"""A worker on a thread of this process, and in processes of this machine: the laws of every link, and what each has
alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from link_laws import WAIT_S, LinkLaws, World, awaited
from near_worker import near
from small_worker import OTHER, small

from serving.core.clock import SystemClock
from serving.core.errors import WorkerUnavailable
from serving.engine.remote import Bundle, Request
from serving.runtime.aside import NICE
from serving.runtime.worker_params import IDLE
from serving.runtime.worker_thread import AGAIN_S, ThreadLink


class Later(SystemClock):
    """A clock that can be put forward."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


class TestThreadLink(LinkLaws):
    @pytest.fixture(scope="class")
    def world(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
        folder = tmp_path_factory.mktemp("small")
        link = ThreadLink(small(scheduling=IDLE), folder, SystemClock())
        yield World(link, folder)
        link.close()
        assert (folder / "closed").exists()

    def test_it_computes_in_this_process_behind_the_storefront(self, world: World) -> None:
        assert world.ask(b"pid", b"nice") == [str(os.getpid()).encode(), str(NICE).encode()]
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < NICE

    def test_it_is_never_kept_waiting_with_a_lock_that_pages_want(self, world: World) -> None:
        """Whatever its settings say of a deployment of its own: this one is told to be idle."""
        assert world.ask(b"policy") == [str(os.SCHED_OTHER).encode()]

    def test_its_metrics_have_names_of_their_own(self, world: World) -> None:
        """The gateway counts the same calls."""
        world.ask(b"1")
        link = world.link
        assert isinstance(link, ThreadLink)
        names = {family.name for family in link.families()}
        assert "storegate_worker_calls_answered" in names
        assert all(name.startswith("storegate_worker_") for name in names)
        assert link.ready() == (True, "adds")


class TestNearLink(LinkLaws):
    @pytest.fixture(scope="class")
    def world(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
        folder = tmp_path_factory.mktemp("small")
        with near(folder, replicas=2) as there:
            yield World(there.link, folder, 2, there.bundles)
            assert (there.far.first, there.far.again) == ([], [])
        assert (folder / "closed").exists()

    def test_processes_that_come_first_have_the_fewest(self, world: World) -> None:
        """Bundles: while one of two is at work, the other one has the next."""
        with world.held("both"):
            pass
        (world.folder / "one").touch()
        held = world.send(b"hold one")
        awaited(lambda: (world.folder / "one.held").exists(), "it is being computed")
        assert world.ask(b"1 1") == [b"2"]
        (world.folder / "one").unlink()
        assert held.result(WAIT_S) == [b"one"]


def test_a_worker_that_cannot_be_built_says_why_and_is_tried_again(tmp_path: Path) -> None:
    """Not with every call, but when some time has passed."""
    (tmp_path / "no-build").touch()
    clock = Later()
    link = ThreadLink(small(), tmp_path, clock)
    world = World(link, tmp_path)
    link.wait_built(WAIT_S)
    assert not link.ready()[0]
    with pytest.raises(WorkerUnavailable, match="a folder without no-build"):
        world.ask(b"1")
    (tmp_path / "no-build").unlink()
    with pytest.raises(WorkerUnavailable):
        world.ask(b"1")
    clock.ahead_s = AGAIN_S + 1
    assert world.ask(b"1") == [b"1"]
    link.close()


def test_methods_that_are_apart_wait_for_none_of_each_other(tmp_path: Path) -> None:
    """While one is busy for long, the other answers; without it they take turns."""
    for name, apart in (("apart", True), ("together", False)):
        folder = tmp_path / name
        folder.mkdir()
        link = ThreadLink(small(apart=apart), folder, SystemClock())
        with World(link, folder).held("search"):
            other = link.send(Bundle(OTHER, (Request(b"1 2"),)))
            if apart:
                assert other.result(WAIT_S) == [b"3"]
            else:
                assert not other.running()
                assert not other.done()
        assert other.result(WAIT_S) == [b"3"]
        link.close()
        assert (folder / "closed").exists()


def test_one_that_leaves_takes_no_more_calls(tmp_path: Path) -> None:
    """And waits for nobody: a bundle that does not end keeps no process from ending."""
    link = ThreadLink(small(), tmp_path, SystemClock())
    world = World(link, tmp_path)
    with world.held("for-ever"):
        link.close(0.0)
        with pytest.raises(WorkerUnavailable):
            world.ask(b"1")
    awaited(lambda: (tmp_path / "closed").exists(), "it is closed behind the last bundle")
