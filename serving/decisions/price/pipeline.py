"""How prices are decided: bands by the rules, candidates within them, demand at each, the best of those allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64
from serving.core.priority import breathe
from serving.decisions.price.chance import CURVES, Chance
from serving.decisions.price.packs import LEVELS_MAX, PackBands, Packs
from serving.decisions.price.rules import Rules
from serving.kernels import pricing as kernel
from serving.kernels.pricing import Facts

CHUNK: Final = 4096
"""Items decided together: what they need fits into a processor's cache."""
CANDIDATES: Final = kernel.LADDER_MAX - 1
"""Of an item, in one run with its present price."""
NO_CURVES: Final = np.zeros((0, 1, 1), np.float32)


class Demand(Protocol):
    """Demand of the items that are decided; `at` are their positions among them."""

    @property
    def period_days(self) -> float:
        """In which units sell."""
        ...

    def units(self, at: I64, prices: I64) -> tuple[F32, F32]:
        """Of prices (m, k): units (m, k) expected in a period, NaN = not known; and what the objective counts, in any
        unit: the same, or where units are not known how demand changes with the price."""
        ...

    def drawn(self, at: I64, prices: I64, normal: F32) -> F32:
        """(m, k) the second of these by another curve that may be the true one, chosen by `normal` (m, 2)."""
        ...


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of n items, (n,) each; amounts in minor units."""

    price: I64
    """0 = no price is allowed."""
    low: I64
    high: I64
    """The lowest and the highest price that all rules allow."""
    rule: npt.NDArray[np.uint8]
    """Number of the rule that bound the price, 0 = none."""
    gave_way: I32
    """Bit r = rule r could not be kept."""
    failed: I32
    """Bit r = rule r is one of those that left no price."""
    propensity: F32
    explored: npt.NDArray[np.bool_]
    units: F32
    """Expected in a period, NaN = not known."""
    margin: npt.NDArray[np.float64]
    """Expected in a period; NaN where units or cost are not known."""
    current_margin: npt.NDArray[np.float64]
    """The same at the catalogue's price."""
    band_low: I64
    band_high: I64
    """What the rules leave before stock and endings are looked at; 0 = nothing."""
    low_rule: npt.NDArray[np.uint8]
    high_rule: npt.NDArray[np.uint8]

    @classmethod
    def empty(cls, n: int) -> Decided:
        """Nothing allowed."""
        kinds = {
            "price": np.int64, "low": np.int64, "high": np.int64, "rule": np.uint8, "gave_way": np.int32,
            "failed": np.int32, "propensity": np.float32, "explored": np.bool_, "units": np.float32,
            "margin": np.float64, "current_margin": np.float64, "band_low": np.int64, "band_high": np.int64,
            "low_rule": np.uint8, "high_rule": np.uint8,
        }  # fmt: skip
        made = cls(**{name: np.zeros(n, kind) for name, kind in kinds.items()})
        made.units[:], made.margin[:], made.current_margin[:] = np.nan, np.nan, np.nan
        return made

    def replaced(self, n: int, rows: I64, new: Decided) -> Decided:
        """A copy with `n` rows, of which `rows` are those of `new`."""
        out = Decided.empty(n)
        for each in fields(self):
            column = getattr(out, each.name)
            column[: len(self.price)] = getattr(self, each.name)
            column[rows] = getattr(new, each.name)
        return out

    def taken(self, rows: I64) -> Decided:
        """The rows; those below 0 have no price."""
        out = Decided.empty(len(rows))
        known = rows >= 0
        for each in fields(self):
            getattr(out, each.name)[known] = getattr(self, each.name)[rows[known]]
        return out


class Steps(NamedTuple):
    """Candidates of m items; see kernels/pricing.ladder."""

    prices: I64
    distinct: I32
    plain: npt.NDArray[np.bool_]


def decide(
    facts: Facts,
    packs: Packs,
    demand: Demand,
    rules: Rules,
    chance: Chance,
    pause: Callable[[], None] = breathe,
) -> Decided:
    """Prices of n items; all packs of a product are among them. pause: called between portions of the work."""
    n = len(facts.price)
    out = Decided.empty(n)
    policies = rules.policies(demand.period_days)
    levels = packs.levels()
    bands = PackBands(packs, levels, *kernel.absolute_bands(facts, policies))
    for level, members in enumerate(levels):
        for start in range(0, len(members), CHUNK):
            at = members[start : start + CHUNK]
            low, high = bands.of(at)
            if level >= LEVELS_MAX:
                low, high = high + 1, low - 1
            _decide_some(out, at, facts, low, high, demand, rules, policies, chance)
            pause()
        bands.decided(members, out.price[members])
    return out


def _decide_some(
    out: Decided, at: I64, facts: Facts, pack_low: I64, pack_high: I64, demand: Demand, rules: Rules, policies: I64,
    chance: Chance,
) -> None:  # fmt: skip
    """Writes the decisions of the items `at`, which do not depend on each other."""
    some = Facts(*(column[at] for column in facts))  # type: ignore[arg-type]  # in their order
    bands = kernel.allowed_bands(some, pack_low, pack_high, policies)
    steps = Steps(*kernel.ladder(bands.low, bands.high, some.price, rules.residues, rules.before, CANDIDATES))
    asked = np.maximum(np.column_stack((steps.prices, some.price)), 1)
    units, counted = demand.units(at, asked)
    curves = _curves(at, asked[:, :-1], demand, rules, chance)
    picks = kernel.choose(
        some, bands, steps.prices, steps.distinct, steps.plain, np.ascontiguousarray(units[:, :-1]),
        np.ascontiguousarray(counted[:, :-1]), curves, policies, rules.objective, chance.draws(at),
    )  # fmt: skip
    price = np.where(picks.place >= 0, steps.prices[np.arange(len(at)), picks.place], 0)
    out.price[at], out.low[at], out.high[at], out.rule[at] = price, picks.low, picks.high, picks.rule
    out.gave_way[at], out.failed[at] = picks.gave_way, bands.failed
    out.propensity[at], out.explored[at] = picks.propensity, picks.place != picks.best
    out.units[at] = picks.units
    out.margin[at] = _margin(some, price, picks.units)
    stock = np.where(some.on_hand < 0, np.inf, some.on_hand)
    out.current_margin[at] = _margin(some, some.price, np.minimum(units[:, -1], stock))
    out.band_low[at], out.band_high[at] = bands.low, bands.high
    out.low_rule[at], out.high_rule[at] = bands.low_rule, bands.high_rule


def _margin(facts: Facts, price: I64, units: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Of `units` sold at `price`; NaN where one of the amounts is not known."""
    found: npt.NDArray[np.float64] = np.where(
        (facts.cost > 0) & (price > 0), (price - facts.cost) * units.astype(np.float64), np.nan
    )
    return found


def _curves(at: I64, prices: I64, demand: Demand, rules: Rules, chance: Chance) -> F32:
    """(CURVES, m, k) where prices may be drawn by them, else none."""
    explores = rules.params.explore_share > 0 or any(one.params.explore_share > 0 for one in rules.overrides)
    if rules.params.explore != "thompson" or not explores:
        return NO_CURVES
    return np.stack([demand.drawn(at, prices, chance.curve(at, number)) for number in range(CURVES)])
