"""What filters are tested against: all items, or one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.prices import Prices

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class View:
    """m rows of a snapshot; prices are those rows' already."""

    catalogue: Catalogue
    prices: Prices
    rows: slice

    @classmethod
    def whole(cls, catalogue: Catalogue, prices: Prices) -> View:
        """All items."""
        return cls(catalogue, prices, slice(None))

    @classmethod
    def one(cls, catalogue: Catalogue, prices: Prices, row: int) -> View:
        """The item of one row."""
        only = slice(row, row + 1)
        return cls(catalogue, Prices(prices.price[only], prices.cost[only], prices.list_price[only]), only)

    def of(self, column: npt.NDArray[_T]) -> npt.NDArray[_T]:
        """(m,) the rows of a column (n,) of the catalogue."""
        return column[self.rows]
