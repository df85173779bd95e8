"""A warehouse as a picture: how often is picked where, and one walk. SVG without anything from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from serving.decisions.place.contract import F64, Aisles, Slots

COLD: Final = (236, 240, 244)
HOT: Final = (178, 24, 43)
WALK: Final = "#1b4f72"
PANEL: Final = 460.0
"""Pixels of the longer side of a warehouse."""
MARGIN: Final = 34.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One state of the warehouse. picks: (slots,) how often each is picked at; walk: (k, 2) x and y, metres."""

    title: str
    picks: F64
    walk: F64


def picture(layout: Aisles, slots: Slots, panels: Sequence[Panel], title: str) -> str:
    """Panels side by side, with the same colours for the same picks."""
    left, right = float(layout.aisle_x[0]), float(layout.aisle_x[-1])
    low, high = float(layout.cross_y[0]), float(layout.cross_y[-1])
    width = float(np.min(np.diff(layout.aisle_x))) if len(layout.aisle_x) > 1 else (high - low) / 10
    scale = PANEL / max(right - left + width, high - low)
    across, deep = (right - left + width) * scale, (high - low) * scale
    spots = [_cells(slots, panel.picks) for panel in panels]
    most = max((max(cells.values()) for cells in spots if cells), default=1.0) or 1.0
    parts = []
    for number, (panel, cells) in enumerate(zip(panels, spots, strict=True)):
        x0, y0 = MARGIN + number * (across + MARGIN), MARGIN + 30

        def at(x: float, y: float, x0: float = x0, y0: float = y0) -> tuple[float, float]:
            return x0 + (x - left + width / 2) * scale, y0 + (high - y) * scale

        parts.append(f'<text x="{x0:.0f}" y="{y0 - 10:.0f}" font-size="13">{escape(panel.title)}</text>')
        parts += [
            _cell(at(layout.aisle_x[aisle], y), width * scale * 0.62, _height(slots, scale), picks / most, picks)
            for (aisle, y), picks in sorted(cells.items())
        ]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*spot) for spot in panel.walk.tolist()))
        parts.append(f'<polyline points="{way}" fill="none" stroke="{WALK}" stroke-width="1.6" opacity="0.85"/>')
        x, y = at(layout.depot_x, low)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{WALK}"><title>depot</title></circle>')
    total, tall = MARGIN + len(panels) * (across + MARGIN), deep + 2 * MARGIN + 46
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {tall:.0f}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{MARGIN:.0f}" y="24" font-size="15">{escape(title)}</text>{"".join(parts)}'
        f'<text x="{MARGIN:.0f}" y="{tall - 12:.0f}">light: never picked; reddest: {most:,.0f} picks at one place; '
        "line: one walk</text></svg>\n"
    )


def _cells(slots: Slots, picks: F64) -> dict[tuple[int, float], float]:
    """Picks by aisle and place along it: levels and sides together."""
    found: dict[tuple[int, float], float] = {}
    for aisle, y, count in zip(slots.place.tolist(), slots.y.tolist(), picks.tolist(), strict=True):
        found[aisle, y] = found.get((aisle, y), 0.0) + count
    return found


def _height(slots: Slots, scale: float) -> float:
    """Of a cell: the least distance between two places in an aisle."""
    places = np.unique(slots.y)
    return max((float(np.min(np.diff(places))) if len(places) > 1 else 1.0) * scale, 1.0)


def _cell(spot: tuple[float, float], width: float, height: float, share: float, picks: float) -> str:
    red, green, blue = (round(cold + (hot - cold) * share**0.5) for cold, hot in zip(COLD, HOT, strict=True))
    x, y = spot
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="rgb({red},{green},{blue})"><title>{picks:,.0f} picks</title></rect>'
    )
