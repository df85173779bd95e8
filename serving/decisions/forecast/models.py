"""The trained part that forecasts run on, loaded and checked by an adapter; arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64, Scorer

MODEL: Final = "global-model"
NEIGHBOURS: Final = "neighbours"
METHODS: Final = (MODEL, NEIGHBOURS, "seasonal_naive", "ses", "theta", "croston", "sba", "tsb")
"""How a forecast was made; the position is the code in files and answers, so append only. neighbours: too little was
sold to say anything, so it is what the most similar items sold; the rest are the statistical bank."""
CONFIDENCE: Final = ("low", "medium", "high")
CLASSES: Final = 10
"""ABC-XYZ, 3 * abc + xyz, and 9 = categories and the whole shop."""
BUCKETS: Final = (7, 14, 28)
"""Last days of the horizon's buckets; beyond them is one more."""
BLOCKS: Final = (1, 7)
"""Days that may be summed up, each calibrated for itself."""
GRID: Final = np.array(
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, *np.arange(0.1, 0.901, 0.05), 0.95, 0.975, 0.99, 0.995, 0.9975, 0.999]
)
"""Levels at which the calibration is kept."""
HORIZON_MAX: Final = 182
"""Days after the history that can be asked for, lead included."""
HORIZON_KEPT: Final = 56
"""Days for which sums over categories are kept; later ones repeat the last week of them."""


@dataclass(frozen=True, slots=True, eq=False)
class ForecastModel:
    """n items, then g groups: the categories, where there is more than one, and the whole shop as the last row."""

    item_ids: tuple[str, ...]
    groups: tuple[str, ...]
    """Names of the categories, "" = the whole shop."""
    first_day: int
    """Days since 1970-01-01: the day after the history ends."""
    year_known: bool
    """Whether the trees were told the time of the year."""
    items: F32
    """(n + g, len(ITEM_COLUMNS)) what is known of each row on the day before first_day."""
    base: F32
    """(n + g,) units a day on which the shop is open."""
    week: F32
    """(n + g, 7) log of the row's own weekdays over the shop's, Monday first."""
    shop_week: F32
    """(7,) of an average open day, 0 = closed."""
    price: I64
    """(n + g,) minor units, the last one; 0 = not known."""
    usual_price: F32
    """(n + g,) mean of the last 91 days."""
    kind: npt.NDArray[np.uint8]
    """(n + g,) class, see CLASSES."""
    method: npt.NDArray[np.uint8]
    """(n + g,) position in METHODS that is served."""
    confidence: npt.NDArray[np.uint8]
    """(n + g,) position in CONFIDENCE."""
    group: I32
    """(n + g,) position in groups whose sum the row is scaled to; of a group itself, its own."""
    bank: F32
    """(n + g, 7) units on each weekday by the best of the statistical bank, and..."""
    bank_method: npt.NDArray[np.uint8]
    """(n + g,) which that was, and..."""
    bank_log_size: F32
    """(n + g,) log of the size (1 / dispersion) of its daily counts."""
    factor: F32
    """(g, HORIZON_KEPT) what the items of a group are multiplied by, so that they add up to its forecast."""
    group_mean: F32
    """(g, HORIZON_KEPT) the sum of the items after that."""
    spread_at: float
    """Log of the size to which the trees' output is added."""
    size_shift: F32
    """(len(BLOCKS), CLASSES, len(BUCKETS) + 1) added to the log of the size."""
    zero_share: F32
    """(len(BLOCKS), CLASSES, len(BUCKETS) + 1) of extra zeros."""
    level_map: F32
    """(len(BLOCKS), CLASSES, len(BUCKETS) + 1, len(GRID)) level to read so that GRID's is kept."""
    locations: tuple[str, ...]
    share: F32
    """(n + g, len(locations)) of the row's units."""
    outside: tuple[str, ...]
    """Names of the columns beside the sales; the trees read them after FEATURES."""
    outside_day: F32
    """(len(outside), HORIZON_MAX) of the days from first_day on, 0 where the column is about items."""
    outside_item: F32
    """(n + g, len(outside)) what was last known of the row, 0 where the column is about days."""
    closed: npt.NDArray[np.bool_]
    """(HORIZON_MAX,) days from first_day on of which is known that the shop is closed."""
    mean: Scorer | None
    """(m, len(FEATURES) + len(outside)) -> log of units over expected ones; None = the history was too short."""
    spread: Scorer | None
    """(m, len(FEATURES) + len(outside)) -> log of the size over e^spread_at."""
