"""Whatever dies or fails meanwhile, it is gone on with, and proved once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from erasures import DAY_S, TIME_S, World, event, proof
from histories_of_people import history, whole

from loadtests.erasure_kills import kill_movers
from serving.adapters import retrain_files
from serving.adapters.counter_files import CounterFiles
from serving.core.errors import NotReady, StoreUnavailable
from serving.core.ids import hash64
from serving.events.erasure import State
from serving.events.moving import Moved
from serving.events.types import UserEvent

pytestmark = pytest.mark.timeout(120)


class Died(BaseException):
    """A mover's end, at any line of its code."""


def seen_by(world: World) -> set[int]:
    """Hashes of all whom the counters know."""
    files = CounterFiles(world.home / "counters")
    found = [files.read_day(day) for day in files.days()]
    return {who for one in found if one for who in one[1].seen_visitor.tolist()}


STEPS: dict[str, Callable[[Any, Any, Any], tuple[Any, str]]] = {
    "before it is counted": lambda moving, erasing, archive: (erasing._store, "counted"),
    "before anything is written": lambda moving, erasing, archive: (archive, "put_instead"),
    "between the new file and the old": lambda moving, erasing, archive: (archive, "finish"),
    "before late decisions": lambda moving, erasing, archive: (erasing._decisions, "erase"),
    "before it is filed": lambda moving, erasing, archive: (erasing._store, "filed"),
    "before the bar": lambda moving, erasing, archive: (erasing._store, "bar"),
    "before the store's file": lambda moving, erasing, archive: (erasing._store, "rewrite"),
    "before the proof": lambda moving, erasing, archive: (erasing._ledger, "add"),
    "after the proof": lambda moving, erasing, archive: (erasing._store, "complete"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_mover_that_dies_is_gone_on_with(world: World, step: str) -> None:
    """Nothing of the erased is left, nothing of others lost or twice, the counts are right, and there is one proof."""
    world.write(event(1, "ada"), event(2, "ada", time_s=1_764_000_000 - 9 * DAY_S), event(3, "bob"))
    world.move()
    world.write(event(4, "ada"))
    world.erase("ada")
    world.write(event(5, "ada"))

    def dying(*parts: Any) -> None:
        target, name = STEPS[step](*parts)
        whole = getattr(target, name)
        calls = itertools.count()

        def die(*arguments: Any, **options: Any) -> Any:
            if name == "finish" and next(calls) < 2:  # the third is within put_instead
                return whole(*arguments, **options)
            raise Died

        setattr(target, name, die)

    with pytest.raises(Died):
        world.move(before=dying)
    assert proof_states(world) in ([], [State.COMPLETE])
    world.move()
    assert sorted(world.archived().items()) == [(("ada", "", "e5"), 1), (("bob", "", "e3"), 1)]
    assert proof(world, "ada").events == 3
    assert world.erasures.waiting == 0


def proof_states(world: World) -> list[State]:
    return [one.state for one in world.ledger.of_subject(world.names.subject("u:ada"))]


def test_nobody_is_proved_to_be_gone_while_the_counters_know_him(world: World) -> None:
    """Their days are counted anew first; a disk that does not take them puts the proof off, and nothing is lost."""
    views = [
        UserEvent(f"{who}{n}", "detail-page-view", who, "", TIME_S + n, ((f"i{n}", 1),))
        for who in ("ada", "bob")
        for n in range(3)
    ]
    world.write(*views)
    world.move()
    ada, bob = (hash64(f"u:{who}") for who in ("ada", "bob"))
    assert seen_by(world) == {ada, bob}
    asked = world.erase("ada")

    def full(moving: Any, erasing: Any, archive: Any) -> None:
        def fails(*arguments: object) -> None:
            raise OSError(28, "No space left on device")

        moving._counting._files.write_day = fails

    with pytest.raises(NotReady, match="counters"):
        world.move(before=full)
    assert world.ledger.of_subject(asked.subject) == []
    world.move()
    assert proof(world, "ada").events == 3
    assert seen_by(world) == {bob}


def test_counters_that_could_not_be_written_once_are_written_by_the_same_mover(world: World) -> None:
    """It must not take what it has in memory for what is on the disk."""
    world.write(*[UserEvent(f"e{who}", "detail-page-view", who, "", TIME_S, (("mug", 1),)) for who in ("ada", "bob")])
    world.move()
    world.erase("ada")

    def full_once(moving: Any, erasing: Any, archive: Any) -> None:
        moving._clock = itertools.count(0.0, 1000.0).__next__
        write = moving._counting._files.write_day

        def fails(*arguments: object) -> None:
            raise OSError(28, "No space left on device")

        moving._counting._files.write_day = fails
        with pytest.raises(NotReady, match="counters"):
            moving.run()
        moving._counting._files.write_day = write

    world.move(before=full_once)
    assert proof(world, "ada").events == 1
    assert seen_by(world) == {hash64("u:bob")}


def test_a_failed_erasure_is_not_tried_again_at_once(world: World) -> None:
    """It may have read all of the archive: twice as long a pause after each failure."""
    world.write(UserEvent("e", "detail-page-view", "ada", "", TIME_S, (("mug", 1),)))
    world.erase("ada")
    now, tries = [0.0], []

    def look(moving: Any, erasing: Any, archive: Any) -> None:
        def fails(orders: object, archive: object) -> None:
            tries.append(now[0])
            raise StoreUnavailable("away")

        moving._clock, erasing.file = lambda: now[0], fails
        for _ in range(60):
            with suppress(StoreUnavailable):
                moving.run()
            now[0] += 1.0

    world.move(before=look)
    assert tries[:3] == [0.0, 10.0, 30.0]


def test_drafts_of_a_killed_training_go(world: World) -> None:
    """They hold people's events; those of one that runs are told, and go with its end."""
    work = world.home / "retrain" / "work" / "history"
    work.mkdir(parents=True)
    (work / "profiles.npz").write_bytes(b"ada")
    with retrain_files.alone(world.home):
        world.erase("ada")
        world.move()
        assert "training is under way" in str(proof(world, "ada").left)
        assert work.exists()
    world.erase("bob")
    world.move()
    assert proof(world, "bob").left == ()
    assert not work.exists()


def test_an_order_that_has_not_settled_waits(world: World) -> None:
    """A decision of a moment ago may still be on its way to the store."""
    world.erase("ada")

    def unsettled(moving: Any, erasing: Any, archive: Any) -> None:
        erasing._wall = lambda: time.time() - 60.0

    world.move(before=unsettled)
    assert world.erasures.waiting == 1
    world.move()
    assert world.erasures.waiting == 0


def test_an_order_waits_for_what_it_cuts(world: World) -> None:
    """Nobody is proved to be gone while something of him is still to come into the archive."""
    world.write(event(1, "ada"))
    world.erase("ada")

    def moving_nothing(moving: Any, erasing: Any, archive: Any) -> None:
        moving._drain = Moved

    world.move(before=moving_nothing)
    assert world.erasures.waiting == 1
    world.move()
    assert proof(world, "ada").events == 1


def test_killed_movers_leave_nobody_and_lose_nothing(tmp_path: Path) -> None:
    """A few of what `python -m loadtests.erasure --kills` does."""
    found = kill_movers(8, 3, tmp_path)
    assert not found.broken, found
    assert found.erasures > 5
    assert found.written > 100


def test_a_release_that_is_published_meanwhile_is_looked_through_too(world: World) -> None:
    """Between the look at the histories and the proof."""
    history(world.home, "v1", {"u:ada": [1], "u:bob": [2]})
    world.erase("ada")

    def publishing(moving: Any, erasing: Any, archive: Any) -> None:
        filed = erasing._store.filed
        erasing._store.filed = lambda found: (history(world.home, "v2", {"u:ada": [1], "u:bob": [2]}), filed(found))

    world.move(before=publishing)
    assert whole(world.home, "v1").keys() == whole(world.home, "v2").keys() == {"u:bob"}
    assert proof(world, "ada").history_records == 1
