"""What an index found, cut to the quotas."""

from __future__ import annotations

import numpy as np

from serving.kernels.nearest import trimmed


def test_each_request_gets_its_quota_and_a_query_of_zeros_nothing() -> None:
    """Missing rows stay missing; the order is kept."""
    found = np.array([[5, 3, 9], [4, 2, -1], [8, 7, 6], [1, 0, 2]], np.int64)
    queries = np.array([[0, 1], [1, 0], [0, 0], [0, -1]], np.float32)
    cut = trimmed(found, np.array([2, 3, 3, 0], np.int32), queries)
    assert cut.dtype == np.int32
    assert cut.tolist() == [[5, 3, -1], [4, 2, -1], [-1, -1, -1], [-1, -1, -1]]
