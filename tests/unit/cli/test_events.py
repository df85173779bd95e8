"""`storegate events`: what is said meanwhile."""

from __future__ import annotations

import pytest

from serving.cli import events as events_cli


def test_a_log_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    now = 0.0
    monkeypatch.setattr(events_cli, "say", told.append)
    monkeypatch.setattr(events_cli.time, "monotonic", lambda: now)
    lines = events_cli.Lines()
    for now in (1.0, 4.9, 5.0, 5.1, 9.9, 30.0):
        lines.tell(f"at {now}")
    assert told == ["at 5.0", "at 30.0"]
