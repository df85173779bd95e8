"""A run as a picture: load and latency over time, and latency over load with its knee; an SVG without outside help."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from loadtests.scenarios.knee import Knee
from loadtests.scenarios.levels import Level

WIDTH, HEIGHT, MARGIN, TOP = 520, 360, 60, 30
CURVES: Final = (("p50_ms", "p50", "#4c6085"), ("p95_ms", "p95", "#d4a017"), ("p99_ms", "p99", "#c1666b"))
OFFERED, KNEE, BULK = "#dfe6ec", "#0b6e4f", "#f3e3c3"

At = Callable[[float, float], tuple[float, float]]


def svg(title: str, levels: Sequence[Level], windows: Sequence[Level], knee: Knee | None) -> str:
    """Two panels. Latencies are on a logarithmic scale; load over time is the grey area, on a scale of its own."""
    panels = _over_time(windows, 0) + _over_load(levels, knee, WIDTH)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + TOP}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{MARGIN}" y="22" font-size="15">{escape(title)}</text>{panels}</svg>\n'
    )


def _over_time(windows: Sequence[Level], left: int) -> str:
    end_s = max((level.end_s for level in windows), default=1.0)
    at, axes = _panel(windows, end_s, "seconds", left)
    peak = max((level.figures.offered_per_s for level in windows), default=1.0) or 1.0
    bottom = HEIGHT - MARGIN
    bars = []
    for level in windows:
        x, y = at(level.begin_s, math.nan)[0], bottom - (bottom - MARGIN) * level.figures.offered_per_s / peak
        width, colour = at(level.end_s, math.nan)[0] - x, BULK if level.bulk else OFFERED
        bars.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{bottom - y:.1f}" fill="{colour}"/>')
    note = f'<text x="{left + MARGIN + 4}" y="{MARGIN - 4}" fill="#667">grey: offered, up to {peak:,.0f}/s</text>'
    middle = [(level, (level.begin_s + level.end_s) / 2) for level in windows]
    return "".join(bars) + axes + note + _curves(middle, at, left, dots=False)


def _over_load(levels: Sequence[Level], knee: Knee | None, left: int) -> str:
    ordered = sorted(levels, key=lambda level: level.figures.offered_per_s)
    most = max((level.figures.offered_per_s for level in ordered), default=1.0) or 1.0
    at, axes = _panel(ordered, most * 1.05, "requests/s offered", left)
    line = ""
    if knee is not None and knee.at >= 0:
        x = at(knee.offered_per_s, math.nan)[0]
        line = (
            f'<path d="M{x:.1f} {MARGIN}V{HEIGHT - MARGIN}" stroke="{KNEE}" stroke-dasharray="6 4"/>'
            f'<text x="{x - 4:.1f}" y="{MARGIN + 12}" text-anchor="end" fill="{KNEE}">'
            f"knee: {knee.offered_per_s:,.0f}/s</text>"
        )
    return axes + line + _curves([(level, level.figures.offered_per_s) for level in ordered], at, left, dots=True)


def _panel(levels: Sequence[Level], x_max: float, label: str, left: int) -> tuple[At, str]:
    """Where a point lies (y NaN: only its x means something), and the axes."""
    times = [value for level in levels for key, _, _ in CURVES if (value := getattr(level.figures, key)) > 0]
    low = 10 ** math.floor(math.log10(min(times, default=1.0)))
    high = 10 ** math.ceil(math.log10(max(times, default=10.0)) + 1e-9)
    bottom, span = HEIGHT - MARGIN, max(math.log10(high / low), 1e-9)

    def at(x: float, y: float) -> tuple[float, float]:
        height = (bottom - MARGIN) * math.log10(max(y, low) / low) / span if y == y else 0.0
        return left + MARGIN + x / max(x_max, 1e-9) * (WIDTH - 2 * MARGIN), bottom - height

    parts = [
        f'<path d="M{left + MARGIN} {MARGIN}V{bottom}H{left + WIDTH - MARGIN}" fill="none" stroke="#888"/>',
        f'<text x="{left + WIDTH // 2}" y="{HEIGHT - 22}" text-anchor="middle">{escape(label)}</text>',
        f'<text x="{left + MARGIN}" y="{bottom + 16}" text-anchor="middle">0</text>',
        f'<text x="{left + WIDTH - MARGIN}" y="{bottom + 16}" text-anchor="middle">{x_max:,.4g}</text>',
    ]
    for power in range(round(span) + 1):
        value = low * 10**power
        y = at(0, value)[1]
        parts.append(f'<text x="{left + MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,g} ms</text>')
    return at, "".join(parts)


def _curves(points: Sequence[tuple[Level, float]], at: At, left: int, *, dots: bool) -> str:
    """One line a percentile; where nothing was answered it has a gap in its points."""
    parts = []
    for number, (key, name, colour) in enumerate(CURVES):
        told = [(at(x, getattr(level.figures, key)), level) for level, x in points if getattr(level.figures, key) > 0]
        line = " ".join(f"{x:.1f},{y:.1f}" for (x, y), _ in told)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for (x, y), level in told if dots else ():
            tip = f"{level.figures.offered_per_s:.0f}/s: {name} {getattr(level.figures, key):.2f} ms"
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"><title>{escape(tip)}</title></circle>'
            )
        parts.append(f'<text x="{left + WIDTH - MARGIN + 8}" y="{MARGIN + 16 * number}" fill="{colour}">{name}</text>')
    return "".join(parts)
