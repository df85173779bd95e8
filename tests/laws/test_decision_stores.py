"""What every store of logged decisions must do, tried in memory and on real servers."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.memory_decisions import MemoryDecisions
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_decisions import RedisDecisions
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.decision_log import DecisionStore
from serving.decisions.recommend.record import Decision, Logged, Result
from serving.events.contract import Outcome

SERVERS = {f"redis-{'.'.join(map(str, binary_version(path)))}": path for path in candidates()}
WAIT_S = 10.0
NOW = 1_800_000_000.0
_numbers = itertools.count()
Make = Callable[..., DecisionStore]


@pytest.fixture(scope="module", params=["memory", *SERVERS])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer | None]:
    """A running server, or None for the implementation in memory."""
    if request.param == "memory":
        yield None
        return
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("home"), binary=SERVERS[request.param])
    yield RedisServer(embedded.url)
    embedded.close()


@pytest.fixture
def prefix() -> str:
    return f"decisions{next(_numbers)}:"


@pytest.fixture
def make(server: RedisServer | None, prefix: str) -> Iterator[Make]:
    made: list[RedisDecisions] = []

    def store(**bounds: Any) -> DecisionStore:
        if server is None:
            return MemoryDecisions(**bounds)
        made.append(RedisDecisions(server, prefix=prefix, timeout_s=2.0, **bounds))
        assert made[-1].wait_ready(WAIT_S)
        return made[-1]

    yield store
    for each in made:
        each.close()


def decision(number: int, user: str = "ada", visitor: str = "", wall: float | None = None) -> Decision:
    """One result; the walls of numbers lie a second apart."""
    return Decision(
        decision_id=f"{number:032x}",
        wall=NOW + number if wall is None else wall,
        query=Query(user_id=user, visitor_id=visitor, personal=bool(user or visitor)),
        blob=bytes(range(48)),
        params={"candidates": 200, "diversity": 0.1},
        release="r1",
        versions={"ranker": "7"},
        catalogue_version=number,
        results=(Result("mug", 0.5 + number, 1, 2, "cup", 0.5, 499, "GBP", 1.0),),
    )


def ids(found: Iterator[Logged]) -> list[int]:
    return [int(each.decision.decision_id, 16) for each in found]


def eventually(condition: Callable[[], bool]) -> bool:
    """Waits until the condition holds, up to WAIT_S; whether it did."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.05) for _ in range(int(WAIT_S / 0.05)))


def test_a_decision_comes_back_as_it_was(make: Make) -> None:
    """Put twice it is there once; a stranger is not there."""
    store = make()
    one, other = decision(1), decision(2, user="", visitor="v")
    store.put([one, other])
    store.put([one])
    store.put([])
    assert store.get(one.decision_id) == Logged(one)
    assert store.get(other.decision_id) == Logged(other)
    assert store.get("ff" * 16) is None
    assert ids(store.scan(0, 2 * NOW)) == [1, 2]


def test_outcomes_are_kept_once_and_by_time(make: Make) -> None:
    """The first time of an item and event type stays; ids may hold colons."""
    store = make()
    first = decision(1)
    bought = Outcome(first.decision_id, "a:b:", "purchase-complete", 1_800_000_050)
    viewed = Outcome(first.decision_id, "mug", "detail-page-view", 1_800_000_040)
    store.put([first, decision(2)])
    assert store.add_outcomes([bought, viewed]) == 2
    assert store.add_outcomes([replace(viewed, time_s=5), replace(bought, decision_id=f"{2:032x}")]) == 1
    assert store.add_outcomes([]) == 0
    found = store.get(first.decision_id)
    assert found is not None
    assert found.outcomes == (viewed, bought)


def test_an_outcome_may_come_before_its_decision(make: Make) -> None:
    """The log writes behind; an outcome alone is no decision."""
    store = make()
    early = Outcome(f"{1:032x}", "mug", "detail-page-view", 5)
    assert store.add_outcomes([early]) == 1
    assert store.get(early.decision_id) is None
    assert ids(store.scan(0, 2 * NOW)) == []
    store.put([decision(1)])
    found = store.get(early.decision_id)
    assert found is not None
    assert found.outcomes == (early,)


