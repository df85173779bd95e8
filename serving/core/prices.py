"""The one place prices come from: what filters and margin rules read is what the answer shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Prices:
    """One line an item of the catalogue, (n,) int64 minor units each; 0 = none, or not known."""

    price: npt.NDArray[np.int64]
    cost: npt.NDArray[np.int64]
    list_price: npt.NDArray[np.int64]

    def margin(self) -> npt.NDArray[np.float32]:
        """(n,) share of the price that is not cost; -inf where the price or the cost is not known."""
        known = (self.price > 0) & (self.cost > 0)
        share = 1.0 - self.cost / np.maximum(self.price, 1)
        return np.where(known, share, -np.inf).astype(np.float32)

    def on_sale(self) -> npt.NDArray[np.bool_]:
        """(n,) whether the price lies below a list price."""
        below: npt.NDArray[np.bool_] = (self.price > 0) & (self.list_price > self.price)
        return below


def catalogue_prices(catalogue: Catalogue) -> Prices:
    """The catalogue's own prices."""
    return Prices(catalogue.price, catalogue.cost, catalogue.list_price)


@dataclass(frozen=True, slots=True, eq=False)
class Quoted:
    """Prices that were decided for the rows of a catalogue, (n,) int64 minor units, 0 = the catalogue's own price.

    One stands until its item gets another price, cost or list price; then the catalogue's own is shown until there is
    another table.
    """

    catalogue: Catalogue
    price: npt.NDArray[np.int64]
    release: str = ""
    """By whose model they were decided; '' = nobody asks."""

    def prices(self, now: Catalogue) -> Prices:
        """Of the catalogue as it is now: the same, or a later one with more rows."""
        was, n = self.catalogue, min(len(self.price), len(now))
        price = now.price.copy()
        stands = self.price[:n] > 0
        if now is not was:
            for name in ("price", "cost", "list_price"):
                stands &= getattr(now, name)[:n] == getattr(was, name)[:n]
        price[:n][stands] = self.price[:n][stands]
        return Prices(price, now.cost, now.list_price)
