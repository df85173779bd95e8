"""What the edge costs, from rounds that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from loadtests.bench.figures import Round
from loadtests.bench.generate import Log
from loadtests.bench.report import Result
from loadtests.edge import cases_for, notes_on, rows_of, table


def one_round(calls: int, micros: int, part_s: float) -> Round:
    """`calls` of the same time within one second."""
    columns = (np.arange(calls), np.full(calls, 200), np.full(calls, micros))
    return Round(Log(*columns), 1.0, cpu_s=0.5, part_s=part_s)


def test_direct_and_edge_stand_side_by_side() -> None:
    """So that rounds of the two follow each other."""
    cases = cases_for("127.0.0.1:2", "127.0.0.1:1", [b"body"], (1, 8))
    assert [(case.name, case.callers, case.target) for case in cases[:4]] == [
        ("ping direct", 1, "127.0.0.1:2"), ("ping edge", 1, "127.0.0.1:1"),
        ("ping direct", 8, "127.0.0.1:2"), ("ping edge", 8, "127.0.0.1:1"),
    ]  # fmt: skip
    assert [case.name for case in cases[4:6]] == ["recommend direct", "recommend edge"]


def test_its_cost_is_its_own_time_and_what_it_adds() -> None:
    """1,000 calls a second in 300 us directly; 800 in 350 us with 20 ms of HAProxy each second."""
    direct, edge = cases_for("127.0.0.1:2", "127.0.0.1:1", [b"body"], (1,))[:2]
    direct.rounds = [one_round(1000, 300, 0.0)] * 2
    edge.rounds = [one_round(800, 350, 0.020)] * 2
    first, second = rows_of([direct, edge])
    assert "edge_cpu_us" not in first
    assert (second["edge_cpu_us"], second["added_us"], second["of_direct"]) == (25.0, 50, 0.8)
    assert second["cpu_ms"] == pytest.approx(0.625)


def test_a_failed_call_is_a_note() -> None:
    """And a note ends the command with 1."""
    case = cases_for("127.0.0.1:2", "127.0.0.1:1", [b"body"], (1,))[1]
    case.rounds, case.refused = [one_round(10, 300, 0.0)], 2
    assert notes_on([case], rows_of([case])) == ["ping edge, 1 callers: 2 calls failed"]


def test_a_machine_that_was_not_quiet_is_told() -> None:
    """Times mean nothing when others had the core; processor time still does."""
    case = cases_for("127.0.0.1:2", "127.0.0.1:1", [b"body"], (1,))[0]
    case.rounds = [replace(one_round(10, 300, 0.0), foreign_s=0.8)]
    result = Result("", {}, 0, {}, rows_of([case]), 1.0)
    assert "up to 80 %" in str(table(result).caption)
