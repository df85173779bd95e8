"""A mask is never broken, and a narrow one still gives a full list."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import faiss
import numpy as np
import numpy.typing as npt
import pytest

import retrieval

PARAMS = {
    "flat": retrieval.Params(),
    "hnsw": retrieval.Params(flat_rows_max=0),
    "ivf-pq": retrieval.Params(flat_rows_max=0, hnsw_rows_max=0),
}
KINDS = tuple(PARAMS)
N = 8000


def vectors(n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    centres = np.random.default_rng(99).standard_normal((40, 24))
    rng = np.random.default_rng(seed)
    around = centres[rng.integers(0, 40, n)] + 0.7 * rng.standard_normal((n, 24))
    return (around * rng.lognormal(0, 0.5, (n, 1))).astype(np.float32)


@cache
def index(kind: str) -> faiss.Index:
    return retrieval.build(vectors(N), PARAMS[kind])


def chance(share: float) -> npt.NDArray[np.bool_]:
    return np.random.default_rng(5).random(N) < share


def far(share: float) -> npt.NDArray[np.bool_]:
    """The rows that suit the first query least: the walk meets them last."""
    products = vectors(N) @ vectors(16, seed=1)[0]
    return products <= np.quantile(products, share)


@pytest.fixture
def walking(monkeypatch: pytest.MonkeyPatch) -> None:
    """No number of rows is few in itself, so that these small indexes are searched as large ones are."""
    monkeypatch.setattr(sys.modules["retrieval.search"], "EXACT_ROWS", 0)


@pytest.mark.parametrize("share", [0.5, 0.05, 0.005])
@pytest.mark.parametrize("kind", KINDS)
def test_recall_under_a_mask(walking: None, kind: str, share: float) -> None:
    """Only allowed rows, as many as there are up to k, and nearly the best of them; of few, exactly the best."""
    assert_found(kind, chance(share), at_least=0.95 if share == 0.5 else 1.0)


@pytest.mark.parametrize("share", [0.5, 0.05])
@pytest.mark.parametrize("kind", KINDS)
def test_recall_under_a_mask_that_bars_what_suits(kind: str, share: float) -> None:
    """A filter is often about what the visitor likes: few enough rows are all compared."""
    assert_found(kind, far(share), at_least=0.99)


def assert_found(kind: str, allowed: npt.NDArray[np.bool_], at_least: float) -> None:
    queries, k = vectors(16, seed=1), 100
    _, rows = retrieval.search(index(kind), queries, k, allowed)
    wanted = min(k, int(allowed.sum()))
    assert (rows[:, :wanted] >= 0).all()
    assert (rows[:, wanted:] == -1).all()
    assert allowed[rows[:, :wanted]].all()
    assert all(len(set(row[:wanted])) == wanted for row in rows.tolist())
    report = retrieval.recall_report(index(kind), vectors(N), queries, k, allowed)
    assert report.recall >= at_least - 1e-3  # float16


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_allowed(kind: str) -> None:
    """Nothing is found, nothing fails."""
    _, rows = retrieval.search(index(kind), vectors(3, seed=1), 5, np.zeros(N, np.bool_))
    assert (rows == -1).all()


@pytest.mark.parametrize("share", [1.0, 0.5, 0.05])
@pytest.mark.parametrize("kind", KINDS)
def test_a_longer_mask_and_a_strided_one_mean_the_same(walking: None, kind: str, share: float) -> None:
    """Rows beyond the index, as of new items, are no rows of it; memory order is no matter; batch equals single."""
    allowed, queries = chance(share), vectors(4, seed=1)
    expected = retrieval.search(index(kind), queries, 20, allowed)[1]
    longer = np.concatenate((allowed, np.ones(100, np.bool_)))
    strided = np.repeat(allowed, 2)[::2]
    for mask in (longer, strided):
        np.testing.assert_array_equal(retrieval.search(index(kind), queries, 20, mask)[1], expected)
    alone = [retrieval.search(index(kind), queries[row : row + 1], 20, allowed)[1][0] for row in range(4)]
    np.testing.assert_array_equal(alone, expected)


@pytest.mark.parametrize("kind", ["hnsw", "ivf-pq"])
def test_a_walk_that_ends_early_is_made_good(walking: None, kind: str) -> None:
    """The narrowest beam or a single list cannot hold k of the allowed rows: k come back all the same."""
    narrow = retrieval.Params(
        flat_rows_max=0, hnsw_rows_max=N if kind == "hnsw" else 0, ef_search=8, probes=1, refined=1
    )
    built = retrieval.build(vectors(N), narrow)
    allowed = far(0.15)
    k = int(allowed.sum()) - 1
    _, rows = retrieval.search(built, vectors(16, seed=1), k, allowed)
    assert (rows >= 0).all()
    assert allowed[rows].all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_keeps_its_masks(walking: None, kind: str) -> None:
    """A loaded index answers under every mask as the built one did."""
    loaded = retrieval.loads(retrieval.dumps(index(kind)))
    for share in (0.5, 0.05):
        for one, other in zip(
            retrieval.search(index(kind), vectors(4, seed=1), 30, chance(share)),
            retrieval.search(loaded, vectors(4, seed=1), 30, chance(share)),
            strict=True,
        ):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_see_each_other(walking: None, kind: str) -> None:
    """Different masks and queries at once give what they give alone."""
    cases = [(vectors(2, seed=seed), chance(0.5 if seed % 2 else 0.02)) for seed in range(24)]
    expected = [retrieval.search(index(kind), queries, 25, allowed)[1] for queries, allowed in cases]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda case: retrieval.search(index(kind), case[0], 25, case[1])[1], cases))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
