"""A hand-written server on grpc.aio: one call, one coroutine. grpc.io, "Asyncio API"."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import grpc

from loadtests.peers.peers_pb2 import RankRequest, RankResponse
from loadtests.peers.pipeline import Pipeline, Query


def main(folder: Path, port: int) -> None:
    asyncio.run(_serve(Pipeline(folder), port))


async def _serve(pipeline: Pipeline, port: int) -> None:
    async def rank(request: Any, context: Any) -> Any:
        (page,) = pipeline.rank([Query(request.history, request.page_size)])
        return RankResponse(ids=page.ids, scores=page.scores)

    # What the generated add_..._to_server does.
    method = grpc.unary_unary_rpc_method_handler(rank, RankRequest.FromString, RankResponse.SerializeToString)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("storegate.peers.v1.RankerService", {"Rank": method}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await server.stop(1.0)
