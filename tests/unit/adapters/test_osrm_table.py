"""Travel times from a table server: whole tables from blocks, and everything that can go wrong on the way."""

from __future__ import annotations

import socket
import threading
from typing import Any

import numpy as np
import pytest
from table_servers import TableServer, metres, spelled, table_server

from serving.adapters.osrm_table import OsrmTable
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import DeadlineExpired, InvalidInput, TableUnavailable
from serving.decisions.route.params import TableParams

POINTS = np.array([[1.0, 9.0], [1.25, 8.5], [1.5, 8.0], [1.75, 9.5], [2.0, 9.25]])
"""Latitude, longitude."""


def asking(url: str, pauses: list[float] | None = None, **options: Any) -> OsrmTable:
    waits = pauses if pauses is not None else []
    return OsrmTable(TableParams(url=url, **options), SystemClock(), waits.append)


@pytest.fixture
def town() -> Any:
    with table_server() as server:
        yield server


@pytest.mark.parametrize("block", [2, 3, 5, 100])
def test_a_table_is_the_same_whatever_its_blocks(town: TableServer, block: int) -> None:
    """Asymmetric, as streets are; rows and columns do not get mixed up."""
    distance, duration = asking(town.url, block=block).table(POINTS, POINTS, NEVER)
    places = list(zip(POINTS[:, 1].tolist(), POINTS[:, 0].tolist(), strict=True))
    assert distance.tolist() == [[metres(a, b) if a != b else 0.0 for b in places] for a in places]
    assert duration == pytest.approx(distance / 10)
    assert not np.array_equal(distance, distance.T)
    assert len(town.asked) == (-(-len(POINTS) // block)) ** 2


def test_a_few_rows_of_a_table_are_asked_for_alone(town: TableServer) -> None:
    """Of new places to all others, for example."""
    whole, _ = asking(town.url).table(POINTS, POINTS, NEVER)
    rows, times = asking(town.url, block=2).table(POINTS[3:], POINTS, NEVER)
    assert rows[:, :3].tolist() == whole[3:, :3].tolist()
    assert rows.shape == times.shape == (2, 5)


def test_a_place_without_a_way_is_infinitely_far(town: TableServer) -> None:
    town.island = (8.0, 1.5)
    distance, duration = asking(town.url).table(POINTS, POINTS, NEVER)
    assert np.isinf(distance[2, [0, 1, 3, 4]]).all()
    assert np.isinf(duration[[0, 1, 3, 4], 2]).all()
    assert distance[2, 2] == 0
    assert np.isfinite(distance[np.ix_([0, 1, 3, 4], [0, 1, 3, 4])]).all()


@pytest.mark.parametrize("broken", [(503, b"busy"), (0, b""), (429, b"")])
def test_a_passing_failure_is_tried_again_with_growing_pauses(town: TableServer, broken: tuple[int, bytes]) -> None:
    town.meddle = lambda number: broken if number <= 2 else None
    pauses: list[float] = []
    assert asking(town.url, pauses).table(POINTS, POINTS, NEVER)[0][0, 1] == metres((9.0, 1.0), (8.5, 1.25))
    assert pauses == [0.05, 0.1]


def test_attempts_are_bounded(town: TableServer) -> None:
    town.meddle = lambda number: (502, b"gone")
    with pytest.raises(TableUnavailable, match="HTTP 502"):
        asking(town.url, retries=3).table(POINTS, POINTS, NEVER)
    assert len(town.asked) == 4


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, b"<html>"), "no answer of a table service"),
        (spelled(200, code="Ok", distances=[[0]], durations=[[0]]), "no table 'distances' of 5 x 5"),
        (spelled(200, code="Ok", durations=[[0.0] * 5] * 5), "no table 'distances'"),
        (spelled(200, code="Ok", distances=[[-1.0] * 5] * 5, durations=[[0.0] * 5] * 5), "negative"),
        (spelled(200, code="Ok", distances=[["far"] * 5] * 5, durations=[[0.0] * 5] * 5), "no table"),
        (spelled(200, code="NotImplemented"), "NotImplemented"),
        (spelled(301, code="Ok", distances=[], durations=[]), "no table"),
        ((200, b"[" * 100_000), "no answer of a table service"),
        ((200, b" " * (3 << 20)), "more than"),
    ],
)
def test_an_answer_that_is_none_is_refused(town: TableServer, answer: tuple[int, bytes], says: str) -> None:
    """At once: asking again would bring the same."""
    town.meddle = lambda number: answer
    with pytest.raises(TableUnavailable, match=says):
        asking(town.url).table(POINTS, POINTS, NEVER)
    assert len(town.asked) == 1


def test_what_the_server_cannot_use_is_the_callers_error(town: TableServer) -> None:
    town.island = (0.0, 0.0)
    with pytest.raises(InvalidInput, match="could not snap"):
        asking(town.url).table(np.eye(2) * 0.0, POINTS, NEVER)
    town.table_max = 2
    with pytest.raises(InvalidInput, match="Too many table coordinates"):
        asking(town.url).table(POINTS, POINTS, NEVER)


def test_a_server_that_is_away_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused at once
        with pytest.raises(TableUnavailable, match="ConnectionRefusedError"):
            asking(f"http://127.0.0.1:{taken.getsockname()[1]}").table(POINTS, POINTS, NEVER)


def test_a_server_that_keeps_silent_costs_no_more_than_the_timeouts(town: TableServer) -> None:
    go = threading.Event()
    town.meddle = lambda number: (503, b"") if go.wait(20) else None
    with pytest.raises(TableUnavailable, match="TimeoutError"):
        asking(town.url, timeout_s=0.05, retries=1).table(POINTS, POINTS, NEVER)
    with pytest.raises(DeadlineExpired, match="TimeoutError"):
        asking(town.url, timeout_s=5, retries=9).table(POINTS, POINTS, SystemClock().monotonic() + 0.05)
    go.set()


def test_one_failed_block_fails_the_table(town: TableServer) -> None:
    """Half a table is none."""
    town.meddle = lambda number: (404, b"{}") if number == 3 else None
    with pytest.raises(TableUnavailable):
        asking(town.url, block=2, connections=1).table(POINTS, POINTS, NEVER)
    assert len(town.asked) < 9


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "localhost:5000", "http://a:b@c", "http://x?y=1", "http://x:99999"]
)
def test_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="url"):
        TableParams(url=url)


def test_without_a_server_the_setting_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"route\.table\.url"):
        asking("")
