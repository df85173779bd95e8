"""What a measurement was made on, and what it cost."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path


def machine() -> dict[str, object]:
    """Cores this process may use, and the processor's name."""
    return {"cores": len(os.sched_getaffinity(0)), "cpu": _cpu()}


def peak_rss_mib() -> int:
    """The most memory this process has had resident, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss starts at the parent's figure after fork and exec; this one does not
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
