"""The index finds what the exact search finds, and its file is intact or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import retrieval

HNSW = retrieval.Params(flat_rows_max=0)
IVF_PQ = retrieval.Params(flat_rows_max=0, hnsw_rows_max=0)


def vectors(n: int, d: int = 16, seed: int = 0) -> npt.NDArray[np.float32]:
    """Vectors of very different lengths, so that inner product and distance disagree."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, d)) * rng.lognormal(0, 1, (n, 1))).astype(np.float32)


@pytest.mark.parametrize("b", [1, 7, 64])
def test_flat_equals_the_exact_twin(b: int) -> None:
    """Same rows and scores, for one query, a few, and more than FAISS's own blocking threshold."""
    base, queries = vectors(500), vectors(b, seed=1)
    scores, rows = retrieval.search(retrieval.build(base), queries, 20)
    exact_scores, exact_rows = retrieval.exact_search(base, queries, 20)
    np.testing.assert_array_equal(rows, exact_rows)
    np.testing.assert_allclose(scores, exact_scores, rtol=1e-4, atol=1e-4)


def test_hnsw_searches_by_inner_product() -> None:
    """Most of the exact rows are found although lengths differ; an index by L2 finds next to none of them."""
    base, queries = vectors(3000), vectors(32, seed=1)
    report = retrieval.recall_report(retrieval.build(base, HNSW), base, queries, 50)
    assert report.recall > 0.95
    assert (report.queries, report.k) == (32, 50)


def test_a_beam_narrower_than_k_is_widened() -> None:
    """k results come back although ef_search is smaller."""
    base = vectors(1000)
    index = retrieval.build(base, retrieval.Params(flat_rows_max=0, ef_search=8))
    _, rows = retrieval.search(index, vectors(3, seed=1), 100)
    assert (rows >= 0).all()
    assert all(len(set(row)) == 100 for row in rows)


@pytest.mark.parametrize("params", [retrieval.Params(), HNSW, IVF_PQ])
def test_more_than_there_are_ends_in_minus_one(params: retrieval.Params) -> None:
    """k beyond the number of vectors: what there is, then rows of -1; the same from the twin."""
    base = vectors(3)
    for _, rows in (
        retrieval.search(retrieval.build(base, params), base[:1], 5),
        retrieval.exact_search(base, base[:1], 5),
    ):
        assert sorted(rows[0]) == [-1, -1, 0, 1, 2]
        assert rows[0, 3:].tolist() == [-1, -1]


@pytest.mark.parametrize("params", [retrieval.Params(), HNSW], ids=["flat", "hnsw"])
@pytest.mark.parametrize("length", [997, 1000, 1003])
def test_only_allowed_rows_are_found(params: retrieval.Params, length: int) -> None:
    """What the exact search over the allowed rows finds, whatever the mask's length is to a byte.

    A mask as long as the index or longer; rows beyond the index are none.
    """
    base, queries = vectors(997), vectors(5, seed=1)
    allowed = np.random.default_rng(2).random(length) < 0.3
    among = np.flatnonzero(allowed[:997])
    scores, rows = retrieval.search(retrieval.build(base, params), queries, 10, allowed)
    exact, expected = retrieval.exact_search(base[among], queries, 10)
    assert set(rows.ravel().tolist()) <= set(among.tolist())
    if params is HNSW:
        assert (scores >= exact[:, -1:] - 1e-4).mean() > 0.9
    else:
        np.testing.assert_array_equal(rows, among[expected])


@pytest.mark.parametrize("params", [retrieval.Params(), HNSW], ids=["flat", "hnsw"])
def test_a_mask_that_lets_few_or_none_through_ends_in_minus_one(params: retrieval.Params) -> None:
    """A narrow filter: all that match are found, and nothing else comes in their place."""
    base = vectors(500)
    index, allowed = retrieval.build(base, params), np.zeros(500, np.bool_)
    _, rows = retrieval.search(index, base[:2], 5, allowed)
    assert (rows == -1).all()
    allowed[[7, 400]] = True
    _, rows = retrieval.search(index, base[:2], 5, allowed)
    assert [sorted(row) for row in rows.tolist()] == [[-1, -1, -1, 7, 400]] * 2


def test_recall_of_the_flat_index_is_one_even_with_ties() -> None:
    """Equal vectors may come in any order: that is no loss."""
    base = np.repeat(vectors(20), 5, axis=0)
    report = retrieval.recall_report(retrieval.build(base), base, vectors(10, seed=1), 7)
    assert report.recall == report.worst == 1.0


@pytest.mark.parametrize("params", [retrieval.Params(), HNSW, IVF_PQ])
def test_snapshot_round_trip_and_determinism(tmp_path: Path, params: retrieval.Params) -> None:
    """The same vectors give the same bytes; a loaded index answers as the saved one did; no draft is left."""
    base, queries = vectors(400), vectors(4, seed=1)
    index = retrieval.build(base, params)
    assert retrieval.dumps(index) == retrieval.dumps(retrieval.build(base, params))
    retrieval.save(index, tmp_path / "index.faiss")
    retrieval.save(index, tmp_path / "index.faiss")
    loaded = retrieval.load(tmp_path / "index.faiss")
    for one, other in zip(retrieval.search(index, queries, 9), retrieval.search(loaded, queries, 9), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["index.faiss"]


def test_a_damaged_snapshot_is_refused_by_name(tmp_path: Path) -> None:
    """Any flipped byte, a file cut short, or another file: SnapshotDamaged with the path, never a crash in C++."""
    data = retrieval.dumps(retrieval.build(vectors(20)))
    path = tmp_path / "index.faiss"
    for at in (0, 9, 40, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(retrieval.SnapshotDamaged, match=r"index\.faiss"):
            retrieval.load(path)
    for rest in (b"", data[:30], data[:-1]):
        path.write_bytes(rest)
        with pytest.raises(retrieval.SnapshotDamaged, match=r"index\.faiss"):
            retrieval.load(path)


def test_vectors_that_cannot_be_indexed_are_named() -> None:
    """Wrong dtype, no rows, NaN: ValueError that says what is wrong."""
    with pytest.raises(ValueError, match="float64"):
        retrieval.build(np.zeros((2, 2)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\(0, 4\)"):
        retrieval.build(np.zeros((0, 4), np.float32))
    with pytest.raises(ValueError, match="row 1"):
        retrieval.build(np.array([[1, 2], [np.nan, 1]], np.float32))
    with pytest.raises(ValueError, match="links"):
        retrieval.Params(links=1)
