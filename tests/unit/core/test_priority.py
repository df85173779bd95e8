"""Threads that let others go first, as the kernel tells."""

from __future__ import annotations

import os
import resource
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from serving.core import priority
from serving.core.priority import PAUSE_S_MAX, PAUSES, STRETCH_S, breathe, go_first, patient, yield_to_others


def nice_of(thread: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)


def test_only_the_calling_thread_yields() -> None:
    """Its nice value is what was asked for; that of others is what it was."""
    seen: list[int] = []

    def yielding() -> None:
        yield_to_others(7)
        seen.append(nice_of(threading.get_native_id()))

    before = nice_of(threading.get_native_id())
    thread = threading.Thread(target=yielding)
    thread.start()
    thread.join()
    assert seen == [7]
    assert nice_of(threading.get_native_id()) == before


def policy() -> int:
    """Of the calling thread."""
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK


def test_who_goes_first_does_so_alone() -> None:
    """Neither the threads that it starts nor those that are there."""
    with ThreadPoolExecutor(1) as one:
        went = one.submit(go_first).result()
        assert one.submit(policy).result() == (os.SCHED_FIFO if went else os.SCHED_OTHER)
        with one.submit(ThreadPoolExecutor, 1).result() as below:
            assert one.submit(lambda: below.submit(policy).result()).result() == os.SCHED_OTHER
    assert policy() == os.SCHED_OTHER


def test_who_may_not_go_first_goes_on() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        assert process.submit(unprivileged).result() == (False, os.SCHED_OTHER)


def unprivileged() -> tuple[bool, int]:
    """Whether a thread of a plain user's process goes first, and its policy."""
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    if os.geteuid() == 0:
        os.setuid(65534)
    return go_first(), policy()


def test_what_patient_threads_make_comes_back_and_so_do_errors() -> None:
    """Threads started there are patient too; the caller stays as it is."""

    def make() -> int:
        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(os.sched_getscheduler(threading.get_native_id())))
        thread.start()
        thread.join()
        return found[0]

    before = os.sched_getscheduler(0)
    assert patient(make) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == before
    with pytest.raises(ZeroDivisionError):
        patient(lambda: 1 // 0)


def test_a_thread_that_yields_pauses_for_longer_than_it_has_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before a stretch of work is over, never for long, and not at all on other threads."""
    clock = [5.0]
    pauses: list[tuple[str, float]] = []

    def sleep(seconds: float) -> None:
        pauses.append((threading.current_thread().name, seconds))

    def working(yields: bool) -> None:
        if yields:
            yield_to_others(1)
        for seconds in (STRETCH_S / 2, STRETCH_S, 1000.0):
            clock[0] += seconds
            breathe()

    monkeypatch.setattr(priority, "thread_time", lambda: clock[0])
    monkeypatch.setattr(priority, "sleep", sleep)
    for name, yields in (("hurried", False), ("patient", True)):
        thread = threading.Thread(target=working, args=(yields,), name=name)
        thread.start()
        thread.join()
    expected = [PAUSES * 1.5 * STRETCH_S, PAUSE_S_MAX]
    assert [seconds for name, seconds in pauses if name == "patient"] == pytest.approx(expected)
    assert "hurried" not in {name for name, _ in pauses}
