"""What holds of the way past Ray alone: who comes, leaves, dies, or is elsewhere. See tests/laws/test_links.py too."""

from __future__ import annotations

import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest
from link_laws import WAIT_S, awaited
from near_worker import Beside, Near, near, short_home
from small_worker import ADD, NAME, small

from serving.core.clock import SystemClock
from serving.core.errors import WorkerUnavailable
from serving.engine.remote import Bundle, Request
from serving.runtime import near_link
from serving.runtime.home import run_folder, workers
from serving.runtime.near_link import SETTLED_S, NearLink
from serving.runtime.worker_post import Post
from serving.runtime.worker_turns import Turns


def bundle(words: str, repeatable: bool = False) -> Bundle:
    return Bundle(ADD, (Request(words.encode()),), repeatable)


def hold(world: Near, name: str, repeatable: bool = False):  # type: ignore[no-untyped-def]
    """A bundle that is being computed until the file is gone."""
    (world.folder / name).touch()
    sent = world.link.send(bundle(f"hold {name}", repeatable))
    awaited(lambda: (world.folder / f"{name}.held").exists(), "it is being computed")
    return sent


def test_as_long_as_not_all_are_here_ray_carries(tmp_path: Path) -> None:
    """Also before anybody has come; a process elsewhere would else be left idle."""
    with near(tmp_path, replicas=2, count=0) as world:
        assert world.link.send(bundle("1 1")).result(WAIT_S) == [b"2"]
        world.enter("one")
        assert world.link.send(bundle("1 2")).result(WAIT_S) == [b"3"]
        assert (world.link.near, len(world.far.first)) == (0, 2)
        world.enter("two")
        awaited(lambda: world.link.near == 2, "both have opened their doors")
        assert world.link.send(bundle("1 3")).result(WAIT_S) == [b"4"]
        assert len(world.far.first) == 2


def test_what_a_dead_process_had_is_computed_once_more_where_that_does_no_harm(tmp_path: Path) -> None:
    """By Ray, which waits for another process; unless nobody waits for it."""
    with near(tmp_path, replicas=1) as world:
        held = hold(world, "busy")
        harmless, harmful, unwanted = (
            world.link.send(bundle(words, repeatable))
            for words, repeatable in (("1 1", True), ("1 2", False), ("1 3", True))
        )
        unwanted.cancel()
        world.kill("p0")
        assert harmless.result(WAIT_S) == [b"2"]
        for sent in (held, harmful):
            with pytest.raises(WorkerUnavailable, match="died"):
                sent.result(WAIT_S)
        assert world.far.again == [bundle("1 1", True)]
        assert "1 2" not in (tmp_path / "computed").read_text() + (tmp_path / "far" / "computed").read_text()
        awaited(lambda: world.link.near == 0, "its door is forgotten")
        assert world.link.send(bundle("1 4")).result(WAIT_S) == [b"5"]
        assert world.far.first == [bundle("1 4")]
        assert workers(world.home) == []
        assert list(run_folder(world.home).glob("*.sock")) == []


def test_what_is_computed_once_more_can_still_be_called_back(tmp_path: Path) -> None:
    with near(tmp_path, replicas=1) as world:
        sent = world.link.send(bundle("search treasure", repeatable=True))
        awaited((tmp_path / "treasure.held").exists, "it searches")
        world.kill("p0")
        awaited((tmp_path / "far" / "treasure.held").exists, "it searches elsewhere")
        assert sent.cancel()
        awaited((tmp_path / "far" / "treasure.ended").exists, "it has ended")


def test_one_that_leaves_answers_what_it_has_and_takes_nothing_new(tmp_path: Path) -> None:
    with near(tmp_path, replicas=1) as world:
        held, behind = hold(world, "busy"), world.link.send(bundle("1 1"))
        world.enter("new")
        awaited(lambda: world.link.near == 2, "a successor is there")
        world.tell_to_leave("p0")
        awaited(lambda: world.link.near == 1, "it has said so")
        assert [world.link.send(bundle(f"2 {more}")).result(WAIT_S) for more in (1, 2, 3)] == [[b"3"], [b"4"], [b"5"]]
        (tmp_path / "busy").unlink()
        assert (held.result(WAIT_S), behind.result(WAIT_S)) == ([b"busy"], [b"2"])
        assert world.far.first == world.far.again == []


