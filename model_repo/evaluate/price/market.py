"""A made-up market in which prices are tried: demand is none of the forms that the served model knows.

Customers come to a category and choose one of its items, the same item at a competitor's, or nothing (a mixed
multinomial logit: Berry, Levinsohn & Pakes 1995): latent segments differ in taste, in how much a price hurts, and in
the price above which they do not buy at all. A price is felt against the one remembered, a rise more than a fall
(Kalyanaram & Winer 1995). Weekday, season and chance move how many come; sales are negative binomial, and end with the
stock. Competitors follow, suppliers' costs move. Nothing here knows of who sets the prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SEGMENTS: Final = 4
MEMORY: Final = 0.93
"""Share of the remembered price that a day leaves."""
FALL, RISE = 0.4, 0.6
"""How much a price below and above the remembered one is felt, in units of utility per relative price."""
ATTRACTION: Final = np.log(0.0035)
"""Of an ordinary item at its list price, against buying nothing: about one in twenty of a category's visitors buys."""
SIZE: Final = 6.0
"""Of the negative binomial of an item's day."""
REFILL_DAYS: Final = 7
COVER_DAYS: Final = 12.0
WEEKDAYS: Final = np.array([0.9, 0.85, 0.9, 0.95, 1.15, 1.35, 0.9])


@dataclass(frozen=True, slots=True)
class World:
    """What does not change. c categories of j items each, numbered c * j; money in minor units."""

    listed: F64
    """(c, j) list prices: the scale of the prices felt."""
    cost: F64
    """(days, c, j)."""
    taste: F64
    """(SEGMENTS, c, j) utility beyond price."""
    hurt: F64
    """(SEGMENTS, c) utility lost per relative price."""
    limit: F64
    """(SEGMENTS, c, j) price above which the segment does not buy."""
    share: F64
    """(SEGMENTS, c)."""
    crowd: F64
    """(days, c) customers expected."""
    rival_cost: F64
    """(c, j)."""
    rival_whim: F64
    """(days, c, j) what moves the competitor's price beside ours, relative."""
    seed: int
    past_days: int

    @property
    def days(self) -> int:
        return len(self.cost)

    @property
    def items(self) -> int:
        return self.listed.size


@dataclass(slots=True)
class State:
    """What changes from day to day; all (c, j)."""

    day: int
    remembered: F64
    rival: F64
    stock: F64
    usual_sales: F64


@dataclass(frozen=True, slots=True)
class Seen:
    """What a shop sees of a day; all (n,)."""

    units: I64
    sold_out: npt.NDArray[np.bool_]
    margin: F64
    """Minor units: pieces times (price - cost)."""


