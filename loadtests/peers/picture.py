"""The comparison as a picture: requests a second and p99, a bar a server; an SVG without anything from outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from loadtests.bench.report import Result, Row
from loadtests.peers.flow import OURS
from loadtests.peers.report import TITLES, lines

LABEL, BAR, VALUE, LINE, TOP = 270, 240, 90, 22, 56
OUR_COLOUR, COLOUR = "#0b6e4f", "#9aa5b1"
PANELS = (("requests_per_s", "requests/s"), ("p99_ms", "p99, ms"))


def svg(result: Result) -> str:
    """A block for each number of callers, most requests first; in it a panel a figure, on a logarithmic scale."""
    rows = lines(result.rows)
    blocks, top = [], TOP
    for callers in sorted({int(str(row["callers"])) for row in rows}):
        some = [row for row in rows if row["callers"] == callers]
        blocks.append(_block(some, callers, top))
        top += LINE * (len(some) + 2)
    width = LABEL + len(PANELS) * (BAR + VALUE)
    title = f"One pipeline, {result.data['items']:,} items, one core for each server"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="12" y="26" font-size="15">{escape(title)}</text>{"".join(blocks)}</svg>\n'
    )


def _block(rows: Sequence[Row], callers: int, top: int) -> str:
    """The servers of one number of callers, one a line."""
    many = "1 caller" if callers == 1 else f"{callers} callers"
    parts = [f'<text x="12" y="{top + 12}" font-weight="bold">{many}</text>']
    for panel, (key, name) in enumerate(PANELS):
        left = LABEL + panel * (BAR + VALUE)
        parts.append(f'<text x="{left}" y="{top + 12}">{name} (log scale)</text>')
        values = [float(str(row[key])) for row in rows]
        low = 10 ** math.floor(math.log10(min(values)))
        span = max(math.log10(max(values) / low), 1e-9)
        for number, (row, value) in enumerate(zip(rows, values, strict=True)):
            y, colour = top + LINE * (number + 1), OUR_COLOUR if row["name"] == OURS else COLOUR
            width = max(BAR * math.log10(value / low) / span, 1.0)
            parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{LINE - 6}" fill="{colour}"/>')
            parts.append(f'<text x="{left + width + 6:.1f}" y="{y + 12}">{value:,.4g}</text>')
            if not panel:
                parts.append(f'<text x="12" y="{y + 12}">{escape(TITLES[str(row["name"])])}</text>')
    return "".join(parts)
