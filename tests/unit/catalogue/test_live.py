"""The catalogue's methods on stores in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.catalogue.changes import Change
from serving.catalogue.contract import (
    DeleteItems,
    GetItem,
    ItemFound,
    PriceUpdate,
    SetPrices,
    SetStock,
    StockUpdate,
    UpsertItems,
    Written,
)
from serving.catalogue.follower import Follower
from serving.catalogue.live import GROUP_ITEMS_MAX, LiveCatalogue
from serving.catalogue.state import State
from serving.catalogue.store import News, Stored
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput, NotFound, StoreUnavailable
from serving.core.turn import Turn

NOW_S = 1_700_000_000
TURN = Turn(now=0.0, wall=float(NOW_S), deadline=float("inf"))
BASE = [
    Item("mug", title="Mug", price=500, cost=200, currency="GBP", stock={"london": (3, 0)}, available_s=7),
    Item("cup", title="Cup"),
]


class Broken(MemoryCatalogue):
    """A store whose writes fail while `away`."""

    away = True

    def write(self, changes: Sequence[tuple[int, Item]]) -> int:
        if self.away:
            raise StoreUnavailable("redis: away")
        return super().write(changes)


class Slow(MemoryCatalogue):
    """A store of which all is read for as long as `done` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.done = threading.Event(), threading.Event()

    def read_all(self) -> News:
        self.reading.set()
        assert self.done.wait(20)
        return super().read_all()


class Contended(MemoryCatalogue):
    """A store in which another replica always writes the item just before."""

    def write(self, changes: Sequence[tuple[int, Item]]) -> int:
        super().write([(stored.version, stored.item) for stored in self.read_all().items.values()])
        return super().write(changes)


def live(store: MemoryCatalogue | None = None, *, items_max: int = 1000) -> LiveCatalogue:
    catalogue = LiveCatalogue(store or MemoryCatalogue(), BASE, ["mug", "cup", "ghost"], items_max=items_max)
    catalogue.load()
    return catalogue


def write(catalogue: LiveCatalogue, *changes: Change) -> list[Written]:
    answers = catalogue.run_write(changes, TURN)
    assert all(isinstance(answer, Written) for answer in answers), answers
    return [answer for answer in answers if isinstance(answer, Written)]


def test_a_new_item_is_there_when_the_write_is_answered() -> None:
    """At the end of the rows, available, with the time of the write."""
    catalogue = live()
    (answer,) = write(catalogue, UpsertItems((Item("jug", title="Jug", price=9, currency="GBP"),)))
    assert answer == Written(1, (), 1)
    now = catalogue.snapshot()
    assert now.version == 1
    assert now.row_of["jug"] == 3
    assert now.available[3]
    assert now.item("jug") == Item("jug", title="Jug", price=9, currency="GBP", available_s=NOW_S)


def test_a_replaced_item_keeps_its_row_and_its_first_time() -> None:
    catalogue = live()
    write(catalogue, UpsertItems((Item("mug", title="New mug"),)))
    assert catalogue.snapshot().items[0] == Item("mug", title="New mug", available_s=7)
    write(catalogue, UpsertItems((Item("mug", title="New mug", available_s=99),)))
    assert catalogue.snapshot().available_s[0] == 99


def test_of_items_with_one_id_the_last_wins() -> None:
    catalogue = live()
    (answer,) = write(catalogue, UpsertItems((Item("jug", title="first"), Item("jug", title="last"))))
    assert answer.count == 2
    found = catalogue.snapshot().item("jug")
    assert found is not None
    assert found.title == "last"


def test_deleting_hides_an_item_and_is_idempotent() -> None:
    catalogue = live()
    first, second = write(catalogue, DeleteItems(("mug", "nobody", "mug", "nobody")), DeleteItems(("mug",)))
    assert (first.count, first.missing) == (1, ("nobody",))
    assert (second.count, second.missing) == (0, ("mug",))
    assert not catalogue.known("mug")
    assert not catalogue.snapshot().available[0]
    write(catalogue, UpsertItems((Item("mug"),)))
    assert catalogue.known("mug")


