"""Searching an index on the calling thread."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt

BLAS_THRESHOLD = 1_000_000
"""FAISS's blocked path for flat indexes, from 20 queries on by default, is slower than its scan for large k."""


def tune() -> None:
    """Sets FAISS's process-wide switches: one thread, no blocked path. Cheap; call it before the first search."""
    faiss.omp_set_num_threads(1)
    faiss.cvar.distance_compute_blas_threshold = BLAS_THRESHOLD


def search(
    index: faiss.Index, queries: npt.NDArray[np.float32], k: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """queries: (b, d) float32. Returns inner products (b, k), descending, and rows (b, k); row -1 = fewer than k.

    Safe from several threads at once. A beam narrower than k is widened to k for HNSW.
    """
    hnsw = getattr(index, "hnsw", None)
    if hnsw is not None and hnsw.efSearch < k:
        found: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]] = index.search(
            queries,
            k,
            params=faiss.SearchParametersHNSW(efSearch=k),  # type: ignore[attr-defined]  # FAISS's stubs lack it
        )
        return found
    scores, rows = index.search(queries, k)
    return scores, rows
