"""FastAPI on uvicorn (uvloop, httptools), one worker. The handler computes on the event loop: a thread a call, as a
plain `def` would get, costs more than it brings where the work is a fraction of a millisecond.
"""

from __future__ import annotations

from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from loadtests.peers.pipeline import Pipeline, Query


class RankRequest(BaseModel):
    history: list[int]
    page_size: int


class RankResponse(BaseModel):
    ids: list[int]
    scores: list[float]


def main(folder: Path, port: int) -> None:
    pipeline = Pipeline(folder)
    app = FastAPI()

    @app.post("/rank")
    async def rank(request: RankRequest) -> RankResponse:
        (page,) = pipeline.rank([Query(request.history, request.page_size)])
        return RankResponse(ids=page.ids, scores=page.scores)

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
