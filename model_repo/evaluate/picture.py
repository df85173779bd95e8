"""The trade-offs as a picture: relevance against what it was traded for, an SVG without anything from outside."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from model_repo.evaluate.report import SERVED_NAME, Row

WIDTH, HEIGHT, MARGIN = 520, 360, 60
COLOURS: Final = {"revenue": "#0b6e4f", "margin": "#c1666b", "mmr": "#4c6085", "dpp": "#d4a017"}
PANELS: Final = (
    ("price@10", "mean price shown, minor units", ("revenue", "margin")),
    ("ild@10", "intra-list distance", ("mmr", "dpp")),
)
"""(metric of the x axis, its name, the curves)."""


def svg(rows: Sequence[Row], title: str) -> str:
    """Two panels, NDCG@10 upwards. rows: of tradeoffs.py."""
    panels = [
        _panel(rows, metric, label, curves, index * WIDTH)
        for index, (metric, label, curves) in enumerate(PANELS)
        if any(metric in row.metrics for row in rows)
    ]
    width = WIDTH * max(len(panels), 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 30}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{MARGIN}" y="22" font-size="15">{escape(title)}</text>{"".join(panels)}</svg>\n'
    )


def _panel(rows: Sequence[Row], metric: str, label: str, curves: Sequence[str], left: int) -> str:
    served = next(row for row in rows if row.name == SERVED_NAME)
    of_curve = {
        name: [served, *(row for row in rows if row.name.split()[0] == name and metric in row.metrics)]
        for name in curves
    }
    xs = [row.metrics[metric] for some in of_curve.values() for row in some]
    ys = [row.metrics["ndcg@10"] for some in of_curve.values() for row in some]
    x0, x1 = min(xs), max(max(xs), min(xs) + 1e-9)
    y0, y1 = min(ys), max(max(ys), min(ys) + 1e-9)

    def at(row: Row) -> tuple[float, float]:
        x = left + MARGIN + (row.metrics[metric] - x0) / (x1 - x0) * (WIDTH - 2 * MARGIN)
        return x, HEIGHT - MARGIN - (row.metrics["ndcg@10"] - y0) / (y1 - y0) * (HEIGHT - 2 * MARGIN)

    bottom = HEIGHT - MARGIN
    parts = [
        f'<path d="M{left + MARGIN} {MARGIN}V{bottom}H{left + WIDTH - MARGIN}" fill="none" stroke="#888"/>',
        f'<text x="{left + WIDTH // 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(label)}</text>',
        f'<text x="{left + MARGIN}" y="{bottom + 18}" text-anchor="middle">{x0:.4g}</text>',
        f'<text x="{left + WIDTH - MARGIN}" y="{bottom + 18}" text-anchor="middle">{x1:.4g}</text>',
        f'<text x="{left + MARGIN - 6}" y="{bottom}" text-anchor="end">{y0:.3f}</text>',
        f'<text x="{left + MARGIN - 6}" y="{MARGIN}" text-anchor="end">{y1:.3f}</text>',
        f'<text x="{left + MARGIN - 6}" y="{MARGIN - 16}" text-anchor="end">NDCG@10</text>',
    ]
    for number, (name, some) in enumerate(of_curve.items()):
        colour, points = COLOURS[name], [at(row) for row in some]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for row, (x, y) in zip(some, points, strict=True):
            tip = escape(f"{row.name}: NDCG@10 {row.metrics['ndcg@10']:.4f}, {label} {row.metrics[metric]:.4g}")
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{tip}</title></circle>')
        parts.append(f'<text x="{left + WIDTH - MARGIN - 60}" y="{MARGIN + 16 * number}" fill="{colour}">{name}</text>')
    return "".join(parts)
