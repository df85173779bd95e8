"""Building the index that the rule picks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.rule import Params

SEED = 1234
PART = 4
"""Coordinates of a vector that share one byte of its code."""
POINTS_PER_CENTROID_MAX = 64
"""Of the sample that the lists are learnt from: FAISS's 256 takes four times as long for hardly any recall."""
BLAS_QUERIES_MIN = 20
"""FAISS's default: assigning a million vectors to lists is a matrix product."""

F32 = npt.NDArray[np.float32]


def build(vectors: F32, params: Params | None = None) -> faiss.Index:
    """An index over vectors (n, d) float32 that finds the largest inner products; row numbers are positions.

    The kind is `params.kind(n)`. All are told METRIC_INNER_PRODUCT: FAISS's default is L2, which would order vectors of
    different length wrongly. Seeded and built on one thread: the same vectors give the same index on the same machine.
    Raises ValueError for vectors that are not (n >= 1, d >= 1) float32 and finite, or too long for float16 (IVF-PQ).
    """
    params = params or Params()
    if vectors.ndim != 2 or vectors.dtype != np.float32 or 0 in vectors.shape:
        raise ValueError(f"vectors: got {vectors.dtype} {vectors.shape}, expected a float32 array (n, d)")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise ValueError(f"vectors: row {row} has a value that is not finite")
    vectors = np.ascontiguousarray(vectors)
    with _one_thread():
        return {"flat": _flat, "hnsw": _hnsw, "ivf-pq": _ivf_pq}[params.kind(len(vectors))](vectors, params)


def _flat(vectors: F32, params: Params) -> faiss.Index:
    index = faiss.IndexFlat(vectors.shape[1], faiss.METRIC_INNER_PRODUCT)
    index.add(vectors)
    return index


def _hnsw(vectors: F32, params: Params) -> faiss.Index:
    """A graph by inner product that keeps pruned edges where a node has room.

    Without them the heuristic that prunes leaves most vectors with the same few long ones as their only neighbours, and
    a part of the true best is reached only by a beam many times as wide.
    """
    index = faiss.IndexHNSWFlat(vectors.shape[1], params.links, faiss.METRIC_INNER_PRODUCT)
    index.keep_max_size_level0 = True
    index.hnsw.efConstruction = params.ef_build
    index.hnsw.efSearch = params.ef_search
    index.add(vectors)
    return index


def _ivf_pq(vectors: F32, params: Params) -> faiss.Index:
    """Lists and codes of the lengthened vectors, refined by float16 inner products of the vectors themselves."""
    if np.abs(vectors).max() > np.finfo(np.float16).max:
        raise ValueError(f"vectors: a value beyond {np.finfo(np.float16).max}, the largest that float16 holds")
    n, d = vectors.shape
    long = lengthened(vectors)
    width = long.shape[1]
    quantizer = faiss.IndexFlat(width, faiss.METRIC_INNER_PRODUCT)
    lists = faiss.IndexIVFPQ(quantizer, width, params.lists(n), width // PART, 8, faiss.METRIC_INNER_PRODUCT)
    lists.cp.seed = lists.pq.cp.seed = SEED
    lists.cp.max_points_per_centroid = POINTS_PER_CENTROID_MAX
    lists.cp.min_points_per_centroid = lists.pq.cp.min_points_per_centroid = 1  # no warnings on standard error
    lists.nprobe = params.probes
    lists.train(long)
    lists.add(long)
    padded = faiss.IndexPreTransform(faiss.RemapDimensionsTransform(d, width, False), lists)
    padded.ntotal, padded.metric_type = n, faiss.METRIC_INNER_PRODUCT
    exact = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    exact.add(vectors)
    index = faiss.IndexRefine(padded, exact)
    index.ntotal, index.k_factor = n, params.refined
    return index


def lengthened(vectors: F32) -> F32:
    """vectors (n, d) with a coordinate that makes all equally long, then zeros up to a multiple of PART.

    Inner products with a query padded by zeros are unchanged, and the order by them is that by distance, which lists
    are made for: the reduction of Bachrach et al. 2014, "Speeding up the Xbox recommender system using a Euclidean
    transformation for inner-product spaces", section 3. (A graph by these distances finds less
    than one by inner product.)
    """
    n, d = vectors.shape
    out = np.zeros((n, -(-(d + 1) // PART) * PART), np.float32)
    out[:, :d] = vectors
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    out[:, d] = np.sqrt(squares.max() - squares)
    return out


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread, and FAISS's blocked path whatever `retrieval.tune` set: other paths round differently."""
    faiss.omp_set_num_threads(1)
    before = faiss.cvar.distance_compute_blas_threshold
    faiss.cvar.distance_compute_blas_threshold = BLAS_QUERIES_MIN
    try:
        yield
    finally:
        faiss.cvar.distance_compute_blas_threshold = before
