"""Ray Serve's direct ingress: callers reach the replica's own HTTP server, no proxy between. One deployment, batched.

What switches it on are variables of the environment, which every process of Ray reads (registry.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray import serve
from starlette.requests import Request

from loadtests.peers.pipeline import Page, Pipeline, Query
from loadtests.peers.servers.ports import free_port
from loadtests.peers.servers.ray_chain import BATCH
from loadtests.peers.servers.ray_common import CALLS_MAX, CPUS, run


@serve.deployment(max_ongoing_requests=CALLS_MAX, ray_actor_options=CPUS)
class Ranker:
    def __init__(self, folder: str) -> None:
        self._pipeline = Pipeline(Path(folder))

    @serve.batch(**BATCH)
    async def rank(self, queries: list[Query]) -> list[Page]:
        return self._pipeline.rank(queries)

    async def __call__(self, request: Request) -> dict[str, Any]:
        page = await self.rank(Query(**await request.json()))
        return page._asdict()


def main(folder: Path, port: int) -> None:
    run(Ranker.bind(str(folder)), free_port())  # the proxy, which nobody asks: the replica itself has `port`