def test_stock_decides_what_is_available() -> None:
    """Each location for itself; sold out everywhere is not available, not tracked is."""
    catalogue = live()
    (answer,) = write(
        catalogue,
        SetStock((StockUpdate("mug", "london", 0, 10), StockUpdate("mug", "leeds", 0), StockUpdate("x", "leeds", 1))),
    )
    assert (answer.count, answer.missing) == (2, ("x",))
    assert list(catalogue.snapshot().available) == [False, True, False]
    assert catalogue.snapshot().items[0].stock == {"london": (0, 10), "leeds": (0, 0)}
    write(catalogue, SetStock((StockUpdate("mug", "leeds", 1),)))
    assert catalogue.snapshot().available[0]


def test_prices_that_are_not_given_stay() -> None:
    catalogue = live()
    updates = (PriceUpdate("mug", "GBP", price=450, list_price=500), PriceUpdate("cup", "EUR", cost=0))
    write(catalogue, SetPrices(updates))
    mug, cup = catalogue.snapshot().items[:2]
    assert (mug.price, mug.cost, mug.list_price, mug.currency) == (450, 200, 500, "GBP")
    assert (cup.price, cup.cost, cup.currency) == (0, 0, "EUR")


def test_amounts_of_one_item_never_have_two_currencies() -> None:
    """The request with the mixed update is refused as a whole, its neighbours in the group are not."""
    catalogue = live()
    mixed = SetPrices((PriceUpdate("cup", "GBP", price=1), PriceUpdate("mug", "EUR", price=450)))
    good = SetPrices((PriceUpdate("mug", "GBP", price=1),))
    error, answer = catalogue.run_write([mixed, good], TURN)
    assert isinstance(error, InvalidInput)
    assert error.field == "updates[1].currency_code"
    assert "GBP, the currency of the item's cost" in error.message
    assert answer == Written(1, (), 1)
    assert list(catalogue.snapshot().price[:2]) == [1, 0]
    write(catalogue, SetPrices((PriceUpdate("mug", "EUR", price=450, cost=180),)))
    assert catalogue.snapshot().items[0].currency == "EUR"


def test_only_validating_writes_nothing() -> None:
    store = MemoryCatalogue()
    catalogue = live(store)
    assert write(catalogue, UpsertItems((Item("jug"),), validate_only=True)) == [Written(1, (), 0)]
    assert not catalogue.known("jug")
    assert store.read_all().version == 0


def test_a_group_is_one_write_and_later_requests_see_earlier_ones() -> None:
    store = MemoryCatalogue()
    answers = write(
        live(store),
        UpsertItems((Item("jug"),)),
        SetStock((StockUpdate("jug", "leeds", 4),)),
        SetPrices((PriceUpdate("jug", "GBP", price=3),)),
        DeleteItems(("cup",)),
    )
    assert [answer.count for answer in answers] == [1, 1, 1, 1]
    assert {answer.version for answer in answers} == {1}
    jug = store.read(["jug"])["jug"]
    assert jug == Stored(1, Item("jug", price=3, currency="GBP", stock={"leeds": (4, 0)}, available_s=NOW_S))


