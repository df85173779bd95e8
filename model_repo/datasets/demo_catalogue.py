"""The demo store's goods: what they are, how they look, and when they are cheap, new or sold out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.demo_words import BRANDS, BRANDS_PER_DEPARTMENT, LEAVES, Leaf

STYLE_DIMS: Final = 6
PROMOTION_DAYS: Final = 7
_PROMOTIONS_PER_YEAR: Final = 3.0
_STOCK_OUTS_PER_YEAR: Final = 0.6
_PERIODS_MAX: Final = 6
_NEW_SHARE: Final = 0.12
_NEVER: Final = np.iinfo(np.int32).max

LEAF_INDEX: Final = {leaf.path[-1]: number for number, leaf in enumerate(LEAVES)}

_LOOKS: Final = {
    ("white", "blue"): "colour",
    ("red", "yellow"): "colour",
    ("plain", "striped"): "pattern",
    ("lavender", "lemon"): "scent",
    ("mild", "medium"): "taste",
    ("chicken", "salmon"): "flavour",
}
"""What a leaf's looks are, told by the first two; otherwise they are a variety."""
_MATERIALS: Final = frozenset({
    "acrylic", "alpaca", "aluminium", "bamboo", "brass", "ceramic", "clay", "concrete", "copper", "cork", "cotton",
    "enamel", "fleece", "foam", "glass", "iron", "linen", "oak", "paper", "percale", "porcelain", "rattan",
    "silicone", "silk", "soy", "steel", "stoneware", "terracotta", "velvet", "walnut", "wicker", "wood", "wooden",
    "wool",
})  # fmt: skip
"""Kinds that say what an item is made of."""


