"""LitServe: a LitAPI with batching, one worker. lightning.ai/docs/litserve, "Batching".

LitServe reads the annotations below as types, so they are not postponed here.
"""

import signal
from pathlib import Path
from typing import Any

import litserve

from loadtests.peers.pipeline import Page, Pipeline, Query

BATCH_MAX, WAIT_S = 64, 0.001


class Ranker(litserve.LitAPI):
    def __init__(self, folder: Path) -> None:
        super().__init__(max_batch_size=BATCH_MAX, batch_timeout=WAIT_S)
        self._folder = folder

    def setup(self, device: str) -> None:
        self._pipeline = Pipeline(self._folder)

    def decode_request(self, request: dict[str, Any]) -> Query:
        return Query(**request)

    def batch(self, inputs: list[Query]) -> list[Query]:
        return inputs

    def predict(self, queries: list[Query]) -> list[Page]:
        return self._pipeline.rank(queries)

    def unbatch(self, output: list[Page]) -> list[Page]:
        return output

    def encode_response(self, page: Page) -> dict[str, Any]:
        return page._asdict()


def main(folder: Path, port: int) -> None:
    server = litserve.LitServer(Ranker(folder), accelerator="cpu", workers_per_device=1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it ends its processes on Ctrl-C only
    server.run(host="127.0.0.1", port=port, num_api_servers=1, log_level="warning", generate_client_file=False)
