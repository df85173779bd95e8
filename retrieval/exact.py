"""The slow twin that every index is compared with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def exact_search(
    vectors: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], k: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """vectors: (n, d), queries: (b, d). Inner products (b, k) descending and rows (b, k), ties by row; -1 = none."""
    products = queries @ vectors.T
    best = np.argsort(-products, axis=1, kind="stable")[:, :k]
    missing = ((0, 0), (0, max(0, k - len(vectors))))
    scores = np.take_along_axis(products, best, axis=1)
    lowest = np.finfo(np.float32).min
    return np.pad(scores, missing, constant_values=lowest), np.pad(best, missing, constant_values=-1)
