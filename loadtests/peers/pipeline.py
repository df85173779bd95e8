"""The reference pipeline: what every server of the comparison computes. NumPy, FAISS, onnxruntime and Numba alone.

It runs in the peers' environments, so it imports nothing of storegate but its own kernels. world.py makes its folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np
import numpy.typing as npt
import onnxruntime

from loadtests.peers import kernels

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

DIMS, HISTORY, CANDIDATES, PAGE_MAX = 64, 8, 200, 20
ATTRIBUTES = 8
FEATURES = 6 + HISTORY + 2 * ATTRIBUTES
"""Thirty."""
TRADE = 0.7
"""Of relevance against diversity on the page."""
FIRST_ID = 1_000_000
"""The id of the first item: every id has seven digits, so every request is as long as another."""
BATCHES_WARM = (1, 2, 8, 64)


class Query(NamedTuple):
    """One request. history: ids of up to HISTORY items, newest first; others are ignored. page_size: 1..PAGE_MAX."""

    history: Sequence[int]
    page_size: int


class Page(NamedTuple):
    """One answer: ids and scores (log-odds), best first."""

    ids: list[int]
    scores: list[float]


class Pipeline:
    """Loads its folder and warms up when constructed. Each call may come from any thread; calls do not share memory."""

    def __init__(self, folder: Path) -> None:
        faiss.omp_set_num_threads(1)
        faiss.cvar.distance_compute_blas_threshold = 1 << 20  # a batch's answers are those of its queries alone
        self._vectors: F32 = np.load(folder / "vectors.npy")
        self._attributes: F32 = np.load(folder / "attributes.npy")
        self._categories: I32 = np.load(folder / "categories.npy")
        self._index = faiss.read_index(str(folder / "items.faiss"))
        self._session = _session(folder / "ranker.onnx")
        for size in BATCHES_WARM:
            self.rank([Query([FIRST_ID + row], PAGE_MAX) for row in range(size)])

    def rank(self, queries: Sequence[Query]) -> list[Page]:
        """A page for each query, in order. Raises ValueError for a page size out of range."""
        rows = self.history_rows(queries)
        candidates, similarities = self.retrieve(rows)
        scores = self.score(rows, candidates, similarities)
        return self.pages(candidates, scores, [query.page_size for query in queries])

    def history_rows(self, queries: Sequence[Query]) -> I32:
        """Rows of the users' items (b, HISTORY) int32, -1 = none or unknown."""
        rows = np.full((len(queries), HISTORY), -1, np.int32)
        n = len(self._vectors)
        for into, query in zip(rows, queries, strict=True):
            found = [each - FIRST_ID for each in query.history[:HISTORY]]
            into[: len(found)] = [row if 0 <= row < n else -1 for row in found]
        return rows

    def retrieve(self, rows: I32) -> tuple[I64, F32]:
        """The CANDIDATES items nearest to each user, best first, and their inner products: (b, c) int64, float32."""
        similarities, candidates = self._index.search(self.users(rows), CANDIDATES)
        if candidates[:, -1].min() < 0:
            raise RuntimeError(f"the index found fewer than {CANDIDATES} items")
        return candidates, similarities

    def users(self, rows: I32) -> F32:
        """Their vectors (b, DIMS) float32."""
        found = np.empty((len(rows), DIMS), np.float32)
        kernels.user_vectors(rows, self._vectors, found)
        return found

    def features(self, rows: I32, candidates: I64, similarities: F32) -> F32:
        """(b, c, FEATURES) float32."""
        found = np.empty((*candidates.shape, FEATURES), np.float32)
        kernels.features(rows, candidates, similarities, self._vectors, self._attributes, self._categories, found)
        return found

    def score(self, rows: I32, candidates: I64, similarities: F32) -> F32:
        """The network's scores (b, c) float32, log-odds."""
        found = self.features(rows, candidates, similarities).reshape(-1, FEATURES)
        (scores,) = self._session.run(["scores"], {"features": found})
        return scores.reshape(candidates.shape)

    def pages(self, candidates: I64, scores: F32, sizes: Sequence[int]) -> list[Page]:
        """The diversified pages."""
        if not all(1 <= size <= PAGE_MAX for size in sizes):
            raise ValueError(f"page_size: got {sorted(set(sizes))}, expected 1..{PAGE_MAX}")
        chosen = np.empty((len(candidates), PAGE_MAX), np.int32)
        kernels.diversified(candidates, scores, self._vectors, TRADE, chosen)
        ids = (np.take_along_axis(candidates, chosen, 1) + FIRST_ID).tolist()
        values = np.take_along_axis(scores, chosen, 1).tolist()
        return [Page(ids[i][:size], values[i][:size]) for i, size in enumerate(sizes)]


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
