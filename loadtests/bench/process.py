"""A server's process tree: what it has used so far, and what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

CpuSeconds = Mapping[tuple[int, float], float]
"""(process id, when it was made) -> seconds of processor time, user and system, all threads."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """Sums over the tree, in MiB. pss: shared pages divided among those who share; uss: what would be freed."""

    pss_mib: float
    uss_mib: float
    processes: int


class Tree:
    """A process and all below it, looked up anew each time: Ray starts and ends workers as it likes."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)

    def processes(self) -> list[psutil.Process]:
        """The root first; none when it has ended."""
        with suppress(psutil.NoSuchProcess):
            return [self._root, *self._root.children(recursive=True)]
        return []

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes()]

    def cpu(self) -> CpuSeconds:
        """What each process has used since it began; the kernel counts in steps of 10 ms."""
        used: dict[tuple[int, float], float] = {}
        for process in self.processes():
            with suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                used[process.pid, process.create_time()] = times.user + times.system
        return used

    def memory(self) -> Memory:
        pss = uss = count = 0
        for process in self.processes():
            with suppress(psutil.Error):
                held = process.memory_full_info()
                pss, uss, count = pss + held.pss, uss + held.uss, count + 1
        return Memory(pss / MIB, uss / MIB, count)


def spent(before: CpuSeconds, after: CpuSeconds) -> float:
    """Seconds used between two looks; a process that began meanwhile counts whole, one that ended not at all."""
    return sum(seconds - before.get(process, 0.0) for process, seconds in after.items())


def core_seconds(cores: Iterable[int]) -> float:
    """Seconds that anybody has used of these cores since the machine started (user, system, stolen by the host)."""
    every = psutil.cpu_times(percpu=True)
    return float(sum(core.user + core.nice + core.system + core.steal for core in (every[number] for number in cores)))
