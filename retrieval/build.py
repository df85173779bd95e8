"""Which index for how many vectors, and its building."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Params:
    """How an index is built.

    flat_rows_max: 0..10,000,000; up to this many vectors the search is exact (flat), above it HNSW.
    links: 4..128, edges of a graph node and layer (HNSW's M); ef_build: 8..2000 and ef_search: 8..4000, the beams.
    """

    flat_rows_max: int = 30_000
    links: int = 32
    ef_build: int = 200
    ef_search: int = 256

    def __post_init__(self) -> None:
        for name, low, high in (
            ("flat_rows_max", 0, 10_000_000),
            ("links", 4, 128),
            ("ef_build", 8, 2000),
            ("ef_search", 8, 4000),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected a number from {low} to {high}")


def build(vectors: npt.NDArray[np.float32], params: Params | None = None) -> faiss.Index:
    """An index over vectors (n, d) float32 that finds the largest inner products; row numbers are positions.

    Flat up to `params.flat_rows_max` rows, HNSW above. Both are told METRIC_INNER_PRODUCT: FAISS's default is L2,
    which would order vectors of different length wrongly. Built on one thread: the same vectors give the same index.
    Raises ValueError for vectors that are not (n >= 1, d >= 1) float32 and finite.
    """
    params = params or Params()
    if vectors.ndim != 2 or vectors.dtype != np.float32 or 0 in vectors.shape:
        raise ValueError(f"vectors: got {vectors.dtype} {vectors.shape}, expected a float32 array (n, d)")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ValueError(f"vectors: row {row} has a value that is not finite")
    faiss.omp_set_num_threads(1)
    index: Any
    if len(vectors) <= params.flat_rows_max:
        index = faiss.IndexFlat(vectors.shape[1], faiss.METRIC_INNER_PRODUCT)
    else:
        index = faiss.IndexHNSWFlat(vectors.shape[1], params.links, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = params.ef_build
        index.hnsw.efSearch = params.ef_search
    index.add(np.ascontiguousarray(vectors))
    built: faiss.Index = index
    return built
