"""Whether decided prices keep the rules: written from the table of rules in serving/README.md, in whole numbers of
Python and NumPy, and sharing nothing with what decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
PACK_SIZES_MAX = 32
HUGE = np.int64(4 * 10**18)


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The settings of n items, a value or (n,) each; shares in parts of 10,000, amounts in minor units."""

    min_margin: I64
    price_min: I64
    price_max: I64
    list_is_ceiling: Bools
    step: I64
    competitor_low: I64
    competitor_high: I64
    cover_periods: npt.NDArray[np.float64]
    endings: tuple[str, ...]
    explore_share: npt.NDArray[np.float64]
    explore_width: I64


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of n items, (n,) each; amounts 0 = not known, on_hand -1 = not tracked, product -1 = none."""

    price: I64
    cost: I64
    list_price: I64
    map_price: I64
    competitor: I64
    on_hand: I64
    foreign: Bools
    cooling: Bools
    product: I64
    pieces: I64


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided, (n,) each; price 0 = none. gave_way, failed: names of rules by item."""

    price: I64
    low: I64
    high: I64
    propensity: npt.NDArray[np.float64]
    units: npt.NDArray[np.float64]
    """Expected at the price, before stock limits them."""
    gave_way: Mapping[str, Bools]
    failed: Mapping[str, Bools]


def violations(case: Case, book: Rulebook, said: Verdict) -> Counter[str]:
    """How many items break which rule; a rule that gave way counts where an earlier one did not force it to."""
    found: Counter[str] = Counter()
    priced = said.price > 0
    floor, ceiling = _floor(case, book), _ceiling(case, book)
    quotable = ~case.foreign & (case.price > 0) & (floor <= ceiling)
    packed = case.product >= 0

    def broken(rule: str, where: Bools) -> None:
        if count := int(where.sum()):
            found[rule] += count

    p = said.price
    broken("currency", priced & case.foreign)
    broken("no_price", priced & (case.price <= 0))
    broken("min_margin", priced & (case.cost > 0) & ((p - case.cost) * 10_000 < book.min_margin * p))
    broken("map_price", priced & (p < case.map_price))
    broken("lowest", priced & (p < book.price_min))
    broken("highest", priced & (p > book.price_max))
    broken("list_price", priced & book.list_is_ceiling & (case.list_price > 0) & (p > case.list_price))
    broken("refused without a cause", ~priced & quotable & ~packed)
    broken("answered without a band", priced & ~quotable)
    told = np.zeros(len(p), np.int64)
    for flags in said.failed.values():
        told += flags
    broken("no price, no rule named", ~priced & (told == 0))
    broken("a price, and a contradiction", priced & (told > 0))
    for pair, where in _contradictions(case, book, floor, ceiling).items():
        for rule in pair:
            broken(f"{rule} is not named", where & ~said.failed[rule])
    broken("outside its band", priced & ((p < said.low) | (p > said.high)))
    found += _pack_violations(case, said)
    broken("pack: refused without a cause", _refused_packs(case, said, ~priced & quotable & packed, floor, ceiling))
    broken("pack is not named", ~priced & quotable & packed & ~said.failed["pack"])
    band = _Band(floor, ceiling, case, said, priced)
    for rule, low, high in _yielding(case, book):
        band.narrow(rule, low, high, found)
    band.stock(book, found)
    broken("propensity", priced & ~((said.propensity > 0) & (said.propensity <= 1)))
    return found