@dataclass(frozen=True, slots=True)
class Goods:
    """n items as columns. Days count from 0, the first day of the history."""

    leaf: npt.NDArray[np.int16]
    """(n,) position in LEAVES."""
    brand: npt.NDArray[np.int16]
    """(n,) position in BRANDS."""
    variant: npt.NDArray[np.int32]
    """(n,) number of the combination of kind, look and size within its leaf and brand; see `title`."""
    style: npt.NDArray[np.float32]
    """(n, STYLE_DIMS) what a customer's taste is compared with."""
    popularity: npt.NDArray[np.float64]
    """(n,) weight in its leaf before tastes, prices and stock."""
    regular: npt.NDArray[np.int64]
    """(n,) first price, pence."""
    cost: npt.NDArray[np.int64]
    """(n,) unit cost, pence."""
    change_day: npt.NDArray[np.int32]
    """(n,) day of the permanent price change, _NEVER = none."""
    change: npt.NDArray[np.float64]
    """(n,) factor of the price from `change_day` on."""
    promo_start: npt.NDArray[np.int32]
    """(n, _PERIODS_MAX) first day of each promotion, _NEVER = unused."""
    promo_depth: npt.NDArray[np.float64]
    """(n, _PERIODS_MAX) share taken off."""
    out_start: npt.NDArray[np.int32]
    """(n, _PERIODS_MAX) first day of each stock-out, _NEVER = unused."""
    out_end: npt.NDArray[np.int32]
    """(n, _PERIODS_MAX) first day back in stock."""
    launch_day: npt.NDArray[np.int32]
    """(n,) first day on sale; negative = before the history."""
    interval: npt.NDArray[np.float32]
    """(n,) days until a buyer needs it again, 0 = not consumed."""
    partner: npt.NDArray[np.int32]
    """(n,) item bought together with it, -1 = none."""
    by_leaf: npt.NDArray[np.int64]
    """(n,) items ordered by leaf."""
    leaf_start: npt.NDArray[np.int64]
    """(leaves + 1,) where each leaf begins in `by_leaf`."""

    def __len__(self) -> int:
        return len(self.leaf)

    def on(self, day: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """price (n,) in pence, discount (n,) as a share, sold (n,): may be bought on `day`."""
        running = (self.promo_start <= day) & (day < self.promo_start.astype(np.int64) + PROMOTION_DAYS)
        discount = np.where(running, self.promo_depth, 0.0).max(axis=1)
        price: npt.NDArray[np.int64] = np.maximum(1, np.rint(self.list_price(day) * (1.0 - discount))).astype(np.int64)
        out = ((self.out_start <= day) & (day < self.out_end)).any(axis=1)
        return price, discount, (self.launch_day <= day) & ~out

    def list_price(self, day: int) -> npt.NDArray[np.int64]:
        """(n,) pence without promotions."""
        level = np.where(self.change_day <= day, self.change, 1.0)
        pence: npt.NDArray[np.int64] = np.maximum(1, np.rint(self.regular * level)).astype(np.int64)
        return pence


def make_goods(items: int, days: int, rng: np.random.Generator) -> Goods:
    """`items` items spread over all leaves, at least one each."""
    leaf, by_leaf, leaf_start = _spread(items, rng)
    brand, variant = _name(leaf, by_leaf, leaf_start, rng)
    style = _styles(leaf, brand, rng)
    low, high = np.array([one.price for one in LEAVES], np.float64)[leaf].T
    regular = _tidy(low * (high / low) ** rng.beta(1.6, 2.4, items))
    interval = np.array([one.interval_days for one in LEAVES], np.float32)[leaf]
    changed = rng.random(items) < 0.3
    factor = np.where(rng.random(items) < 0.7, rng.uniform(1.03, 1.12, items), rng.uniform(0.88, 0.97, items))
    promo_start = _starts(items, days, _PROMOTIONS_PER_YEAR, rng)
    out_start = _starts(items, days, _STOCK_OUTS_PER_YEAR, rng)
    lasts = rng.integers(3, 15, out_start.shape)
    new = rng.random(items) < _NEW_SHARE
    return Goods(
        leaf=leaf,
        brand=brand,
        variant=variant,
        style=style,
        popularity=rng.lognormal(0.0, 0.9, items),
        regular=regular,
        cost=np.maximum(1, np.rint(regular * rng.uniform(0.42, 0.68, items))).astype(np.int64),
        change_day=np.where(changed, rng.integers(0, days, items), _NEVER).astype(np.int32),
        change=factor,
        promo_start=promo_start,
        promo_depth=rng.choice([0.1, 0.15, 0.2, 0.25, 0.3], promo_start.shape),
        out_start=out_start,
        out_end=np.where(out_start == _NEVER, _NEVER, out_start + lasts).astype(np.int32),
        launch_day=np.where(new, rng.integers(1, max(2, days - 7), items), -rng.integers(1, 900, items)).astype(
            np.int32
        ),
        interval=(interval * rng.uniform(0.75, 1.3, items)).astype(np.float32),
        partner=_partners(leaf, by_leaf, leaf_start, style, rng),
        by_leaf=by_leaf,
        leaf_start=leaf_start,
    )


def title(leaf: Leaf, brand: int, variant: int) -> str:
    """For example 'Oakline ceramic mug, blue, 300 ml'; past the last combination a series number keeps titles apart."""
    series, place = divmod(variant, combinations(leaf))
    place, kind = divmod(place, len(leaf.kinds))
    size, look = divmod(place, len(leaf.looks))
    name = f"{BRANDS[brand]} {leaf.kinds[kind]} {leaf.noun}, {leaf.looks[look]}, {leaf.sizes[size]}"
    return f"{name}, series {series + 1}" if series else name


def attributes(leaf: Leaf, variant: int) -> dict[str, str]:
    """What the title says, by name: {"material": "ceramic", "colour": "blue", "size": "300 ml"}."""
    place, kind = divmod(variant % combinations(leaf), len(leaf.kinds))
    size, look = divmod(place, len(leaf.looks))
    made_of = "material" if leaf.kinds[kind] in _MATERIALS else "kind"
    look_is = _LOOKS.get((leaf.looks[0], leaf.looks[1]), "variety")
    return {made_of: leaf.kinds[kind], look_is: leaf.looks[look], "size": leaf.sizes[size]}


def size_step(leaf: Leaf, variant: int) -> int:
    """Which of the leaf's sizes the variant has, 0 = the smallest."""
    return variant % combinations(leaf) // (len(leaf.kinds) * len(leaf.looks))


def combinations(leaf: Leaf) -> int:
    """How many different items of one brand the leaf's words make."""
    return len(leaf.kinds) * len(leaf.looks) * len(leaf.sizes)


def _spread(
    items: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Leaf of each item in random order, the items ordered by leaf, and where each leaf begins there."""
    share = rng.uniform(0.6, 1.6, len(LEAVES))
    cuts = np.floor(np.cumsum(share) / share.sum() * (items - len(LEAVES)) + 1e-6).astype(np.int64)
    counts = np.diff(cuts, prepend=0) + 1
    counts[-1] += items - counts.sum()
    leaf = rng.permutation(np.repeat(np.arange(len(LEAVES), dtype=np.int16), counts))
    return leaf, np.argsort(leaf, kind="stable"), np.concatenate([[0], np.cumsum(counts)])


def _leaves(
    by_leaf: npt.NDArray[np.int64], start: npt.NDArray[np.int64]
) -> Iterator[tuple[int, Leaf, npt.NDArray[np.int64]]]:
    """(number, leaf, its items) of every leaf."""
    for number, leaf in enumerate(LEAVES):
        yield number, leaf, by_leaf[start[number] : start[number + 1]]


def _name(
    leaf: npt.NDArray[np.int16],
    by_leaf: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int32]]:
    """A brand and a variant for every item, no pair twice within a leaf, so that titles are unique."""
    brand, variant = np.zeros(len(leaf), np.int16), np.zeros(len(leaf), np.int32)
    departments = list(dict.fromkeys(one.path[0] for one in LEAVES))
    for _, one, members in _leaves(by_leaf, start):
        first = departments.index(one.path[0]) * 3
        pairs = BRANDS_PER_DEPARTMENT * combinations(one)
        rounds = -(-len(members) // pairs)
        drawn = rng.permutation(pairs * rounds)[: len(members)]
        series, place = np.divmod(drawn, pairs)
        brand[members] = (first + place % BRANDS_PER_DEPARTMENT) % len(BRANDS)
        variant[members] = series * combinations(one) + place // BRANDS_PER_DEPARTMENT
    return brand, variant


def _styles(
    leaf: npt.NDArray[np.int16], brand: npt.NDArray[np.int16], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """(n, STYLE_DIMS) a brand's style plus the item's own."""
    brands = rng.normal(0.0, 0.7, (len(BRANDS), STYLE_DIMS))
    return (brands[brand] + rng.normal(0.0, 0.75, (len(leaf), STYLE_DIMS))).astype(np.float32)


def _tidy(pence: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Prices as shops write them: ending in 49 or 99, below one pound in 5 or 9."""
    fine = np.maximum(5, np.rint(pence / 5) * 5 - 1)
    coarse = np.maximum(49, np.rint(pence / 50) * 50 - 1)
    tidy: npt.NDArray[np.int64] = np.where(pence < 100, fine, coarse).astype(np.int64)
    return tidy


def _starts(items: int, days: int, per_year: float, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """(items, _PERIODS_MAX) first days of random periods, a Poisson number each, _NEVER = unused."""
    used = np.minimum(rng.poisson(per_year * days / 365.25, items), _PERIODS_MAX)
    start = rng.integers(0, days, (items, _PERIODS_MAX))
    return np.where(np.arange(_PERIODS_MAX) < used[:, None], start, _NEVER).astype(np.int32)


def _partners(
    leaf: npt.NDArray[np.int16],
    by_leaf: npt.NDArray[np.int64],
    start: npt.NDArray[np.int64],
    style: npt.NDArray[np.float32],
    rng: np.random.Generator,
) -> npt.NDArray[np.int32]:
    """(n,) for each item the closest in style among 32 random items of the leaf that goes with its own."""
    partner = np.full(len(leaf), -1, np.int32)
    for _, one, members in _leaves(by_leaf, start):
        if not one.goes_with:
            continue
        other = LEAF_INDEX[one.goes_with]
        choice = rng.integers(start[other], start[other + 1], (len(members), 32))
        candidates = by_leaf[choice]
        fit = np.einsum("nd,nkd->nk", style[members], style[candidates])
        partner[members] = np.take_along_axis(candidates, fit.argmax(axis=1)[:, None], 1)[:, 0]
    return partner
