"""ABC-XYZ: how much an item earns, and how steadily it sells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NAMES = tuple(f"{abc}{xyz}" for abc in "ABC" for xyz in "XYZ")
A_SHARE, B_SHARE = 0.8, 0.95
X_SPREAD, Y_SPREAD = 0.5, 1.0
WEEKS_MIN = 4
"""With fewer weeks on sale an item is Z."""


def abc_xyz(
    units: npt.NDArray[np.floating], revenue: npt.NDArray[np.floating], start: npt.NDArray[np.integer]
) -> npt.NDArray[np.uint8]:
    """(n,) position in NAMES. units: (n, t) a day; revenue: (n,); start: (n,) first column on sale.

    A: the items that earn the first 80 % of the revenue, B: the next 15 %, C: the rest. X: coefficient of variation of
    whole weeks' units, counted back from the end, at most 0.5; Y: at most 1; Z: above.
    """
    order = np.argsort(-revenue, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(revenue[order], dtype=np.float64)[:-1]])
    share = np.empty(len(revenue))
    share[order] = before / max(float(revenue.sum()), 1e-12)
    abc = np.where(share < A_SHARE, 0, np.where(share < B_SHARE, 1, 2))
    t = units.shape[1]
    weeks = t // 7
    weekly = units[:, t - 7 * weeks :].reshape(len(units), weeks, 7).sum(axis=2).astype(np.float64)
    on_sale = (t - 7 * weeks + 7 * np.arange(weeks)) >= start[:, None]
    count = on_sale.sum(axis=1)
    mean = np.where(on_sale, weekly, 0).sum(axis=1) / np.maximum(count, 1)
    variance = np.where(on_sale, (weekly - mean[:, None]) ** 2, 0).sum(axis=1) / np.maximum(count, 1)
    spread = np.where((mean > 0) & (count >= WEEKS_MIN), np.sqrt(variance) / np.maximum(mean, 1e-12), np.inf)
    xyz = np.where(spread <= X_SPREAD, 0, np.where(spread <= Y_SPREAD, 1, 2))
    return (3 * abc + xyz).astype(np.uint8)
