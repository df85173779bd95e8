"""What the pipeline costs where nobody serves it, and how much of the nearest its index finds:
`python -m loadtests.peers.floor FOLDER SECONDS SEED`, JSON lines."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import faiss
import numpy as np

from loadtests.peers import world
from loadtests.peers.pipeline import CANDIDATES, DIMS, Pipeline, Query

BATCHES = (1, 8, 64)
QUERIES = 4096
COMPARED = 512
"""Queries whose candidates are compared with the nearest."""


def floor(folder: Path, seconds: float, seed: int) -> list[dict[str, object]]:
    """Microseconds a request, the median batch of `seconds` for each size; every request different."""
    pipeline = Pipeline(folder)
    items = len(np.load(folder / "vectors.npy", mmap_mode="r"))
    queries = world.queries(items, QUERIES, seed)
    rows: list[dict[str, object]] = []
    for batch in BATCHES:
        took, at, until = [], 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            begun = time.perf_counter_ns()
            pipeline.rank(queries[at : at + batch])
            took.append(time.perf_counter_ns() - begun)
            at = (at + batch) % QUERIES
        rows.append({"name": "pipeline", "batch": batch, "micros": round(float(np.median(took)) / batch / 1000, 1)})
    return [*rows, {"name": "index", f"recall@{CANDIDATES}": round(recall(pipeline, folder, queries[:COMPARED]), 4)}]


def recall(pipeline: Pipeline, folder: Path, queries: list[Query]) -> float:
    """The share of the CANDIDATES nearest items of each user that the pipeline's index finds, 0..1."""
    exact = faiss.IndexFlatIP(DIMS)
    exact.add(np.load(folder / "vectors.npy"))
    rows = pipeline.history_rows(queries)
    _, nearest = exact.search(pipeline.users(rows), CANDIDATES)
    found, _ = pipeline.retrieve(rows)
    return float(np.mean([len(np.intersect1d(*both)) for both in zip(found, nearest, strict=True)]) / CANDIDATES)


if __name__ == "__main__":
    for row in floor(Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])):
        print(json.dumps(row))
