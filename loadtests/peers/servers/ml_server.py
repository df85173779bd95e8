"""MLServer: a custom runtime over the Open Inference Protocol, gRPC.
mlserver.readthedocs.io, "Custom Inference Runtimes".

Its settings are two JSON files. No parallel workers: with one core for all, another process is another hop. Its
adaptive batching is off, because it is faster so; with it, the callers that are cut off when a round ends also take the
others of their batch with them, who then wait for their deadline.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import numpy as np
from mlserver import MLModel
from mlserver.cli.serve import load_settings
from mlserver.codecs import NumpyCodec
from mlserver.server import MLServer
from mlserver.types import InferenceRequest, InferenceResponse

from loadtests.peers.pipeline import Pipeline, Query
from loadtests.peers.servers.ports import free_port

FOLDER = "PEERS_FOLDER"


class Ranker(MLModel):
    async def load(self) -> bool:
        self._pipeline = Pipeline(Path(os.environ[FOLDER]))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        tensors = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        sizes = tensors["page_size"].ravel().tolist()
        pages = self._pipeline.rank([Query(*each) for each in zip(tensors["history"].tolist(), sizes, strict=True)])
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                NumpyCodec.encode_output("ids", np.array([page.ids for page in pages], np.int64)),
                NumpyCodec.encode_output("scores", np.array([page.scores for page in pages], np.float32)),
            ],
        )


def main(folder: Path, port: int) -> None:
    os.environ[FOLDER] = str(folder)
    settings = {
        "host": "127.0.0.1",
        "grpc_port": port,
        "http_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
        "use_structured_logging": False,
    }
    model = {
        "name": "ranker",
        "implementation": "loadtests.peers.servers.ml_server.Ranker",
    }
    Path("settings.json").write_text(json.dumps(settings))
    Path("model-settings.json").write_text(json.dumps(model))
    asyncio.run(_serve())


async def _serve() -> None:
    settings, models = await load_settings(".")
    await MLServer(settings).start(models)
