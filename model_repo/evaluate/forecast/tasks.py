"""What is asked: rolling origins, daily and weekly, items, categories and the shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.forecast.panel import DAY_S, F64, Panel, daily
from model_repo.evaluate.forecast.tally import Task
from model_repo.evaluate.knowledge import known_before
from model_repo.forecast.classes import abc_xyz
from model_repo.forecast.groups import OTHER, groups_of, head
from serving.core.errors import InvalidInput

Read = Callable[[int], Dataset]
"""What was known before a moment, epoch seconds."""
GRAINS = ("daily", "weekly")
LEVELS = ("item", "category", "total")
SEASONS = {"daily": 7, "weekly": 1}
"""A year of weeks is no season to learn from fewer than three years."""
ON_SALE_DAYS_MIN = 28
"""Items on sale for less have no history of their own to judge methods by; they count in categories and the shop."""
RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Origin:
    """Everything as it was known at the start of a day, and what came after it."""

    day: int
    """Days since 1970-01-01, the first that is forecast."""
    dataset: Dataset
    """What was known."""
    history: Panel
    """Daily, one row an item of `dataset`."""
    future: F64
    """(n, horizon) daily units."""
    unknown: F64
    """(len(groups) + 1, horizon) daily units of items that came later, by group; last those of no known group."""
    rows: np.ndarray
    """Items that are judged: sold, and on sale long enough."""
    classes: np.ndarray
    """(n,) places in CLASSES."""
    group: np.ndarray
    """(n,) numbers of `groups`."""
    groups: tuple[str, ...]

    @property
    def date(self) -> str:
        return (date(1970, 1, 1) + timedelta(days=self.day)).isoformat()

    def sample(self, count: int, seed: int) -> np.ndarray:
        """`count` of `rows` (all if there are fewer), one of each stretch of the items in order of revenue, seeded.

        Every item has the same chance; one that lies on the border of two stretches may be drawn by both.
        """
        if count >= len(self.rows):
            return self.rows
        rng = np.random.default_rng(seed)
        order = self.rows[np.argsort(-self.history.revenue[self.rows].sum(1), kind="stable")]
        places = ((np.arange(count) + rng.random(count)) * len(order) / count).astype(np.int64)
        return np.sort(order[places])

    def tasks(self, items: np.ndarray) -> Iterator[Task]:
        """Every grain and level; `items` are the rows asked at item level."""
        recent = self.history.revenue[:, -RECENT_DAYS:].sum(1)
        by_category = self.history.summed(self.group, self.groups)
        whole = self.history.summed(np.zeros(len(self.group), np.int64), ("total",))
        shop = (self.future.sum(0) + self.unknown.sum(0))[None, :]
        categories_future = self.unknown[:-1].copy()
        np.add.at(categories_future, self.group, self.future)
        some = (
            ("item", self.history.rows(items), self.future[items], self.classes[items], recent[items]),
            ("category", by_category, categories_future, None, np.bincount(self.group, recent, len(self.groups))),
            ("total", whole, shop, None, np.ones(1)),
        )
        for grain in GRAINS:
            for level, history, actual, classes, weights in some:
                if grain == "weekly":
                    history, actual = history.weekly(), actual.reshape(len(actual), -1, 7).sum(2)
                yield Task(grain, level, SEASONS[grain], history, actual, classes, weights)


def origins(whole: Dataset, read: Read | None, count: int, horizon: int) -> Iterator[Origin]:
    """`count` origins, `horizon` days apart, the oldest first; the last one's future ends with the data.

    read: reads the transactions again up to each origin, so that later cancellations, titles and prices are not known;
    None = the same dataset as the events before tell it (evaluate/knowledge.py). Raises InvalidInput when the history
    is too short.
    """
    sold = daily(whole)
    begin = sold.end - sold.units.shape[1]
    if sold.units.shape[1] < count * horizon + 2 * ON_SALE_DAYS_MIN:
        raise InvalidInput(
            "transactions", f"{sold.units.shape[1]} days",
            f"at least {count * horizon + 2 * ON_SALE_DAYS_MIN} days of sales for {count} origins of {horizon} days",
        )  # fmt: skip
    place = {name: row for row, name in enumerate(sold.names)}
    for back in range(count, 0, -1):
        day = sold.end - back * horizon
        if read is not None:
            past = read(day * DAY_S)
        else:
            past, _ = known_before(whole, whole.events.where(whole.events.time_s < day * DAY_S))
        history = daily(past, begin=begin, end=day)
        future = np.zeros((len(history.names), horizon))
        known = np.array([place.get(name, -1) for name in history.names])
        offset = day - begin
        future[known >= 0] = sold.units[known[known >= 0], offset : offset + horizon]
        first = history.first
        names, group = np.unique(np.array(groups_of(past.items), np.str_), return_inverse=True)
        later = np.setdiff1d(np.arange(len(sold.names)), known)
        unknown = np.zeros((len(names) + 1, horizon))
        np.add.at(unknown, _groups_of_later(whole, later, names), sold.units[later, offset : offset + horizon])
        yield Origin(
            day=day,
            dataset=past,
            history=history,
            future=future,
            unknown=unknown,
            rows=np.flatnonzero(first <= history.units.shape[1] - ON_SALE_DAYS_MIN),
            classes=abc_xyz(history.units, history.revenue.sum(1), first),
            group=group,
            groups=tuple(names.tolist()),
        )


def _groups_of_later(whole: Dataset, later: np.ndarray, names: np.ndarray) -> np.ndarray:
    """(m,) position in names of the group that each later item comes to; OTHER, or len(names), where there is none."""
    place = {name: row for row, name in enumerate(names.tolist())}
    none = place.get(OTHER, len(names))
    paths = any(item.category_path for item in whole.items)
    items = [whole.items[row] for row in later.tolist()]
    of = [(item.category_path or ("",))[0] if paths else head(item.title) for item in items]
    return np.array([place.get(name, none) for name in of], np.int64)
