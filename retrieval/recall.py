"""How much of the exact answer an index finds."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.exact import exact_search
from retrieval.search import search


@dataclass(frozen=True, slots=True)
class RecallReport:
    """Shares of the exact k rows that the index found, over all queries."""

    queries: int
    k: int
    recall: float
    """Mean over the queries, 0..1."""
    worst: float
    """Of the worst query."""


def recall_report(
    index: faiss.Index, vectors: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], k: int
) -> RecallReport:
    """Compares the index over `vectors` (n, d) with the exact search for `queries` (b, d).

    A row counts as found when its inner product is within rounding of the exact k-th best or above: of two rows
    with the same product either will do.
    """
    k = min(k, len(vectors))
    exact, _ = exact_search(vectors, queries, k)
    scores, rows = search(index, queries, k)
    floor = exact[:, -1:] - 1e-5 * np.maximum(1.0, np.abs(exact[:, -1:]))
    found = ((rows >= 0) & (scores >= floor)).sum(axis=1) / k
    return RecallReport(len(queries), k, float(found.mean()), float(found.min()))
