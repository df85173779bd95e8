"""How demand moves over the week and the year in the demo store."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

_WEEK: Final = np.array([1.05, 0.98, 0.96, 1.00, 1.02, 0.85, 1.14])
"""Monday to Sunday: people shop online on Sundays and Mondays, less on Saturdays."""

_HOURS: Final = np.array(
    [1, 0.5, 0.3, 0.2, 0.2, 0.4, 1, 2, 3, 4, 4.5, 5, 5.5, 5, 4.5, 4.5, 5, 5.5, 6, 7, 7.5, 6.5, 4, 2], np.float64
)
HOUR_SHARES: Final[npt.NDArray[np.float64]] = _HOURS / _HOURS.sum()
"""(24,) share of sessions that begin in each hour, UTC."""

SEASONS: Final = {"flat": (1, 0.0), "spring": (110, 1.2), "summer": (195, 1.3), "winter": (15, 1.0), "gift": (345, 2.0)}
"""season -> (day of the year of its peak, height above the trough)."""


def day_factor(day: date) -> float:
    """Traffic of the whole shop on `day` relative to an average day: week x year, with a rise before Christmas."""
    year = 1.0 + 0.12 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 345) / 365.25)
    christmas = 0.5 if (day.month, day.day) >= (11, 20) and (day.month, day.day) <= (12, 20) else 0.0
    return float(_WEEK[day.weekday()] * (year + christmas))


def season_factor(season: str, day: date) -> float:
    """Demand for a season's goods on `day`; a cosine wave cubed, so that the peak is narrow; 0.4 = the trough."""
    peak, height = SEASONS[season]
    if height == 0.0:
        return 1.0
    wave = 0.5 + 0.5 * np.cos(2 * np.pi * (day.timetuple().tm_yday - peak) / 365.25)
    return float(0.4 + height * wave**3)


def days_until(end: date, days: int) -> list[date]:
    """The `days` days that end with `end`, oldest first."""
    return [end - timedelta(days=days - 1 - n) for n in range(days)]
