"""NDCG over groups of candidates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32


def ndcg(scores: F32, labels: F32, offsets: npt.NDArray[np.int64], k: int = 10) -> float:
    """Mean NDCG@k over the groups, linear gain, ties broken by position. scores, labels: (m,); offsets: (g + 1,).

    A group whose labels are all 0 counts as 0. [1] Järvelin & Kekäläinen 2002.
    """
    return float(_dcg(scores, labels, offsets, k) @ _inverse(_dcg(labels, labels, offsets, k)) / (len(offsets) - 1))


def _dcg(order_by: F32, labels: F32, offsets: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.float64]:
    groups = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((-order_by, groups))
    rank = np.arange(len(order)) - np.repeat(offsets[:-1], np.diff(offsets))
    gain = np.where(rank < k, labels[order] / np.log2(rank + 2.0), 0.0)
    totals: npt.NDArray[np.float64] = np.bincount(groups, gain, minlength=len(offsets) - 1).astype(np.float64)
    return totals


def _inverse(ideal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(ideal > 0, 1.0 / np.where(ideal > 0, ideal, 1.0), 0.0)