def _floor(case: Case, book: Rulebook) -> I64:
    """p >= cost / (1 - margin), the minimum advertised price, and the lowest."""
    kept = 10_000 - book.min_margin
    by_cost = np.where(case.cost > 0, -(-np.minimum(case.cost, 10**14) * 10_000 // kept), 0)
    floor: I64 = np.maximum(np.maximum(by_cost, case.map_price), book.price_min)
    return floor


def _ceiling(case: Case, book: Rulebook) -> I64:
    listed = np.where(book.list_is_ceiling & (case.list_price > 0), case.list_price, HUGE)
    ceiling: I64 = np.minimum(listed, book.price_max)
    return ceiling


def _contradictions(case: Case, book: Rulebook, floor: I64, ceiling: I64) -> dict[tuple[str, ...], Bools]:
    """The rules that must be named, and where."""
    usable = ~case.foreign & (case.price > 0)
    clash = usable & (floor > ceiling)
    listed = book.list_is_ceiling & (case.list_price > 0) & (case.list_price < book.price_max)
    kept = 10_000 - book.min_margin
    by_cost = np.where(case.cost > 0, -(-np.minimum(case.cost, 10**14) * 10_000 // kept), 0)
    by_map = case.map_price > np.maximum(by_cost, book.price_min)
    return {
        ("currency",): case.foreign,
        ("no_price",): ~case.foreign & (case.price <= 0),
        ("list_price",): clash & listed,
        ("highest",): clash & ~listed,
        ("map_price",): clash & by_map,
        ("min_margin",): clash & ~by_map & (by_cost > book.price_min),
    }


def _yielding(case: Case, book: Rulebook) -> list[tuple[str, I64, I64]]:
    """Rules that give way to those before them, in order: what each wants."""
    none, all_ = np.zeros(len(case.price), np.int64), np.full(len(case.price), HUGE)
    price, other = case.price, np.minimum(case.competitor, 10**13)
    has_other = case.competitor > 0
    hold, cool = case.cost <= 0, case.cooling
    return [
        ("cost_unknown", np.where(hold, price, none), np.where(hold, price, all_)),
        ("cool_down", np.where(cool, price, none), np.where(cool, price, all_)),
        ("step", -(-price * (10_000 - book.step) // 10_000), price * (10_000 + book.step) // 10_000),
        (
            "competitor",
            np.where(has_other, -(-other * book.competitor_low // 10_000), none),
            np.where(has_other, other * book.competitor_high // 10_000, all_),
        ),
    ]


class _Band:
    """What the rules so far leave, for the items that have a price."""

    def __init__(self, low: I64, high: I64, case: Case, said: Verdict, priced: Bools) -> None:
        self.case, self.said, self.priced = case, said, priced
        lone = priced & (case.product < 0)
        self.low, self.high = np.where(lone, low, said.price), np.where(lone, high, said.price)
        self.lone = lone

    def narrow(self, rule: str, low: I64, high: I64, found: Counter[str]) -> None:
        """The next rule: kept where it can be, else the price nearest to it."""
        p, gave_way = self.said.price, self.said.gave_way[rule]
        meets = (low <= self.high) & (high >= self.low)
        kept = (p >= low) & (p <= high)
        nearest = np.where(high < self.low, self.low, self.high)
        bad = self.lone & (np.where(meets, ~kept, p != nearest) | (gave_way == meets))
        # A pack may have been bound by others of its product: then the rule gave way, and said so.
        bad |= self.priced & ~self.lone & ~kept & ~gave_way
        if count := int(bad.sum()):
            found[rule] += count
        self.low = np.where(meets, np.maximum(self.low, low), nearest)
        self.high = np.where(meets, np.minimum(self.high, high), nearest)

    def stock(self, book: Rulebook, found: Counter[str]) -> None:
        """Not below the item's price where stock would not last, and an ending where there is one."""
        case, said = self.case, self.said
        with np.errstate(invalid="ignore"):
            short = (case.on_hand >= 0) & (said.price < case.price)
            short &= said.units * book.cover_periods > case.on_hand * (1 + 1e-6)
        bad = self.priced & short & ~said.gave_way["stock_cover"]
        if count := int(bad.sum()):
            found["stock_cover"] += count
        if not book.endings:
            return
        ended = np.zeros(len(said.price), np.bool_)
        for ending in book.endings:
            ended |= said.price % 10 ** len(ending) == int(ending)
        lacking = self.priced & ~ended
        wrong = lacking & ~said.gave_way["ending"]
        for row in np.flatnonzero(lacking & self.lone).tolist():
            wrong[row] |= any(_has_ending(int(self.low[row]), int(self.high[row]), one) for one in book.endings)
        if count := int(wrong.sum()):
            found["ending"] += count


def _has_ending(low: int, high: int, ending: str) -> bool:
    """Whether a price from low to high ends so."""
    period = 10 ** len(ending)
    return low + (int(ending) - low) % period <= high


def _pack_violations(case: Case, said: Verdict) -> Counter[str]:
    """Of each product, every two sizes that have a price: the larger is not cheaper, and not dearer a piece."""
    found: Counter[str] = Counter()
    mine = np.flatnonzero((case.product >= 0) & (said.price > 0))
    mine = mine[np.argsort(case.product[mine], kind="stable")]
    for members in np.split(mine, np.flatnonzero(np.diff(case.product[mine])) + 1) if len(mine) else ():
        price, pieces = said.price[members].astype(object), case.pieces[members].astype(object)
        larger = pieces[:, None] > pieces[None, :]
        cheaper = larger & (price[:, None] < price[None, :])
        dearer = larger & (price[:, None] * pieces[None, :] > price[None, :] * pieces[:, None])
        if count := int((cheaper | dearer).sum()):
            found["pack"] += count
    return found


def _refused_packs(case: Case, said: Verdict, refused: Bools, floor: I64, ceiling: I64) -> Bools:
    """Packs without a price for which the prices of all smaller ones leave one after all."""
    wrong = np.zeros(len(refused), np.bool_)
    for row in np.flatnonzero(refused).tolist():
        kin = (case.product == case.product[row]) & (case.pieces < case.pieces[row])
        if len(np.unique(case.pieces[kin])) >= PACK_SIZES_MAX:
            continue
        smaller = np.flatnonzero(kin & (said.price > 0)).tolist()
        low, high = int(floor[row]), int(ceiling[row])
        for one in smaller:
            low = max(low, int(said.price[one]))
            high = min(high, int(said.price[one]) * int(case.pieces[row]) // int(case.pieces[one]))
        wrong[row] = low <= high
    return wrong


def not_best(case: Case, said: Verdict, prices: I64, units: npt.NDArray[Any], *, revenue: bool, plain: Bools) -> Bools:
    """(n,) whether a candidate (n, k) that all rules allow would have brought more, where nothing was left to chance.

    units: (n, k) expected at the candidates. plain: where the chosen price need not be the best by `units`.
    """
    hand = np.where(case.on_hand < 0, np.inf, case.on_hand)[:, None]
    gains = (prices - (0 if revenue else case.cost[:, None])) * np.minimum(units, hand)
    allowed = (prices >= said.low[:, None]) & (prices <= said.high[:, None])
    mine = np.where(prices == said.price[:, None], gains, -np.inf).max(axis=1)
    best = np.where(allowed, gains, -np.inf).max(axis=1)
    asked = (said.price > 0) & (said.propensity >= 1) & ~plain
    best, mine = np.where(asked, best, 0.0), np.where(asked, mine, 0.0)
    worse: Bools = best > mine + 1e-5 * (np.abs(best) + np.abs(mine)) + 1e-3
    return worse


def share_of(value: float) -> int:
    """A share in parts of 10,000, as the settings are read."""
    return round(Fraction(value).limit_denominator(10**9) * 10_000)
