"""What an index over generated vectors costs and finds: recall, memory, time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

import retrieval
from serving.core.ports import F32

DIMENSIONS = 64
SPREAD = 0.7
"""Of a vector around its cluster's centre, whose coordinates have deviation 1."""
LENGTHS_SIGMA = 0.5
"""Of the lengths' logarithms: what sells is long, so inner product and distance disagree."""
CLUSTER_HEAD = 10.0
"""Cluster c is drawn as often as 1 / (c + CLUSTER_HEAD)."""
RECALL_QUERIES = 64
TIMED_CALLS = 128
BATCHES = (1, 8)
ROWS_MAX = 10_000_000
"""What the rule's ranges allow for a flat index."""

FORCED: dict[retrieval.Kind, retrieval.Params] = {
    "flat": retrieval.Params(flat_rows_max=ROWS_MAX, hnsw_rows_max=ROWS_MAX),
    "hnsw": retrieval.Params(flat_rows_max=0, hnsw_rows_max=ROWS_MAX),
    "ivf-pq": retrieval.Params(flat_rows_max=0, hnsw_rows_max=0),
}
"""Params with which every number of vectors gets this kind."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One index over one number of vectors."""

    kind: retrieval.Kind
    rows: int
    picked: bool
    """By the rule: what is served."""
    build_s: float
    bytes_a_vector: float
    """Of the snapshot, which holds what the memory holds."""
    recall: retrieval.RecallReport
    micros: dict[int, float]
    """Batch -> median microseconds a query, queries not seen before. The calling thread's processor time, which is all
    that a search takes: on a busy machine the time that passes says more of the others."""


def generated(n: int, queries: int, seed: int) -> tuple[F32, F32]:
    """Vectors (n, DIMENSIONS) and queries (queries, DIMENSIONS) around the same sqrt(n) centres, some far more popular.

    The vectors have lengths from a lognormal distribution, as the factors of items do that sell unequally.
    """
    rng = np.random.default_rng([seed, n])
    clusters = max(1, round(n**0.5))
    centres = rng.standard_normal((clusters, DIMENSIONS), dtype=np.float32)
    share = 1.0 / (np.arange(clusters) + CLUSTER_HEAD)
    share /= share.sum()

    def around(count: int) -> F32:
        drawn: F32 = rng.standard_normal((count, DIMENSIONS), dtype=np.float32) * np.float32(SPREAD)
        drawn += centres[rng.choice(clusters, count, p=share)]
        return drawn / np.float32(DIMENSIONS**0.5)

    vectors = around(n)
    vectors *= rng.lognormal(0.0, LENGTHS_SIGMA, (n, 1)).astype(np.float32)
    return vectors, around(queries)


def judged(n: int, neighbours: bool) -> tuple[retrieval.Kind, ...]:
    """The kind that the rule picks for n vectors, with `neighbours` between those beside it in the rule's order."""
    picked = retrieval.KINDS.index(retrieval.Params().kind(n))
    reach = 1 if neighbours else 0
    kinds = retrieval.KINDS[max(0, picked - reach) : picked + reach + 1]
    return tuple(kind for kind in kinds if FORCED[kind].kind(n) == kind)


def measure(
    sizes: Sequence[int], k: int, neighbours: bool, seed: int, say: Callable[[str], None]
) -> tuple[list[Measured], str]:
    """Every size with every kind that is to be judged, and the SHA-256 of all generated vectors."""
    retrieval.tune()
    digest, found = hashlib.sha256(), []
    timed = TIMED_CALLS * sum(BATCHES)
    for n in sizes:
        vectors, queries = generated(n, RECALL_QUERIES + timed, seed)
        digest.update(memoryview(vectors).cast("B"))
        for kind in judged(n, neighbours):
            say(f"{n:,} vectors: building {kind}")
            found.append(measured(vectors, queries, kind, k))
    return found, digest.hexdigest()


def measured(vectors: F32, queries: F32, kind: retrieval.Kind, k: int) -> Measured:
    """Builds one index and searches it. The first RECALL_QUERIES queries are for recall, the rest are timed."""
    n = len(vectors)
    began_s = time.perf_counter()
    index = retrieval.build(vectors, FORCED[kind])
    build_s = time.perf_counter() - began_s
    recall = retrieval.recall_report(index, vectors, queries[:RECALL_QUERIES], k)
    micros, at = {}, RECALL_QUERIES
    for batch in BATCHES:
        calls_s = []
        for start in range(at, at + TIMED_CALLS * batch, batch):
            began_s = time.thread_time()
            retrieval.search(index, queries[start : start + batch], k)
            calls_s.append(time.thread_time() - began_s)
        micros[batch] = float(np.median(calls_s)) / batch * 1e6
        at += TIMED_CALLS * batch
    size = len(retrieval.dumps(index)) / n
    return Measured(kind, n, retrieval.Params().kind(n) == kind, build_s, size, recall, micros)
