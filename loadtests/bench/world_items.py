"""Generated goods for measurements at any size: categories of which a few hold and sell most, as shops have them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Item
from serving.core.ports import F32, I32, I64

NOW_S = 1_800_000_000
"""The moment of generated worlds, epoch seconds."""
DAY_S = 86_400
CATEGORY_HEAD = 10.0
"""Category c has a share of the items, and of the visits, that goes with 1 / (c + CATEGORY_HEAD)."""
BRANDS_PER_ROOT = 3
"""There are so many times sqrt(items) brands."""
BRANDS_IN_CATEGORY = 12
BRANCHING = 12
"""Leaf categories under one parent."""
COLOURS = ("black", "white", "grey", "red", "blue", "green", "yellow", "brown", "pink", "silver")
LOCATION = "warehouse"

_ONSETS = (*"bdfgklmnprstvz", "br", "cl", "dr", "fl", "gr", "pl", "st", "tr")
_VOWELS = (*"aeiou", "ai", "ea", "ou")
_SYLLABLES = len(_ONSETS) * len(_VOWELS)


@dataclass(frozen=True, slots=True)
class Shelves:
    """n items as columns, before they become Items; categories are numbered from the most popular one."""

    category: I32
    """(n,)"""
    brand: I32
    """(n,)"""
    share: npt.NDArray[np.float64]
    """(n,) of what is bought and viewed that is this item, all together 1."""
    ptr: I64
    """(categories + 1,) where each category begins in `members`."""
    members: I32
    """(n,) rows by category, best sold first."""
    category_cdf: npt.NDArray[np.float64]
    """(categories,) cumulated shares of the visits."""

    def __len__(self) -> int:
        return len(self.category)

    def draw(self, category: I32, rng: np.random.Generator) -> I32:
        """(k,) one row of each of the categories (k,), by Zipf's law with exponent 1 (log-uniform ranks)."""
        first, size = self.ptr[category], self.ptr[category + 1] - self.ptr[category]
        rank = ((size + 1.0) ** rng.random(len(category))).astype(np.int64) - 1
        found: I32 = self.members[first + np.minimum(rank, size - 1)]
        return found

    def categories(self, count: int, rng: np.random.Generator) -> I32:
        """(count,) categories as often as they are visited."""
        found = np.searchsorted(self.category_cdf, rng.random(count), side="right")
        return np.minimum(found, len(self.category_cdf) - 1).astype(np.int32)


def shelves(n: int, seed: int) -> Shelves:
    """n items over sqrt(n) categories, at least one in each; popular items lie at random rows."""
    rng = np.random.default_rng([seed, n, 1])
    categories, brands = max(1, round(n**0.5)), max(1, round(BRANDS_PER_ROOT * n**0.5))
    share = 1.0 / (np.arange(categories) + CATEGORY_HEAD)
    share /= share.sum()
    category = rng.choice(categories, n, p=share).astype(np.int32)
    category[rng.permutation(n)[:categories]] = np.arange(categories)
    brand = (category * BRANDS_PER_ROOT + rng.integers(0, BRANDS_IN_CATEGORY, n)) % brands
    members = np.lexsort((rng.random(n), category)).astype(np.int32)
    ptr = np.searchsorted(category[members], np.arange(categories + 1)).astype(np.int64)
    size = np.diff(ptr)[category[members]]
    rank = np.arange(n) - ptr[category[members]]
    sold = np.empty(n)
    sold[members] = share[category[members]] * (np.log1p(1.0 / (rank + 1.0)) / np.log1p(size))  # Shelves.draw's law
    return Shelves(category, brand.astype(np.int32), sold / sold.sum(), ptr, members, np.cumsum(share))


def word(number: int) -> str:
    """A word of two or more syllables; every number has its own."""
    out = ""
    number += _SYLLABLES
    while number:
        number, syllable = divmod(number, _SYLLABLES)
        out += _ONSETS[syllable % len(_ONSETS)] + _VOWELS[syllable // len(_ONSETS)]
    return out


def category_path(category: int) -> tuple[str, ...]:
    """For example ("all", "brode", "staibea")."""
    return "all", word(category // BRANCHING), word(10_000 + category)


def made_items(shelf: Shelves, seed: int) -> Iterator[Item]:
    """The items by row: titles, brands, categories, prices, stock; one in twenty is sold out, one in seven on sale."""
    n = len(shelf)
    rng = np.random.default_rng([seed, n, 2])
    price = np.maximum(np.exp(rng.normal(7.5, 0.9, n)), 50.0).astype(np.int64)
    cost = (price * rng.uniform(0.4, 0.8, n)).astype(np.int64)
    list_price = np.where(rng.random(n) < 1 / 7, price * 5 // 4, 0)
    stock = np.where(rng.random(n) < 1 / 20, 0, rng.integers(1, 200, n))
    age_days = rng.integers(30, 1500, n)
    paths = [category_path(number) for number in range(len(shelf.ptr) - 1)]
    brands = [word(200_000 + number).title() for number in range(int(shelf.brand.max()) + 1)]
    kinds, looks, sizes = rng.integers(0, 40, n), rng.integers(0, len(COLOURS), n), rng.integers(1, 60, n)
    columns = zip(
        shelf.category.tolist(), shelf.brand.tolist(), price.tolist(), cost.tolist(), list_price.tolist(),
        stock.tolist(), age_days.tolist(), kinds.tolist(), looks.tolist(), sizes.tolist(), strict=True,
    )  # fmt: skip
    for row, (category, brand, pence, paid, before, pieces, days, kind, look, size) in enumerate(columns):
        path = paths[category]
        yield Item(
            item_id=f"P{row:07d}",
            title=f"{brands[brand]} {word(400_000 + category * 40 + kind)} {path[-1]}, {COLOURS[look]}, {size}0 ml",
            category_path=path,
            brand=brands[brand],
            currency="GBP",
            price=pence,
            cost=paid,
            list_price=before,
            stock={LOCATION: (pieces, 0)},
            available_s=NOW_S - days * DAY_S,
            attributes={"colour": COLOURS[look]},
        )


def unit_lengths(rng: np.random.Generator, shape: tuple[int, int]) -> F32:
    """Normal float32 vectors of expected length one."""
    drawn: F32 = rng.standard_normal(shape, dtype=np.float32)
    drawn /= np.float32(shape[1] ** 0.5)
    return drawn
