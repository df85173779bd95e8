"""Cumulative regret as a picture: an SVG without anything from outside."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, MARGIN, LEGEND = 640, 400, 60, 150
COLOURS: Final = ("#0b6e4f", "#888888", "#b0a990", "#c1666b", "#4c6085", "#d4a017", "#7d4fa0", "#2a9db0")


def svg(curves: Mapping[str, npt.NDArray[np.float64]], title: str) -> str:
    """curves: name -> (days,) per cent."""
    days = max(len(curve) for curve in curves.values())
    top = max(1e-9, *(float(curve.max()) for curve in curves.values()))
    bottom = min(0.0, *(float(curve.min()) for curve in curves.values()))
    right = WIDTH - LEGEND

    def x(day: int) -> float:
        return MARGIN + day / max(days - 1, 1) * (right - MARGIN)

    def y(value: float) -> float:
        return HEIGHT - MARGIN - (value - bottom) / (top - bottom) * (HEIGHT - 2 * MARGIN)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{MARGIN}" y="26" font-size="15">{escape(title)}</text>'
        f'<path d="M{MARGIN} {MARGIN}V{HEIGHT - MARGIN}H{right}" fill="none" stroke="#888"/>'
        f'<text x="{MARGIN - 6}" y="{y(top):.1f}" text-anchor="end">{top:.1f}</text>'
        f'<text x="{MARGIN - 6}" y="{y(0):.1f}" text-anchor="end">0</text>'
        f'<text x="{MARGIN}" y="{MARGIN - 10}">per cent of the oracle\'s margin</text>'
        f'<text x="{right}" y="{HEIGHT - MARGIN + 18}" text-anchor="end">day {days}</text>'
    ]
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        line = " ".join(f"{x(day):.1f},{y(float(value)):.1f}" for day, value in enumerate(curve))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        told = escape(f"{name} {curve[-1]:.1f}")
        parts.append(f'<text x="{right + 8}" y="{MARGIN + 18 * number}" fill="{colour}">{told}</text>')
    return "".join(parts) + "</svg>\n"
