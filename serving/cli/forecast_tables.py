"""Forecasts as a table for people: totals, and lines drawn of block characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

BARS = "▁▂▃▄▅▆▇█"
PERIODS_SHOWN_MAX = 56
"""Longer lines are drawn of averages."""
PERIODS = {2: "weeks"}


def forecast_table(answer: Any) -> Table:
    """answer: ForecastDemandResponse message with at least one forecast. Lines of one row share a scale, from 0 up."""
    first = answer.forecasts[0]
    unit = PERIODS.get(answer.period, "days")
    table = Table(
        title=f"{len(first.mean)} {unit} from {answer.first_day}",
        caption=" · ".join(
            [f"model {answer.model_version}", *(f"degraded: {one.stage} ({one.cause})" for one in answer.degraded)]
        ),
        title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD,
    )  # fmt: skip
    located = any(one.location_id for one in answer.forecasts)
    table.add_column("item", overflow="fold")
    if located:
        table.add_column("location", overflow="fold")
    table.add_column("units", justify="right", no_wrap=True)
    table.add_column("mean", no_wrap=True)
    high = first.quantiles[-1].quantile
    table.add_column(f"q{high:g}", no_wrap=True)
    table.add_column(f"each of the {unit}", justify="right", no_wrap=True)
    for name in ("method", "confidence"):
        table.add_column(name, overflow="fold")
    for one in answer.forecasts:
        low, top = one.quantiles[0].units, one.quantiles[-1].units
        scale = max([*one.mean, *top])
        table.add_row(
            one.item_id, *([one.location_id] if located else []), f"{sum(one.mean):,.1f}",
            sparkline(one.mean, scale), sparkline(top, scale), f"{min(low):g}-{max(top):g}", one.method,
            _confidence(one.confidence),
        )  # fmt: skip
    return table


def sparkline(values: Sequence[float], scale: float) -> str:
    """One character a value, the highest at `scale`."""
    step = -(-len(values) // PERIODS_SHOWN_MAX)
    shown = [sum(values[at : at + step]) / len(values[at : at + step]) for at in range(0, len(values), step)]
    top = len(BARS) - 1
    return "".join(BARS[min(top, round(top * value / scale))] if scale > 0 else BARS[0] for value in shown)


def _confidence(code: int) -> str:
    return {1: "low", 2: "medium", 3: "high"}.get(code, "")
