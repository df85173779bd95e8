"""The catalogue as the pipelines read it: an immutable snapshot of arrays, one row an item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Final, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from serving.core.ids import hash64

_T = TypeVar("_T", bound=np.generic)
_D = TypeVar("_D", bound="Derived")

UNTRACKED = -1
"""Stock of an item whose stock nobody reports: it counts as available."""
DERIVED_MAX: Final = 64
"""Things derived from the items that are kept at a time."""
AMOUNTS: Final = ("price", "cost", "list_price", "map_price", "competitor_price")
"""The fields of an item that are money, in its one currency."""
_SERIALS = count(1)


@dataclass(frozen=True, slots=True)
class Item:
    """One item as the catalogue service reads and writes it. Money in minor units, times in epoch seconds."""

    item_id: str
    title: str = ""
    category_path: tuple[str, ...] = ()
    brand: str = ""
    currency: str = ""
    price: int = 0
    cost: int = 0
    list_price: int = 0
    stock: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """location -> (on hand, on order); empty = not tracked."""
    weight_grams: int = 0
    size_mm: tuple[int, int, int] = (0, 0, 0)
    available_s: int = 0
    deleted: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)
    """name -> value, for example colour -> red; neither is empty."""
    stocked_s: int = field(default=0, compare=False)
    """When the store was last told its stock, 0 = never."""
    map_price: int = 0
    """Minimum advertised price."""
    competitor_price: int = 0
    price_set_s: int = field(default=0, compare=False)
    """Since when the price holds, 0 = not known: long ago."""

    @property
    def on_hand(self) -> int:
        """Pieces over all locations, UNTRACKED where no location reports."""
        return sum(hand for hand, _ in self.stock.values()) if self.stock else UNTRACKED


class Derived(Protocol):
    """Something computed from all items that few requests need. Immutable."""

    def updated(self, items: Sequence[Item], rows: Sequence[int]) -> Self:
        """Of `items`, which differ from those it was made of in `rows`, the rows at the end that are new included."""
        ...


@dataclass(frozen=True)
class Catalogue:
    """All items at one moment. Rows never move within a process: updates replace values, new items go to the end.

    The first `n_model` rows are the items of the served models, in the models' order.
    """

    version: int
    items: tuple[Item, ...]
    n_model: int
    price: npt.NDArray[np.int64]
    """(n,) minor units, 0 = not known; likewise cost and list_price."""
    cost: npt.NDArray[np.int64]
    list_price: npt.NDArray[np.int64]
    on_hand: npt.NDArray[np.int64]
    """(n,) pieces over all locations, UNTRACKED where no location reports."""
    available: npt.NDArray[np.bool_]
    """(n,) in stock (or untracked) and not deleted: may be recommended."""
    brand: npt.NDArray[np.int32]
    """(n,) number of the brand, 0 = none."""
    category: npt.NDArray[np.int32]
    """(n,) number of the leaf category, 0 = none."""
    available_s: npt.NDArray[np.int64]
    """(n,) epoch seconds at which the item was first offered."""
    brand_numbers: dict[str, int]
    category_numbers: dict[tuple[str, ...], int]
    serials: npt.NDArray[np.int64]
    """(n,) number of the row's last change, above 0 and counted over all catalogues of the process: where it is equal,
    so is the item."""
    locations: frozenset[str]
    """Every location that has reported stock."""
    attribute_names: frozenset[str]
    """Every attribute that an item has had."""
    row_of: dict[str, int]
    hash_keys: npt.NDArray[np.uint64]
    """(m,) open-addressing table of item hashes, m a power of two at least 2n, 0 = empty; linear probing."""
    hash_rows: npt.NDArray[np.int32]
    """(m,) row of the item at the same slot."""
    _derived: dict[str, Derived] = field(default_factory=dict, repr=False, compare=False)
    """By name; the oldest at the beginning."""

    def __len__(self) -> int:
        return len(self.items)

    def item(self, item_id: str) -> Item | None:
        """The item, or None when it is unknown or deleted."""
        row = self.row_of.get(item_id)
        found = self.items[row] if row is not None else None
        return None if found is None or found.deleted else found

    def id_of(self, item_hash: int) -> str:
        """The id of an item by its hash64, deleted ones too; '' = unknown."""
        mask = len(self.hash_keys) - 1
        slot = item_hash & mask
        while key := int(self.hash_keys[slot]):
            if key == item_hash:
                return self.items[int(self.hash_rows[slot])].item_id
            slot = (slot + 1) & mask
        return ""

    @cached_property
    def titles(self) -> tuple[str, ...]:
        return tuple(item.title for item in self.items)

    def derived(self, name: str, make: Callable[[Sequence[Item]], _D]) -> _D:
        """What `make` computes from the items: once, then kept under `name` and carried over to later snapshots.

        Any thread may call it; two at once may compute the same twice.
        """
        found = self._derived.get(name)
        if found is None:
            found = self._derived[name] = make(self.items)
            if len(self._derived) > DERIVED_MAX:
                self._derived.pop(next(iter(self._derived.copy())), None)
        return found  # type: ignore[return-value]  # a name stands for one kind

    @classmethod
    def build(cls, items: Sequence[Item], *, model_ids: Sequence[str] = (), version: int = 0) -> Catalogue:
        """A snapshot with the models' items first, in their order; one the items do not name is a deleted row."""
        by_id = {item.item_id: item for item in items}
        head = [by_id.pop(item_id, Item(item_id, deleted=True)) for item_id in model_ids]
        rows = (*head, *by_id.values())
        empty = cls(
            version=version,
            items=(),
            n_model=len(head),
            price=np.zeros(0, np.int64),
            cost=np.zeros(0, np.int64),
            list_price=np.zeros(0, np.int64),
            on_hand=np.zeros(0, np.int64),
            available=np.zeros(0, np.bool_),
            brand=np.zeros(0, np.int32),
            category=np.zeros(0, np.int32),
            available_s=np.zeros(0, np.int64),
            brand_numbers={"": 0},
            category_numbers={(): 0},
            serials=np.zeros(0, np.int64),
            locations=frozenset(),
            attribute_names=frozenset(),
            row_of={},
            hash_keys=np.zeros(16, np.uint64),
            hash_rows=np.zeros(16, np.int32),
        )
        return empty.updated(rows, version)

    def updated(self, changes: Sequence[Item], version: int) -> Catalogue:
        """A new snapshot with `changes` applied in order; this one stays as it is. O(n) copies of small arrays."""
        if not changes:
            return self if version == self.version else replace(self, version=version)
        items, row_of = list(self.items), dict(self.row_of)
        brands, categories = dict(self.brand_numbers), dict(self.category_numbers)
        touched: dict[int, Item] = {}
        fresh: list[int] = []
        for item in changes:
            row = row_of.setdefault(item.item_id, len(items))
            if row == len(items):
                items.append(item)
                fresh.append(row)
            else:
                items[row] = item
            touched[row] = item
        n = len(items)
        price, cost, list_price = _grown(self.price, n), _grown(self.cost, n), _grown(self.list_price, n)
        on_hand, available = _grown(self.on_hand, n), _grown(self.available, n)
        brand, category = _grown(self.brand, n), _grown(self.category, n)
        available_s, serials = _grown(self.available_s, n), _grown(self.serials, n)
        serials[list(touched)] = next(_SERIALS)
        for row, item in touched.items():
            price[row], cost[row], list_price[row] = item.price, item.cost, item.list_price
            on_hand[row] = hand = item.on_hand
            available[row] = not item.deleted and hand != 0
            brand[row] = brands.setdefault(item.brand, len(brands))
            category[row] = categories.setdefault(item.category_path, len(categories))
            available_s[row] = item.available_s
        keys, rows = (
            _with_hashes(self.hash_keys, self.hash_rows, items, fresh) if fresh else (self.hash_keys, self.hash_rows)
        )
        return Catalogue(
            version=version,
            items=tuple(items),
            n_model=self.n_model,
            price=price,
            cost=cost,
            list_price=list_price,
            on_hand=on_hand,
            available=available,
            brand=brand,
            category=category,
            available_s=available_s,
            brand_numbers=brands,
            category_numbers=categories,
            serials=serials,
            locations=_joined(self.locations, (item.stock for item in touched.values())),
            attribute_names=_joined(self.attribute_names, (item.attributes for item in touched.values())),
            row_of=row_of,
            hash_keys=keys,
            hash_rows=rows,
            _derived={name: part.updated(items, list(touched)) for name, part in self._derived.copy().items()},
        )


def _joined(known: frozenset[str], more: Iterable[Iterable[str]]) -> frozenset[str]:
    """`known` with the names in `more`; itself where there is no new one."""
    fresh = {name for names in more for name in names} - known
    return known | fresh if fresh else known


def _grown(array: npt.NDArray[_T], n: int) -> npt.NDArray[_T]:
    """A copy of `array` with `n` rows, zeros at the end."""
    out = np.zeros(n, array.dtype)
    out[: len(array)] = array
    return out


def _with_hashes(
    keys: npt.NDArray[np.uint64], rows: npt.NDArray[np.int32], items: Sequence[Item], fresh: Sequence[int]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    """The open-addressing table with the rows `fresh` added, grown when more than half full."""
    size = len(keys)
    if 2 * len(items) > size:
        while 2 * len(items) > size:
            size *= 2
        keys, rows = np.zeros(size, np.uint64), np.zeros(size, np.int32)
        fresh = range(len(items))
    else:
        keys, rows = keys.copy(), rows.copy()
    mask = size - 1
    for row in fresh:
        key = hash64(items[row].item_id)
        slot = key & mask
        while keys[slot]:
            slot = (slot + 1) & mask
        keys[slot], rows[slot] = key, row
    return keys, rows
