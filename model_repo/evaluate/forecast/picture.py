"""Fan charts: what is forecast with its 50, 80 and 95 % intervals, and what was sold. SVG, nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from model_repo.evaluate.forecast import scores
from model_repo.evaluate.forecast.panel import F64
from model_repo.evaluate.forecast.served import ServedForecasts
from model_repo.evaluate.forecast.tally import Task
from model_repo.evaluate.forecast.tasks import Origin

WIDTH, HEIGHT = 620, 250
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 44, 30
COLUMNS: Final = 2
DATES_APART: Final = 110
"""The last date is left out where it would stand on the one before."""
PAST_PERIODS: Final = {1: 56, 7: 16}
"""Shown of the history."""
FANS: Final = ((95, "#dbe7f5"), (80, "#b3cdea"), (50, "#7fabd9"))
MEAN, SOLD, GRID, TEXT = "#1b4f8f", "#2b2b2b", "#e6e6e6", "#555555"
EACH: Final = 4
"""Charts of typical items, and of the worst."""
GROUPS: Final = 2
PAGES: Final = {
    "typical": "Typical items",
    "worst": "The worst items",
    "groups": "The largest categories and the whole shop",
}


@dataclass(frozen=True, slots=True)
class Fan:
    """One chart. past: (p,) and actual: (h,) units; mean: (h,); quantiles: (h, q) at scores.LEVELS."""

    title: str
    note: str
    past: F64
    actual: F64
    mean: F64
    quantiles: F64
    first: int
    """Days since 1970-01-01 of the first period that is forecast."""
    period_days: int


def draw(origin: Origin, served: ServedForecasts, folder: Path) -> list[Path]:
    """Writes typical.svg, worst.svg (items, by scaled pinball loss) and groups.svg; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, list[Fan]] = {name: [] for name in PAGES}
    for task in origin.tasks(origin.rows):
        if task.key == "weekly.item":
            continue
        answer = served.answer(task)
        (quantiles,) = answer.quantiles.values()
        loss = _loss(task, quantiles)
        for page, rows in _chosen(task, loss).items():
            pages[page] += [_fan(task, row, answer.mean, quantiles, loss[row], origin) for row in rows]
    files = []
    for page, fans in pages.items():
        if fans:
            files.append(folder / f"{page}.svg")
            files[-1].write_text(svg(fans, f"{PAGES[page]}: {origin.dataset.name}, forecast from {origin.date}"))
    return files


def _loss(task: Task, quantiles: np.ndarray) -> F64:
    """(n,) scaled pinball loss; NaN for a history without a scale."""
    _, absolute = scores.scales(task.history.units, task.history.first)
    return scores.pinball(task.actual, quantiles) / absolute


def _chosen(task: Task, loss: F64) -> dict[str, list[int]]:
    """Page -> rows: items from the middle of the losses and from their end, the largest groups."""
    if task.level != "item":
        return {"groups": np.argsort(-task.weights, kind="stable")[:GROUPS].tolist()}
    judged = np.flatnonzero(np.isfinite(loss) & (task.actual.sum(1) > 0))
    order = judged[np.argsort(loss[judged], kind="stable")]
    middle = np.unique((np.linspace(0.3, 0.7, EACH) * (len(order) - 1)).astype(int)) if len(order) else []
    return {"typical": order[middle].tolist() if len(order) else [], "worst": order[::-1][:EACH].tolist()}


def _fan(task: Task, row: int, mean: F64, quantiles: np.ndarray, loss: float, origin: Origin) -> Fan:
    name, days = task.history.names[row], task.history.period_days
    title = next((item.title for item in origin.dataset.items if item.item_id == name), "")
    return Fan(
        title={"item": f"{name} {title}".strip(), "category": f"category {name}", "total": "whole shop"}[task.level],
        note=task.grain + (f", scaled pinball loss {loss:.3f}" if np.isfinite(loss) else ""),
        past=task.history.units[row, -PAST_PERIODS[days] :],
        actual=task.actual[row],
        mean=mean[row],
        quantiles=quantiles[row],
        first=origin.day,
        period_days=days,
    )


