"""How batches are run: how many at once, in which portions, with how much memory, and where they may read and write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from serving.core.config import setting

OVERHEAD_MIB: Final = 768
"""Of the memory, for what is no worker: the driver, and what Ray starts for it."""


@dataclass(frozen=True, slots=True)
class BatchParams:
    """The section `batch` of the settings."""

    workers: int = setting(
        1, "Processes that compute the blocks of a batch, each with the models in memory.", low=1, high=256
    )
    worker_cpus: float = setting(1.0, "CPUs that Ray reserves for each of them.", low=0, high=64, unit="cores")
    block_rows: int = setting(
        10_000,
        "Rows that are computed and written together: what a killed worker costs, and what a worker has in memory.",
        low=1,
        high=1_000_000,
        unit="rows",
    )
    memory_mib: int = setting(
        4096,
        "Memory of all processes of a batch together; a batch whose workers need more is ended with an error.",
        low=1024,
        high=1 << 20,
        unit="MiB",
    )
    places: tuple[str, ...] = setting(
        ("exchange",),
        "Where batches that are asked for over gRPC or HTTP may read and write: folders, relative ones below home, and "
        "beginnings of URIs such as s3://bucket/batches, with the options of the store as their query.",
        uri=True,
    )

    @property
    def worker_mib(self) -> int:
        """A worker's share of the memory."""
        return max(self.memory_mib - OVERHEAD_MIB, 256) // self.workers

    @property
    def cpus(self) -> float:
        """Of all workers together."""
        return self.workers * self.worker_cpus
