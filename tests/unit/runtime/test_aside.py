"""How a worker's threads yield, as the kernel tells."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from serving.runtime.aside import NICE, keep_off, stand_aside, whoever_stands_aside
from serving.runtime.worker_params import IDLE, PlannerParams
from serving.runtime.worker_params import NICE as NICELY

ALL = sorted(os.sched_getaffinity(0))


def seen() -> tuple[int, int, list[int]]:
    """Of the calling thread: nice value, policy, cores."""
    return os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))


@pytest.mark.parametrize(("scheduling", "policy"), [(NICELY, os.SCHED_OTHER), (IDLE, os.SCHED_IDLE)])
def test_only_the_calling_thread_yields_and_those_that_it_starts(scheduling: str, policy: int) -> None:
    """Engines of a planner run on threads of their own."""
    before = seen()
    with ThreadPoolExecutor(1) as one:
        one.submit(stand_aside, scheduling).result()
        with one.submit(ThreadPoolExecutor, 1).result() as below:
            assert one.submit(lambda: below.submit(seen).result()).result() == (NICE, policy, ALL)
    assert seen() == before


@pytest.mark.parametrize(("scheduling", "policy"), [(NICELY, os.SCHED_OTHER), (IDLE, os.SCHED_IDLE)])
def test_threads_that_were_there_yield_in_the_way_that_is_asked_for_later(scheduling: str, policy: int) -> None:
    """By a door of a worker bundles come before the worker has compiled all it needs. Nobody else is touched."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        assert process.submit(told_later, scheduling).result() == [(NICE, policy), (0, os.SCHED_OTHER)]


def told_later(scheduling: str) -> list[tuple[int, int]]:
    """Nice value and policy of a thread that has stood aside before, and of one that has not."""
    with ThreadPoolExecutor(1) as aside, ThreadPoolExecutor(1) as other:
        aside.submit(stand_aside).result()
        other.submit(seen).result()
        whoever_stands_aside(scheduling)
        return [each.submit(seen).result()[:2] for each in (aside, other)]


@pytest.mark.parametrize(
    ("spare", "cores"),
    [
        pytest.param(1, ALL[1:] or ALL, id="the first"),
        pytest.param(len(ALL), ALL[-1:], id="all but the last"),
        pytest.param(1000, ALL[-1:], id="more than there are"),
    ],
)
def test_all_threads_of_a_process_keep_off_and_those_that_come_later(spare: int, cores: list[int]) -> None:
    """Those of Ray were there before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        assert process.submit(kept_off, spare).result() == [cores] * 3


def kept_off(spare: int) -> list[list[int]]:
    """Cores of a thread that was there before, of one that comes later, and of the calling one."""
    with ThreadPoolExecutor(1) as before, ThreadPoolExecutor(1) as later:
        before.submit(seen).result()
        keep_off(spare)
        return [before.submit(seen).result()[2], later.submit(seen).result()[2], seen()[2]]


def test_planners_leave_a_core_to_pages_and_the_others_at_once_unless_they_are_told_otherwise() -> None:
    assert (PlannerParams().spare_cores, PlannerParams().scheduling) == (1, IDLE)
    assert PlannerParams(scheduling=NICELY).scheduling == NICELY
    assert PlannerParams(spare_cores=0).spare_cores == 0
