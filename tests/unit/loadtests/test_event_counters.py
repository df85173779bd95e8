"""The measurement of the counters counts what it writes, and sees when they are not what a recount gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests import event_counters
from serving.events.trends import NOTHING, trends


def test_a_small_run_equals_a_recount(tmp_path: Path) -> None:
    found = event_counters.run(tmp_path, events=3000, days=3, items=40, batch=700, seed=1)
    assert (found.differs, found.batches, found.files) == (0, 5, 7)
    assert found.pairs_published > 0
    assert found.counters_mib > 0


def test_a_difference_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = trends(NOTHING, {}, event_counters.TODAY, event_counters.HALF_LIFE_DAYS)
    monkeypatch.setattr(event_counters, "recounted", lambda *_: (nothing, {}))
    assert event_counters.run(tmp_path, events=10, days=1, items=4, batch=10, seed=1).differs == 1
