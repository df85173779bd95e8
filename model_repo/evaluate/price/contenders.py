"""Who sets prices in the simulated market: one class each, all with the same information and the same ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from model_repo.datasets.panel import Panel
from model_repo.evaluate.price.market import F64, I64, Seen


@dataclass(frozen=True, slots=True)
class Morning:
    """What is known when a day's prices are set; all (n,) but the ladder (n, k)."""

    day: int
    """0 = first day of the trial."""
    today: I64
    """The price that is asked now."""
    cost: I64
    rival: I64
    on_hand: I64
    ladder: I64


class Contender(Protocol):
    """Sets a day's prices, and sees what became of them."""

    name: str

    def choose(self, morning: Morning) -> I64:
        """(n,) prices wanted; the simulator takes the nearest allowed one."""
        ...

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None: ...


@dataclass(frozen=True, slots=True)
class Known:
    """The shop's past, the same for everybody. panel: one row an item and day."""

    panel: Panel
    listed: F64
    """(n,)."""
    cost: I64
    """(n,) at the end of the past."""
    price: I64
    """(n,) asked at the end of the past."""
    seed: int


class CostPlus:
    """The markup that the shop always took."""

    name = "cost-plus"

    def __init__(self, known: Known) -> None:
        self.markup = known.price / np.maximum(known.cost, 1)

    def choose(self, morning: Morning) -> I64:
        return np.rint(morning.cost * self.markup).astype(np.int64)

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        pass


class Fixed:
    """The price that stood there when the trial began."""

    name = "fixed"

    def __init__(self, known: Known) -> None:
        self.price = known.price

    def choose(self, morning: Morning) -> I64:
        return self.price

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        pass


class GreedyOls:
    """Log-log least squares an item over past and trial, fitted anew every week; then the best price of the fit.

    An item whose fit has no falling slope takes that of all items pooled, with an effect an item.
    """

    name = "greedy OLS"

    def __init__(self, known: Known) -> None:
        n = len(known.listed)
        panel = known.panel
        sure = ~panel.sold_out
        x, y, at = np.log(panel.price[sure]), np.log1p(panel.units[sure]), panel.series[sure]
        self.sums = np.stack([np.bincount(at, values, n) for values in (np.ones(len(x)), x, y, x * x, x * y)])
        self._fit()

    def _fit(self) -> None:
        count, x, y, xx, xy = self.sums
        count = np.maximum(count, 1)
        spread, cross = xx - x * x / count, xy - x * y / count
        pooled = float(cross.sum() / max(float(spread.sum()), 1e-9))
        own = np.where(spread > 1e-6, cross / np.maximum(spread, 1e-9), pooled)
        self.slope = np.where(own < -0.1, own, min(pooled, -0.1))
        self.level = (y - self.slope * x) / count

    def choose(self, morning: Morning) -> I64:
        units = np.exp(self.level[:, None] + self.slope[:, None] * np.log(morning.ladder))
        return best(units, morning)

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        x, y = np.log(prices), np.log1p(seen.units)
        self.sums += np.where(seen.sold_out, 0.0, np.stack([np.ones(len(x)), x, y, x * x, x * y]))
        if morning.day % 7 == 6:
            self._fit()


ARMS: Final = np.linspace(0.75, 1.45, 9)
"""Of the bandits: multiples of the list price."""


class Bandit:
    """Nine prices an item, the mean margin of a day at each; what the past says of them is where they start.

    Arms that the past never tried start at the item's mean margin with the weight of one day.
    """

    name = ""

    def __init__(self, known: Known) -> None:
        self.prices = np.rint(known.listed[:, None] * ARMS).astype(np.int64)
        self.rng = np.random.default_rng(np.random.SeedSequence([known.seed, 3]))
        n, panel = len(known.listed), known.panel
        self.count, self.total = np.zeros((n, len(ARMS))), np.zeros((n, len(ARMS)))
        self.squares = np.zeros(n)
        cost = known.cost[panel.series]
        self._add(panel.series, panel.price, panel.units * (panel.price - cost))
        mean = self.total.sum(axis=1) / np.maximum(self.count.sum(axis=1), 1)
        self.total += mean[:, None]
        self.count += 1.0

    def _add(self, at: npt.NDArray[np.integer], prices: I64, margin: F64) -> None:
        arm = np.abs(self.prices[at] - prices[:, None]).argmin(axis=1)
        np.add.at(self.count, (at, arm), 1.0)
        np.add.at(self.total, (at, arm), margin)
        np.add.at(self.squares, at, margin**2)

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        self._add(np.arange(len(prices)), prices, seen.margin)

    def _taken(self, arm: npt.NDArray[np.integer]) -> I64:
        return self.prices[np.arange(len(arm)), arm]


class EpsilonGreedy(Bandit):
    """A tenth of the item-days at an arm drawn by lot, else the best mean so far."""

    name = "epsilon-greedy"
    epsilon = 0.1

    def choose(self, morning: Morning) -> I64:
        arm = (self.total / self.count).argmax(axis=1)
        lots = self.rng.random(len(arm)) < self.epsilon
        return self._taken(np.where(lots, self.rng.integers(0, len(ARMS), len(arm)), arm))


class Ucb(Bandit):
    """UCB1 (Auer, Cesa-Bianchi & Fischer 2002), scaled by the deviation of the item's margins."""

    name = "UCB"

    def choose(self, morning: Morning) -> I64:
        days = self.count.sum(axis=1)
        mean = self.total.sum(axis=1) / days
        deviation = np.sqrt(np.maximum(self.squares / days - mean**2, 1.0))
        bonus = deviation[:, None] * np.sqrt(2 * np.log(days)[:, None] / self.count)
        return self._taken((self.total / self.count + 0.5 * bonus).argmax(axis=1))


def best(units: npt.NDArray[np.floating], morning: Morning) -> I64:
    """(n,) the allowed price with the highest expected margin."""
    margin = (morning.ladder - morning.cost[:, None]) * units
    return morning.ladder[np.arange(len(margin)), margin.argmax(axis=1)]
