"""Users are erased from all that is kept: exactly those, and exactly what came before, whatever dies meanwhile."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from erasures import DAY_S, TIME_S, World, decision, event
from histories_of_people import history, whole

from loadtests.byte_scan import Scan
from loadtests.erasure_kills import kill_movers
from serving.adapters import retrain_files
from serving.adapters.counter_files import CounterFiles
from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.redis_connection import RedisServer
from serving.core.errors import InvalidInput, NotReady, StoreUnavailable
from serving.core.ids import hash64
from serving.events.erasure import EraseUser, Erasure, State
from serving.events.moving import Moved
from serving.events.types import UserEvent

pytestmark = pytest.mark.timeout(120)
_numbers = itertools.count()


class Died(BaseException):
    """A mover's end, at any line of its code."""


@pytest.fixture(scope="module", params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def embedded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"), binary=request.param)
    yield server
    server.close()


@pytest.fixture
def world(embedded: EmbeddedRedis, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, RedisServer(embedded.url), f"erase{next(_numbers)}:")
    yield made
    made.close()


def proof(world: World, user: str = "", visitor: str = "") -> Erasure:
    """The only one."""
    (found,) = world.ledger.of_subject(world.names.subject(f"u:{user}" if user else f"v:{visitor}"))
    return found


def seen_by(world: World) -> set[int]:
    """Hashes of all whom the counters know."""
    files = CounterFiles(world.home / "counters")
    found = [files.read_day(day) for day in files.days()]
    return {who for one in found if one for who in one[1].seen_visitor.tolist()}


def test_profile_and_decisions_are_gone_with_the_answer(world: World) -> None:
    """Also of a replica that holds the profile; of nobody else."""
    world.write(event(1, "ada"), event(2, "ada"), event(3, "bob"))
    world.decisions.put([decision(1, 5.0, "ada"), decision(2, 6.0, "ada", "cookie"), decision(3, 7.0, "bob")])
    found = world.erase("ada", request_id="r")
    assert (found.state, found.profile_records, found.decisions) == (State.RUNNING, 2, 2)
    assert world.store.fetch(["u:ada"], 2.0) == [b""]
    assert len(world.store.fetch(["u:bob"], 2.0)[0]) == 24
    assert [world.decisions.get(f"{number:032x}") is None for number in (1, 2, 3)] == [True, True, False]


def test_what_came_before_goes_and_what_comes_later_stays(world: World) -> None:
    """Of the archive, of what waits, and in the same millisecond; the proof counts it."""
    world.write(event(1, "ada"), event(2, "bob"), event(3, "ada", time_s=1_764_000_000 - 9 * DAY_S))
    world.move()
    untouched = {path: path.read_bytes() for path in (world.home / "events").rglob("*.parquet")}
    world.write(event(4, "ada"), event(5, "bob"))
    first = world.erase("ada")
    world.write(event(6, "ada"))
    second = world.erase("bob")
    world.write(event(7, "ada"), event(7, "bob"))
    assert first.requested_ms <= second.requested_ms
    world.move()
    assert sorted(world.archived()) == [("ada", "", "e6"), ("ada", "", "e7"), ("bob", "", "e7")]
    assert (proof(world, "ada").events, proof(world, "bob").events) == (3, 2)
    assert proof(world, "ada").files == 3
    assert proof(world, "ada").state is State.COMPLETE
    assert proof(world, "ada").left == ()
    assert len(world.store.fetch(["u:ada"], 2.0)[0]) == 2 * 24
    assert not any(path.exists() for path in untouched)


def test_files_without_the_erased_are_not_touched(world: World) -> None:
    world.write(event(1, "ada"), event(2, "bob", time_s=1_764_000_000 - 9 * DAY_S))
    world.move()
    before = {path: path.stat().st_ino for path in (world.home / "events").rglob("*.parquet")}
    world.erase("ada")
    world.move()
    left = {path: path.stat().st_ino for path in (world.home / "events").rglob("*.parquet")}
    assert len(left) == 1
    assert left.items() <= before.items()


def test_nobody_is_an_answer_with_zeros(world: World) -> None:
    found = world.erase("nobody")
    assert (found.profile_records, found.decisions) == (0, 0)
    world.move()
    done = proof(world, "nobody")
    assert (done.state, done.events, done.files, done.history_records) == (State.COMPLETE, 0, 0, 0)


def test_a_request_is_carried_out_once(world: World) -> None:
    """Asked again it tells how far it is, also when it is complete, and what was written since then stays; for somebody
    else it is refused."""
    world.write(event(1, "ada"))
    first = world.erase("ada", request_id="r")
    world.write(event(2, "ada"))
    assert world.erase("ada", request_id="r") == first
    world.move()
    done = world.erase("ada", request_id="r")
    assert (done.state, done.events, done.erasure_id) == (State.COMPLETE, 1, first.erasure_id)
    assert len(world.store.fetch(["u:ada"], 2.0)[0]) == 24
    with pytest.raises(InvalidInput, match="request_id"):
        world.erase("bob", request_id="r")
    assert len(world.ledger.of_subject(first.subject)) == 1


def test_a_visitor_is_erased_and_his_name_taken_from_users_events(world: World) -> None:
    """What was done as a user stays; a logged decision that names him goes."""
    world.write(event(1, visitor="cookie"), event(2, "ada", "cookie"), event(3, "ada", "other"))
    world.decisions.put([decision(1, 5.0, "ada", "cookie"), decision(2, 5.0, "ada")])
    world.move()
    assert world.erase(visitor_id="cookie").decisions == 1
    world.move()
    assert sorted(world.archived()) == [("ada", "", "e2"), ("ada", "other", "e3")]
    assert proof(world, visitor="cookie").events == 2
    world.write(event(2, "ada", "cookie"))  # an event that is told again is known all the same
    world.move()
    assert len(world.archived()) == 2


def test_a_user_is_no_visitor_of_the_same_name(world: World) -> None:
    world.write(event(1, "ada"), event(2, visitor="ada"))
    world.erase("ada")
    world.move()
    assert list(world.archived()) == [("", "ada", "e2")]


def test_decisions_that_were_on_their_way_go_and_later_ones_stay(world: World) -> None:
    found = world.erase("ada")
    cut_s = found.requested_ms / 1000
    world.decisions.put([decision(1, cut_s - 0.5, "ada"), decision(2, cut_s + 0.5, "ada")])
    world.move()
    assert world.decisions.get(f"{1:032x}") is None
    assert world.decisions.get(f"{2:032x}") is not None
    assert proof(world, "ada").decisions == 1


def test_no_byte_of_them_is_left(world: World, embedded: EmbeddedRedis) -> None:
    """In no file and no key, nor in what Redis has only marked as deleted; others wait in the same node."""
    mark, stays = "gone-5f1d9b7c", "stay-5f1d9b7c"
    world.write(event(1, f"{mark}-1"), event(2, stays), event(3, "x", f"{mark}-2"))
    world.decisions.put([decision(1, 5.0, f"{mark}-1"), decision(2, 5.0, stays)])
    world.move()
    world.write(event(4, f"{mark}-1"), event(5, stays))
    home = embedded._folder.parent  # the server's own files are of another home here

    def places(needle: str) -> set[str]:
        scan = Scan([needle.encode()])
        for folder in (world.home, home):
            scan.folder(folder)
        scan.redis(embedded.url)
        scan.stored(home)
        return {place.partition(":")[0].partition("/")[0] for place in scan.places}

    assert {"events", "redis", "the store's file"} <= places(mark)
    world.erase(f"{mark}-1", request_id=f"{mark}-request")
    world.erase(visitor_id=f"{mark}-2")
    world.write(event(6, stays))
    world.move(rows_max=1)
    assert places(mark) == set()
    assert {"events", "redis", "the store's file"} <= places(stays)


def test_no_byte_is_left_while_others_keep_coming(world: World, embedded: EmbeddedRedis) -> None:
    """An entry of the event log is deleted by a mark; its bytes go with its node, which others may stand in."""
    mark = "gone-93ab1c02"
    world.write(event(1, mark))
    world.erase(mark)
    more = itertools.count(2)

    def busy(moving: Any, erasing: Any, archive: Any) -> None:
        whole = archive.put

        def put(span: Any, events: Any) -> int:
            world.write(event(next(more), "stays"))
            return int(whole(span, events))

        archive.put = put

    world.move(before=busy)
    assert world.erasures.waiting == 0
    scan = Scan([mark.encode()])
    scan.redis(embedded.url)
    assert scan.places == {}


def test_a_damaged_file_is_told_and_the_others_are_done(world: World) -> None:
    world.write(event(1, "ada"))
    world.move()
    (damaged,) = (world.home / "events").rglob("*.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    world.write(event(2, "ada", time_s=1_764_000_000 + 9 * DAY_S))
    world.erase("ada")
    world.move()
    done = proof(world, "ada")
    assert done.state is State.COMPLETE
    assert len(done.left) == 1
    assert damaged.name in done.left[0]
    assert done.events == 1
    assert list((world.home / "events").rglob("*.parquet")) == [damaged]


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


def test_a_store_that_refuses_to_write_its_file_is_told_in_the_proof(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server does whose user may not; the rest is done."""
    world.write(event(1, "ada"))
    world.erase("ada")

    def refused(moving: Any, erasing: Any, archive: Any) -> None:
        erasing._store.rewrite = lambda hold: "BGREWRITEAOF is refused by the store (NOPERM)"

    world.move(before=refused)
    assert proof(world, "ada").left == ("BGREWRITEAOF is refused by the store (NOPERM)",)


def test_a_store_whose_streams_cannot_be_cleared_is_told_in_the_proof(world: World) -> None:
    """And its words of being busy are waited out."""
    world.line.run([("CONFIG", "SET", "stream-node-max-bytes", "0")])
    try:
        world.erase("ada")
        world.line.run([("BGREWRITEAOF",)])
        world.move()
    finally:
        world.line.run([("CONFIG", "SET", "stream-node-max-bytes", "4096")])
    (left,) = proof(world, "ada").left
    assert "stream-node-max-bytes 0" in left


def test_snapshots_of_the_store_are_written_anew_too(world: World) -> None:
    """Of a server that keeps some."""
    world.line.run([("CONFIG", "SET", "save", "3600 1")])
    try:
        (before,) = world.line.run([("LASTSAVE",)])
        world.erase("ada")
        world.move()
        assert proof(world, "ada").left == ()
        (facts,) = world.line.run([("INFO", "persistence")])
        assert b"rdb_last_bgsave_status:ok" in facts
        assert world.line.run([("LASTSAVE",)])[0] >= before
    finally:
        world.line.run([("CONFIG", "SET", "save", "")])


def test_a_store_that_is_away_is_an_error_of_each_call(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    world = World(tmp_path, RedisServer(server.url), "away:")
    try:
        server.close()
        with pytest.raises(StoreUnavailable):
            world.erase("ada")
    finally:
        world.close()


def test_many_are_ordered_in_one_go_and_share_a_pass(world: World) -> None:
    """Each file is written once, whoever is in it."""
    world.write(*(event(number, f"user-{number % 50}") for number in range(200)))
    world.move()
    asked = [EraseUser(f"user-{number}", "", f"r{number}") for number in range(40)]
    assert len({one.requested_ms for one in world.erasures.order(asked)}) < 40
    written: list[int] = []

    def counting(moving: Any, erasing: Any, archive: Any) -> None:
        whole = archive.put_instead
        archive.put_instead = lambda day, old, table: (written.append(len(table)), whole(day, old, table))[1]

    world.move(before=counting)
    assert written == [40]
    assert len(world.archived()) == 40


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