def svg(fans: Sequence[Fan], title: str) -> str:
    """One page of charts, two a line."""
    lines = -(-len(fans) // COLUMNS)
    width, height = WIDTH * min(COLUMNS, len(fans)), HEIGHT * lines + 64
    charts = [_chart(fan, at % COLUMNS * WIDTH, at // COLUMNS * HEIGHT + 34) for at, fan in enumerate(fans)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="24" font-size="16" fill="{SOLD}">{escape(title)}</text>'
        f"{''.join(charts)}{_legend(height - 20)}</svg>\n"
    )


def _chart(fan: Fan, left: int, top: int) -> str:
    past, h, high = len(fan.past), len(fan.mean), fan.quantiles[:, _at(0.975)]
    ceiling = _nice(max(float(np.max(fan.past, initial=0)), float(fan.actual.max()), float(high.max()), 1.0))
    x0, x1, y0, y1 = left + LEFT, left + WIDTH - RIGHT, top + HEIGHT - BOTTOM, top + TOP

    def x(at: float) -> float:
        return x0 + at / max(past + h - 1, 1) * (x1 - x0)

    def y(value: float) -> float:
        return y0 - min(value, ceiling) / ceiling * (y0 - y1)

    def path(start: int, values: Sequence[float]) -> str:
        return " ".join(f"{x(start + at):.1f},{y(value):.1f}" for at, value in enumerate(values))

    parts = [
        f'<text x="{x0}" y="{top + 18}" font-size="12" fill="{SOLD}">{escape(fan.title[:64])}</text>',
        f'<text x="{x0}" y="{top + 33}" fill="{TEXT}">{escape(fan.note)}</text>',
    ]
    for share in (0.0, 0.5, 1.0):
        value = ceiling * share
        parts.append(f'<path d="M{x0} {y(value):.1f}H{x1}" stroke="{GRID}"/>')
        parts.append(f'<text x="{x0 - 6}" y="{y(value) + 4:.1f}" text-anchor="end" fill="{TEXT}">{value:,.10g}</text>')
    for interval, colour in FANS:
        low, high = fan.quantiles[:, _at(0.5 - interval / 200)], fan.quantiles[:, _at(0.5 + interval / 200)]
        there = path(past, high.tolist())
        back = " ".join(reversed(path(past, low.tolist()).split()))
        parts.append(f'<polygon points="{there} {back}" fill="{colour}"/>')
    parts.append(f'<path d="M{x(past - 0.5):.1f} {y1}V{y0}" stroke="{TEXT}" stroke-dasharray="3 3"/>')
    sold = path(0, [*fan.past.tolist(), *fan.actual.tolist()])
    parts.append(f'<polyline points="{sold}" fill="none" stroke="{SOLD}" stroke-width="1"/>')
    parts.append(f'<polyline points="{path(past, fan.mean.tolist())}" fill="none" stroke="{MEAN}" stroke-width="2"/>')
    ends = [(0, "start"), (past, "middle"), (past + h - 1, "end")]
    for at, anchor in ends if x(past + h - 1) - x(past) > DATES_APART else ends[:2]:
        day = date(1970, 1, 1) + timedelta(days=fan.first + (at - past) * fan.period_days)
        parts.append(
            f'<text x="{x(at):.1f}" y="{y0 + 16}" text-anchor="{anchor}" fill="{TEXT}">{day.isoformat()}</text>'
        )
    return "".join(parts)


def _legend(top: int) -> str:
    parts, x = [], LEFT
    for interval, colour in FANS:
        parts.append(f'<rect x="{x}" y="{top - 9}" width="14" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 19}" y="{top}" fill="{TEXT}">{interval} %</text>')
        x += 66
    for name, colour in (("mean", MEAN), ("sold", SOLD)):
        parts.append(f'<path d="M{x} {top - 4}h16" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x + 21}" y="{top}" fill="{TEXT}">{name}</text>')
        x += 70
    return "".join(parts)


def _at(level: float) -> int:
    return int(np.searchsorted(scores.LEVELS, level - 1e-9))


def _nice(value: float) -> float:
    """The next of 1, 2, 4, 5, 8, 10 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value - 1e-9))
