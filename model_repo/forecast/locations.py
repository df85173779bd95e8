"""Which part of an item's sales falls to each location: its own share, shrunk to its category's and the shop's."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset
from model_repo.forecast.panel import Panel
from serving.core.ports import F32
from serving.events.types import PURCHASE

LOCATIONS_MAX: Final = 100
"""The locations that sell most; who asks for another one is told that it is not known."""
PRIOR_LINES: Final = 20.0
"""So many order lines of the category stand beside an item's own, and of the shop beside a category's."""


def location_shares(dataset: Dataset, panel: Panel) -> tuple[tuple[str, ...], F32]:
    """The locations in order of their names, and (n + g, l) each series' share; rows as of a panel with groups.

    Rows sum to 1 where every sale says where it was made to one of them.
    """
    events, n = dataset.events, len(dataset.items)
    total = len(panel)
    if events.place is None or not dataset.places:
        return (), np.zeros((total, 0), np.float32)
    rows = np.flatnonzero((events.type == PURCHASE) & (events.quantity > 0) & (events.place >= 0))
    sold = np.bincount(events.place[rows], events.quantity[rows], len(dataset.places))
    kept = np.sort(np.argsort(-sold, kind="stable")[:LOCATIONS_MAX])
    kept = kept[sold[kept] > 0]
    column = np.full(len(dataset.places), len(kept))
    column[kept] = np.arange(len(kept))
    width = len(kept) + 1  # the last: all others
    cell = events.item[rows].astype(np.int64) * width + column[events.place[rows]]
    units = np.bincount(cell, events.quantity[rows], n * width).reshape(n, width)
    lines = np.bincount(events.item[rows], minlength=n)
    category = panel.category[:n]
    by_category = np.zeros((int(category.max()) + 1, width))
    np.add.at(by_category, category, units)
    lines_of = np.bincount(category, lines, len(by_category))
    shop = units.sum(axis=0) / max(units.sum(), 1e-12)
    of_category = _shrunk(by_category, lines_of, shop)
    items = _shrunk(units, lines, of_category[category])
    groups = of_category if total - n > 1 else of_category[:0]
    share = np.concatenate([items, groups, shop[None]])[:, : len(kept)]
    return tuple(dataset.places[at] for at in kept), share.astype(np.float32)


def _shrunk(
    units: npt.NDArray[np.float64], lines: npt.NDArray[np.integer], prior: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    total = units.sum(axis=1, keepdims=True)
    weight = lines / (lines + PRIOR_LINES)
    own = units / np.maximum(total, 1e-12)
    found: npt.NDArray[np.float64] = weight[:, None] * own + (1 - weight[:, None]) * prior
    return found
