"""Figures, and the documents they stand in."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from rich.console import Console

from loadtests.bench.cli import numbers, pairs
from loadtests.bench.figures import Figures, Round, figures, share, spread_pct
from loadtests.bench.frames import PING, RECOMMEND
from loadtests.bench.generate import Log
from loadtests.bench.measure import Case
from loadtests.bench.process import Memory, spent
from loadtests.bench.report import (
    AFTER_ROW,
    Result,
    as_json,
    as_markdown,
    control_row,
    load_row,
    memory_row,
    report,
    share_rows,
)

FOUND = Figures(
    calls=9000, requests_per_s=3000.0, p50_ms=15.0, p99_ms=30.0, cpu_ms=0.25, rounds=(2900.0, 3100.0), failed=0,
    foreign_pct=0.4,
)  # fmt: skip


def _log(micros: np.ndarray) -> Log:
    return Log(np.zeros(len(micros), np.int64), np.full(len(micros), 200, np.int64), micros.astype(np.int64))


def _percentile(values: list[int], q: float) -> float:
    """The textbook's: straight line between the two neighbours of rank q (n - 1)."""
    ordered, rank = sorted(values), q / 100 * (len(values) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


def test_rounds_are_pooled() -> None:
    """Percentiles over the calls of all rounds, rates over all their seconds, processor time per call."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(100, 9000, 501), rng.integers(100, 90_000, 1000)
    found = figures([Round(_log(first), 1.0, 0.2, 0.1), Round(_log(second), 2.0, 0.4, 0.05)])
    everything = [*first.tolist(), *second.tolist()]
    assert found.calls == 1501
    assert found.requests_per_s == pytest.approx(1501 / 3)
    assert found.p50_ms == pytest.approx(_percentile(everything, 50) / 1000)
    assert found.p99_ms == pytest.approx(_percentile(everything, 99) / 1000)
    assert found.cpu_ms == pytest.approx(600 / 1501)
    assert found.rounds == (501, 500)
    assert found.foreign_pct == pytest.approx(5.0)


def test_nothing_answered_is_no_figure() -> None:
    """A server that answers nothing has no latency of 0."""
    with pytest.raises(ValueError, match="not one call"):
        figures([Round(_log(np.zeros(0)), 1.0, 0.0)])


def test_spread_is_relative_to_the_median() -> None:
    """90, 100, 120: thirty percent."""
    assert spread_pct((90.0, 120.0, 100.0)) == pytest.approx(30.0)


def test_the_share_of_the_floor() -> None:
    """3,000 requests of 200 us each are 0.6 s of work a second."""
    assert share(3000.0, 200.0) == pytest.approx(0.6)


def test_processes_that_come_count_whole_and_those_that_go_do_not() -> None:
    """Ids are used again by the kernel: a process is its id and its birth."""
    before = {(1, 0.0): 5.0, (2, 0.0): 7.0}
    after = {(1, 0.0): 6.5, (2, 9.0): 0.25, (3, 9.0): 1.0}
    assert spent(before, after) == pytest.approx(1.5 + 0.25 + 1.0)


def _rows() -> list[dict[str, object]]:
    case = Case("recommend", RECOMMEND, [b""], 64, probed=30, degraded=2, refused=1, problems=["x"])
    rows = [
        {"name": "request", "batch": 8, "micros": 200.0},
        {"name": "start-up", "seconds": 20.0},
        load_row(case, FOUND),
        load_row(Case("ping", PING, [b""], 64), FOUND),
        memory_row(Memory(800.0, 700.0, 12)),
        control_row([600.0, 610.0, 605.0]),
    ]
    return rows + share_rows(rows)


RESULT = Result(
    command="storegate bench --json",
    data={"name": "demo", "sha256": "ab", "items": 4000, "users": 10_000},
    seed=0,
    setup={"runtime": "ray", "replicas": 1},
    rows=_rows(),
    seconds=91.23,
    notes=["quiet"],
)


def test_the_json_document_has_the_agreed_shape() -> None:
    """One object on one line; a figure that was not measured is absent."""
    text = as_json(RESULT)
    assert "\n" not in text
    said = json.loads(text)
    assert {"command", "date", "machine", "data", "seed", "seconds", "peak_rss_mib", "rows"} <= said.keys()
    assert said["machine"]["cores"] >= 1
    recommend = next(row for row in said["rows"] if row["name"] == "recommend")
    assert {"callers": 64, "requests_per_s": 3000.0, "p50_ms": 15.0, "p99_ms": 30.0, "cpu_ms": 0.25}.items() <= (
        recommend.items()
    )
    assert recommend["served"] is True
    assert recommend["failed"] == 2
    ping = next(row for row in said["rows"] if row["name"] == "ping")
    assert "degraded" not in ping
    assert "served" not in ping
    assert {"name": "request", "batch": 8, "micros": 200.0} in said["rows"]
    assert {"name": "share", "callers": 64, "batch": 8, "share": 0.6} in said["rows"]
    assert {"name": "memory", "pss_mib": 800.0, "uss_mib": 700.0, "processes": 12} in said["rows"]


def test_without_64_callers_there_is_no_share() -> None:
    """Not measured is absent."""
    assert share_rows([{"name": "request", "batch": 8, "micros": 200.0}]) == []


def test_the_floor_is_the_mean_of_before_and_after() -> None:
    """A machine that has become slower meanwhile moves it by half."""
    rows = [row | ({"name": AFTER_ROW, "micros": 240.0} if row["name"] == "request" else {}) for row in _rows()]
    (share_row,) = share_rows([*_rows(), *rows[:1]])
    assert share_row["share"] == 0.66


def test_the_markdown_has_a_line_for_each_load_row() -> None:
    """Date, figures, machine, command: ready for RESULTS.md."""
    lines = as_markdown(RESULT).splitlines()
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|") == lines[3].count("|") == 10
    assert "recommend (ray)" in lines[2]
    assert "3,000.0" in lines[2]
    assert "`storegate bench --json`" in lines[2]
    assert "share: callers 64, batch 8, share 0.6" in lines[5]
    assert lines[6] == "In process, microseconds a request at batch 8: request 200.0."
    assert lines[7] == "Note: quiet."


def test_the_tables_show_every_figure() -> None:
    """What people read has what programs read."""
    console = Console(width=120, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    report(RESULT, console)
    text = console.export_text()
    for word in ("request", "200.0", "recommend", "3,000.0", "0.25", "memory", "800.0", "share 0.6", "note: quiet"):
        assert word in text


@pytest.mark.parametrize("text", ["", "0", "1,x", "-1", "1;8", "5000"])
def test_numbers_of_callers_that_make_no_sense_are_refused(text: str) -> None:
    """The error names the option."""
    with pytest.raises(Exception, match="1 to 1024") as error:
        numbers(text)
    assert error.value.param_hint == "--callers"  # type: ignore[attr-defined]


def test_callers_and_settings_are_read() -> None:
    """Repeated numbers count once."""
    assert numbers("1, 8,64,8") == (1, 8, 64)
    assert pairs(("server.front=grpc.aio", "a.b=c=d")) == {"server.front": "grpc.aio", "a.b": "c=d"}
    with pytest.raises(Exception, match="KEY=VALUE"):
        pairs(("front",))
