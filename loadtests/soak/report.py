"""What a soak has shown, for a terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from loadtests.soak.flow import UNITS, Soaked
from loadtests.soak.trend import WARM_SHARE


def table(soaked: Soaked) -> Table:
    """A line a quantity."""
    last = soaked.samples[-1]
    shown = Table(
        box=box.SIMPLE,
        title=f"{last.answered:,} requests in {last.at_s:.0f} s, {last.failed} failed, {soaked.changes} catalogue "
        f"changes, {soaked.probed} answers read",
        caption="Memory: private pages that were written to. first, last: medians of the first and the last quarter of "
        f"the samples after the warm-up ({WARM_SHARE:.0%} of the requests). per 100k: requests, by the fitted line "
        "(Theil and Sen); grown: over all requests after the warm-up.",
        caption_justify="left",
    )
    shown.add_column("", no_wrap=True)
    for title in ("first", "last", "per 100k", "grown", "allowed", ""):
        shown.add_column(title, justify="right")
    for one in soaked.trends:
        shown.add_row(
            UNITS[one.name], f"{one.first:,.1f}", f"{one.last:,.1f}", f"{one.slope * 1e5:+.3f}", f"{one.growth:+.2f}",
            f"{one.limit:g}", "grows" if one.grows else "flat",
        )  # fmt: skip
    return shown
