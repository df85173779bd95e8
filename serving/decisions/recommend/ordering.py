"""What a page is ordered by: a ranker, or a signal, leaning towards what the shop wants of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from serving.core.ports import F32, I32, I64, Scorer
from serving.core.prices import Prices
from serving.decisions.recommend.contract import OBJECTIVES
from serving.decisions.recommend.models import Rankers
from serving.decisions.recommend.placements import Order
from serving.kernels.signals import S_CONTENT, S_COVIEW, S_TOGETHER

CLICK, REVENUE, MARGIN = (OBJECTIVES.index(name) for name in ("click", "revenue", "margin"))
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


def learned(rankers: Rankers, order: I64, objective: I64, features: F32, ptr: I64) -> F32:
    """Scores (m,) float32 of the candidates whose requests a ranker orders; zeros for the others.

    order: (b,) Order; objective: (b,) position in OBJECTIVES. One run a ranker. Raises ModelFailed.
    """
    scorers: tuple[Scorer, ...] = (rankers.purchase, rankers.basket, rankers.click)
    none = len(scorers)
    which = np.where(order >= Order.FOUND, none, np.where((order == Order.PURCHASE) & (objective == CLICK), 2, order))
    if not len(features):
        return np.zeros(0, np.float32)
    if (which == which[0]).all():
        return scorers[which[0]].score(features) if which[0] < none else np.zeros(len(features), np.float32)
    scores = np.zeros(len(features), np.float32)
    of_candidate = np.repeat(which, np.diff(ptr))
    for number, scorer in enumerate(scorers):
        mine = np.flatnonzero(of_candidate == number)
        if len(mine):
            scores[mine] = scorer.score(np.ascontiguousarray(features[mine]))
    return scores


def by_signal(scores: F32, order: I64, signals: F32, ptr: I64) -> None:
    """Writes the scores of requests that a signal orders."""
    for r in np.flatnonzero(order >= Order.FOUND).tolist():
        cut = slice(ptr[r], ptr[r + 1])
        scores[cut] = SIGNAL_ORDERS[Order(int(order[r]))](signals[cut])


def lean(scores: F32, objective: I64, weight: F32, rows: I32, ptr: I64, prices: Prices) -> None:
    """Adds weight * ln(what a sale brings) to the scores of requests that ask for revenue or margin.

    The scores are log-odds of a sale, so with weight 1 the order is that of expected revenue or margin. The click
    objective has a ranker of its own and leans on nothing.
    """
    for r in np.flatnonzero((objective >= REVENUE) & (weight > 0)).tolist():
        cut = slice(ptr[r], ptr[r + 1])
        price = prices.price[rows[cut]].astype(np.float64)
        worth = price
        if objective[r] == MARGIN:
            cost = prices.cost[rows[cut]]
            worth = np.where(cost > 0, price - cost, price * USUAL_MARGIN)
        scores[cut] += weight[r] * np.log(np.maximum(worth, LEAST_EARNED)).astype(np.float32)
