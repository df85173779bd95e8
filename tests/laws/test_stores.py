"""What every profile store and every catalogue store must do, tried on each of them and on real servers."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from serving.adapters.embedded_redis import EmbeddedRedis, binary_version, candidates
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.memory_profiles import MemoryProfiles
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.catalogue.store import CatalogueStore
from serving.core.catalogue import Item
from serving.core.ports import ProfileStore
from serving.events.records import RECORD, encode
from serving.events.types import UserEvent

SERVERS = {f"redis-{'.'.join(map(str, binary_version(path)))}": path for path in candidates()}
WAIT_S = 5.0
_numbers = itertools.count()


def records(*rows: tuple[int, int]) -> bytes:
    """Records of (event hash, time)."""
    made = np.zeros(len(rows), RECORD)
    made["event"], made["time_s"] = [row[0] for row in rows], [row[1] for row in rows]
    made["item"] = 7
    return made.tobytes()


def events(blob: bytes) -> list[int]:
    return [int(event) for event in np.frombuffer(blob, RECORD)["event"]]


@pytest.fixture(scope="module", params=["memory", *SERVERS])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer | None]:
    """A running server, or None for the implementations in memory."""
    if request.param == "memory":
        yield None
        return
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("home"), binary=SERVERS[request.param])
    yield RedisServer(embedded.url)
    embedded.close()


@pytest.fixture
def make_profiles(server: RedisServer | None) -> Iterator[Callable[[int], ProfileStore]]:
    made: list[RedisProfiles] = []

    def make(records_max: int) -> ProfileStore:
        if server is None:
            return MemoryProfiles(records_max=records_max)
        prefix = f"law{next(_numbers)}:"
        store = RedisProfiles(
            server, prefix=prefix, records_max=records_max, read_timeout_s=2, write_timeout_s=2, cache_bytes_max=1 << 20
        )
        made.append(store)
        assert store.wait_ready(WAIT_S)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def catalogue_store(server: RedisServer | None) -> Iterator[CatalogueStore]:
    if server is None:
        yield MemoryCatalogue()
        return
    store = RedisCatalogue(server, prefix=f"law{next(_numbers)}:", timeout_s=2)
    assert store.wait_ready(WAIT_S)
    yield store
    store.close()


def test_a_batch_comes_back_in_order_with_nothing_for_strangers(make_profiles: Callable[[int], ProfileStore]) -> None:
    store = make_profiles(8)
    ada, bob = records((1, 10)), records((2, 20), (3, 30))
    assert store.append([("u:ada", ada), ("u:bob", bob)], 1.0) == [1, 2]
    assert store.fetch(["u:bob", "u:nobody", "u:ada", "u:bob"], 1.0) == [bob, b"", ada, bob]
    assert store.fetch([], 1.0) == []
    assert store.append([], 1.0) == []


def test_users_and_visitors_of_one_name_are_two(make_profiles: Callable[[int], ProfileStore]) -> None:
    store = make_profiles(8)
    store.append([("u:x", records((1, 10)))], 1.0)
    assert store.fetch(["v:x"], 1.0) == [b""]


def test_a_repeated_event_adds_nothing(make_profiles: Callable[[int], ProfileStore]) -> None:
    """Neither in a later write, nor in the same group, nor as part of a larger write."""
    store = make_profiles(8)
    one = records((1, 10))
    assert store.append([("u:a", one), ("u:a", one)], 1.0) == [1, 0]
    assert store.append([("u:a", one)], 1.0) == [0]
    assert store.append([("u:a", records((2, 20), (1, 10), (2, 20)))], 1.0) == [1]
    assert events(store.fetch(["u:a"], 1.0)[0]) == [1, 2]


def test_records_are_kept_in_order_of_time(make_profiles: Callable[[int], ProfileStore]) -> None:
    """Late events go where they belong; of one time the later written is the later."""
    store = make_profiles(16)
    for event, time in [(1, 50), (2, 10), (3, 90), (4, 50), (5, 1), (6, 70), (7, 90)]:
        assert store.append([("u:a", records((event, time)))], 1.0) == [1]
    assert events(store.fetch(["u:a"], 1.0)[0]) == [5, 2, 1, 4, 6, 3, 7]


def test_the_oldest_go_when_it_is_full(make_profiles: Callable[[int], ProfileStore]) -> None:
    """And they stay out: a repeated write of what was dropped changes nothing."""
    store = make_profiles(4)
    all_six = records(*[(event, event * 10) for event in range(1, 7)])
    assert store.append([("u:a", all_six)], 1.0) == [6]
    assert events(store.fetch(["u:a"], 1.0)[0]) == [3, 4, 5, 6]
    assert store.append([("u:a", all_six)], 1.0) == [0]
    assert store.append([("u:a", records((9, 5)))], 1.0) == [0]
    assert store.append([("u:a", records((8, 45)))], 1.0) == [1]
    assert events(store.fetch(["u:a"], 1.0)[0]) == [4, 8, 5, 6]


def test_hashes_that_appear_inside_other_records_are_no_repetition(
    make_profiles: Callable[[int], ProfileStore],
) -> None:
    """The search for a known event looks at whole records, not at any place in the blob; zero bytes are bytes."""
    store = make_profiles(8)
    store.append([("u:a", records((1 << 32, 0x07000000)))], 1.0)
    for event in (7, 7 << 8, 1 << 24, 256):
        assert store.append([("u:a", records((event, 0x07000001)))], 1.0) == [1], event
    assert events(store.fetch(["u:a"], 1.0)[0]) == [1 << 32, 7, 7 << 8, 1 << 24, 256]


def test_an_encoded_event_is_stored_as_it_is(make_profiles: Callable[[int], ProfileStore]) -> None:
    """One record an item, and one for an event about no item."""
    store = make_profiles(8)
    purchase = UserEvent("e1", "purchase-complete", "ada", "", 1_700_000_000, (("mug", 2), ("cup", 1)))
    home = UserEvent("e2", "home-page-view", "ada", "", 1_700_000_001)
    assert store.append([(event.profile_key, encode(event)) for event in (purchase, home)], 1.0) == [2, 1]
    assert store.fetch(["u:ada"], 1.0) == [encode(purchase) + encode(home)]


def test_any_sequence_of_writes_ends_as_in_memory(make_profiles: Callable[[int], ProfileStore]) -> None:
    """200 random writes, with repetitions, late events and overflow, against the plain twin."""
    store, twin = make_profiles(12), MemoryProfiles(records_max=12)
    random = np.random.default_rng(5)
    for _ in range(200):
        count = int(random.integers(1, 6))
        rows = list(zip(random.integers(1, 60, count).tolist(), random.integers(1, 40, count).tolist(), strict=True))
        write = [(f"u:{random.integers(3)}", records(*rows))]
        assert store.append(write, 1.0) == twin.append(write, 1.0)
    keys = ["u:0", "u:1", "u:2"]
    assert store.fetch(keys, 1.0) == twin.fetch(keys, 1.0)


def test_writers_at_once_lose_nothing(make_profiles: Callable[[int], ProfileStore]) -> None:
    store = make_profiles(512)

    def write(first: int) -> None:
        for event in range(first, first + 50):
            store.append([("u:a", records((event, event)))], 2.0)

    threads = [threading.Thread(target=write, args=(1 + 50 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events(store.fetch(["u:a"], 1.0)[0]) == list(range(1, 201))


def test_an_item_is_written_only_over_the_version_that_was_read(catalogue_store: CatalogueStore) -> None:
    first, second = Item("mug", title="Mug"), Item("mug", title="Large mug", price=250, currency="GBP")
    version = catalogue_store.write([(0, first)])
    assert version > 0
    assert catalogue_store.write([(0, second)]) == 0
    newer = catalogue_store.write([(version, second)])
    assert newer == version + 1
    assert catalogue_store.read(["mug", "cup"]) == {"mug": (newer, second)}


def test_a_write_happens_as_a_whole_or_not_at_all(catalogue_store: CatalogueStore) -> None:
    version = catalogue_store.write([(0, Item("a"))])
    assert catalogue_store.write([(0, Item("b")), (0, Item("a", title="stale"))]) == 0
    assert catalogue_store.read_all().items == {"a": (version, Item("a"))}


def test_every_field_of_an_item_survives(catalogue_store: CatalogueStore) -> None:
    item = Item(
        item_id="ürn/1",
        title='Urn "large"\u2028',
        category_path=("home", "garden"),
        brand="Ö",
        currency="GBP",
        price=10**15,
        cost=1,
        list_price=2,
        stock={"london": (0, 5), "leeds": (3, 0)},
        weight_grams=5,
        size_mm=(1, 2, 3),
        available_s=1_700_000_000,
        deleted=True,
    )
    catalogue_store.write([(0, item), (0, Item("bare"))])
    assert [stored.item for stored in catalogue_store.read([item.item_id, "bare"]).values()] == [item, Item("bare")]


def test_following_brings_what_came_after_the_cursor(catalogue_store: CatalogueStore) -> None:
    before = catalogue_store.write([(0, Item("a"))])
    start = catalogue_store.read_all()
    assert start.version == before
    quiet = catalogue_store.follow(start.cursor, 0.01)
    assert quiet is not None
    assert (quiet.items, quiet.cursor) == ({}, start.cursor)
    after = catalogue_store.write([(0, Item("b")), (0, Item("c"))])
    last = catalogue_store.write([(before, Item("a", title="new"))])
    news = catalogue_store.follow(start.cursor, WAIT_S)
    assert news is not None
    assert news.items == {"a": (last, Item("a", title="new")), "b": (after, Item("b")), "c": (after, Item("c"))}
    assert news.version == last
    again = catalogue_store.follow(news.cursor, 0.01)
    assert again is not None
    assert again.items == {}


def test_following_an_empty_store_waits_for_the_first_write(catalogue_store: CatalogueStore) -> None:
    start = catalogue_store.read_all()
    assert start.items == {}
    version = catalogue_store.write([(0, Item("a"))])
    news = catalogue_store.follow(start.cursor, WAIT_S)
    assert news is not None
    assert news.items == {"a": (version, Item("a"))}


def test_a_large_catalogue_is_read_completely(catalogue_store: CatalogueStore) -> None:
    items = [Item(f"item-{number}", price=number, currency="GBP") for number in range(2500)]
    for start in range(0, len(items), 1000):
        assert catalogue_store.write([(0, item) for item in items[start : start + 1000]])
    assert {stored.item.item_id: stored.item for stored in catalogue_store.read_all().items.values()} == {
        item.item_id: item for item in items
    }
