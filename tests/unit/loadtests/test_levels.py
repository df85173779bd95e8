"""From windows to levels to a judgement and its picture: known requests give known figures."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from loadtests.ids import Ids
from loadtests.scenarios.judge import judgement, row, write
from loadtests.scenarios.levels import ALL, by_name, levels, over_time
from loadtests.scenarios.setup import Setup
from loadtests.scenarios.shapes import scenario
from loadtests.scenarios.tally import Tally, window_s
from loadtests.scenarios.thresholds import parse
from loadtests.users import BULK

BEGUN_S = 1_000_000.0


def tallied(seconds: int, rate: int, took_ms: float, *, name: str = "known user", fail: int = 0) -> Tally:
    """`rate` requests a second, evenly, of which every `fail`-th fails."""
    tally = Tally(1.0)
    for at in range(seconds * rate):
        tally.add(BEGUN_S + at / rate, name, took_ms, failed=bool(fail and at % fail == 0), lag_ms=0.2)
    return tally


def test_a_stage_is_told_without_its_beginning() -> None:
    """Two seconds of 20 are given to the change of load, and only whole windows count."""
    (level,) = levels(tallied(20, 100, 5.0), scenario("steady").spans(20.0), BEGUN_S + 0.5)
    assert (level.begin_s, level.end_s) == (2.5, 19.5)
    assert level.figures.offered_per_s == level.figures.requests_per_s == 100.0
    assert level.figures.p50_ms == pytest.approx(5.0, rel=0.011)
    assert level.figures.lag_p99_ms == pytest.approx(0.2, rel=0.011)


def test_failures_count_as_offered_but_not_as_answered() -> None:
    """One of four fails."""
    figures = by_name(tallied(10, 100, 5.0, fail=4), 10.0)[ALL]
    assert (figures.failures, figures.offered_per_s, figures.requests_per_s) == (0.25, 100.0, 75.0)


def test_bulk_calls_stand_apart() -> None:
    """They have a line of their own, and move no figure of the others."""
    tally = tallied(10, 100, 5.0)
    tally.merge(tallied(10, 10, 900.0, name=BULK[0]).drained(1))
    names = by_name(tally, 10.0, apart=BULK)
    assert names[ALL].p99_ms < 6.0
    assert names[BULK[0]].calls == 100
    (level,) = levels(tally, scenario("steady").spans(10.0), BEGUN_S, apart=BULK)
    assert level.figures.offered_per_s == 100.0


def test_what_workers_report_is_added_up() -> None:
    """Drained once, it is not told twice; the busiest process counts."""
    whole, worker = tallied(5, 100, 5.0), tallied(5, 100, 15.0)
    worker.add_busy(BEGUN_S, 0.75)
    whole.add_busy(BEGUN_S, 0.25)
    whole.merge(json.loads(json.dumps(worker.drained(7))))
    whole.merge(worker.drained(8))
    figures = by_name(whole, 5.0)[ALL]
    assert figures.calls == 1000
    assert figures.p99_ms == pytest.approx(15.0, rel=0.011)
    assert whole.processes == {7, 8}
    assert whole.busy == {whole.window(BEGUN_S): 0.75}


def test_long_runs_have_long_windows() -> None:
    """What is kept does not grow with the length of a run."""
    assert window_s(30) == 0.25
    assert 86_400 / window_s(86_400) == 240


def test_every_window_is_told_once() -> None:
    """In order, and within the run."""
    windows = over_time(tallied(24, 10, 5.0), scenario("step").spans(24.0), BEGUN_S)
    assert [level.begin_s for level in windows] == list(range(24))


@pytest.fixture
def stepped() -> Setup:
    """A step to 80 users in 80 s: from the sixth step on answers take ten times as long."""
    tally = Tally(1.0)
    for second in range(80):
        step = second // 10 + 1
        for at in range(step * 10):
            took_ms = 5.0 if step < 6 else 50.0
            tally.add(BEGUN_S + second + at / (step * 10), "known user", took_ms, failed=False, lag_ms=0.1)
    found = scenario("step")
    thresholds = [parse("p99_ms<=40"), parse("failures<=0")]
    ids = Ids(("C1",), ("P1",))
    return Setup(
        "127.0.0.1", 8080, 50051, ids, 0, found, 80.0, 80, 1.0, 0, 1.0, thresholds, None, tally, begun_s=BEGUN_S
    )


def test_a_run_is_judged(stepped: Setup) -> None:
    """Levels, the knee between them, and which threshold broke."""
    found = judgement(stepped, BEGUN_S + 80)
    assert [round(level.figures.offered_per_s) for level in found.levels] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert found.knee is not None
    assert round(found.knee.offered_per_s) == 50
    assert [str(verdict).split(",")[0] for verdict in found.verdicts] == ["p99_ms<=40: BROKEN", "failures<=0: held"]
    assert not found.held
    assert found.notes == []


def test_a_client_that_lags_is_named_in_the_notes(stepped: Setup) -> None:
    """Then the knee is not the gateway's."""
    for second in range(50, 80):
        stepped.tally.add_busy(BEGUN_S + second, 0.97)
    notes = judgement(stepped, BEGUN_S + 80).notes
    assert "the client itself was the bottleneck at 3 of 8 levels" in notes[0]
    assert notes[1] == "the knee is the client's, not the gateway's"


def test_a_run_is_written(stepped: Setup, tmp_path: Path) -> None:
    """A picture that is XML, tables with a line a level, a document without NaN."""
    found = judgement(stepped, BEGUN_S + 80, ["3 x event: not stored"])
    write(found, tmp_path)
    texts = [element.text for element in ElementTree.parse(tmp_path / "load.svg").iter() if element.text]
    assert "knee: 50/s" in texts
    assert {"p50", "p95", "p99"} <= set(texts)
    with open(tmp_path / "levels.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 8
    with open(tmp_path / "requests.csv", newline="") as file:
        assert [line["name"] for line in csv.DictReader(file)] == ["known user", "all"]
    said = json.loads((tmp_path / "verdict.json").read_text())
    assert said["errors"] == ["3 x event: not stored"]
    assert said["held"] is False
    assert said["levels"][0] == row(found.levels[0])


def test_a_run_in_which_nothing_was_asked_is_written_all_the_same(stepped: Setup, tmp_path: Path) -> None:
    """No latency, no curve, no error; thresholds do not hold."""
    stepped.tally = Tally(1.0)
    found = judgement(stepped, BEGUN_S + 80)
    write(found, tmp_path)
    ElementTree.parse(tmp_path / "load.svg")
    assert not found.held
