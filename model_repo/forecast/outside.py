"""The columns beside the sales, laid out by day: what is known of a day itself, and what was last known of an item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from model_repo.datasets.outside import FLAGS
from model_repo.datasets.tables import Outside
from serving.core.ports import F32, I32, I64
from serving.decisions.forecast.models import HORIZON_MAX


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """k columns over t days of the history and HORIZON_MAX after it."""

    names: tuple[str, ...]
    by_day: F32
    """(k, t + HORIZON_MAX) of the day, 0 where the column is about items."""
    by_item: tuple[F32 | None, ...]
    """k times (n, t) the item's last known value; None = the column is about days."""
    promo: np.ndarray | None
    """(n, t + HORIZON_MAX) bool; None = nothing is said of promotions."""
    out_of_stock: np.ndarray | None
    """(n, t) bool."""
    closed: np.ndarray
    """(t + HORIZON_MAX,) bool."""

    def with_groups(self, groups: Sequence[np.ndarray]) -> Surroundings:
        """The mean of the items of each group as rows after theirs; a group is on promotion where all its items are."""

        def more(x: np.ndarray) -> np.ndarray:
            return np.concatenate([x, [x[rows].mean(axis=0) if len(rows) else x[0] * 0 for rows in groups]])

        return replace(
            self,
            by_item=tuple(None if x is None else more(x).astype(np.float32) for x in self.by_item),
            promo=None if self.promo is None else more(self.promo) >= 1,
            out_of_stock=None,
        )

    def items_at(self, end: int, n: int) -> F32:
        """(n, k) what was last known of each of n series before column `end`."""
        out = np.zeros((n, len(self.names)), np.float32)
        for k, column in enumerate(self.by_item):
            if column is not None and end > 0:
                out[:, k] = column[:, end - 1]
        return out

    def pairs(self, which: I32, end: int, days: I64) -> F32:
        """(len(which), len(days), k)."""
        items = np.zeros((len(which), len(self.names)), np.float32)
        for k, column in enumerate(self.by_item):
            if column is not None:
                items[:, k] = column[which, end - 1]
        return items[:, None, :] + self.by_day[:, days].T[None]


def laid_out(outside: Outside | None, first: int, t: int, n: int) -> Surroundings | None:
    """first: days since 1970-01-01 of column 0."""
    if outside is None:
        return None
    span = t + HORIZON_MAX
    column = outside.day - first
    inside = (column >= 0) & (column < span)
    column, item, values = column[inside], outside.item[inside], outside.values[inside]
    flags = {name: _flag(outside.names, name, column, item, values, n, span) for name in FLAGS}
    kept = [k for k, name in enumerate(outside.names) if name not in FLAGS]
    by_day, by_item = np.zeros((len(kept), span), np.float32), []
    for at, k in enumerate(kept):
        said = np.isfinite(values[:, k])
        cells, who, what = column[said], item[said], values[said, k]
        missing = 0.0 if len(what) == 0 or np.isin(what, (0.0, 1.0)).all() else float(what.mean())
        if len(what) and (who >= 0).any():
            by_item.append(_last_known(cells, who, what, n, t, missing))
        else:
            by_item.append(None)
            by_day[at] = missing
            by_day[at, cells] = what
    closed = flags["closed"]
    out = flags["out_of_stock"]
    return Surroundings(
        tuple(outside.names[k] for k in kept), by_day, tuple(by_item), flags["promo"],
        None if out is None else out[:, :t], np.zeros(span, np.bool_) if closed is None else closed.all(axis=0),
    )  # fmt: skip


def _flag(
    names: tuple[str, ...], wanted: str, column: I64, item: I32, values: np.ndarray, n: int, span: int
) -> np.ndarray | None:
    """(n, span) bool, None = there is no such column."""
    if wanted not in names:
        return None
    out = np.zeros((n, span), np.bool_)
    is_so = values[:, names.index(wanted)] == 1.0
    every = is_so & (item < 0)
    out[:, column[every]] = True
    out[item[is_so & ~every], column[is_so & ~every]] = True
    return out


def _last_known(column: I64, item: I32, value: np.ndarray, n: int, t: int, missing: float) -> F32:
    """(n, t); rows about every item (-1) count for all that nothing was said of on that day."""
    out = np.full((n, t), np.nan, np.float32)
    inside = column < t
    column, item, value = column[inside], item[inside], value[inside]
    every = item < 0
    out[:, column[every]] = value[every]
    out[item[~every], column[~every]] = value[~every]
    at = np.where(np.isfinite(out), np.arange(t, dtype=np.int32), np.int32(-1))
    np.maximum.accumulate(at, axis=1, out=at)
    found = np.take_along_axis(out, np.maximum(at, 0), axis=1)
    return np.where(at >= 0, found, np.float32(missing)).astype(np.float32)
