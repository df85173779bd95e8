"""Who knows the true demand: the measure of everybody else's regret."""

from __future__ import annotations

from typing import Final

import numpy as np

from model_repo.evaluate.price.contenders import Morning
from model_repo.evaluate.price.market import F64, FALL, I64, MEMORY, RISE, Market, Seen
from model_repo.evaluate.price.shop_rules import ENDING

ORACLE: Final = "oracle"
SWEEPS_MAX: Final = 12
"""Over a category's items; it ends before, as soon as none changes a price."""
FORESIGHT: Final = (0.0, 0.4, 0.8, 1.2)
"""How much of what today's price leaves in the memory of tomorrow's customers is counted; the best one is taken."""


class Oracle:
    """Good prices for the true demand of a category, items together: coordinate ascent, each item on the ladder and
    then on every allowed price around its best rung. Sales are taken to be min(expected demand, stock)."""

    name = ORACLE

    def __init__(self, market: Market, foresight: float) -> None:
        self.market, self.foresight = market, foresight

    def choose(self, morning: Morning) -> I64:
        market, shape = self.market, self.market.world.listed.shape
        ladder = morning.ladder.reshape(*shape, -1).astype(np.float64)
        cost, stock = morning.cost.reshape(shape), morning.on_hand.reshape(shape)
        price = morning.today.reshape(shape).astype(np.float64)
        price = np.clip(price, ladder[:, :, 0], ladder[:, :, -1])
        left = market.world.days - market.state.day
        kept = self.foresight * (1 - MEMORY ** (left - 1)) * 0.5 * (FALL + RISE)
        worth = kept * np.minimum(market.expected(price), stock) * (price - cost) / market.world.listed

        def best(item: int, prices: F64) -> I64:
            """(c,) place among prices (c, k) of the one that is best for the item, the others' prices as they are."""
            tried = np.repeat(price[None], prices.shape[1], axis=0)
            tried[:, :, item] = prices.T
            units = np.minimum(market.expected(tried), stock)
            return ((units * (tried - cost)).sum(axis=2) + worth[:, item] * tried[:, :, item]).argmax(axis=0)

        for _ in range(SWEEPS_MAX):
            before = price.copy()
            for item in range(shape[1]):
                rungs = ladder[:, item]
                around = _between(rungs, best(item, rungs))
                price[:, item] = np.take_along_axis(around, best(item, around)[:, None], 1)[:, 0]
            if (price == before).all():
                break
        return price.astype(np.int64).ravel()

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        pass


def _between(rungs: F64, at: I64) -> F64:
    """(c, k) every allowed price from the next lower to the next higher price than rungs[:, at]; the last repeated."""
    rung = np.take_along_axis(rungs, at[:, None], 1)
    gap = np.maximum(np.diff(rungs, axis=1).max(axis=1, initial=0.0)[:, None], ENDING)
    low, high = np.maximum(rung - gap, rungs[:, :1]), np.minimum(rung + gap, rungs[:, -1:])
    steps = np.arange(int((high - low).max()) // ENDING + 1) * float(ENDING)
    return np.minimum(low + steps, high)