def make_world(seed: int, *, categories: int = 10, items: int = 10, past_days: int = 180, days: int = 90) -> World:
    """The same seed gives the same world."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    c, j, s, whole = categories, items, SEGMENTS, past_days + days
    listed = np.exp(rng.normal(np.log(1500), 0.8, (c, j))).clip(300, 20_000)
    cost = listed * rng.uniform(0.5, 0.68, (c, j))
    moves = np.where(rng.random((whole, c, j)) < 0.012, rng.normal(0.0, 0.05, (whole, c, j)), 0.0)
    price_hurts = np.array([1.6, 2.6, 3.6, 5.4])[:, None] * np.exp(rng.normal(0, 0.2, (1, c)))
    season = 1 + 0.25 * np.sin(2 * np.pi * (np.arange(whole)[:, None] / 365.0 + rng.random(c)))
    shop = np.exp(np.cumsum(rng.normal(0, 0.02, whole)) * 0.5 + rng.normal(0, 0.06, whole))[:, None]
    promoted = np.where(rng.random((whole // 7 + 1, c, j)) < 0.08, rng.uniform(-0.2, -0.1, (whole // 7 + 1, c, j)), 0.0)
    return World(
        listed=listed,
        cost=np.rint(cost * np.exp(np.cumsum(moves, axis=0)).clip(0.8, 1.25)),
        taste=rng.normal(0, 0.7, (1, c, j)) + rng.normal(0, 0.6, (s, c, j)),
        hurt=price_hurts,
        limit=listed * np.exp(rng.normal(0.3, 0.25, (s, c, j))),
        share=rng.dirichlet(np.full(s, 4.0), c).T,
        crowd=rng.lognormal(np.log(1500), 0.5, c) * season * WEEKDAYS[np.arange(whole) % 7][:, None] * shop,
        rival_cost=cost * rng.uniform(0.95, 1.1, (c, j)),
        rival_whim=np.repeat(promoted, 7, axis=0)[:whole] + rng.normal(0, 0.01, (whole, c, j)),
        seed=seed,
        past_days=past_days,
    )


class Market:
    """One run of a world. Chance is drawn by day: whoever sets the prices meets the same weather."""

    def __init__(self, world: World) -> None:
        self.world = world
        w = world
        self.state = State(
            0, w.listed.copy(), w.listed * 1.02, np.full(w.listed.shape, 400.0), np.full(w.listed.shape, 5.0)
        )

    def rival(self) -> I64:
        """(n,) the competitor's prices of today, minor units."""
        return np.rint(self.state.rival).astype(np.int64).ravel()

    def cost(self) -> I64:
        """(n,) of today."""
        return self.world.cost[self.state.day].astype(np.int64).ravel()

    def on_hand(self) -> I64:
        """(n,) pieces."""
        return self.state.stock.astype(np.int64).ravel()

    def expected(self, prices: F64) -> F64:
        """(..., c, j) pieces demanded today at prices (..., c, j)."""
        return demand(self.world, self.state, prices)

    def step(self, prices: I64) -> Seen:
        """The day at these prices (n,), and on to the next one."""
        w, now = self.world, self.state
        price = prices.reshape(w.listed.shape).astype(np.float64)
        mu = self.expected(price)
        rng = np.random.default_rng(np.random.SeedSequence([w.seed, 2, now.day]))
        luck = rng.gamma(SIZE, 1.0 / SIZE, mu.shape)
        wanted = rng.poisson(np.minimum(mu * luck, 1e9)).astype(np.float64)
        sold = np.minimum(wanted, now.stock)
        seen = Seen(
            sold.astype(np.int64).ravel(), (wanted > now.stock).ravel(), (sold * (price - w.cost[now.day])).ravel()
        )
        now.stock = now.stock - sold
        now.usual_sales = 0.9 * now.usual_sales + 0.1 * mu
        now.remembered = MEMORY * now.remembered + (1 - MEMORY) * price
        now.day += 1
        if now.day % REFILL_DAYS == 0:
            now.stock = np.maximum(now.stock, np.ceil(now.usual_sales * COVER_DAYS))
        if now.day < w.days:
            follow = now.rival + 0.15 * (0.98 * price - now.rival)
            now.rival = np.maximum(follow, w.rival_cost * 1.08)
            if now.day % 7 == 0:
                now.rival = now.rival * (1 + w.rival_whim[now.day])
        return seen


def demand(world: World, state: State, prices: F64) -> F64:
    """(..., c, j) pieces demanded on the state's day at prices (..., c, j) of all items together."""
    w = world
    felt = (state.remembered - prices) / w.listed
    felt = np.where(felt > 0, FALL, RISE) * felt
    hurt = w.hurt[:, :, None]
    relative = (prices / w.listed)[..., None, :, :]
    base = w.taste + ATTRACTION
    within = 1.0 / (1.0 + np.exp(((prices[..., None, :, :] - w.limit) / (0.08 * w.listed)).clip(-50, 50)))
    ours = np.exp(base - hurt * (relative - 1.0) + felt[..., None, :, :]) * within
    theirs = np.exp(base - hurt * (state.rival / w.listed - 1.0)) * 0.6
    theirs = theirs / (1.0 + np.exp(((state.rival - w.limit) / (0.08 * w.listed)).clip(-50, 50)))
    chosen = ours / (1.0 + ours.sum(axis=-1, keepdims=True) + theirs.sum(axis=-1, keepdims=True))
    of_segments = (chosen * w.share[:, :, None]).sum(axis=-3)
    return w.crowd[state.day][:, None] * of_segments
