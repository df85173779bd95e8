"""What h2load logs, how callers are spread over its processes, and how its body file changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.bench.bodies import Bodies
from loadtests.bench.generate import Log, parse_log, shares
from loadtests.bench.measure import NotCovered, covering

TEXT = "1795398279636633\t200\t1891\n1795398279637036\t-1\t1744\n1795398279637026\t200\t1757\t7\n"


def test_a_log_is_read_column_by_column() -> None:
    """Start, status, microseconds; a further column of a later version is no harm; -1 counts as failed."""
    log = parse_log(TEXT)
    assert log.start_us.tolist() == [1795398279636633, 1795398279637036, 1795398279637026]
    assert log.status.tolist() == [200, -1, 200]
    assert log.micros.tolist() == [1891, 1744, 1757]
    assert log.end_us.tolist() == [1795398279638524, 1795398279638780, 1795398279638783]
    assert (len(log), log.failed) == (3, 1)


def test_an_empty_log_has_no_calls() -> None:
    """A process that was killed at once."""
    assert len(parse_log("")) == 0


@pytest.mark.parametrize("line", ["x\t200\t1", "1\t2", "1 200 3", ""])
def test_a_row_that_is_none_names_its_line(line: str) -> None:
    """The error says where."""
    with pytest.raises(ValueError, match="log-3, line 2"):
        parse_log(f"1\t200\t5\n{line}\n", "log-3")


def test_within_counts_by_the_end_of_the_answer() -> None:
    """From the first moment on, up to but without the last."""
    log = parse_log("0\t200\t10\n5\t200\t10\n90\t200\t10\n95\t200\t10\n")
    assert log.within(15, 105).start_us.tolist() == [5, 90]


def test_joining_nothing_gives_nothing() -> None:
    """No logs, no calls."""
    assert len(Log.joined([])) == 0
    assert len(Log.joined([parse_log(TEXT), parse_log(TEXT)])) == 6


def test_a_round_is_refused_when_a_process_left_early() -> None:
    """Callers that were not there all the time would flatter those who were."""
    whole, short = parse_log("0\t200\t10\n50\t200\t60\n"), parse_log("0\t200\t10\n50\t200\t20\n")
    assert len(covering([whole, whole], 5, 100)) == 2
    with pytest.raises(NotCovered, match="load process 1 of 2"):
        covering([whole, short], 5, 100)
    with pytest.raises(NotCovered, match="load process 0 of 1"):
        covering([parse_log("")], 5, 100)


@pytest.mark.parametrize(("callers", "most"), [(1, 16), (8, 16), (64, 16), (64, 24), (100, 7)])
def test_callers_are_spread_evenly(callers: int, most: int) -> None:
    """All of them, over as many processes as may be, none with two more than another."""
    spread = shares(callers, most)
    assert sum(spread) == callers
    assert len(spread) == min(callers, most)
    assert max(spread) - min(spread) <= 1


def test_each_file_gets_another_body_every_time(tmp_path: Path) -> None:
    """Four files over ten bodies: each rewrite brings the next four, round and round, and the next round goes on."""
    bodies = [b"user-%02d" % number for number in range(10)]
    seen = []
    with Bodies(tmp_path, bodies, 4, start=8) as files:
        for _ in range(5):
            seen += [path.read_bytes() for path in files.paths]
            files.rewrite()
        paths, position = files.paths, files.position
    assert seen == [bodies[(8 + number) % 10] for number in range(20)]
    assert position == (8 + 24) % 10
    assert not any(path.exists() for path in paths)


def test_bodies_of_different_lengths_are_refused(tmp_path: Path) -> None:
    """h2load would send the first length whatever stands in the file."""
    with pytest.raises(ValueError, match=r"lengths \[2, 3\]"):
        Bodies(tmp_path, [b"ab", b"abc"], 1)
