"""iALS against its normal equations, its loss, and a world whose answer is obvious."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from model_repo.factors import build as module
from model_repo.factors.build import Factors, Params, build
from serving.core.errors import InvalidInput

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


def fold_in(factors: Factors, rows: npt.NDArray[np.int32], weights: F32) -> F32:
    """The exact user vector: the oracle of the serving kernel. rows: (h,) items had; weights: (h,) interests."""
    y = factors.vectors[rows].astype(np.float64)
    a = factors.gram + factors.fold_alpha * (y * weights[:, None]).T @ y
    return np.linalg.solve(a, factors.fold_alpha * (weights[:, None] * y).sum(axis=0)).astype(np.float32)


def world(users: int = 60, items: int = 24, density: float = 0.5) -> F32:
    """A checkerboard: even users have some of the even items, odd users some of the odd ones; weights 1 to 2."""
    rng = np.random.default_rng(1)
    same = (np.arange(users)[:, None] + np.arange(items)) % 2 == 0
    return ((same & (rng.random((users, items)) < density)) * (1 + rng.random((users, items)))).astype(np.float32)


def train(x: F32, **settings: float) -> Factors:
    users, items = np.nonzero(x)
    params = Params(**{"d": 8, "epochs": 10, **settings})  # type: ignore[arg-type]
    return build(users.astype(np.int32), items.astype(np.int32), x[users, items], *x.shape, params=params, seed=3)


def test_a_half_step_solves_the_normal_equations() -> None:
    """With one epoch: users from the first vectors, items from the users, both against numpy.linalg.solve."""
    x = world()
    params = Params(d=8, epochs=1, alpha=1.5, w0=0.1, reg=0.05, nu=0.8)
    alpha = 1.5 / x[x > 0].mean()
    found = train(x, epochs=1, alpha=1.5, w0=0.1, reg=0.05, nu=0.8)
    y = (np.random.default_rng(3).standard_normal((24, 8)) * (params.sigma / np.sqrt(8))).astype(np.float32)
    user_ridge = 0.05 * ((x > 0).sum() / 60 + 0.1 * 24) ** 0.8
    users = np.stack([solve(y, row, np.full(1, user_ridge), alpha) for row in x])
    item_ridge = 0.05 * ((x > 0).sum(axis=0) + 0.1 * 60) ** 0.8
    items = np.stack([solve(users, row, ridge, alpha) for row, ridge in zip(x.T, item_ridge, strict=True)])
    np.testing.assert_allclose(found.vectors, items, rtol=2e-3, atol=2e-5)
    np.testing.assert_allclose(
        found.gram, 0.1 * found.vectors.T @ found.vectors + user_ridge * np.eye(8), rtol=1e-4, atol=1e-6
    )


def solve(
    other: F32, row: F32, ridge: npt.NDArray[np.float64], alpha: float, w0: float = 0.1
) -> npt.NDArray[np.float64]:
    """The least-squares solution of one row of the loss (factors/build.py, Params) against the fixed side."""
    y = other.astype(np.float64)
    a = w0 * y.T @ y + ridge * np.eye(y.shape[1]) + alpha * (y * row[:, None]).T @ y
    return np.linalg.solve(a, alpha * (row[:, None] * y).sum(axis=0))


def test_fold_in_recommends_within_the_group() -> None:
    """A new visitor with two even items is offered even items before every odd one."""
    factors = train(world())
    x = fold_in(factors, np.array([0, 2], np.int32), np.ones(2, np.float32))
    scores = factors.vectors @ x
    assert scores[::2].min() > scores[1::2].max()


def test_fold_in_is_the_users_half_step() -> None:
    """What serving computes for a known user is what one more half-step of the training would."""
    x = world()
    factors = train(x, w0=0.1)
    user = x[0]
    rows = np.flatnonzero(user).astype(np.int32)
    ridge = factors.gram - np.float32(0.1) * factors.vectors.T @ factors.vectors
    np.testing.assert_allclose(ridge, ridge[0, 0] * np.eye(8), atol=1e-5)
    expected = solve(factors.vectors, user, np.full(1, float(ridge[0, 0])), 0.5 / x[x > 0].mean())
    np.testing.assert_allclose(fold_in(factors, rows, user[rows]), expected, rtol=1e-3, atol=1e-5)


def test_training_lowers_the_loss() -> None:
    """The whole objective of Params, ridges included, with users folded in: lower after every further epoch."""
    x = world(density=0.7)
    params = Params()
    had = x > 0
    user_ridge = params.reg * (had.sum() / len(x) + params.w0 * x.shape[1]) ** params.nu
    item_ridge = params.reg * (had.sum(axis=0) + params.w0 * len(x)) ** params.nu
    observed = params.alpha / x[had].mean() * x

    def loss(factors: Factors) -> float:
        users = np.stack([fold_in(factors, np.flatnonzero(row).astype(np.int32), row[row > 0]) for row in x])
        products = users @ factors.vectors.T
        fit = (observed * (1 - products) ** 2).sum() + params.w0 * (products**2).sum()
        ridges = user_ridge * (users**2).sum() + (item_ridge[:, None] * factors.vectors**2).sum()
        return float(fit + ridges)

    losses = [loss(train(x, epochs=epochs)) for epochs in (1, 2, 3, 5, 8)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.1


def test_a_warm_start_goes_on_where_the_last_training_ended() -> None:
    """Two and then three sweeps are five; an item that nobody had before is learned from what is known now."""
    x = world()
    x[:, 5] = 0
    first, later = train(x, epochs=2), world()
    users, items = (found.astype(np.int32) for found in np.nonzero(x))
    params = Params(d=8, epochs=9, warm_epochs=3)
    warm = build(users, items, x[users, items], *x.shape, params=params, start=first.vectors)
    np.testing.assert_allclose(warm.vectors, train(x, epochs=5).vectors, rtol=1e-5, atol=1e-6)
    users, items = (found.astype(np.int32) for found in np.nonzero(later))
    grown = build(users, items, later[users, items], *later.shape, params=params, start=first.vectors)
    assert not first.vectors[5].any()
    assert grown.vectors[5] @ grown.vectors[7] > 5 * abs(grown.vectors[5] @ grown.vectors[8])


def test_same_seed_same_bytes_on_any_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are independent, so threads change nothing; another seed gives other vectors."""
    x = world()
    one = train(x)
    monkeypatch.setattr("model_repo.work.cores", lambda: 1)
    two = train(x)
    assert one.vectors.tobytes() == two.vectors.tobytes()
    assert one.gram.tobytes() == two.gram.tobytes()
    users, items = np.nonzero(x)
    other = build(users.astype(np.int32), items.astype(np.int32), x[users, items], *x.shape, params=Params(d=8), seed=4)
    assert not np.array_equal(other.vectors, one.vectors)


def test_the_scale_of_the_weights_does_not_matter() -> None:
    """Interests a hundred times as large: the same vectors, and a fold-in weight a hundred times as small."""
    one, other = train(world()), train(100 * world())
    np.testing.assert_allclose(other.vectors, one.vectors, rtol=1e-2, atol=1e-4)
    assert other.fold_alpha == pytest.approx(one.fold_alpha / 100)


def test_an_item_nobody_has_gets_the_zero_vector() -> None:
    """Serving gives it the mean of its category; it must not bring noise of the first vectors."""
    x = world()
    x[:, 5] = 0
    assert np.abs(train(x).vectors[5]).max() == 0.0


def test_bad_input_is_named() -> None:
    """Out of range: a parameter, a user."""
    with pytest.raises(InvalidInput, match=r"factors\.d"):
        module.Params(d=1)
    with pytest.raises(InvalidInput, match=r"users\[0\]: got 7"):
        build(np.array([7], np.int32), np.zeros(1, np.int32), np.ones(1, np.float32), 2, 2)
