"""Searching an index for a batch: who is not known costs no search, and each request has its own quota and mask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from serving.adapters.faiss_index import FaissIndex
from serving.decisions.recommend.sources.near import near
from serving.decisions.recommend.sources.protocol import Quota

VECTORS = np.eye(6, dtype=np.float32) + 0.01 * np.arange(36, dtype=np.float32).reshape(6, 6)


class Counted:
    """A real index that says how many queries it was asked."""

    def __init__(self) -> None:
        self._index = FaissIndex.build(VECTORS)
        self.shape, self.asked = self._index.shape, 0

    def search(self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> Any:
        self.asked += len(queries)
        return self._index.search(queries, k, allowed)


def found(index: Counted, queries: np.ndarray, quota: list[int], mask: list[int], masks: np.ndarray) -> list[list[int]]:
    evidence: Any = SimpleNamespace(mask=np.array(mask, np.int32), masks=masks)
    rows = near(index, queries, Quota(np.array(quota, np.int32), max(quota), min(quota)), evidence)
    assert rows.dtype == np.int64
    return rows.tolist()


def test_a_query_of_zeros_is_not_searched_for() -> None:
    """The usual anonymous visitor; one among others costs what the others do."""
    index, everything = Counted(), np.ones((1, 6), bool)
    queries = np.stack([VECTORS[2], np.zeros(6, np.float32), VECTORS[4]])
    assert found(index, queries[1:2], [3], [0], everything) == [[-1] * 3]
    assert index.asked == 0
    rows = found(index, queries, [2, 2, 1], [0, 0, 0], everything)
    assert index.asked == 2
    assert rows[0][0] == 2
    assert rows[1] == [-1, -1]
    assert rows[2] == [4, -1]


def test_each_request_is_searched_under_its_mask() -> None:
    """Mask 0 is left to the union; another one is held to."""
    index = Counted()
    masks = np.array([[True] * 6, [False, True, False, True, False, True]])
    queries = np.stack([VECTORS[2], VECTORS[2], VECTORS[4]])
    rows = found(index, queries, [2, 3, 0], [0, 1, 1], masks)
    assert rows[0][0] == 2
    assert set(rows[1]) == {1, 3, 5}
    assert rows[2] == [-1, -1, -1]
    assert index.asked == 2
