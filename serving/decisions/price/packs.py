"""Packs of one product: a larger pack is never cheaper than a smaller one, and never dearer a piece.

A smaller pack is decided before a larger one, within what its floor and ceiling and those of the larger ones leave; the
larger one then keeps to the prices of all smaller ones. One for which they leave nothing has no price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.ports import I32, I64
from serving.kernels.pricing import PRICE_MAX

LEVELS_MAX: Final = 32
"""Sizes of one product; packs beyond them have no price."""
FAR: Final = 10 * PRICE_MAX


@dataclass(frozen=True, slots=True)
class Packs:
    """Of n items. group (n,): number of the product, -1 = none; size (n,): pieces, 1 or more."""

    group: I32
    size: I64

    def levels(self) -> list[I64]:
        """Positions by the rank of their size within the product, the smallest first; items of no product are in the
        first."""
        level = self.ranks()
        return [np.flatnonzero(level == each) for each in range(int(level.max(initial=0)) + 1)]

    def ranks(self) -> I32:
        """(n,) how many smaller sizes the product has."""
        level = np.zeros(len(self.group), np.int32)
        mine = np.flatnonzero(self.group >= 0)
        if not len(mine):
            return level
        mine = mine[np.lexsort((self.size[mine], self.group[mine]))]
        group, size = self.group[mine], self.size[mine]
        start = np.concatenate(([True], group[1:] != group[:-1]))
        larger = np.concatenate(([False], (size[1:] != size[:-1]) & ~start[1:]))
        total = np.cumsum(larger)
        level[mine] = total - np.maximum.accumulate(np.where(start, total, 0))
        return level


class PackBands:
    """What the pack rule leaves of each item, as smaller packs are decided."""

    def __init__(self, packs: Packs, levels: Sequence[I64], low: I64, high: I64) -> None:
        """low, high: (n,) what floor and ceiling leave, low > high where they leave nothing."""
        self._packs = packs
        groups = int(packs.group.max(initial=-1)) + 1
        self._dearest = np.zeros(groups, np.int64)
        self._piece_price = np.full(groups, FAR, np.int64)
        self._piece_size = np.ones(groups, np.int64)
        self.low, self.high = self._backwards(levels, low, high, groups)

    def of(self, at: I64) -> tuple[I64, I64]:
        """low, high for the items `at`, all of one level. low > high where smaller packs leave nothing.

        Where smaller ones leave nothing that larger ones need, it is the larger ones that go without a price.
        """
        low, high = np.zeros(len(at), np.int64), np.full(len(at), FAR, np.int64)
        group = self._packs.group[at]
        mine = group >= 0
        g, size = group[mine], self._packs.size[at][mine]
        low[mine], high[mine] = self._dearest[g], _times(self._piece_price[g], size, self._piece_size[g])
        needed_low, needed_high = np.maximum(low, self.low[at]), np.minimum(high, self.high[at])
        fits = needed_low <= needed_high
        return np.where(fits, needed_low, low), np.where(fits, needed_high, high)

    def decided(self, at: I64, price: I64) -> None:
        """Takes note of prices (0 = none) of the items `at`."""
        group = self._packs.group[at]
        mine = (group >= 0) & (price > 0)
        np.maximum.at(self._dearest, group[mine], price[mine])
        for g, p, s in zip(
            group[mine].tolist(), price[mine].tolist(), self._packs.size[at][mine].tolist(), strict=True
        ):
            if p * int(self._piece_size[g]) < int(self._piece_price[g]) * s:
                self._piece_price[g], self._piece_size[g] = p, s

    def _backwards(self, levels: Sequence[I64], low: I64, high: I64, groups: int) -> tuple[I64, I64]:
        """For each item the prices for which every larger pack can still have one."""
        out_low, out_high = np.zeros(len(low), np.int64), np.full(len(low), FAR, np.int64)
        most = np.full(groups, FAR, np.int64)
        piece, pieces = np.zeros(groups, np.int64), np.ones(groups, np.int64)
        for at in reversed(levels[:LEVELS_MAX]):
            mine = at[(self._packs.group[at] >= 0) & (low[at] <= high[at])]
            g, size = self._packs.group[mine], self._packs.size[mine]
            need = -_times(-piece[g], size, pieces[g])
            lo, hi = np.maximum(low[mine], need), np.minimum(high[mine], most[g])
            fits = lo <= hi
            out_low[mine[fits]], out_high[mine[fits]] = lo[fits], hi[fits]
            lo, hi = np.where(fits, lo, low[mine]), np.where(fits, hi, high[mine])
            broken = np.unique(g[~fits])
            most[broken], piece[broken], pieces[broken] = FAR, 0, 1
            np.minimum.at(most, g, hi)
            for each, p, s in zip(g.tolist(), lo.tolist(), size.tolist(), strict=True):
                if p * int(pieces[each]) > int(piece[each]) * s:
                    piece[each], pieces[each] = p, s
        return out_low, out_high


def _times(price: I64, size: I64, of: I64) -> I64:
    """price * size // of, and what is beyond all prices stays there."""
    bounded: npt.NDArray[np.int64] = np.where(price >= FAR, FAR, np.clip(price, -PRICE_MAX, PRICE_MAX) * size // of)
    return np.minimum(bounded, FAR)
