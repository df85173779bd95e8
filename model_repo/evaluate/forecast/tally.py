"""One row's scores, added up over the origins."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from model_repo.evaluate.forecast import scores
from model_repo.evaluate.forecast.panel import F64, Panel
from model_repo.forecast.classes import NAMES

CLASS_MIN = 200
"""Periods to be forecast; with fewer a class's coverage is left out: it would be chance."""


@dataclass(frozen=True, slots=True)
class Task:
    """One question: these series after this history."""

    grain: str
    """daily or weekly"""
    level: str
    """item, category or total"""
    season: int
    history: Panel
    actual: F64
    """(n, h) what was sold then."""
    classes: np.ndarray | None
    """(n,) places in NAMES; None = the series are no items."""
    weights: F64
    """(n,) sales value of the history's last 28 days."""

    @property
    def key(self) -> str:
        return f"{self.grain}.{self.level}"

    @property
    def horizon(self) -> int:
        return self.actual.shape[1]


@dataclass(slots=True)
class Tally:
    """Scores of each series at each origin."""

    rmsse: list[F64] = field(default_factory=list)
    pinball: list[F64] = field(default_factory=list)
    spl: list[F64] = field(default_factory=list)
    weights: list[F64] = field(default_factory=list)
    classes: list[np.ndarray] = field(default_factory=list)
    covered: dict[int, list[F64]] = field(default_factory=lambda: {each: [] for each in scores.INTERVALS})
    inside: dict[int, list[F64]] = field(default_factory=lambda: {each: [] for each in scores.INTERVALS})
    forecast: float = 0.0
    sold: float = 0.0
    points: int = 0
    """Periods forecast a series."""

    def add(self, task: Task, mean: F64, quantiles: np.ndarray | None) -> None:
        """mean: (n, h); quantiles: (n, h, q) at scores.LEVELS, None = the row has none here."""
        squared, absolute = scores.scales(task.history.units, task.history.first)
        self.rmsse.append(scores.rmsse(task.actual, mean, squared))
        self.weights.append(task.weights)
        self.forecast += float(mean.sum())
        self.sold += float(task.actual.sum())
        self.points = task.horizon
        if task.classes is not None:
            self.classes.append(task.classes)
        if quantiles is None:
            return
        self.pinball.append(scores.pinball(task.actual, quantiles))
        self.spl.append(self.pinball[-1] / absolute)
        whole = np.rint(quantiles)
        start, end = scores.owned(task.actual, whole)
        for interval in scores.INTERVALS:
            self.covered[interval].append(scores.covered(start, end, interval).mean(1))
            self.inside[interval].append(scores.inside(task.actual, whole, interval).mean(1))

    @property
    def loss(self) -> float:
        """Mean pinball loss; infinite without quantiles."""
        return float(np.concatenate(self.pinball).mean()) if self.pinball else np.inf

    def metrics(self) -> dict[str, float]:
        """rmsse, wrmsse, bias; with quantiles pinball, spl, wspl, coverage@C and inside@C, by class where there are."""
        out = {"rmsse": _mean(self.rmsse), "wrmsse": _weighted(self.rmsse, self.weights)}
        if self.sold > 0:
            out["bias"] = self.forecast / self.sold - 1.0
        if not self.pinball:
            return out
        out |= {"pinball": self.loss, "spl": _mean(self.spl)}
        out["wspl"] = _weighted(self.spl, self.weights)
        for interval in scores.INTERVALS:
            held, plain = np.concatenate(self.covered[interval]), np.concatenate(self.inside[interval])
            out[f"coverage@{interval}"], out[f"inside@{interval}"] = float(held.mean()), float(plain.mean())
            classes = np.concatenate(self.classes) if self.classes else np.zeros(0, np.int8)
            for place in np.unique(classes).tolist():
                mine = classes == place
                if mine.sum() * self.points >= CLASS_MIN:
                    out[f"coverage@{interval}_{NAMES[place]}"] = float(held[mine].mean())
                    out[f"inside@{interval}_{NAMES[place]}"] = float(plain[mine].mean())
        return out


def _mean(values: list[F64]) -> float:
    """Over the series that have a scale; NaN without any."""
    every = np.concatenate(values)
    known = every[np.isfinite(every)]
    return float(known.mean()) if len(known) else float("nan")


def _weighted(values: list[F64], weights: list[F64]) -> float:
    """Mean over the origins of the weighted means over the series; series without a scale are left out."""
    means = []
    for value, weight in zip(values, weights, strict=True):
        used = np.where(np.isfinite(value), weight, 0.0)
        if used.sum() > 0:
            means.append(float(np.nansum(value * used) / used.sum()))
    return float(np.mean(means)) if means else float("nan")
