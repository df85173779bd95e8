"""Impressions and outcomes joined by their decision, against a count by hand."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from serving.adapters.attribution_report import OUTCOMES, PlacementReport, attribution
from serving.adapters.parquet_archive import ParquetArchive
from serving.cli.report import report
from serving.events.log import LoggedEvent, Position, Span
from serving.events.types import UserEvent

NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())
DAY_S = 86_400
ONE, TWO, THREE = "1" * 32, "2" * 32, "3" * 32


def event(
    number: int, kind: str, items: tuple[str, ...], decision: str = "", placement: int = 0, day: int = 0
) -> LoggedEvent:
    done = UserEvent(f"e{number}", kind, "ada", "", NOON + day * DAY_S, tuple((item, 1) for item in items))
    return LoggedEvent(done, decision, placement if decision else -1)


def archive_of(tmp_path: Path, events: list[LoggedEvent]) -> ParquetArchive:
    archive = ParquetArchive(tmp_path / "events")
    placed = [(Position(number, 0), one) for number, one in enumerate(events)]
    archive.put(Span(placed[0][0], placed[-1][0]), placed)
    return archive


SCENE = [
    event(1, "recommendation-impression", ("mug", "tea", "cup"), ONE),
    event(2, "recommendation-impression", ("mug", "tea"), ONE),  # shown again: once a decision
    event(3, "recommendation-impression", ("mug",), TWO, placement=2),
    event(4, "detail-page-view", ("mug",), ONE),
    event(5, "detail-page-view", ("mug",), ONE),
    event(6, "add-to-cart", ("mug", "tea"), ONE),
    event(7, "purchase-complete", ("mug", "pot"), ONE, day=1),  # days later; the pot was never shown
    event(8, "purchase-complete", ("mug",), THREE, placement=2),
    event(9, "purchase-complete", ("mug",)),  # nobody's
    event(10, "search", (), ONE),
]
EXPECTED = [
    PlacementReport(0, decisions=1, shown=3, clicks=1, carts=2, purchases=1, unseen=1),
    PlacementReport(2, decisions=1, shown=1, clicks=0, carts=0, purchases=0, unseen=1),
]


def test_outcomes_are_those_of_what_was_shown(tmp_path: Path) -> None:
    assert attribution(archive_of(tmp_path, SCENE).tables()) == EXPECTED


def test_without_decisions_there_is_nothing_to_report(tmp_path: Path) -> None:
    assert attribution([]) == []
    assert attribution(archive_of(tmp_path, [event(1, "purchase-complete", ("mug",))]).tables()) == []


def test_a_report_is_a_count_by_hand(tmp_path: Path) -> None:
    """Seeded events, counted with sets."""
    rng = np.random.default_rng(5)
    kinds = ["recommendation-impression", *OUTCOMES.values(), "search"]
    events = []
    for number in range(600):
        items = tuple(f"i{rng.integers(6)}" for _ in range(rng.integers(1, 4)))
        decision = int(rng.integers(0, 25))
        named = f"{decision:032x}" if decision else ""
        events.append(event(number, kinds[rng.integers(len(kinds))], items, named, decision % 3, int(rng.integers(3))))
    told: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in events:
        if one.decision_id:
            told[one.event.event_type] |= {(one.decision_id, item) for item, _ in one.event.items}
    shown = told["recommendation-impression"]

    def of(placement: int, pairs: set[tuple[str, str]]) -> int:
        return sum(int(decision, 16) % 3 == placement for decision, _ in pairs)

    by_hand = [
        PlacementReport(
            placement,
            decisions=len({decision for decision, _ in shown if int(decision, 16) % 3 == placement}),
            shown=of(placement, shown),
            unseen=sum(of(placement, told[kind] - shown) for kind in OUTCOMES.values()),
            **{name: of(placement, told[kind] & shown) for name, kind in OUTCOMES.items()},
        )
        for placement in range(3)
    ]
    assert attribution(archive_of(tmp_path, events).tables()) == by_hand


def test_the_command_prints_it(tmp_path: Path) -> None:
    archive_of(tmp_path, SCENE)
    run = CliRunner().invoke
    said = run(report, ["attribution", "--home", str(tmp_path), "--json"], catch_exceptions=False)
    rows = json.loads(said.output)["rows"]
    assert [(row["name"], row["shown"], row["purchases"]) for row in rows] == [
        ("recommended-for-you", 3, 1),
        ("similar-items", 1, 0),
    ]
    table = run(report, ["attribution", "--home", str(tmp_path)], catch_exceptions=False).output
    assert "33.3% (6.1%-79.2%)" in table
    later = run(report, ["attribution", "--home", str(tmp_path), "--since", "2026-11-22"], catch_exceptions=False)
    assert "no event of the archive names a decision" in later.output
