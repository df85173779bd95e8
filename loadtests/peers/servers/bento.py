"""BentoML: a service whose method is batchable. docs.bentoml.com, "Adaptive batching"."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bentoml
from pydantic import BaseModel

from loadtests.peers.pipeline import Pipeline, Query

BATCH_MAX = 64
FOLDER = "PEERS_FOLDER"


class RankRequest(BaseModel):
    history: list[int]
    page_size: int


class RankResponse(BaseModel):
    ids: list[int]
    scores: list[float]


@bentoml.service(workers=1, traffic={"timeout": 30})
class Ranker:
    def __init__(self) -> None:
        self._pipeline = Pipeline(Path(os.environ[FOLDER]))

    @bentoml.api(batchable=True, max_batch_size=BATCH_MAX)
    async def rank(self, requests: list[RankRequest]) -> list[RankResponse]:
        pages = self._pipeline.rank([Query(each.history, each.page_size) for each in requests])
        return [RankResponse(ids=page.ids, scores=page.scores) for page in pages]


def main(folder: Path, port: int) -> None:
    """Becomes `bentoml serve`."""
    os.environ[FOLDER] = str(folder)
    bentoml_command = str(Path(sys.executable).with_name("bentoml"))
    service = "loadtests.peers.servers.bento:Ranker"
    os.execv(
        bentoml_command,
        [bentoml_command, "serve", service, "--host", "127.0.0.1", "--port", str(port), "--working-dir", "."],
    )
