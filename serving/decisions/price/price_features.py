"""What the trees of the pricing model read: one row an item and knot, the same in training and in serving."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I64

F64 = npt.NDArray[np.float64]

FEATURES: Final = (
    "log_price_ratio",  # to the usual price
    "log_price_to_competitor",  # 0 = unknown
    "competitor_known",
    "promo",
    "level",  # believed log units a period at the usual price
    "slope",
    "log_usual_price",  # to the middle one of the shop
    "season_sin",  # day of the year
    "season_cos",
)
FALLING: Final = tuple(-1 if name.startswith("log_price") else 0 for name in FEATURES)
"""LightGBM's monotone_constraints: units never rise with what moves with the price."""
KNOTS: Final = np.array([-0.9, -0.5, -0.3, -0.18, -0.08, 0.0, 0.08, 0.18, 0.3, 0.5, 0.9])
"""log(p / usual) at which the trees are asked; between them the bend is a line."""
USUAL: Final = int(np.searchsorted(KNOTS, 0.0))
"""Place of the usual price among them."""
YEAR_DAYS: Final = 365.2425


def tree_rows(
    distance: F64, usual: F64, middle: float, mean: F64, promo: npt.NDArray[np.generic], competitor: I64, day: I64
) -> F32:
    """(n * m, f) float32 of n items at m prices each.

    distance: (n, m) log(p / usual); usual: (n,) minor units; middle: the shop's middle usual price; mean: (n, 2) level
    and slope; promo (n,) 0..1 or bool; competitor (n,) minor units, 0 = unknown; day: (n,) days since 1970-01-01.
    """
    n, m = distance.shape
    known = competitor > 0
    above = np.log(np.where(known, usual / np.maximum(competitor, 1), 1.0))
    angle = 2 * np.pi * (np.asarray(day) % YEAR_DAYS) / YEAR_DAYS
    out = np.empty((n, m, len(FEATURES)), np.float32)
    out[:, :, 0] = distance
    out[:, :, 1] = np.where(known[:, None], distance + above[:, None], 0.0)
    columns = (known, promo, mean[:, 0], mean[:, 1], np.log(usual / middle), np.sin(angle), np.cos(angle))
    for at, column in enumerate(columns, start=2):
        out[:, :, at] = np.asarray(column)[:, None]
    return out.reshape(n * m, -1)
