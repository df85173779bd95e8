"""The index behind core.ports.VectorIndex."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import retrieval
from serving.adapters.faiss_index import FaissIndex
from serving.core.errors import InvalidInput, ModelDamaged


def test_it_searches_what_it_was_built_from_after_a_round_trip(tmp_path: Path) -> None:
    """Built, dumped and loaded: the exact twin's answer, batch equal to single."""
    vectors = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32)
    (tmp_path / "index.faiss").write_bytes(FaissIndex.build(vectors).dumps())
    index = FaissIndex.load(tmp_path / "index.faiss")
    assert index.shape == (50, 6)
    scores, rows = index.search(vectors[:9], 7)
    _, expected = retrieval.exact_search(vectors, vectors[:9], 7)
    np.testing.assert_array_equal(rows, expected)
    assert (np.diff(scores, axis=1) <= 0).all()
    alone = np.concatenate([index.search(vectors[row : row + 1], 7)[1] for row in range(9)])
    np.testing.assert_array_equal(rows, alone)


def test_only_allowed_rows_are_found() -> None:
    """The best of those that are allowed, as the exact search over them alone would say; -1 where none is left.

    The mask may be longer than the index: new items of the catalogue stand behind the models' ones.
    """
    vectors = np.random.default_rng(1).standard_normal((50, 6)).astype(np.float32)
    index, allowed = FaissIndex.build(vectors), np.zeros(60, np.bool_)
    allowed[[3, 4, 31, 49, 55]] = True
    _, rows = index.search(vectors[:9], 5, allowed)
    among = np.array([3, 4, 31, 49])
    _, expected = retrieval.exact_search(vectors[among], vectors[:9], 4)
    np.testing.assert_array_equal(rows[:, :4], among[expected])
    assert (rows[:, 4] == -1).all()


def test_errors_are_ours(tmp_path: Path) -> None:
    """A damaged or absent file is ModelDamaged with its name, vectors that cannot be indexed are InvalidInput."""
    path = tmp_path / "index.faiss"
    with pytest.raises(ModelDamaged, match=r"index\.faiss"):
        FaissIndex.load(path)
    path.write_bytes(FaissIndex.build(np.eye(3, dtype=np.float32)).dumps()[:-1])
    with pytest.raises(ModelDamaged, match=r"index\.faiss.*cut short"):
        FaissIndex.load(path)
    with pytest.raises(InvalidInput, match="vectors"):
        FaissIndex.build(np.full((2, 2), np.nan, np.float32))
