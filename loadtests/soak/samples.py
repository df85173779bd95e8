"""What a gateway holds at one moment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from loadtests.bench.process import MIB
from loadtests.gateway import OwnGateway

STORES = ("redis-server", "valkey-server")
"""Their memory is data: they have a line of their own."""


@dataclass(frozen=True, slots=True)
class Sample:
    """at_s: since the first request. uss_mib: what would be freed if the processes ended.

    dirty_mib: of that, the pages they have written to. Only that is judged: the clean ones (of libraries) are theirs
    alone or not, by tens of MiB, as others on the machine who have mapped the same files come and go.
    """

    at_s: float
    answered: int
    """By the server's own count, all methods."""
    failed: int
    uss_mib: float
    dirty_mib: float
    threads: int
    descriptors: int
    store_mib: float
    """Dirty pages of the store's processes, which are not in the others."""


def sample(gateway: OwnGateway, begun_s: float) -> Sample:
    """All processes of the gateway together, but for the store's memory. begun_s: monotonic."""
    uss = dirty = threads = descriptors = store = 0
    for process in gateway.tree.processes():
        with suppress(psutil.Error, FileNotFoundError, ProcessLookupError):
            pages = private_bytes(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
            if process.name().startswith(STORES):
                store += pages[1]
                continue
            counted = process.num_threads(), process.num_fds()
            uss, dirty = uss + pages[0], dirty + pages[1]
            threads, descriptors = threads + counted[0], descriptors + counted[1]
    answered, failed = calls(gateway.metrics())
    at_s = time.monotonic() - begun_s
    return Sample(at_s, answered, failed, uss / MIB, dirty / MIB, threads, descriptors, store / MIB)


def private_bytes(rollup: str) -> tuple[int, int]:
    """(USS, what was written to, swapped or not) by the text of /proc/PID/smaps_rollup."""
    kib = {name: int(value) for name, value in re.findall(r"^(\w+):\s+(\d+) kB$", rollup, re.MULTILINE)}
    dirty = kib.get("Private_Dirty", 0) + kib.get("Private_Hugetlb", 0)
    return 1024 * (kib.get("Private_Clean", 0) + dirty), 1024 * (dirty + kib.get("SwapPss", 0))


def calls(metrics: Iterable[str]) -> tuple[int, int]:
    """(answered, failed) calls of all methods by the server's own count, over all replicas' /metrics."""
    counts = {"storegate_calls_answered_total": 0.0, "storegate_calls_failed_total": 0.0}
    for text in metrics:
        for family in text_string_to_metric_families(text):
            for one in family.samples:
                if one.name in counts:
                    counts[one.name] += one.value
    return int(counts["storegate_calls_answered_total"]), int(counts["storegate_calls_failed_total"])
