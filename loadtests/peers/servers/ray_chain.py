"""Ray Serve as its documentation teaches: a chain of deployments, `@serve.batch` in each that computes, the default
proxy. docs.ray.io, "Deploy Compositions of Models" and "Dynamic Request Batching".

Kinder to it than the defaults: as many requests may be under way as there are callers, batches wait 2 ms, not 10.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ray import serve
from starlette.requests import Request

from loadtests.peers.pipeline import Page, Pipeline, Query
from loadtests.peers.servers.ray_common import CALLS_MAX, CPUS, run

BATCH = {"max_batch_size": 64, "batch_wait_timeout_s": 0.002}


@serve.deployment(max_ongoing_requests=CALLS_MAX, ray_actor_options=CPUS)
class Retriever:
    def __init__(self, folder: str) -> None:
        self._pipeline = Pipeline(Path(folder))

    @serve.batch(**BATCH)
    async def __call__(self, queries: list[Query]) -> list[Any]:
        rows = self._pipeline.history_rows(queries)
        candidates, similarities = self._pipeline.retrieve(rows)
        return list(zip(rows, candidates, similarities, strict=True))


@serve.deployment(max_ongoing_requests=CALLS_MAX, ray_actor_options=CPUS)
class Ranker:
    def __init__(self, folder: str) -> None:
        self._pipeline = Pipeline(Path(folder))

    @serve.batch(**BATCH)
    async def __call__(self, found: list[Any], sizes: list[int]) -> list[Page]:
        rows, candidates, similarities = (np.stack(column) for column in zip(*found, strict=True))
        scores = self._pipeline.score(rows, candidates, similarities)
        return self._pipeline.pages(candidates, scores, sizes)


@serve.deployment(max_ongoing_requests=CALLS_MAX, ray_actor_options=CPUS)
class Ingress:
    def __init__(self, retriever: Any, ranker: Any) -> None:
        self._retriever, self._ranker = retriever, ranker

    async def __call__(self, request: Request) -> dict[str, Any]:
        query = Query(**await request.json())
        found = self._retriever.remote(query)
        page = await self._ranker.remote(found, query.page_size)
        return page._asdict()


def main(folder: Path, port: int) -> None:
    run(Ingress.bind(Retriever.bind(str(folder)), Ranker.bind(str(folder))), port)
