"""Numbers of a request that must be within bounds: one, a column, a time window."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.core.errors import InvalidInput
from serving.decisions.route.contract import Window
from serving.decisions.route.problem import TIME_MAX, Ints


def check_number(field: str, value: Any, low: float, high: float) -> None:
    """Raises InvalidInput naming `field`."""
    if not low <= value <= high:  # nor NaN
        raise InvalidInput(field, value, f"{low:.15g} to {high:.15g}")


def check_column(owner: str, name: str, values: Ints, low: int, high: int) -> None:
    """values: (n,). Raises InvalidInput naming the first that is not within."""
    wrong = np.flatnonzero((values < low) | (values > high))
    if len(wrong):
        raise InvalidInput(f"{owner}[{wrong[0]}].{name}", int(values[wrong[0]]), f"{low} to {high}")


def check_window(field: str, window: Window) -> Window:
    """The window. Raises InvalidInput naming its start or its end."""
    start, end = window
    if not 0 <= start <= TIME_MAX:
        raise InvalidInput(f"{field}.start_s", start, f"0 to {TIME_MAX} seconds after midnight of the first day")
    if end < start:
        raise InvalidInput(f"{field}.end_s", end, f"no earlier than start_s ({start})", reason="WINDOW_CLOSES_BEFORE")
    if end > TIME_MAX:
        raise InvalidInput(f"{field}.end_s", end, f"at most {TIME_MAX}")
    return window
