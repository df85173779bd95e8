"""Who knows the true demand: the measure of everybody else's regret."""

from __future__ import annotations

from typing import Final

import numpy as np

from model_repo.evaluate.price.contenders import Morning
from model_repo.evaluate.price.market import FALL, I64, MEMORY, RISE, Market, Seen

SWEEPS: Final = 2
FORESIGHT: Final = (0.0, 0.4, 0.8, 1.2)
"""How much of what today's price leaves in the memory of tomorrow's customers is counted; the best one is taken."""


class Oracle:
    """The best prices for the true expected margin of a category, items together (coordinate ascent on the ladder)."""

    name = "oracle"

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
        for _ in range(SWEEPS):
            for item in range(shape[1]):
                tried = np.repeat(price[None], ladder.shape[2], axis=0)
                tried[:, :, item] = ladder[:, item].T
                units = np.minimum(market.expected(tried), stock)
                value = (units * (tried - cost)).sum(axis=2) + worth[:, item] * tried[:, :, item]
                price[:, item] = np.take_along_axis(ladder[:, item], value.argmax(axis=0)[:, None], 1)[:, 0]
        return price.astype(np.int64).ravel()

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        pass
