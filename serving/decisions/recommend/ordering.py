"""What a page is ordered by: a ranker, or a signal, leaning towards what the shop wants of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from serving.core.ports import F32, I32, I64, Scorer
from serving.core.prices import Prices
from serving.decisions.recommend.contract import OBJECTIVES
from serving.decisions.recommend.models import Rankers
from serving.decisions.recommend.placements import Order
from serving.kernels.signals import S_CONTENT, S_COVIEW, S_TOGETHER

CLICK, REVENUE, MARGIN = (OBJECTIVES.index(name) for name in ("click", "revenue", "margin"))
_PURCHASE, _FOUND = int(Order.PURCHASE), int(Order.FOUND)
COVIEW_SHARE: Final = 0.25
"""How much one unit of log lift of being viewed together adds to a cosine of content."""
USUAL_MARGIN: Final = 0.3
"""Share of the price that an item is taken to earn when its cost is not known."""
LEAST_EARNED: Final = 1.0
"""Minor units: what an item sold without gain counts as, so that its logarithm is one."""

SIGNAL_ORDERS: Final[dict[Order, Callable[[F32], F32]]] = {
    Order.FOUND: lambda signals: -np.arange(len(signals), dtype=np.float32),
    Order.TOGETHER: lambda signals: signals[:, S_TOGETHER],
    Order.LIKENESS: lambda signals: signals[:, S_CONTENT] + np.float32(COVIEW_SHARE) * signals[:, S_COVIEW],
}
"""Orders that need no model: the signals (k, s) of one request's candidates, as they were found -> scores (k,)."""


def learned(rankers: Rankers, orders: Sequence[int], objectives: Sequence[int], features: F32, ptr: I64) -> F32:
    """Scores (m,) float32 of the candidates whose requests a ranker orders; zeros for the others.

    orders: (b,) Order; objectives: (b,) positions in OBJECTIVES. One run a ranker. Raises ModelFailed.
    """
    if not len(features):
        return np.zeros(0, np.float32)
    scorers: tuple[Scorer | None, ...] = (rankers.purchase, rankers.basket, rankers.click, None)
    which = [_ranker(order, objective) for order, objective in zip(orders, objectives, strict=True)]
    if which.count(which[0]) == len(which):
        only = scorers[which[0]]
        return only.score(features) if only else np.zeros(len(features), np.float32)
    scores = np.zeros(len(features), np.float32)
    of_candidate = np.repeat(which, np.diff(ptr))
    for number, scorer in enumerate(scorers):
        mine = np.flatnonzero(of_candidate == number)
        if scorer and len(mine):
            scores[mine] = scorer.score(np.ascontiguousarray(features[mine]))
    return scores


def _ranker(order: int, objective: int) -> int:
    """Number of the ranker, 3 = none."""
    if order >= _FOUND:
        return 3
    return 2 if order == _PURCHASE and objective == CLICK else order


def by_signal(scores: F32, orders: Sequence[int], signals: F32, ptr: I64) -> None:
    """Writes the scores of requests that a signal orders."""
    for r, order in enumerate(orders):
        if order >= _FOUND:
            cut = slice(ptr[r], ptr[r + 1])
            scores[cut] = SIGNAL_ORDERS[Order(order)](signals[cut])


def lean(scores: F32, objectives: Sequence[int], weights: Sequence[float], rows: I32, ptr: I64, prices: Prices) -> None:
    """Adds weight * ln(what a sale brings) to the scores of requests that ask for revenue or margin.

    The scores are log-odds of a sale, so with weight 1 the order is that of expected revenue or margin. The click
    objective has a ranker of its own and leans on nothing.
    """
    for r, (objective, weight) in enumerate(zip(objectives, weights, strict=True)):
        if objective < REVENUE or weight <= 0:
            continue
        cut = slice(ptr[r], ptr[r + 1])
        price = prices.price[rows[cut]].astype(np.float64)
        worth = price
        if objective == MARGIN:
            cost = prices.cost[rows[cut]]
            worth = np.where(cost > 0, price - cost, price * USUAL_MARGIN)
        scores[cut] += np.float32(weight) * np.log(np.maximum(worth, LEAST_EARNED)).astype(np.float32)
