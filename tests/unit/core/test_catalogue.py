"""The snapshot's arrays after writes, against a snapshot built anew of the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.core.catalogue import DERIVED_MAX, UNTRACKED, Catalogue, Item
from serving.core.ids import hash64

MUG = Item("mug", price=500, cost=200, list_price=600, stock={"north": (3, 0), "south": (0, 2)})
ARRAYS = ("price", "cost", "list_price", "on_hand", "available")


@dataclass(frozen=True)
class Letters:
    """The number of letters of each item's id, and how often that was counted."""

    count: tuple[int, ...]
    counted: int

    @classmethod
    def of(cls, items: Sequence[Item]) -> Letters:
        return cls(tuple(len(item.item_id) for item in items), len(items))

    def updated(self, items: Sequence[Item], rows: Sequence[int]) -> Letters:
        count = list(self.count) + [0] * (len(items) - len(self.count))
        for row in rows:
            count[row] = len(items[row].item_id)
        return Letters(tuple(count), len(rows))


def test_amounts_and_stock_are_columns() -> None:
    """Pieces over all locations; UNTRACKED where none reports, and such an item is available."""
    catalogue = Catalogue.build([MUG, Item("cup"), Item("jug", stock={"north": (0, 9)})])
    assert catalogue.price.tolist() == [500, 0, 0]
    assert catalogue.cost.tolist() == [200, 0, 0]
    assert catalogue.list_price.tolist() == [600, 0, 0]
    assert catalogue.on_hand.tolist() == [3, UNTRACKED, 0]
    assert catalogue.available.tolist() == [True, True, False]
    assert catalogue.locations == {"north", "south"}


def test_an_update_gives_what_building_anew_would() -> None:
    """And leaves the snapshot that it came from as it was."""
    before = Catalogue.build([MUG, Item("cup")])
    kept = [getattr(before, name).copy() for name in ARRAYS]
    new = [Item("cup", price=9, cost=5, stock={"west": (2, 0)}, attributes={"colour": "red"}), Item("jug", price=7)]
    after, anew = before.updated(new, 1), Catalogue.build([MUG, *new])
    for name in ARRAYS:
        assert np.array_equal(getattr(after, name), getattr(anew, name)), name
        assert getattr(after, name).dtype == getattr(anew, name).dtype
    assert (after.locations, after.attribute_names) == (anew.locations, anew.attribute_names)
    assert after.attribute_names == {"colour"}
    assert all(np.array_equal(getattr(before, name), was) for name, was in zip(ARRAYS, kept, strict=True))


def test_what_is_derived_is_made_once_and_then_follows_the_writes() -> None:
    """The new snapshot counts only the rows that changed; the old one still has its own."""
    before = Catalogue.build([Item("mug"), Item("cup")])
    first = before.derived("letters", Letters.of)
    assert before.derived("letters", Letters.of) is first
    after = before.updated([Item("saucer"), Item("cup", price=3)], 1)
    assert after.derived("letters", Letters.of) == Letters((3, 3, 6), 2)
    assert before.derived("letters", Letters.of) is first


def test_what_is_derived_is_bounded() -> None:
    """The oldest goes first."""
    catalogue = Catalogue.build([MUG])
    made = [catalogue.derived(f"column {number}", Letters.of) for number in range(DERIVED_MAX + 1)]
    assert catalogue.derived("column 1", Letters.of) is made[1]
    assert catalogue.derived("column 0", Letters.of) is not made[0]


def test_items_are_found_by_their_hash() -> None:
    """All of them, also deleted ones, and nothing else."""
    names = [f"item-{number}" for number in range(500)]
    catalogue = Catalogue.build([Item(name, deleted=name.endswith("7")) for name in names])
    assert [catalogue.id_of(hash64(name)) for name in names] == names
    assert catalogue.id_of(hash64("absent")) == ""