def test_what_is_under_way_when_the_gateway_closes_is_told_so(tmp_path: Path) -> None:
    with near(tmp_path, replicas=1) as world:
        held = hold(world, "busy", repeatable=True)
        world.link.close()
        with pytest.raises(WorkerUnavailable, match="leaving"):
            held.result(WAIT_S)
        assert world.far.again == []
        (tmp_path / "busy").unlink()


@pytest.mark.parametrize(
    ("folder", "params"),
    [
        pytest.param("home", {"replicas": 1, "replicas_max": 3}, id="what Ray scales by what it carries"),
        pytest.param("h" * 120, {}, id="a path too long for a socket"),
    ],
)
def test_some_have_no_door(tmp_path: Path, folder: str, params: dict[str, int]) -> None:
    home, spec, clock = tmp_path / folder, small(**params), SystemClock()
    post = Post(spec, tmp_path, home, "p", ("127.0.0.1", (0,)), clock, Turns(spec, clock))
    far = Beside(tmp_path / "far")
    link = NearLink(NAME, home, far)
    try:
        assert [one.door for one in workers(home)] == [""]
        assert link.send(bundle("1 1")).result(WAIT_S) == [b"2"]
        assert len(far.first) == 1
    finally:
        link.close()
        post.close()


def test_only_our_user_can_knock(tmp_path: Path) -> None:
    spec, clock = small(), SystemClock()
    with short_home() as home:
        post = Post(spec, tmp_path, home, "p", ("127.0.0.1", (0,)), clock, Turns(spec, clock))
        try:
            (one,) = workers(home)
            assert stat.S_IMODE((run_folder(home) / one.door).stat().st_mode) == 0o600
        finally:
            post.close()
        assert list(run_folder(home).glob("*.sock")) == []


def test_one_that_hangs_gets_no_more_than_its_turn(tmp_path: Path) -> None:
    """What it does not answer is called back, and counts until it says so."""
    with near(tmp_path, replicas=2) as world:
        pid = int(world.link.send(bundle("pid")).result(WAIT_S)[0])  # type: ignore[arg-type]
        os.kill(pid, signal.SIGSTOP)
        try:
            assert world.link.send(bundle("1 1")).cancel()  # it has the first turn among equals
            assert [world.link.send(bundle("1 2")).result(WAIT_S) for _ in range(5)] == [[b"3"]] * 5
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_way_that_is_lost_while_somebody_looks_is_found_again(tmp_path: Path, monkeypatch) -> None:
    """Its door is open still, and nothing else will change in the folder."""
    spec, clock, real = small(), SystemClock(), time.time_ns
    lost = threading.Event()

    def at_the_end_of_a_look() -> int:
        if not lost.is_set() and link.near:
            lost.set()
            link._doors["p"].close()
            awaited(lambda: link.near == 0, "the way is lost")
        return real() + int(10 * SETTLED_S * 1e9)

    with short_home() as home:
        turns = Turns(spec, clock)
        post = Post(spec, tmp_path, home, "p", ("127.0.0.1", (0,)), clock, turns)
        monkeypatch.setattr(near_link.time, "time_ns", at_the_end_of_a_look)
        link = NearLink(NAME, home, Beside(tmp_path / "far"))
        try:
            awaited(lambda: lost.is_set() and link.near == 1, "the door was knocked at again")
        finally:
            link.close()
            turns.close()
            post.close()


def test_what_a_leaving_process_has_not_begun_goes_elsewhere(tmp_path: Path) -> None:
    """Even what is not repeatable: it was only queued."""
    spec, clock = small(), SystemClock()
    with short_home() as home:
        turns = Turns(spec, clock)
        post = Post(spec, tmp_path, home, "p", ("127.0.0.1", (0,)), clock, turns)
        far = Beside(tmp_path / "far")
        link = NearLink(NAME, home, far)
        try:
            awaited(lambda: link.near == 1, "its door is open")
            (family,) = link.families()
            assert family.rows == [((NAME,), 1.0)]
            turns.close()
            assert link.send(bundle("1 1")).result(WAIT_S) == [b"2"]
            assert far.first == [bundle("1 1")]
        finally:
            link.close()
            post.close()
