"""Ninety days of a simulated market for each contender, and what each left on the table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from model_repo.datasets.panel import Panel
from model_repo.evaluate.price.contenders import (
    Contender,
    CostPlus,
    EpsilonGreedy,
    Fixed,
    GreedyOls,
    Known,
    Morning,
    Ucb,
)
from model_repo.evaluate.price.market import F64, Market, World, make_world
from model_repo.evaluate.price.oracle import FORESIGHT, Oracle
from model_repo.evaluate.price.shop_rules import CEILING_SHARE, ENDING, Rules

FIRST_DAY: Final = 20_000
Maker = Callable[[Known], Contender]
BASELINES: Final[tuple[Maker, ...]] = (CostPlus, Fixed, GreedyOls, EpsilonGreedy, Ucb)


@dataclass(frozen=True, slots=True)
class Run:
    """What one contender did in one world."""

    name: str
    margin: F64
    """(days,) of the trial, minor units."""
    broken: int
    """Decisions that broke a rule."""
    decisions: int
    seconds: float


def play(seed: int, makers: Sequence[Maker], **size: int) -> list[Run]:
    """Every contender, and the oracle last, in the world of `seed`; the same seed gives the same runs."""
    world = make_world(seed, **size)
    runs = []
    for make in makers:
        market, known, held = past(world)
        runs.append(_trial(make, market, known, held))
    tried = []
    for foresight in FORESIGHT:
        market, known, held = past(world)
        tried.append(_trial(partial(_oracle, market, foresight), market, known, held))
    return [*runs, max(tried, key=lambda run: float(run.margin.sum()))]


def past(world: World) -> tuple[Market, Known, np.ndarray]:
    """The market at the end of its past, what the shop knows of it, and for how long (n,) its prices have stood.

    The shop took cost plus a markup, wrong by up to a quarter, changed a price with its cost, and at times ran a week
    of some per cent less.
    """
    market = Market(world)
    rng = np.random.default_rng(np.random.SeedSequence([world.seed, 5]))
    n, shape = world.items, world.listed.shape
    markup = world.listed.ravel() * rng.uniform(0.85, 1.2, n) / world.cost[0].ravel()
    off = np.ones(n)
    prices, units, rivals, gone = [], [], [], []
    for day in range(world.past_days):
        if day % 7 == 0:
            off = np.where(rng.random(n) < 0.1, 1 - rng.uniform(0.05, 0.2, n), 1.0)
        price = np.maximum(np.rint(market.cost() * markup * off / ENDING) * ENDING, market.cost() * 1.05)
        price = (np.ceil(price / ENDING) * ENDING).astype(np.int64)
        prices.append(price)
        rivals.append(market.rival())
        seen = market.step(price)
        units.append(seen.units)
        gone.append(seen.sold_out)
    days = world.past_days
    panel = Panel(
        name=f"market {world.seed}",
        sha256="",
        series=np.repeat(np.arange(n, dtype=np.int32), days),
        period=np.tile(np.arange(days, dtype=np.int32), n),
        units=np.stack(units, axis=1).astype(np.float64).ravel(),
        price=np.stack(prices, axis=1).ravel(),
        promo=np.zeros(n * days),
        competitor=np.stack(rivals, axis=1).ravel(),
        sold_out=np.stack(gone, axis=1).ravel(),
        ids=tuple(f"item {at}" for at in range(n)),
        group=(np.arange(n) // shape[1]).astype(np.int32),
        groups=tuple(f"category {at}" for at in range(shape[0])),
        first_day=FIRST_DAY,
        period_days=1,
        currency="GBP",
    )
    known = Known(panel, world.listed.ravel(), market.cost(), prices[-1], world.seed)
    return market, known, np.full(n, 7, np.int64)


def _oracle(market: Market, foresight: float, _: Known) -> Oracle:
    return Oracle(market, foresight)


def _trial(make: Maker, market: Market, known: Known, held: np.ndarray) -> Run:
    began = time.monotonic()
    contender = make(known)
    world = market.world
    rules = Rules(np.floor(known.listed * CEILING_SHARE).astype(np.int64))
    today, broken, margin = known.price, 0, []
    for day in range(world.days - world.past_days):
        cost = market.cost()
        ladder = rules.ladder(today, cost, held)
        morning = Morning(day, today, cost, market.rival(), market.on_hand(), ladder)
        price = rules.nearest(contender.choose(morning), today, cost, held)
        broken += rules.broken(price, today, cost, held)
        seen = market.step(price)
        contender.learn(morning, price, seen)
        margin.append(float(seen.margin.sum()))
        held = np.where(price == today, held + 1, 1)
        today = price
    return Run(contender.name, np.array(margin), broken, len(margin) * world.items, time.monotonic() - began)
