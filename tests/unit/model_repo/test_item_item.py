"""The item-item builder against its closed form, its slow twin, and a world whose answer is obvious."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from model_repo.item_item.build import Params, build, pruned
from serving.core.errors import InvalidInput
from serving.decisions.recommend.models import SparseRows

F64 = npt.NDArray[np.float64]
Triples = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]


def triples(x: npt.NDArray[np.float32]) -> Triples:
    """The non-zero entries of a dense (users, items) matrix."""
    users, items = np.nonzero(x)
    return users.astype(np.int32), items.astype(np.int32), x[users, items]


def dense(rows: SparseRows, n: int) -> npt.NDArray[np.float32]:
    """The (n, n) matrix; fails unless cols ascend within each row."""
    out = np.zeros((n, n), np.float32)
    for row in range(n):
        cols = rows.cols[rows.indptr[row] : rows.indptr[row + 1]]
        assert (np.diff(cols) > 0).all()
        out[row, cols] = rows.vals[rows.indptr[row] : rows.indptr[row + 1]]
    return out


def some(users: int = 60, items: int = 25, seed: int = 0) -> npt.NDArray[np.float32]:
    """A small random shop with weights of 1 to 3 and one item that nobody has."""
    rng = np.random.default_rng(seed)
    x = (rng.random((users, items)) < 0.25) * rng.integers(1, 4, (users, items))
    x[:, -1] = 0
    return x.astype(np.float32)


def checkerboard(users: int = 40, items: int = 20) -> npt.NDArray[np.float32]:
    """Even users have half of the even items, odd users half of the odd ones."""
    rng = np.random.default_rng(1)
    same = (np.arange(users)[:, None] + np.arange(items)) % 2 == 0
    return (same & (rng.random((users, items)) < 0.5)).astype(np.float32)


def ease_twin(x: npt.NDArray[np.float32], l2: float, power: float) -> F64:
    """B of Steck 2019, equation 8, in float64, with the ridge of ease_rows."""
    gram = (x.T @ x).astype(np.float64)
    g = np.diagonal(gram)
    ridge = l2 * (x[x > 0] ** 2).mean() * (np.maximum(g, g[g > 0].min()) / g.mean()) ** power
    p = np.linalg.inv(gram + np.diag(ridge))
    b = -p / np.diagonal(p)
    np.fill_diagonal(b, 0.0)
    return b


@pytest.mark.parametrize("power", [0.0, 0.5])
@pytest.mark.parametrize("n_items", [25, 300])
def test_ease_equals_its_closed_form(power: float, n_items: int) -> None:
    """All positive entries of B within float32 rounding (1e-7 x condition), in one block of rows and in several."""
    x = some(users=200, items=n_items)
    found = dense(build(*triples(x), *x.shape, params=Params(l2=20.0, power=power, neighbours=1000)), n_items)
    np.testing.assert_allclose(found, np.maximum(ease_twin(x, 20.0, power), 0), atol=1e-5)


def test_pruning_keeps_the_largest_of_each_row() -> None:
    """With 5 neighbours: the 5 largest positive entries of the same matrix."""
    x = some()
    full = ease_twin(x, 20.0, 0.5)
    found = build(*triples(x), *x.shape, params=Params(l2=20.0, neighbours=5))
    for row in range(25):
        expected = np.sort(np.argsort(-full[row], kind="stable")[: min(5, int((full[row] > 0).sum()))])
        np.testing.assert_array_equal(found.cols[found.indptr[row] : found.indptr[row + 1]], expected)


def test_ties_at_the_cut_keep_the_first_columns() -> None:
    """Never more than `neighbours`, and always the same ones."""
    rows = pruned([np.array([[1, 2, 1, 1, -1], [0, 0, 0, 0, 0]], np.float32)], 2)
    assert rows.indptr.tolist() == [0, 2, 2]
    assert rows.cols.tolist() == [0, 1]
    assert rows.vals.tolist() == [1, 2]


def test_walks_equal_their_twin() -> None:
    """RP3beta rows against the dense product of the transition matrices."""
    x = some()
    found = dense(build(*triples(x), *x.shape, params=Params(ease_items_max=0, walk_alpha=0.8, walk_beta=0.4)), 25)
    out_of = (x / np.maximum(x.sum(axis=0), 1e-9)).T ** 0.8
    into = (x / np.maximum(x.sum(axis=1, keepdims=True), 1e-9)) ** 0.8
    expected = (out_of @ into) * np.maximum((x > 0).sum(axis=0), 1) ** -0.4
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("ease_items_max", [0, 100])
def test_checkerboard(ease_items_max: int) -> None:
    """Two groups of customers with nothing in common: what one has says only things about its own items."""
    x = checkerboard()
    scores = x @ dense(build(*triples(x), *x.shape, params=Params(l2=5.0, ease_items_max=ease_items_max)), 20)
    same = (np.arange(40)[:, None] + np.arange(20)) % 2 == 0
    assert scores[same].min() > scores[~same].max() - 1e-6
    assert np.abs(scores[~same]).max() < 1e-5


@pytest.mark.parametrize("ease_items_max", [0, 100])
def test_same_data_same_bytes(ease_items_max: int) -> None:
    """Twice the same, whatever the order in which the interactions come, and split duplicates add up."""
    x = some()
    users, items, weights = triples(x)
    order = np.random.default_rng(2).permutation(len(users))
    params = Params(ease_items_max=ease_items_max, neighbours=7)
    one = build(users, items, weights, *x.shape, params=params)
    two = build(users[order], items[order], weights[order], *x.shape, params=params)
    halves = [np.concatenate([a, a]) for a in (users, items)]
    three = build(*halves, np.concatenate([weights, weights]) / 2, *x.shape, params=params)
    for other in (two, three):
        assert other.indptr.tobytes() == one.indptr.tobytes()
        assert other.cols.tobytes() == one.cols.tobytes()
        assert other.vals.tobytes() == one.vals.tobytes()


def test_progress_ascends_to_one() -> None:
    """What a caller sees while it waits."""
    seen: list[float] = []
    x = some()
    build(*triples(x), *x.shape, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_bad_input_is_named() -> None:
    """An item out of range, a weight of NaN or 0, no data at all, a parameter out of range."""
    users, items, weights = np.zeros(2, np.int32), np.array([0, 5], np.int32), np.ones(2, np.float32)
    with pytest.raises(InvalidInput, match=r"items\[1\]: got 5, expected a number from 0 to 4"):
        build(users, items, weights, 1, 5)
    with pytest.raises(InvalidInput, match=r"weights\[0\]"):
        build(users, items, np.array([np.nan, 1], np.float32), 1, 6)
    with pytest.raises(InvalidInput, match="at least one interaction"):
        build(users[:0], items[:0], weights[:0], 1, 6)
    with pytest.raises(InvalidInput, match="l2"):
        Params(l2=0.0)
