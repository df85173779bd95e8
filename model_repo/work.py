"""How builders spread a kernel over the cores, and how they say how far they are."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

Progress = Callable[[float], None]
"""Called with the share that is done, 0..1, ascending."""

SLICES_MAX = 64
"""Slices of one sweep: enough to even out rows of different cost, few enough that Python costs nothing."""


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0))


def over_rows(kernel: Callable[[int, int], object], n: int, done: Progress | None = None) -> None:
    """Runs `kernel(lo, hi)` over slices of range(n), on every core. The kernel must release the GIL.

    Threads rather than Numba's prange: the kernels compile faster, and the result is the same on any number of
    cores as long as a row's result depends on nothing but that row. A kernel's exception is raised here.
    """
    slices = max(1, min(n, SLICES_MAX))
    bounds = [n * k // slices for k in range(slices + 1)]
    with ThreadPoolExecutor(cores()) as pool:
        runs = [pool.submit(kernel, lo, hi) for lo, hi in itertools.pairwise(bounds)]
        for k, run in enumerate(runs):
            run.result()
            if done is not None:
                done((k + 1) / slices)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Inside, BLAS runs on the calling thread: its threads spin, and lose far more than they win on small matrices.

    It also makes sums independent of the number of cores.
    """
    with threadpool_limits(1, user_api="blas"):
        yield
