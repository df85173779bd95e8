"""How each server is spoken to: where, in which words, and how its answer is read.

All bodies of one wire have the same length, because h2load fixes it when it starts (bench/bodies.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loadtests.bench.frames import frame, unframe
from loadtests.peers.peers_pb2 import InferRequest, InferResponse, RankRequest, RankResponse
from loadtests.peers.pipeline import HISTORY, Page, Query

RANK = "/storegate.peers.v1.RankerService/Rank"
INFER = "/inference.GRPCInferenceService/ModelInfer"
MODEL = "ranker"


@dataclass(frozen=True, slots=True)
class Wire:
    """One way to ask. body: the request as it stands in the file of the load generator, gRPC's prefix included.

    page: reads the answer's body, gRPC's prefix included. Raises ValueError for one that is none.
    """

    grpc: bool
    """gRPC over HTTP/2; otherwise JSON over HTTP/1.1."""
    path: str
    body: Callable[[Query], bytes]
    page: Callable[[bytes], Page]


def _rank_body(query: Query) -> bytes:
    return frame(RankRequest(history=query.history, page_size=query.page_size).SerializeToString())


def _rank_page(body: bytes) -> Page:
    found = RankResponse.FromString(unframe(body))
    return Page(list(found.ids), list(found.scores))


def _infer_body(query: Query) -> bytes:
    """Two tensors: history int64 (1, HISTORY), page_size int32 (1, 1)."""
    request = InferRequest(model_name=MODEL)
    request.inputs.add(name="history", datatype="INT64", shape=[1, HISTORY])
    request.inputs.add(name="page_size", datatype="INT32", shape=[1, 1])
    request.raw_input_contents.append(np.asarray(query.history, np.int64).tobytes())
    request.raw_input_contents.append(np.asarray([query.page_size], np.int32).tobytes())
    return frame(request.SerializeToString())


def _infer_page(body: bytes) -> Page:
    """ids int64 and scores float32, raw or as lists."""
    response = InferResponse.FromString(unframe(body))
    found: dict[str, list[float]] = {}
    for number, output in enumerate(response.outputs):
        if response.raw_output_contents:
            kind = {"INT64": np.int64, "INT32": np.int32, "FP32": np.float32}[output.datatype]
            found[output.name] = np.frombuffer(response.raw_output_contents[number], kind).tolist()
        else:
            held = output.contents
            found[output.name] = list(held.int64_contents or held.int_contents or held.fp32_contents)
    if found.keys() != {"ids", "scores"}:
        raise ValueError(f"outputs: got {sorted(found)}, expected ids and scores")
    return Page([int(each) for each in found["ids"]], found["scores"])


def json_wire(path: str, many: str = "") -> Wire:
    """JSON posted to `path`. many: where the server wants a list (of one), the name of its field."""

    def body(query: Query) -> bytes:
        asked = {"history": list(query.history), "page_size": query.page_size}
        return json.dumps({many: [asked]} if many else asked, separators=(",", ":")).encode()

    def page(answer: bytes) -> Page:
        told = json.loads(answer)
        try:
            told = told[0] if many else told
            return Page(told["ids"], told["scores"])
        except (KeyError, IndexError, TypeError):
            raise ValueError(f"not an answer: {answer[:200]!r}") from None

    return Wire(False, path, body, page)


RANK_WIRE = Wire(True, RANK, _rank_body, _rank_page)
INFER_WIRE = Wire(True, INFER, _infer_body, _infer_page)
