"""Replicas that share a catalogue over a real server: nothing is lost, everybody sees everything."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisLine, RedisServer
from serving.catalogue.contract import PriceUpdate, SetPrices, SetStock, StockUpdate, UpsertItems, Written
from serving.catalogue.follower import Follower
from serving.catalogue.live import LiveCatalogue
from serving.catalogue.store import Stored
from serving.core.catalogue import Item
from serving.core.turn import Turn

WAIT_S = 10.0
TURN = Turn(now=0.0, wall=1_700_000_000.0, deadline=float("inf"))
BASE = [Item("mug", title="Mug", price=500, currency="GBP"), Item("cup", title="Cup")]
_numbers = itertools.count()
Replica = tuple[LiveCatalogue, RedisCatalogue]


@pytest.fixture(scope="module", params=candidates(), ids=lambda path: "redis-{}.{}".format(*binary_version(path)))
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("home"), binary=request.param)
    yield RedisServer(embedded.url)
    embedded.close()


@pytest.fixture
def prefix() -> str:
    return f"c{next(_numbers)}:"


@pytest.fixture
def replica(server: RedisServer, prefix: str) -> Iterator[Callable[[], Replica]]:
    """Makes replicas of one catalogue."""
    made: list[RedisCatalogue] = []

    def make(log_entries: int = 10_000) -> Replica:
        store = RedisCatalogue(server, prefix=prefix, timeout_s=2.0, log_entries=log_entries)
        made.append(store)
        assert store.wait_ready(WAIT_S)
        return LiveCatalogue(store, BASE, ["mug", "cup"]), store

    yield make
    for store in made:
        store.close()


def written(answers: list[object]) -> list[Written]:
    assert all(isinstance(answer, Written) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Written)]


def eventually(condition: Callable[[], bool]) -> bool:
    """Waits until the condition holds, up to WAIT_S; whether it did."""
    pause = threading.Event()
    return any(condition() or pause.wait(0.01) for _ in range(int(WAIT_S / 0.01)))


def test_stock_reports_from_two_replicas_at_once_lose_nothing(replica: Callable[[], Replica]) -> None:
    """Different locations of one item, written over and over by two replicas that do not follow each other."""
    replicas = [replica()[0] for _ in range(2)]
    rounds = 60

    def report(number: int) -> None:
        for count in range(1, rounds + 1):
            updates = tuple(StockUpdate("mug", f"shop-{number}-{shop}", count) for shop in range(2))
            written(list(replicas[number].run_write([SetStock(updates)], TURN)))

    threads = [threading.Thread(target=report, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh, _ = replica()
    fresh.load()
    mug = fresh.snapshot().item("mug")
    assert mug is not None
    assert mug.stock == {f"shop-{number}-{shop}": (rounds, 0) for number in range(2) for shop in range(2)}
    assert fresh.snapshot().version == 2 * rounds
    assert (mug.title, mug.price) == ("Mug", 500)


def test_a_write_is_seen_at_once_here_and_soon_elsewhere(replica: Callable[[], Replica]) -> None:
    (here, _), (there, _) = replica(), replica()
    followers = [Follower(here), Follower(there)]
    assert all(follower.start(WAIT_S) for follower in followers)
    (answer,) = written(list(here.run_write([UpsertItems((Item("jug", title="Jug"),))], TURN)))
    assert here.known("jug")
    assert here.snapshot().version == answer.version
    assert eventually(lambda: there.known("jug"))
    written(list(there.run_write([SetPrices((PriceUpdate("mug", "GBP", price=1),))], TURN)))
    assert eventually(lambda: here.snapshot().price[0] == 1)
    for follower in followers:
        follower.close()


def test_a_follower_that_fell_behind_the_log_reads_all(replica: Callable[..., Replica]) -> None:
    late, store = replica()
    cursor = late.load()
    fast, _ = replica(log_entries=1)
    for number in range(250):
        written(list(fast.run_write([UpsertItems((Item(f"item-{number}"),))], TURN)))
    assert store.follow(cursor, 0.01) is None
    cursor = late.follow(cursor, 0.01)
    assert late.known("item-0")
    assert late.known("item-249")
    news = store.follow(cursor, 0.01)
    assert news is not None
    assert not news.items


def test_who_waits_for_news_keeps_no_reader_out(replica: Callable[[], Replica]) -> None:
    """A follower waits for news again and again; all of the items, and what they were, are read beside it."""
    here, store = replica()
    written(list(here.run_write([UpsertItems((Item("hat"),))], TURN)))
    cursor, enough, waits = here.load(), threading.Event(), itertools.count()

    def follow() -> None:
        while not enough.is_set():
            store.follow(cursor, WAIT_S)
            next(waits)

    following = threading.Thread(target=follow)
    following.start()
    try:
        for _ in range(50):
            news = store.read_all()
            assert set(news.items) == {"hat"}
            assert store.as_of(news.version) == {}
    finally:
        enough.set()
        following.join()
    assert next(waits) > 0


def test_many_writes_are_followed_in_portions(replica: Callable[[], Replica]) -> None:
    here, _ = replica()
    there, _ = replica()
    cursor = there.load()
    for number in range(230):
        written(list(here.run_write([UpsertItems((Item(f"item-{number}"),))], TURN)))
    for _ in range(3):
        cursor = there.follow(cursor, 0.5)
    assert all(there.known(f"item-{number}") for number in range(230))
    assert there.snapshot().version == here.snapshot().version


def test_a_store_that_lost_its_data_takes_everybody_back_to_the_published_items(
    server: RedisServer, prefix: str, replica: Callable[[], Replica]
) -> None:
    """Else a replica would go on with items that no other has, and ignore new writes with lower versions."""
    here, _ = replica()
    for price in (1, 2, 3):
        written(list(here.run_write([SetPrices((PriceUpdate("mug", "GBP", price=price),))], TURN)))
    written(list(here.run_write([UpsertItems((Item("jug"),))], TURN)))
    line = RedisLine(server, timeout_s=2.0)
    assert line.wait_ready(WAIT_S)
    line.run([("DEL", *[f"{prefix}{{cat}}:{name}" for name in ("items", "log", "version")])])
    line.close()
    here.load()
    assert here.snapshot().price[0] == 500
    assert not here.known("jug")
    (answer,) = written(list(here.run_write([SetPrices((PriceUpdate("mug", "GBP", price=9),))], TURN)))
    assert answer.version == 1
    assert here.snapshot().price[0] == 9


def test_the_catalogue_as_it_was_at_every_version(replica: Callable[[], Replica]) -> None:
    """200 random writes of new, changed and deleted items, undone to each version."""
    here, store = replica()
    here.load()
    random = np.random.default_rng(4)
    were = [dict[str, Stored]()]
    for number in range(200):
        names = [f"item-{name}" for name in random.integers(0, 30, random.integers(1, 4))]
        items = tuple(Item(name, price=number, deleted=bool(random.random() < 0.2)) for name in names)
        written(list(here.run_write([UpsertItems(items)], TURN)))
        were.append(dict(store.read_all().items))
    now = were[-1]
    for version, then in enumerate(were):
        undone = store.as_of(version)
        assert undone is not None
        assert {name: stored for name, stored in (now | undone).items() if stored} == then
    assert store.as_of(len(were)) is None


def test_a_history_that_does_not_reach_back_says_so(server: RedisServer, prefix: str) -> None:
    """It is cut in portions, and a write that is half cut is gone as a whole."""
    store = RedisCatalogue(server, prefix=prefix, timeout_s=2.0, history_entries=100)
    assert store.wait_ready(WAIT_S)
    for number in range(100):
        assert store.write([(0, Item(f"{number}-{place}")) for place in range(7)]) == number + 1
    reached = [store.as_of(version) is not None for version in range(101)]
    assert not reached[0]
    assert reached[90:] == [True] * 11
    assert reached == sorted(reached)
    oldest = reached.index(True)
    undone = store.as_of(oldest)
    assert undone is not None
    assert len(undone) == 7 * (100 - oldest)
    store.close()


def test_a_store_that_lost_its_counter_begins_a_new_history(server: RedisServer, prefix: str) -> None:
    """Writes go on; what was before is told as not known."""
    store, line = RedisCatalogue(server, prefix=prefix, timeout_s=2.0), RedisLine(server, timeout_s=2.0)
    assert store.wait_ready(WAIT_S)
    assert line.wait_ready(WAIT_S)
    for number in range(5):
        store.write([(0, Item(f"old-{number}"))])
    line.run([("DEL", f"{prefix}{{cat}}:version")])
    assert store.write([(0, Item("new"))]) == 1
    assert store.write([(1, Item("new", price=5))]) == 2
    assert store.as_of(1) == {"new": Stored(1, Item("new"))}
    assert store.as_of(2) == {}
    assert store.as_of(5) is None
    line.close()
    store.close()
