"""The soak as a picture: each quantity over the requests answered; an SVG without anything from outside."""

from __future__ import annotations

from html import escape

from loadtests.soak.flow import UNITS, Soaked
from loadtests.soak.trend import WARM_SHARE, Trend

WIDTH, HEIGHT, MARGIN, TOP = 520, 150, 64, 44
COLOUR, LINE, WARM = "#0b6e4f", "#c1666b", "#eef1f4"


def svg(soaked: Soaked) -> str:
    """A panel a quantity, its samples and the fitted line; what was the warm-up is shaded."""
    panels = [_panel(soaked, trend, TOP + number * (HEIGHT + 34)) for number, trend in enumerate(soaked.trends)]
    height = TOP + len(panels) * (HEIGHT + 34) + 10
    last = soaked.samples[-1]
    title = f"{last.answered:,} requests in {last.at_s:.0f} s"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * MARGIN} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{MARGIN}" y="22" font-size="15">{escape(title)}</text>{"".join(panels)}</svg>\n'
    )


def _panel(soaked: Soaked, trend: Trend, top: int) -> str:
    """From zero: a growth is as large as it is, not as large as the panel."""
    x_max = max(soaked.samples[-1].answered, 1)
    values = [float(getattr(one, trend.name)) for one in soaked.samples]
    y_max = max(*values, 1.0) * 1.1
    bottom = top + HEIGHT

    def at(answered: float, value: float) -> str:
        return f"{MARGIN + WIDTH * answered / x_max:.1f},{bottom - HEIGHT * value / y_max:.1f}"

    points = " ".join(at(one.answered, value) for one, value in zip(soaked.samples, values, strict=True))
    begun = x_max - trend.requests
    middle = (trend.first + trend.last) / 2
    fitted = f"{at(begun, middle - trend.growth / 2)} {at(x_max, middle + trend.growth / 2)}"
    state = f"{trend.growth:+.2f} of {trend.limit:g} allowed"
    return "".join(
        (
            f'<rect x="{MARGIN}" y="{top}" width="{WIDTH * WARM_SHARE:.1f}" height="{HEIGHT}" fill="{WARM}"/>',
            f'<path d="M{MARGIN} {top}V{bottom}H{MARGIN + WIDTH}" fill="none" stroke="#888"/>',
            f'<text x="{MARGIN}" y="{top - 6}">{escape(UNITS[trend.name])}: {escape(state)}</text>',
            f'<text x="{MARGIN - 6}" y="{top + 10}" text-anchor="end">{y_max:,.4g}</text>',
            f'<text x="{MARGIN - 6}" y="{bottom}" text-anchor="end">0</text>',
            f'<text x="{MARGIN + WIDTH}" y="{bottom + 16}" text-anchor="end">{x_max:,} requests</text>',
            f'<polyline points="{points}" fill="none" stroke="{COLOUR}" stroke-width="1.5"/>',
            f'<polyline points="{fitted}" fill="none" stroke="{LINE}" stroke-width="1.5" stroke-dasharray="6 4"/>',
        )
    )
