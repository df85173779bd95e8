"""Searching an index on the calling thread."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

BLAS_THRESHOLD = 1_000_000
"""FAISS's blocked path for flat indexes, from 20 queries on by default, is slower than its scan for large k."""
EXACT_ROWS = 30_000
"""So many allowed rows or fewer are all compared: no more than the rule leaves to a flat index."""
EXACT_SHARE = 0.1
"""So are more, where they are at most this share of the rows: a beam would have to be ten times as wide."""
EXACT_ROWS_MAX = 100_000
"""But never more than this: 10 % of a million."""
BEAM_PER_ROW = 1.3
"""A graph's beam is at least so many times as wide as the list that is asked for."""
REFINED_MIN = 512
"""So many rows at least are taken by code before the exact choice: a short list is lost in the codes' error."""
WIDENED_MAX = 20
"""Otherwise a mask widens the beam by 1 / share, at most so many times."""

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def tune() -> None:
    """Sets FAISS's process-wide switches: one thread, no blocked path. Cheap; call it before the first search."""
    faiss.omp_set_num_threads(1)
    faiss.cvar.distance_compute_blas_threshold = BLAS_THRESHOLD


def search(index: faiss.Index, queries: F32, k: int, allowed: Mask | None = None) -> tuple[F32, I64]:
    """queries: (b, d) float32. Returns inner products (b, k), descending, and rows (b, k); row -1 = fewer than k.

    allowed: (m,) the rows that may be found, m at least the index's rows; None = all. Fewer than k rows come back only
    where fewer are allowed: a query whose walk ended early is searched exactly. A mask of more rows than EXACT_ROWS
    that bars just what suits a query costs recall: the walk meets the allowed rows last. Scores of IVF-PQ are those of
    float16 vectors. Safe from several threads at once.
    """
    faiss.omp_set_num_threads(1)  # OpenMP keeps the number for each thread; `tune` ran on another one, perhaps
    if allowed is None and isinstance(index, faiss.IndexFlat):
        return _every(index, queries, k)
    n = index.ntotal
    mask = None if allowed is None else np.ascontiguousarray(allowed[:n])
    count = n if mask is None else int(np.count_nonzero(mask))
    if mask is not None and count <= min(max(EXACT_ROWS, EXACT_SHARE * n), EXACT_ROWS_MAX):
        return _exact(index, queries, k, mask)
    chosen = None if mask is None else _bitmap(mask)
    widened = min(n / max(count, 1), WIDENED_MAX)
    found: tuple[F32, I64] = index.search(queries, k, params=_beam(index, k, chosen, widened))
    wanted = min(k, count)
    if wanted and found[1][:, wanted - 1].min(initial=0) < 0:
        short = found[1][:, wanted - 1] < 0
        found[0][short], found[1][short] = _exact(index, queries[short], k, mask)
    return found


def _every(index: faiss.IndexFlat, queries: F32, k: int) -> tuple[F32, I64]:
    """The usual case, exact, with nothing to look after: FAISS's function itself, without what its Python class checks
    and makes."""
    if queries.ndim != 2 or queries.shape[1] != index.d or queries.dtype != np.float32 or k < 1:
        raise ValueError(f"queries: got {queries.dtype} {queries.shape} for {k}, expected float32 (b, {index.d})")
    queries, b = np.ascontiguousarray(queries), len(queries)
    scores, rows = np.empty((b, k), np.float32), np.empty((b, k), np.int64)
    index.search_c(b, faiss.swig_ptr(queries), k, faiss.swig_ptr(scores), faiss.swig_ptr(rows))
    return scores, rows


def _beam(index: faiss.Index, k: int, chosen: Any, widened: float) -> faiss.SearchParameters | None:
    """What FAISS is told for one search; None = what the index was built with."""
    if isinstance(index, faiss.IndexHNSWFlat):
        beam = int(max(index.hnsw.efSearch, BEAM_PER_ROW * k) * widened)
        return faiss.SearchParametersHNSW(efSearch=beam, sel=chosen) if chosen or beam > index.hnsw.efSearch else None
    if isinstance(index, faiss.IndexRefine):
        factor = max(index.k_factor, REFINED_MIN / k)
        if chosen is None:
            return faiss.IndexRefineSearchParameters(k_factor=factor)
        lists = faiss.downcast_index(faiss.downcast_index(index.base_index).index)
        probes = min(lists.nlist, int(lists.nprobe * widened))
        inner = faiss.SearchParametersPreTransform(index_params=faiss.SearchParametersIVF(nprobe=probes, sel=chosen))
        return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=inner)
    return None if chosen is None else faiss.SearchParameters(sel=chosen)


def _exact(index: faiss.Index, queries: F32, k: int, mask: Mask | None) -> tuple[F32, I64]:
    """The best of the allowed rows, all compared, from the vectors that the index holds."""
    held, chosen = index, None
    if isinstance(index, faiss.IndexHNSWFlat):
        held = faiss.downcast_index(index.storage)
    elif isinstance(index, faiss.IndexRefine):
        held = faiss.downcast_index(index.refine_index)
    if mask is not None:
        # FAISS compares an array's rows alone where vectors are floats; elsewhere it would look each row up in it
        flat = isinstance(held, faiss.IndexFlat) and 2 * np.count_nonzero(mask) < len(mask)
        chosen = faiss.IDSelectorArray(np.flatnonzero(mask)) if flat else _bitmap(mask)
    found: tuple[F32, I64] = held.search(queries, k, params=faiss.SearchParameters(sel=chosen) if chosen else None)
    return found


def _bitmap(mask: Mask) -> Any:
    return faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
