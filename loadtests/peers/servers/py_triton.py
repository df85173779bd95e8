"""pytriton: a Python function behind NVIDIA's Triton server, asked over gRPC, with its dynamic batcher.
triton-inference-server.github.io/pytriton, "Binding Model to Triton" and "Decorators".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from loadtests.peers.pipeline import HISTORY, PAGE_MAX, Pipeline, Query
from loadtests.peers.servers.ports import free_port

BATCH_MAX = 64


def main(folder: Path, port: int) -> None:
    pipeline = Pipeline(folder)

    @batch
    def rank(history: np.ndarray, page_size: np.ndarray) -> dict[str, np.ndarray]:
        sizes = page_size.ravel().tolist()
        pages = pipeline.rank([Query(*each) for each in zip(history.tolist(), sizes, strict=True)])
        return {
            "ids": np.array([page.ids for page in pages], np.int64),
            "scores": np.array([page.scores for page in pages], np.float32),
        }

    config = TritonConfig(
        grpc_address="127.0.0.1", grpc_port=port, http_address="127.0.0.1", http_port=free_port(), allow_metrics=False
    )
    with Triton(config=config) as triton:
        triton.bind(
            model_name="ranker",
            infer_func=rank,
            inputs=[
                Tensor(name="history", dtype=np.int64, shape=(HISTORY,)),
                Tensor(name="page_size", dtype=np.int32, shape=(1,)),
            ],
            outputs=[
                Tensor(name="ids", dtype=np.int64, shape=(PAGE_MAX,)),
                Tensor(name="scores", dtype=np.float32, shape=(PAGE_MAX,)),
            ],
            config=ModelConfig(max_batch_size=BATCH_MAX, batcher=DynamicBatcher()),
        )
        triton.serve()
