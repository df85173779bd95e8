"""Users are erased from all that is kept: exactly those, and exactly what came before."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from erasures import DAY_S, World, decision, event, proof

from loadtests.byte_scan import Scan
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.core.errors import InvalidInput
from serving.events.erasure import EraseUser, State

pytestmark = pytest.mark.timeout(120)


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
