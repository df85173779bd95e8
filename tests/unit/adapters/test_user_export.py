"""An export tells all that is stored of somebody, once, while the mover works; and of nobody else."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from erasures import DAY_S, TIME_S, TURN, World, decision, event

from serving.adapters import user_export
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.redis_connection import RedisServer
from serving.core.errors import DataError
from serving.core.ids import hash64
from serving.decisions.recommend.record import Logged
from serving.events.contract import Outcome
from serving.events.erasure import Erasure
from serving.events.export import ExportedEvent, ExportUser, ProfileRecord, Told

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    yield RedisServer(embedded.url)
    embedded.close()


@pytest.fixture
def world(server: RedisServer, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, server, f"export{next(_numbers)}:")
    yield made
    made.close()


def events(told: list[Told]) -> list[str]:
    return [one.logged.event.event_id for one in told if isinstance(one, ExportedEvent)]


def test_everything_is_told_once(world: World) -> None:
    """Profile, events of the archive and those that wait, decisions with their outcomes, erasures."""
    world.write(event(1, "ada"))
    world.erase("ada")
    world.move()
    world.write(event(2, "ada", "cookie"), event(3, "ada", time_s=TIME_S - 9 * DAY_S), event(4, "bob"))
    world.move()
    world.write(event(5, "ada"), event(6, visitor="ada"))
    world.decisions.put([decision(1, 7.0, "ada"), decision(2, 6.0, "bob")])
    world.decisions.add_outcomes([Outcome(f"{1:032x}", "mug", "add-to-cart", TIME_S)])
    told = world.export("ada")
    kinds = [type(one) for one in told]
    assert kinds == [ProfileRecord] * 3 + [ExportedEvent] * 3 + [Logged, Erasure]
    assert sorted(events(told)) == ["e2", "e3", "e5"]
    assert {one.item_id for one in told if isinstance(one, ProfileRecord)} == {f"#{hash64('mug')}"}
    (logged,) = (one for one in told if isinstance(one, Logged))
    assert [outcome.event_type for outcome in logged.outcomes] == ["add-to-cart"]
    assert events(world.export(visitor_id="ada")) == ["e6"]
    assert world.export("nobody") == []


def test_a_page_ends_when_its_time_is_up(world: World) -> None:
    """After a day of the archive at least: a caller who asks on gets to the end, whatever each page could do."""
    for back in range(6):
        world.write(event(back, "ada" if back % 2 else "bob", time_s=TIME_S - back * DAY_S))
    world.move()
    world.service._export._clock = itertools.count(0.0, 10.0).__next__
    told: list[Told] = []
    pages, query = 0, ExportUser("ada", "", 500)
    while True:
        pages += 1
        (page,) = world.service.run_export([query], TURN)
        told += page.told
        if page.place is None:
            break
        query = replace(query, place=page.place)
    assert sorted(events(told)) == ["e1", "e3", "e5"]
    assert pages >= 6


@pytest.mark.parametrize("size", [1, 7])
def test_pages_fit_together_while_events_are_moved(world: World, size: int) -> None:
    """What is moved or put together between two pages is told once, what comes later need not be told."""
    for number in range(30):
        world.write(event(number, "ada", time_s=TIME_S - (number % 3) * DAY_S), event(100 + number, "bob"))
        if number % 5 == 4 and number < 20:
            world.move()
    told: list[Told] = []
    query = ExportUser("ada", "", size)
    for number in itertools.count():
        (page,) = world.service.run_export([query], TURN)
        told += page.told
        if page.place is None:
            break
        world.write(event(200 + number, "ada"))
        if number in (1, 12, 20):
            world.move()
        query = ExportUser("ada", "", size, page.place)
    found = events(told)
    assert len(found) == len(set(found))
    assert {f"e{number}" for number in range(30)} <= set(found)


def test_a_page_looks_through_a_bounded_part_of_the_archive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is shorter, and says where to go on."""
    monkeypatch.setattr(user_export, "ROWS_READ_MAX", 1)
    world.write(*(event(number, "bob", time_s=TIME_S - number * DAY_S) for number in range(6)))
    world.write(event(9, "ada"))
    world.move()
    (page,) = world.service.run_export([ExportUser("ada", "", 100)], TURN)
    assert events(page.told) == []
    assert page.place is not None
    assert events(world.export("ada")) == ["e9"]


def test_a_page_has_a_bounded_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_export, "PAGE_BYTES_MAX", 1000)
    world.write(*(event(number, "ada") for number in range(50)))
    world.move()
    (page,) = world.service.run_export([ExportUser("ada", "", 1000)], TURN)
    assert page.place is not None
    assert len(events(world.export("ada", page_size=1000))) == 50


def test_a_damaged_file_is_an_error_and_not_an_omission(world: World) -> None:
    world.write(event(1, "ada"))
    world.move()
    (damaged,) = (world.home / "events").rglob("*.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(DataError):
        world.export("ada")
