"""The features of the ranking model. A feature = one file with `value(x, r, i)` + its two lines below: name, call."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from serving.features import (
    bought_before,
    brand_affinity,
    buy_decay,
    buy_decay_share,
    buy_frequency,
    buy_recency,
    buys,
    category_affinity,
    content_score,
    coview_score,
    days_since_buy,
    due_item,
    due_user,
    factor_score,
    factor_share,
    item_age,
    item_item_score,
    item_item_share,
    item_price,
    on_item_page,
    popularity,
    popularity_3d,
    popularity_7d,
    popularity_14d,
    popularity_28d,
    popularity_90d,
    price_distance,
    repurchase_rate,
    seen,
    session_score,
    session_share,
    together_score,
    transition_score,
    transition_share,
    user_baskets,
    user_idle,
    user_repeats,
)
from serving.features.inputs import Inputs

FEATURES: Final = (
    "item_item_score",
    "item_item_share",
    "factor_score",
    "factor_share",
    "buy_decay",
    "buy_decay_share",
    "buys",
    "buy_frequency",
    "bought_before",
    "buy_recency",
    "days_since_buy",
    "due_item",
    "due_user",
    "seen",
    "popularity",
    "popularity_3d",
    "popularity_7d",
    "popularity_14d",
    "popularity_28d",
    "popularity_90d",
    "repurchase_rate",
    "item_age",
    "item_price",
    "price_distance",
    "user_baskets",
    "user_idle",
    "user_repeats",
    "category_affinity",
    "brand_affinity",
    "on_item_page",
    "session_score",
    "session_share",
    "transition_score",
    "transition_share",
    "together_score",
    "coview_score",
    "content_score",
)
"""Names of the columns, in the order in which the ranker reads them; part of its model.toml."""


@njit(cache=True, nogil=True, fastmath=True)
def compute(x, ptr):
    """(m, len(FEATURES)) float32, C order: candidates ptr[r]:ptr[r + 1] belong to request r. x: Inputs.

    What is the same for all candidates of a request is computed for its first.
    """
    out = np.empty((len(x.rows), len(FEATURES)), np.float32)
    for r in range(len(ptr) - 1):
        first = ptr[r]
        for i in range(first, ptr[r + 1]):
            line = out[i]
            line[0] = item_item_score.value(x, r, i)
            line[1] = item_item_share.value(x, r, i)
            line[2] = factor_score.value(x, r, i)
            line[3] = factor_share.value(x, r, i)
            line[4] = buy_decay.value(x, r, i)
            line[5] = buy_decay_share.value(x, r, i)
            line[6] = buys.value(x, r, i)
            line[7] = buy_frequency.value(x, r, i)
            line[8] = bought_before.value(x, r, i)
            line[9] = buy_recency.value(x, r, i)
            line[10] = days_since_buy.value(x, r, i)
            line[11] = due_item.value(x, r, i)
            line[12] = due_user.value(x, r, i)
            line[13] = seen.value(x, r, i)
            line[14] = popularity.value(x, r, i)
            line[15] = popularity_3d.value(x, r, i)
            line[16] = popularity_7d.value(x, r, i)
            line[17] = popularity_14d.value(x, r, i)
            line[18] = popularity_28d.value(x, r, i)
            line[19] = popularity_90d.value(x, r, i)
            line[20] = repurchase_rate.value(x, r, i)
            line[21] = item_age.value(x, r, i)
            line[22] = item_price.value(x, r, i)
            line[23] = price_distance.value(x, r, i)
            if i == first:
                line[24] = user_baskets.value(x, r, i)
                line[25] = user_idle.value(x, r, i)
                line[26] = user_repeats.value(x, r, i)
            else:
                for column in range(24, 27):
                    line[column] = out[first, column]
            line[27] = category_affinity.value(x, r, i)
            line[28] = brand_affinity.value(x, r, i)
            line[29] = on_item_page.value(x, r, i)
            line[30] = session_score.value(x, r, i)
            line[31] = session_share.value(x, r, i)
            line[32] = transition_score.value(x, r, i)
            line[33] = transition_share.value(x, r, i)
            line[34] = together_score.value(x, r, i)
            line[35] = coview_score.value(x, r, i)
            line[36] = content_score.value(x, r, i)
    return out


__all__ = ["FEATURES", "Inputs", "compute"]
