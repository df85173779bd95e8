"""What a batch of forecasts is asked for, fit for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.decisions.forecast.contract import Period, Query


def options_of(query: Query, release: str = "") -> dict[str, Any]:
    """Options of a core.batch.BatchSpec. query: asked for each row, whose item takes its items' place; release: which
    one answers, "" = the live one."""
    return {
        "horizon_days": query.horizon_days,
        "quantiles": list(query.quantiles),
        "period": query.period.value,
        "first_day": query.first_day,
        "release": release,
    }


def query_of(options: Mapping[str, Any]) -> Query:
    """The question without items."""
    return Query(
        (), (), options["horizon_days"], tuple(options["quantiles"]), Period(options["period"]), options["first_day"]
    )
