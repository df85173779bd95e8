"""Callers of plans, of a gateway that is not there; with one they are in tests/e2e/test_planners_aside.py."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from multiprocessing import active_children

import pytest

from loadtests.planner_callers import Planners
from loadtests.planner_calls import asks
from serving.runtime.aside import NICE

KINDS = asks(0.1, 0)


@pytest.fixture
def nobody() -> Iterator[str]:
    """host:port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_what_fails_is_told_and_nobody_is_left(nobody: str) -> None:
    """They come after others, on the cores that they are told."""
    last = max(os.sched_getaffinity(0))
    with Planners(nobody, KINDS, len(KINDS), (last,)) as planners:
        (process,) = active_children()
        assert os.getpriority(os.PRIO_PROCESS, process.pid or 0) == NICE
        assert os.sched_getaffinity(process.pid or 0) == {last}
    assert not process.is_alive()
    assert not planners.plans
    assert {tuple(failed.split(": ")[:2]) for failed in planners.failed} == {
        (kind.name, "UNAVAILABLE") for kind in KINDS
    }


def test_callers_whose_process_is_lost_are_missed(nobody: str) -> None:
    planners = Planners(nobody, KINDS, 1)
    (process,) = active_children()
    process.kill()
    process.join()
    with pytest.raises((EOFError, OSError)), planners:
        pass
    assert not active_children()
