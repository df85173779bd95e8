"""Writes, erasures, moves and deaths in any order leave what a set for each user would hold."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from erasures import World, event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.redis_connection import RedisServer
from serving.events.records import RECORD_BYTES

USERS = ("ada", "bob", "eve")
STEPS_MAX = 40
"""Of a mover, counted where it asks the store or changes a file."""
_numbers = itertools.count()


class Died(BaseException):
    """A mover's end."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with closing(EmbeddedRedis(tmp_path_factory.mktemp("redis"))) as embedded:
        yield RedisServer(embedded.url)


user = st.sampled_from(USERS)
operation = st.one_of(
    st.tuples(st.just("write"), user, st.integers(0, 2)),
    st.tuples(st.just("again"), user, st.just(0)),
    st.tuples(st.just("erase"), user, st.just(0)),
    st.tuples(st.just("move"), st.just(""), st.integers(0, STEPS_MAX)),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(operation, min_size=3, max_size=14))
def test_any_order_leaves_what_a_set_would_hold(server: RedisServer, operations: list[tuple[str, str, int]]) -> None:
    """A move with a number dies at that step. At the end one is let run."""
    with TemporaryDirectory() as home, closing(World(Path(home), server, f"any{next(_numbers)}:")) as world:
        there: dict[str, set[int]] = {name: set() for name in USERS}
        erased = Counter[str]()
        made = itertools.count(1)
        for what, who, number in operations:
            if what == "write":
                new = next(made)
                world.write(event(new, who, time_s=1_764_000_000 + number * 86_400))
                there[who].add(new)
            elif what == "again" and there[who]:
                world.write(event(max(there[who]), who))
            elif what == "erase":
                world.erase(who)
                there[who], erased[who] = set(), erased[who] + 1
            elif what == "move":
                moved_until(world, number)
        world.move(rows_max=3)
        expected = Counter({(who, "", f"e{number}"): 1 for who, numbers in there.items() for number in numbers})
        assert world.archived() == expected
        assert world.erasures.waiting == 0
        for who in USERS:
            assert len(world.ledger.of_subject(world.names.subject(f"u:{who}"))) == erased[who]
            assert len(world.store.fetch([f"u:{who}"], 5.0)[0]) == len(there[who]) * RECORD_BYTES


def moved_until(world: World, step: int) -> None:
    """step: 0 = it does not die."""
    left = itertools.count(1)

    def counted(moving: Any, erasing: Any, archive: Any) -> None:
        def dying(target: Any, name: str) -> None:
            whole = getattr(target, name)

            def run(*arguments: Any) -> Any:
                if next(left) == step:
                    raise Died
                return whole(*arguments)

            setattr(target, name, run)

        for target, names in (
            (moving._stream, ("take", "drop")),
            (archive, ("_store", "_delete")),
            (erasing._store, ("counted", "filed", "bar", "rewrite", "complete")),
            (erasing._store._line, ("run",)),
            (erasing._ledger, ("add",)),
        ):
            for name in names:
                dying(target, name)

    try:
        world.move(rows_max=3, before=counted)
    except Died:
        return
