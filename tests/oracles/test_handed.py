"""What one kernel leaves for a later one comes out as it went in."""

from __future__ import annotations

import numpy as np
import pytest

from serving.kernels.candidates import Recalled
from serving.kernels.handed import pack, unpack
from serving.kernels.history import USER_STATS, History
from serving.kernels.scratch import LINEAR


def numbers(rng: np.random.Generator, dtype: str, *shape: int) -> np.ndarray:
    return rng.integers(0, 200, shape).astype(dtype)


@pytest.mark.parametrize("sizes", [(0, 0, 0, 0), (1, 0, 0, 1), (1, 7, 3, 5), (3, 1, 2, 0), (5, 33, 70, 11)])
def test_everything_comes_out_as_it_went_in(sizes: tuple[int, int, int, int]) -> None:
    """Types, shapes and values, for odd lengths and for none."""
    b, h, q, m = sizes
    rng = np.random.default_rng(h)
    history = History(
        numbers(rng, "int64", b + 1), numbers(rng, "int32", h), *(numbers(rng, "float32", h) for _ in range(4)),
        numbers(rng, "int64", h), numbers(rng, "uint8", h), numbers(rng, "int32", h), numbers(rng, "int64", h),
    )  # fmt: skip
    users = numbers(rng, "float32", b, len(USER_STATS))
    recalled = Recalled(
        numbers(rng, "int32", b, q), numbers(rng, "int32", b, q // 2), numbers(rng, "float32", LINEAR, h),
        numbers(rng, "int64", b + 1), numbers(rng, "int32", m), numbers(rng, "float32", m),
        numbers(rng, "int32", b, q + 1),
    )  # fmt: skip
    packed = pack(history, users, recalled)
    known, users_known, found = unpack(packed)
    for before, after in zip((*history, users, *recalled), (*known, users_known, *found), strict=True):
        assert (after.dtype, after.shape, after.tolist()) == (before.dtype, before.shape, before.tolist())
        assert after.size == 0 or np.shares_memory(after, packed)
