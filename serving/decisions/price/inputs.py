"""What pricing reads of a catalogue, one row an item: kept beside a snapshot, and brought on with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue, Item
from serving.core.ids import hash64
from serving.core.ports import I32, I64
from serving.core.priority import breathe
from serving.decisions.price.packs import Packs
from serving.decisions.price.rules import Rules
from serving.kernels.pricing import PACK_SIZE_MAX, Facts

BREATH: Final = 4096
"""Items between two moments for other threads."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Immutable. (n,) each, rows as in `catalogue`; amounts in minor units."""

    catalogue: Catalogue
    map_price: I64
    competitor: I64
    set_s: I64
    """Epoch seconds since when the price holds, 0 = not known: long ago."""
    policy: I32
    group: I32
    """Number of the product that the item is a pack of, -1 = none."""
    size: I64
    model_row: I32
    """Of the demand model, -1 = it does not know the item."""
    keys: npt.NDArray[np.uint64]
    currency: I32
    """Number of the currency."""
    groups: dict[str, int]
    currencies: dict[str, int]

    def __len__(self) -> int:
        return len(self.map_price)

    @classmethod
    def of(cls, catalogue: Catalogue, rules: Rules, model_rows: dict[str, int]) -> Inputs:
        """Everything of the catalogue. model_rows: item id -> row of the demand model."""
        empty = np.zeros(0, np.int64)
        nothing = cls(
            catalogue, empty, empty, empty, empty.astype(np.int32), empty.astype(np.int32), empty,
            empty.astype(np.int32), empty.astype(np.uint64), empty.astype(np.int32), {}, {},
        )  # fmt: skip
        return nothing.updated(catalogue, np.arange(len(catalogue)), rules, model_rows)

    def updated(self, catalogue: Catalogue, rows: I64, rules: Rules, model_rows: dict[str, int]) -> Inputs:
        """Of a later snapshot that differs from this one's in `rows`, the new ones at the end included."""
        n, groups, currencies = len(catalogue), dict(self.groups), dict(self.currencies)
        columns = [_grown(each, n) for each in self._columns()]
        found: list[tuple[int, ...]] = []
        keys = np.zeros(len(rows), np.uint64)
        for place, row in enumerate(rows.tolist()):
            item = catalogue.items[row]
            group, size = _pack(item, rules, groups)
            found.append(
                (
                    item.map_price, item.competitor_price, item.price_set_s, rules.policy_of(item), group, size,
                    model_rows.get(item.item_id, -1), currencies.setdefault(item.currency, len(currencies)),
                )
            )  # fmt: skip
            keys[place] = hash64(item.item_id)
            if place % BREATH == BREATH - 1:
                breathe()
        if found:
            table = np.array(found, np.int64)
            for number, column in enumerate(columns[:-1]):
                column[rows] = table[:, number]
            columns[-1][rows] = keys
        *numbers, all_keys = columns
        map_price, competitor, set_s, policy, group_of, size_of, model_row, currency = numbers
        return Inputs(
            catalogue, map_price, competitor, set_s, policy, group_of, size_of, model_row, all_keys, currency, groups,
            currencies,
        )  # fmt: skip

    def _columns(self) -> Sequence[npt.NDArray[Any]]:
        return (
            self.map_price, self.competitor, self.set_s, self.policy, self.group, self.size, self.model_row,
            self.currency, self.keys,
        )  # fmt: skip

    def facts(self, rows: I64, rules: Rules, currency: str, now_s: int) -> Facts:
        """Of the rows. currency: the one that is priced, '' = each item's own. now_s: when the period begins."""
        items, policy = self.catalogue, self.policy[rows]
        wanted = self.currencies.get(currency, -1)
        foreign = (self.currency[rows] != wanted) & (items.price[rows] > 0) & bool(currency)
        set_s = self.set_s[rows]
        return Facts(
            items.price[rows], items.cost[rows], items.list_price[rows], self.map_price[rows], self.competitor[rows],
            items.on_hand[rows], foreign, (set_s > 0) & (now_s - set_s < rules.cooldown_s[policy]), policy,
        )  # fmt: skip

    def packs(self, rows: I64) -> Packs:
        """Of the rows."""
        return Packs(self.group[rows], self.size[rows])

    def with_kin(self, rows: I64) -> I64:
        """The rows, and those of all packs of the same products, ascending."""
        groups = np.unique(self.group[rows])
        groups = groups[groups >= 0]
        return np.union1d(rows, np.flatnonzero(np.isin(self.group, groups))) if len(groups) else np.sort(rows)


def _pack(item: Item, rules: Rules, groups: dict[str, int]) -> tuple[int, int]:
    """(number of the product, pieces); (-1, 1) where the item is no pack, or its size is not a whole number."""
    product = item.attributes.get(rules.params.pack_of, "")
    if not product or item.deleted:
        return -1, 1
    text = item.attributes.get(rules.params.pack_size, "1")
    size = int(text) if text.isascii() and text.isdigit() and len(text) <= 7 else 0
    if not 1 <= size <= PACK_SIZE_MAX:
        return -1, 1
    return groups.setdefault(f"{item.currency} {product}", len(groups)), size


def _grown(array: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    """A copy with `n` rows, zeros at the end."""
    out = np.zeros(n, array.dtype)
    out[: len(array)] = array
    return out
