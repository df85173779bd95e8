"""A gateway of its own over a copy of a demo store, and the processes that come with its batches."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from loadtests.batch.asked import Asked, Say
from loadtests.batch.users import seed_profiles, users_file
from loadtests.gateway import OwnGateway
from storegate.client import Client
from storegate.v1 import batch_pb2 as pb
from storegate.v1 import recommendation_pb2 as rec

PAGE_SIZE = 20
POLL_S = 0.25
STALL_S = 300.0
"""A batch that gets no further for so long is given up."""
NICE = 19
"""Of all that works on a batch."""


class Bench:
    """One gateway, and batches at it."""

    def __init__(self, home: Path, work: Path, asked: Asked, stack: ExitStack, say: Say) -> None:
        self.asked, self.say = asked, say
        self.home = shutil.copytree(
            home, work / "home", ignore=shutil.ignore_patterns("run", "redis", "*.lock", "batches")
        )
        settings = {
            "batch.workers": str(asked.workers),
            "batch.block_rows": str(asked.block_rows),
            "batch.memory_mib": str(asked.memory_mib),
        }
        self.gateway = stack.enter_context(
            closing(OwnGateway(self.home, local=asked.local, folder=work, settings=settings))
        )
        self._before = {process.pid for process in self.gateway.tree.processes()}
        self.client = stack.enter_context(Client(self.gateway.grpc_target, timeout_s=60.0, connections=1, redial_s=1e6))
        count = asked.users if asked.profiles is None else asked.profiles
        say(f"{count:,} profiles, {asked.users:,} users")
        (self.home / "exchange").mkdir()
        users_file(self.home / "exchange" / "users.parquet", asked.users, asked.seed)
        seed_profiles(self.home, count, say)

    def begin(self) -> str:
        """The operation's name."""
        made = self.client.batch_recommend(
            pb.BatchRecommendRequest(
                input_uri="users.parquet",
                output_uri=f"out-{time.monotonic_ns()}",
                each=rec.RecommendRequest(page_size=PAGE_SIZE),
            )
        )
        return str(made.operation.name)

    def processes(self) -> list[psutil.Process]:
        """All that have come with the batch: driver, workers, and what Ray starts for it."""
        return [process for process in self.gateway.tree.processes() if process.pid not in self._before]

    def standing_back(self, *, drivers: bool = False) -> list[psutil.Process]:
        """Of these, the workers, with the driver if asked for."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                driver = "serving.runtime.batch_driver" in process.cmdline()
                if process.nice() == NICE and (drivers or not driver):
                    found.append(process)
        return found