def test_large_groups_are_written_in_portions() -> None:
    store = MemoryCatalogue()
    catalogue = live(store, items_max=10_000)
    requests = [
        UpsertItems(tuple(Item(f"{number}-{item}") for item in range(GROUP_ITEMS_MAX // 2))) for number in range(5)
    ]
    assert [answer.version for answer in write(catalogue, *requests)] == [1, 1, 2, 2, 3]
    assert len(catalogue.snapshot()) == 3 + 5 * GROUP_ITEMS_MAX // 2


def test_a_full_catalogue_takes_changes_but_no_new_items() -> None:
    catalogue = live(items_max=4)
    write(catalogue, UpsertItems((Item("jug"), Item("mug"))))
    error, answer = catalogue.run_write([UpsertItems((Item("pot"),)), UpsertItems((Item("jug", title="Jug"),))], TURN)
    assert isinstance(error, InvalidInput)
    assert "the catalogue is full" in error.message
    assert isinstance(answer, Written)


def test_get_item() -> None:
    catalogue = live()
    write(catalogue, UpsertItems((Item("jug"),)), DeleteItems(("cup",)))
    mug, jug, cup, ghost, nobody = catalogue.run_get(
        [GetItem(name) for name in ("mug", "jug", "cup", "ghost", "nobody")], TURN
    )
    assert mug == ItemFound(BASE[0], in_model=True)
    assert jug == ItemFound(Item("jug", available_s=NOW_S), in_model=False)
    assert all(isinstance(answer, NotFound) for answer in (cup, ghost, nobody))


def test_a_store_that_is_away_refuses_writes_and_nothing_changes() -> None:
    store = Broken()
    catalogue = live(store)
    before = catalogue.snapshot()
    answers = catalogue.run_write([DeleteItems(("mug",)), DeleteItems(("cup",))], TURN)
    assert all(isinstance(answer, StoreUnavailable) for answer in answers)
    assert catalogue.snapshot() is before
    store.away = False
    write(catalogue, DeleteItems(("mug",)))
    assert not catalogue.known("mug")


def test_a_write_gives_up_when_others_are_always_faster() -> None:
    store = Contended()
    store.read_all()
    MemoryCatalogue.write(store, [(0, BASE[0])])
    (answer,) = live(store).run_write([SetStock((StockUpdate("mug", "leeds", 1),))], TURN)
    assert isinstance(answer, StoreUnavailable)
    assert "too many writers" in answer.message


def test_a_write_does_not_wait_for_a_store_that_is_read_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Redis that answers after a second is read in many portions; events would wait behind the write."""
    monkeypatch.setattr("serving.catalogue.live.WAIT_S_MAX", 0.01)
    store = Slow()
    catalogue = LiveCatalogue(store, BASE, ["mug"])
    loading = threading.Thread(target=catalogue.load)
    loading.start()
    assert store.reading.wait(20)
    (answer,) = catalogue.run_write([DeleteItems(("mug",))], TURN)
    assert isinstance(answer, StoreUnavailable)
    store.done.set()
    loading.join(20)
    write(catalogue, DeleteItems(("mug",)))


def test_an_older_state_never_replaces_a_newer_one() -> None:
    """The follower may read a second write before the writer has taken over its first."""
    state = State(BASE, ["mug"])
    state.learn({"mug": Stored(6, Item("mug", title="sixth"))}, 6)
    state.learn({"mug": Stored(5, Item("mug", title="fifth"))}, 5)
    assert state.snapshot.titles[0] == "sixth"
    assert state.snapshot.version == 6


def test_snapshots_that_were_taken_do_not_change() -> None:
    catalogue = live()
    before = catalogue.snapshot()
    write(catalogue, UpsertItems((Item("mug", price=1), Item("jug"))))
    assert before.price[0] == 500
    assert len(before) == 3


def test_a_new_release_keeps_what_was_written() -> None:
    """Rows follow the new models in a view of its own, which stays current until it is closed; the old one too."""
    catalogue = live()
    write(catalogue, UpsertItems((Item("jug", title="Jug"),)), SetPrices((PriceUpdate("mug", "GBP", price=1),)))
    before, view = catalogue.leading, catalogue.open([Item("pot"), Item("mug", price=800)], ["pot", "jug"])
    assert catalogue.snapshot() is before.snapshot
    write(catalogue, SetPrices((PriceUpdate("mug", "GBP", price=2),)))
    made = view.snapshot
    assert [item.item_id for item in made.items] == ["pot", "jug", "mug"]
    assert (made.n_model, made.price[2], made.version) == (2, 2, 2)
    assert before.snapshot.price[before.snapshot.row_of["mug"]] == 2
    catalogue.lead(view)
    catalogue.close(before)
    assert catalogue.snapshot() is made
    assert not catalogue.known("cup")
    write(catalogue, UpsertItems((Item("lid"),)))
    assert ("lid" in view.snapshot.row_of, "lid" in before.snapshot.row_of) == (True, False)


def test_items_of_the_store_are_there_at_the_start() -> None:
    store = MemoryCatalogue()
    write(live(store), UpsertItems((Item("jug"),)), DeleteItems(("cup",)))
    later = live(store)
    assert (later.known("jug"), later.known("cup"), later.snapshot().version) == (True, False, 1)


def test_a_follower_brings_what_others_write() -> None:
    store = MemoryCatalogue()
    here, there = live(store), live(store)
    cursor = there.load()
    assert there.follow(cursor, 0.0) == cursor
    write(here, UpsertItems((Item("jug"),)))
    assert there.follow(cursor, 1.0) != cursor
    assert there.known("jug")


def test_the_follower_thread_starts_current_and_ends() -> None:
    follower = Follower(live())
    assert follower.start(5.0)
    assert follower.current
    follower.close()
    assert "catalogue-follower" not in [thread.name for thread in threading.enumerate()]
