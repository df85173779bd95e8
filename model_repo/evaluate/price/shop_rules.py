"""The hard rules that every contender of the simulated market is held to, and the ladder of what they allow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from model_repo.evaluate.price.market import I64

RUNGS: Final = 31
"""Prices that are allowed at a time, today's among them, from the lowest to the highest."""
FLOOR_SHARE, CEILING_SHARE = 1.05, 1.6
STEP: Final = 0.10
COOL_DAYS: Final = 2
ENDING: Final = 5


@dataclass(frozen=True, slots=True)
class Rules:
    """floor: cost + 5 %. ceiling: 1.6 times the list price. step: 10 % of today's price. cool-down: a price stays for
    2 days. ending: whole multiples of 5 minor units. Where floor and step contradict one another the floor holds."""

    ceiling: I64
    """(n,)."""

    def ladder(self, today: I64, cost: I64, held_days: I64) -> I64:
        """(n, RUNGS) the prices that may be asked, ascending; where there are fewer, some stand there twice."""
        low, high = self.bounds(today, cost, held_days)
        grid = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, RUNGS)
        out = (np.floor(grid / ENDING) * ENDING).astype(np.int64)
        out[:, 0], out[:, -1] = low, high
        return np.maximum.accumulate(np.clip(out, low[:, None], high[:, None]), axis=1)

    def bounds(self, today: I64, cost: I64, held_days: I64) -> tuple[I64, I64]:
        """(n,) lowest and highest price allowed, both on an ending."""
        floor = (np.ceil(cost * FLOOR_SHARE / ENDING) * ENDING).astype(np.int64)
        lowest = (np.ceil(today * (1 - STEP) / ENDING) * ENDING).astype(np.int64)
        highest = (np.floor(np.minimum(today * (1 + STEP), self.ceiling) / ENDING) * ENDING).astype(np.int64)
        cooling = held_days < COOL_DAYS
        low = np.maximum(np.where(cooling, today, lowest), floor)
        high = np.maximum(np.where(cooling, today, highest), low)
        return low, high

    def nearest(self, wanted: I64, today: I64, cost: I64, held_days: I64) -> I64:
        """(n,) the allowed price nearest to the one wanted, on a rung or between two."""
        low, high = self.bounds(today, cost, held_days)
        rounded = (np.rint(wanted / ENDING) * ENDING).astype(np.int64)
        return np.clip(rounded, low, high)

    def broken(self, price: I64, today: I64, cost: I64, held_days: I64) -> int:
        """How many of the prices (n,) are not allowed: counted by the simulator after every decision."""
        low, high = self.bounds(today, cost, held_days)
        return int(((price < low) | (price > high) | (price % ENDING != 0)).sum())
