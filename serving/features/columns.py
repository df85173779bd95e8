"""Names of the columns of the item and visitor statistics, as numbers that kernels can use."""

from __future__ import annotations

from serving.kernels.history import USER_STATS

POPULARITY_HALF_LIVES_DAYS = (3, 7, 14, 28, 90)

ITEM_STATS = (
    "popularity_3d",
    "popularity_7d",
    "popularity_14d",
    "popularity_28d",
    "popularity_90d",
    "buyers",
    "repurchase",
    "interval_days",
    "price",
    "age",
)
"""Columns of the item statistics, computed by stats.py. popularity_*: log(0.5 + decayed baskets), the first columns in
the order of the half-lives; buyers, price: log(1 + x); age: log(1 + days)."""
(
    I_POPULARITY_3D,
    I_POPULARITY_7D,
    I_POPULARITY_14D,
    I_POPULARITY_28D,
    I_POPULARITY_90D,
    I_BUYERS,
    I_REPURCHASE,
    I_INTERVAL,
    I_PRICE,
    I_AGE,
) = range(len(ITEM_STATS))

U_BASKETS = USER_STATS.index("baskets")
U_IDLE = USER_STATS.index("idle_days")
U_PRICE = USER_STATS.index("mean_log_price")
U_REPEAT = USER_STATS.index("repeat_share")
U_GAP = USER_STATS.index("gap_days")
