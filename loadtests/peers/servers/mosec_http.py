"""mosec: a worker that is given batches, JSON in and out. mosecorg.github.io, "Dynamic batching"."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from mosec import Server, Worker

from loadtests.peers.pipeline import Pipeline, Query

BATCH_MAX, WAIT_MS = 64, 1
FOLDER = "PEERS_FOLDER"


class Ranker(Worker):
    def __init__(self) -> None:
        self._pipeline = Pipeline(Path(os.environ[FOLDER]))

    def forward(self, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [page._asdict() for page in self._pipeline.rank([Query(**each) for each in data])]


def main(folder: Path, port: int) -> None:
    os.environ[FOLDER] = str(folder)
    sys.argv[1:] = ["--address", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    server = Server()
    server.append_worker(Ranker, num=1, max_batch_size=BATCH_MAX, max_wait_time=WAIT_MS)
    server.run()
