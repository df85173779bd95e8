"""How a worker's threads yield, as the kernel tells."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.runtime.worker_params import IDLE
from serving.runtime.worker_params import NICE as NICELY
from serving.runtime.worker_parts import NICE, stand_aside


@pytest.mark.parametrize(("scheduling", "policy"), [(NICELY, os.SCHED_OTHER), (IDLE, os.SCHED_IDLE)])
def test_only_the_calling_thread_yields_and_those_that_it_starts(scheduling: str, policy: int) -> None:
    """Engines of a planner run on threads of their own."""

    def seen() -> tuple[int, int]:
        return os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)

    before = seen()
    with ThreadPoolExecutor(1) as one:
        one.submit(stand_aside, scheduling).result()
        with one.submit(ThreadPoolExecutor, 1).result() as below:
            assert one.submit(lambda: below.submit(seen).result()).result() == (NICE, policy)
    assert seen() == before