def test_the_outcomes_of_a_decision_are_bounded(make: Make) -> None:
    """A client with one valid token cannot fill the store."""
    store = make()
    store.put([decision(1)])
    many = [Outcome(f"{1:032x}", f"item-{number}", "detail-page-view", number) for number in range(1500)]
    assert 900 < store.add_outcomes(many) < 1100


def test_a_scan_brings_everything_of_its_time(make: Make) -> None:
    """From the beginning, without the end, by time; a thousand decisions, many of them of one moment."""
    store = make()
    all_of_them = [decision(number, wall=NOW + number // 300) for number in range(1000)]
    for start in range(0, 1000, 250):
        store.put(all_of_them[start : start + 250])
    assert ids(store.scan(NOW, NOW + 100)) == list(range(1000))
    assert ids(store.scan(NOW + 1, NOW + 3)) == list(range(300, 900))
    assert ids(store.scan(NOW + 0.5, NOW + 1)) == []


def test_the_oldest_make_room_and_take_their_outcomes_along(make: Make) -> None:
    store = make(kept_max=5)
    store.put([decision(number) for number in range(1, 4)])
    store.add_outcomes([Outcome(f"{1:032x}", "mug", "detail-page-view", 5)])
    store.put([decision(number) for number in range(4, 8)])
    assert ids(store.scan(0, 2 * NOW)) == [3, 4, 5, 6, 7]
    assert store.get(f"{1:032x}") is None
    store.put([decision(1, wall=NOW + 100)])
    found = store.get(f"{1:032x}")
    assert found is not None
    assert found.outcomes == ()


def test_the_oldest_of_one_user_make_room_alone(make: Make) -> None:
    """A user with more decisions than are indexed: what erasure could not find is not kept."""
    store = make(user_max=3)
    store.put([decision(1, user="bob"), *[decision(number) for number in range(2, 8)]])
    assert ids(store.scan(0, 2 * NOW)) == [1, 5, 6, 7]
    assert store.erase("u:ada") == 3
    assert ids(store.scan(0, 2 * NOW)) == [1]


def test_a_user_is_erased_and_nobody_else(make: Make) -> None:
    """Users and visitors of one name are two; who is nobody is not erased."""
    store = make()
    store.put([decision(1), decision(2, user="", visitor="ada"), decision(3), decision(4, user="")])
    store.add_outcomes([Outcome(f"{1:032x}", "mug", "detail-page-view", 5)])
    assert store.erase("u:ada") == 2
    assert [store.get(f"{number:032x}") is None for number in (1, 2, 3, 4)] == [True, False, True, False]
    assert ids(store.scan(0, 2 * NOW)) == [2, 4]
    assert store.erase("u:ada") == 0
    assert store.erase("") == 0
    assert store.erase("v:ada") == 1
    assert ids(store.scan(0, 2 * NOW)) == [4]


def test_a_large_user_is_erased_completely(make: Make) -> None:
    store = make()
    store.put([decision(number) for number in range(350)])
    assert store.erase("u:ada") == 350
    assert ids(store.scan(0, 2 * NOW)) == []


def test_what_was_decided_before_a_moment_is_erased(make: Make) -> None:
    store = make()
    store.put([decision(number) for number in range(5)])
    assert store.erase("u:ada", NOW + 3) == 3
    assert ids(store.scan(0, 2 * NOW)) == [3, 4]


def test_decisions_are_found_by_all_whom_they_name(make: Make) -> None:
    """By the user, and by the visitor he was; page by page, oldest first."""
    store = make()
    store.put([decision(number, visitor="cookie" if number % 2 else "") for number in range(5)])
    store.put([decision(7, user="", visitor="cookie")])
    found, looked = store.of_owner("v:cookie", 1, 2)
    assert (ids(iter(found)), looked) == ([3, 7], 2)
    assert store.of_owner("u:ada", 4, 10)[1] == 1
    assert store.of_owner("", 0, 10) == ([], 0)
    assert store.erase("v:cookie") == 3
    assert ids(iter(store.of_owner("u:ada", 0, 10)[0])) == [0, 2, 4]


def test_a_decision_is_forgotten_after_its_retention(make: Make) -> None:
    store = make(retention_s=1)
    store.put([decision(1)])
    store.add_outcomes([Outcome(f"{1:032x}", "mug", "detail-page-view", 5)])
    assert eventually(lambda: store.get(f"{1:032x}") is None)
    assert ids(store.scan(0, 2 * NOW)) == []
