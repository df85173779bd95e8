"""Ids and skills of a request that are none are named."""

from __future__ import annotations

from typing import Any

import pytest
from towns import LINE, changed, refused

WRONG = [
    ("depots.1", {"depotId": "hub"}, "depots[1].depot_id"),
    ("stops.1.stopId", "a", "stops[1].stop_id"),
    ("stops.1.stopId", "hub", "stops[1].stop_id"),
    ("stops.1.stopId", "", "stops[1].stop_id"),
    ("vehicles.1.skills", [""], "vehicles[1].skills[0]"),
    ("stops.1.skills", [f"skill-{i}" for i in range(64)], "stops[1].skills[63]"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "field"), WRONG, ids=lambda each: str(each)[:40])
def test_an_id_or_a_skill_that_is_none_is_named(path: str, value: Any, field: str) -> None:
    assert refused(changed(LINE, path, value)).field == field
