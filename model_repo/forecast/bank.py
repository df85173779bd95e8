"""The statistical bank for every series: the method that did best on the newest days that it had not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.forecast.panel import Panel
from serving.core.ports import F32
from serving.decisions.forecast.models import METHODS
from serving.kernels.demand_bank import forecast

TRIED: Final = ("ses", "tsb", "sba", "theta")
TRIAL_DAYS: Final = 28
LOG_SIZE: Final = 6.0
FALLBACK: Final = "ses"


@dataclass(frozen=True, slots=True, eq=False)
class Banked:
    """n series."""

    week: F32
    """(n, 7) units from Monday to Sunday."""
    method: npt.NDArray[np.uint8]
    """(n,) position in METHODS."""
    log_size: F32
    """(n,) log of the size of a day's counts, by moments."""


def banked(panel: Panel, end: int, shop_week: F32) -> Banked:
    """Levels of what `end` columns hold, over the open days alone, times the shop's week."""
    n = len(panel)
    values, ptr, known = _lines(panel, end)
    earlier = np.maximum(known - TRIAL_DAYS, 1)
    cut, cut_ptr = _cut(values, ptr, earlier)
    trial = np.full((len(TRIED), n), np.inf)
    level = np.zeros((len(TRIED), n), np.float32)
    tested = known - earlier
    sums = np.concatenate([[0.0], np.cumsum(values)])
    mean = sums[ptr[1:]] - sums[ptr[:-1] + earlier]
    mean = np.where(tested > 0, mean / np.maximum(tested, 1), 0.0)
    for k, method in enumerate(TRIED):
        level[k] = forecast(method, values, ptr, 1)[:, 0]
        trial[k] = np.abs(forecast(method, cut, cut_ptr, 1)[:, 0] - mean)
    best = np.where(tested > 0, trial.argmin(axis=0), TRIED.index(FALLBACK))
    chosen = level[best, np.arange(n)]
    log_size = np.zeros(n, np.float32)
    for i in range(n):
        line = values[ptr[i] : ptr[i + 1]][-91:]
        m, v = line.mean(), line.var()
        log_size[i] = np.log(m * m / (v - m)) if v > m > 0 else 0.0 if m == 0 else LOG_SIZE
    return Banked(
        (chosen[:, None] * shop_week).astype(np.float32),
        np.array([METHODS.index(name) for name in TRIED], np.uint8)[best],
        np.clip(log_size, -LOG_SIZE, LOG_SIZE),
    )


def _lines(panel: Panel, end: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The seen days of each series as CSR, one zero where there is none; how many each has."""
    seen = panel.seen[:, :end]
    counts = seen.sum(axis=1)
    ptr = np.concatenate([[0], np.cumsum(np.maximum(counts, 1))]).astype(np.int64)
    values = np.zeros(int(ptr[-1]))
    keep = np.ones(len(values), np.bool_)
    keep[ptr[:-1][counts == 0]] = False
    values[keep] = panel.units[:, :end][seen]
    return values, ptr, np.maximum(counts, 1)


def _cut(
    values: npt.NDArray[np.float64], ptr: npt.NDArray[np.int64], length: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The first `length` values of each series."""
    at = np.arange(len(values)) - np.repeat(ptr[:-1], np.diff(ptr))
    return values[at < np.repeat(length, np.diff(ptr))], np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
