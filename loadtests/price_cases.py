"""Items and rules drawn at random, the awkward ones more often than in any shop, for what decides prices."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loadtests.price_checker import Case, Rulebook, Verdict, share_of
from serving.decisions.price.packs import Packs
from serving.decisions.price.pipeline import CANDIDATES, Decided
from serving.decisions.price.rules import OBJECTIVES, RULES, Params, Rules
from serving.kernels.pricing import Facts

ENDINGS = ((), ("99",), ("9",), ("49", "99"), ("995", "50"), ("0",))
BRANDS = 3


@dataclass(slots=True)
class RandomDemand:
    """A pipeline.Demand that remembers what it was asked. Some curves rise, are flat, or end in nothing."""

    rng: np.random.Generator
    usual: npt.NDArray[np.int64]
    period_days: float = 7.0
    prices: npt.NDArray[np.int64] = field(init=False)
    answered: npt.NDArray[np.float32] = field(init=False)
    level: npt.NDArray[np.float64] = field(init=False)
    slope: npt.NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.usual)
        self.level = np.where(self.rng.random(n) < 0.1, 0.0, 10 ** self.rng.uniform(-2, 4, n))
        self.slope = np.where(self.rng.random(n) < 0.1, 0.5, self.rng.uniform(-6, 0, n))
        self.prices, self.answered = np.zeros((n, CANDIDATES), np.int64), np.zeros((n, CANDIDATES), np.float32)

    def units(
        self, at: npt.NDArray[np.int64], prices: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        ratio = prices / np.maximum(self.usual[at], 1)[:, None]
        curve = self.level[at][:, None] * ratio ** self.slope[at][:, None]
        units = np.minimum(curve, 1e12).astype(np.float32)
        self.prices[at], self.answered[at] = prices[:, :CANDIDATES], units[:, :CANDIDATES]
        return units, units

    def drawn(
        self, at: npt.NDArray[np.int64], prices: npt.NDArray[np.int64], normal: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        ratio = prices / np.maximum(self.usual[at], 1)[:, None]
        bent = np.clip(self.slope[at] + normal[:, 0], -8, 0)[:, None]
        return np.minimum(self.level[at][:, None] * ratio**bent, 1e12).astype(np.float32)


def random_params(rng: np.random.Generator) -> Params:
    """Any settings that a shop may have."""

    def either(share: float, usual: float, other: float) -> float:
        return other if rng.random() < share else usual

    lowest = int(10 ** rng.uniform(0, 4)) if rng.random() < 0.3 else 1
    return Params(
        objective=str(rng.choice(OBJECTIVES)),
        min_margin=either(0.3, round(rng.uniform(0, 0.95), 4), 0.0),
        price_min=lowest,
        price_max=max(int(10 ** rng.uniform(2, 6)), lowest) if rng.random() < 0.3 else 10**12,
        list_is_ceiling=bool(rng.random() < 0.7),
        step_max=either(0.2, round(rng.uniform(0, 0.3), 4), float(rng.choice([0.0, 1.0]))),
        competitor_low=round(rng.uniform(0, 1), 4),
        competitor_high=round(rng.uniform(1, 3), 4),
        cover_days=either(0.3, round(rng.uniform(0, 60), 2), 0.0),
        endings=ENDINGS[rng.integers(len(ENDINGS))],
        explore=str(rng.choice(("even", "thompson"))),
        explore_share=either(0.5, round(rng.uniform(0, 1), 4), 0.0),
        explore_width=round(rng.uniform(0, 0.5), 4),
        explore_seed=int(rng.integers(2**31)),
    )


def random_rules(rng: np.random.Generator) -> Rules:
    """With rules of two brands of their own."""
    params, others = random_params(rng), [random_params(rng) for _ in range(BRANDS - 1)]
    lines = tuple(
        f"brand=b{number} min_margin={one.min_margin} step_max={one.step_max} price_min={params.price_min} "
        f"price_max={max(one.price_max, params.price_min)} list_is_ceiling={str(one.list_is_ceiling).lower()} "
        f"competitor_low={one.competitor_low} competitor_high={one.competitor_high} cover_days={one.cover_days} "
        f"explore_share={one.explore_share} explore_width={one.explore_width}"
        for number, one in enumerate(others, 1)
    )
    values = {name: getattr(params, name) for name in Params.__dataclass_fields__} | {"overrides": lines}
    return Rules(Params(**values))


def random_case(rng: np.random.Generator, n: int) -> tuple[Case, npt.NDArray[np.int32]]:
    """n items, and the row of each one's rules."""
    price = (10 ** rng.uniform(0, 6, n)).astype(np.int64)
    price[rng.random(n) < 0.02] = 0
    price[rng.random(n) < 0.005] = rng.integers(10**11, 5 * 10**12)

    def around(low: float, high: float, absent: float, wild: float) -> npt.NDArray[np.int64]:
        near = (np.maximum(price, 1) * rng.uniform(low, high, n)).astype(np.int64) + 1
        far = (10 ** rng.uniform(0, 13, n)).astype(np.int64)
        amount = np.where(rng.random(n) < wild, far, near)
        return np.where(rng.random(n) < absent, 0, amount)

    product = np.where(rng.random(n) < 0.3, rng.integers(0, max(n // 10, 1), n), -1)
    pieces = np.where(rng.random(n) < 0.9, rng.integers(1, 25, n), rng.integers(1, 10**6, n))
    typical = (10 ** rng.uniform(1, 4, max(n // 10, 1) + 1)).astype(np.int64)
    sensible = (product >= 0) & (rng.random(n) < 0.7) & (price > 0) & (pieces < 25)
    price = np.where(sensible, typical[product] * pieces * rng.uniform(0.7, 1.0, n), price).astype(np.int64)
    case = Case(
        price=price,
        cost=around(0.1, 1.2, 0.05, 0.01),
        list_price=around(0.8, 2.0, 0.4, 0.01),
        map_price=around(0.5, 1.1, 0.8, 0.01),
        competitor=around(0.5, 2.0, 0.5, 0.02),
        on_hand=np.where(rng.random(n) < 0.3, -1, (10 ** rng.uniform(0, 3, n)).astype(np.int64) - 1),
        foreign=(rng.random(n) < 0.01) & (price > 0),
        cooling=rng.random(n) < 0.1,
        product=product,
        pieces=pieces,
    )
    return case, rng.integers(0, BRANDS, n).astype(np.int32)


def facts_of(case: Case, policy: npt.NDArray[np.int32]) -> tuple[Facts, Packs]:
    """The case as what decides reads it."""
    facts = Facts(
        case.price, case.cost, case.list_price, case.map_price, case.competitor, case.on_hand, case.foreign,
        case.cooling, policy,
    )  # fmt: skip
    return facts, Packs(case.product.astype(np.int32), case.pieces)


def rulebook_of(rules: Rules, policy: npt.NDArray[np.int32], period_days: float) -> Rulebook:
    """The settings of each item, as the checker reads them."""
    every = [rules.params, *(one.params for one in rules.overrides)]

    def shares(name: str) -> npt.NDArray[np.int64]:
        return np.array([share_of(getattr(each, name)) for each in every], np.int64)[policy]

    def plain(name: str, kind: type) -> npt.NDArray[np.generic]:
        return np.array([getattr(each, name) for each in every], kind)[policy]

    return Rulebook(
        min_margin=shares("min_margin"),
        price_min=plain("price_min", np.int64),  # type: ignore[arg-type]
        price_max=plain("price_max", np.int64),  # type: ignore[arg-type]
        list_is_ceiling=plain("list_is_ceiling", np.bool_),  # type: ignore[arg-type]
        step=shares("step_max"),
        competitor_low=shares("competitor_low"),
        competitor_high=shares("competitor_high"),
        cover_periods=np.array([round(1000 * each.cover_days / period_days) / 1000 for each in every])[policy],
        endings=rules.params.endings,
        explore_share=plain("explore_share", np.float64),  # type: ignore[arg-type]
        explore_width=shares("explore_width"),
    )


def verdict_of(decided: Decided, demand: RandomDemand) -> Verdict:
    """The decision in the checker's words."""

    def flags(bits: npt.NDArray[np.int32]) -> dict[str, npt.NDArray[np.bool_]]:
        return {name: (bits >> number & 1).astype(np.bool_) for number, name in enumerate(RULES)}

    here = demand.prices == decided.price[:, None]
    units = np.where(here, demand.answered, 0).max(axis=1).astype(np.float64)
    return Verdict(
        decided.price, decided.low, decided.high, decided.propensity.astype(np.float64), units,
        flags(decided.gave_way), flags(decided.failed),
    )  # fmt: skip
