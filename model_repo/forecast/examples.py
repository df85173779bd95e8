"""Rows to learn from: series at moments of the past, and what they sold on days after that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.forecast.panel import Panel
from model_repo.forecast.states import States, levels, states_at
from serving.core.ports import F32, I32, I64
from serving.decisions.forecast.features import (
    HORIZON_TRAINED,
    day_features,
    is_cut,
    pairs,
    price_ratio,
    rows,
    weekdays,
)

NEAR_DAYS: Final = 28
NEAR_SHARE: Final = 0.7
"""So many of the days to learn from lie within NEAR_DAYS of the moment; shops ask about these most."""

SPREAD: Final = 4
"""A moment gives so many times as many days as each item of it: the more days in all, the less one of them counts."""
MOMENTS_MAX: Final = 32
"""Past moments; those of a small shop say the same again when there are more."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """m rows."""

    features: F32
    """(m, len(FEATURES))"""
    units: F32
    """(m,) sold."""
    expected: F32
    """(m,) what the base and the shop's week alone make of the day; the model says how much more or less it is."""
    series: I32
    """(m,) row of the panel."""
    ahead: I32
    """(m,) days after the history, from 1."""
    level: F32
    """(m,) position in features.LEVELS."""

    def __len__(self) -> int:
        return len(self.units)

    def where(self, mask: npt.NDArray[np.bool_]) -> Examples:
        return Examples(*(getattr(self, name)[mask] for name in self.__slots__))

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        """Of at least one part."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def at(panel: Panel, states: States, end: int, which: I32, days: I64, *, years: bool) -> Examples:
    """The series `which` of a panel with groups on the columns `days`, all at or after `end`; what could not be sold
    (closed, out of stock, not known) is left out."""
    calendar = day_features(days + panel.first_day, end - 1 + panel.first_day, years)
    ratio = price_ratio(panel.price[which, end - 1], states.usual_price[which])
    promo = np.repeat(is_cut(ratio)[:, None], len(days), axis=1)
    outside = np.zeros((*promo.shape, 0), np.float32)
    if panel.around is not None:
        outside = panel.around.pairs(which, end, days)
        if panel.around.promo is not None:
            promo |= panel.around.promo[np.ix_(which, days)]
    features = rows(
        states.items[which],
        states.week[which],
        days + panel.first_day,
        calendar,
        pairs(ratio, promo, outside),
    )
    week = states.shop_week[weekdays(days + panel.first_day)]
    expected = (states.base[which][:, None] * week).ravel()
    kept = (panel.seen[np.ix_(which, days)] & (week > 0)).ravel()
    return Examples(
        features[kept],
        panel.units[np.ix_(which, days)].ravel()[kept],
        expected[kept].astype(np.float32),
        np.repeat(which, len(days))[kept].astype(np.int32),
        np.tile(days - end + 1, len(which))[kept].astype(np.int32),
        np.repeat(levels(panel)[which], len(days))[kept],
    )


def draw(
    panel: Panel, first: int, until: int, *, rows_max: int, days_each: int, years: bool, seed: int, aggregates: int = 8
) -> Examples:
    """Examples whose moments lie at or after column `first` and whose days lie before column `until`.

    Moments are spread evenly; each gives about `days_each` days of every item, at random among SPREAD times as many, or
    of a random part of the items where that were more than rows_max rows in all. Categories and the whole shop are few:
    they give `aggregates` times as many days.
    """
    rng = np.random.default_rng(seed)
    level = levels(panel)
    items, groups = np.flatnonzero(level == 0), np.flatnonzero(level > 0)
    moments_max = until - first
    moments = int(np.clip(rows_max // max(1, len(items) * days_each), 8, MOMENTS_MAX))
    moments = min(moments, moments_max)
    share = min(1.0, rows_max / (moments * days_each * len(items)))
    parts = []
    for end in np.unique(np.linspace(first, until - 1, moments).astype(np.int64)).tolist():
        known = states_at(panel, end)
        near, far = min(NEAR_DAYS, until - end), min(HORIZON_TRAINED, until - end)
        for which, count in ((items, days_each * SPREAD), (groups, days_each * aggregates)):
            on_sale = which[panel.start[which] < end]
            if which is items and share < 1.0:
                on_sale = np.sort(rng.choice(on_sale, int(share * len(on_sale)), replace=False))
            sooner = rng.integers(0, near, count)
            ahead = np.unique(np.where(rng.random(count) < NEAR_SHARE, sooner, rng.integers(0, far, count)))
            if not len(on_sale) and parts:
                continue
            found = at(panel, known, end, on_sale.astype(np.int32), end + ahead, years=years)
            parts.append(found.where(rng.random(len(found)) < 1 / SPREAD) if which is items else found)
    return Examples.joined(parts)
