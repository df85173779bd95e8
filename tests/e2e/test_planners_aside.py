"""A gateway whose planners are set as a new user has them: pages go first, and plans come all the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from e2e.gateways import Gateway, gateway

from loadtests.bench.frames import known, unframe
from loadtests.ids import of_home
from loadtests.planner_calls import asks
from loadtests.planners import WORKERS, Load
from serving.core.priority import go_first
from serving.runtime.aside import NICE
from serving.runtime.home import workers
from serving.runtime.worker_params import IDLE, PlannerParams

SEARCH_S, STRETCH_S = 0.3, 3.0
CORES = sorted(os.sched_getaffinity(0))
SPARE, LEFT = set(CORES[: PlannerParams().spare_cores]), set(CORES[PlannerParams().spare_cores :])


def threads(pid: int) -> Iterator[tuple[int, int, set[int]]]:
    """Nice value, policy and cores of each thread of that process."""
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        policy = os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK
        yield os.getpriority(os.PRIO_PROCESS, thread), policy, os.sched_getaffinity(thread)


def permitted() -> bool:
    """Whether a thread may go first here."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(go_first).result()


@pytest.fixture(scope="module")
def running(new_home: Callable[[], Path]) -> Iterator[Gateway]:
    with gateway(new_home(), settings={f"workers.{planner}.scheduling": IDLE for planner in WORKERS}) as one:
        yield one


@pytest.mark.alone
@pytest.mark.skipif(not LEFT, reason="one core: planners have none that pages leave to them")
def test_planners_wait_for_pages_and_plan(running: Gateway) -> None:
    """What computes plans takes what nobody else wants, what computes pages goes first on the same cores, and what
    reads and writes its calls is not there."""
    bodies = [unframe(body) for body in known(of_home(running.home).users)]
    load = Load(running.target, bodies, asks(SEARCH_S, 0), planners=2, rate=20.0, callers=2, seconds=STRETCH_S)
    load.warm()
    stretch = load.stretch(True, 0)
    assert not stretch.failed
    assert stretch.plans
    assert stretch.took_ms
    planners = [one.pid for one in workers(running.home) if one.worker in WORKERS]
    assert len(planners) == len(WORKERS)
    for pid in planners:
        assert all(cores <= LEFT for _, _, cores in threads(pid))
        assert {policy for nice, policy, _ in threads(pid) if nice >= NICE} == {os.SCHED_IDLE}
        assert {policy for nice, policy, _ in threads(pid) if nice < NICE} == {os.SCHED_OTHER}
    (replica,) = running.ready_replicas()
    found = list(threads(replica.pid))
    assert {tuple(cores) for _, policy, cores in found if policy == os.SCHED_BATCH} == {tuple(SPARE)}
    assert all(cores <= LEFT for _, policy, cores in found if policy != os.SCHED_BATCH)
    assert [policy for _, policy, _ in found].count(os.SCHED_FIFO) == permitted()
