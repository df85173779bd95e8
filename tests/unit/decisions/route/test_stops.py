"""The stops of a request: every way in which one can be wrong, named."""

from __future__ import annotations

from typing import Any

import pytest
from towns import LINE, changed, refused

WRONG = [
    ("stops.1.windows", [{"startS": 9, "endS": 8}], "stops[1].windows[0].end_s"),
    ("stops.1.windows", [{"startS": -1, "endS": 8}], "stops[1].windows[0].start_s"),
    ("stops.1.windows", [{"startS": 0, "endS": 8}, {"startS": 8, "endS": 9}], "stops[1].windows[1].start_s"),
    ("stops.1.windows", [{"startS": 10 * i, "endS": 10 * i} for i in range(9)], "stops[1].windows"),
    ("stops.1.serviceS", -5, "stops[1].service_s"),
    ("stops.1.priority", 101, "stops[1].priority"),
    ("stops.1.dropPenalty", "NaN", "stops[1].drop_penalty"),
    ("stops.1.dropPenalty", -1, "stops[1].drop_penalty"),
    ("stops.1.pickups", ["-1"], "stops[1].pickups[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_a_stop_that_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    assert refused(changed(LINE, path, value)).field == field
