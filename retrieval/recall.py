"""How much of the exact answer an index finds."""

from __future__ import annotations

from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.exact import exact_search
from retrieval.search import search

BLOCK = 16
"""Queries compared at once: the exact search sorts a product for every query and vector."""


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
    index: faiss.Index,
    vectors: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32],
    k: int,
    allowed: npt.NDArray[np.bool_] | None = None,
) -> RecallReport:
    """Compares the index over `vectors` (n, d) with the exact search for `queries` (b, d).

    A row counts as found when its inner product is within rounding of the exact k-th best or above: of two rows
    with the same product either will do. Products are of `vectors`, not the index's, which may be rounded.

    allowed: (n,) bool with at least one row, as `search` takes it; the exact search then knows only these rows.
    """
    among = vectors if allowed is None else vectors[allowed]
    k = min(k, len(among))
    shares = []
    for start in range(0, len(queries), BLOCK):
        asked = queries[start : start + BLOCK]
        exact, _ = exact_search(among, asked, k)
        _, rows = search(index, asked, k, allowed)
        scores = np.einsum("bkd,bd->bk", vectors[rows], asked)
        floor = exact[:, -1:] - 1e-5 * np.maximum(1.0, np.abs(exact[:, -1:]))
        found = (rows >= 0) & (scores >= floor) & (True if allowed is None else allowed[rows])
        shares.append(found.sum(axis=1) / k)
    share = np.concatenate(shares)
    return RecallReport(len(queries), k, float(share.mean()), float(share.min()))
