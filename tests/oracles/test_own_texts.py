"""What a visitor bought and viewed, and what he likes in words, equal slow twins."""

from __future__ import annotations

import numpy as np
import pytest
from histories import N, random_history

from serving.kernels.own import bought, viewed
from serving.kernels.texts import content_taste, nearest_fresh

B, D = 6, 16

seeds = pytest.mark.parametrize("rng", range(5), indirect=True)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def asked(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """quota (B,), some of them 0; mask (B,) and masks (2, N)."""
    quota = rng.integers(1, 8, B).astype(np.int32)
    quota[rng.integers(0, B)] = 0
    return quota, rng.integers(0, 2, B).astype(np.int32), rng.random((2, N)) < [[0.9], [0.4]]


def padded(rows: list[int], width: int) -> list[int]:
    return rows + [-1] * (width - len(rows))


@seeds
def test_own_purchases_and_views_are_sorted_lists(rng: np.random.Generator) -> None:
    """Bought: (baskets + decayed purchases) * popularity. Viewed: the newest view, of one second the later visit."""
    history, popularity = random_history(rng, B), rng.random(N).astype(np.float32)
    quota, mask, masks = asked(rng)
    again = bought(history, quota, popularity, mask, masks)
    looked = viewed(history, quota, mask, masks)
    assert again.shape == looked.shape == (B, quota.max())
    for r in range(B):
        mine = [i for i in range(history.ptr[r], history.ptr[r + 1]) if masks[mask[r], history.row[i]]]
        worth = {i: (history.buys[i] + history.buy_decay[i]) * popularity[history.row[i]] for i in mine}
        buys = sorted((i for i in mine if history.buys[i] > 0), key=lambda i: -worth[i])[: quota[r]]
        views = sorted(
            (i for i in mine if history.viewed_s[i] > 0), key=lambda i: (-history.viewed_s[i], history.rank[i])
        )
        for found, expected in ((again[r], buys), (looked[r], views[: quota[r]])):
            assert found.tolist() == padded([int(history.row[i]) for i in expected], quota.max())


@seeds
def test_taste_in_words_is_a_weighted_mean_of_length_one(rng: np.random.Generator) -> None:
    """Zeros where nothing of the history has words."""
    history, content = random_history(rng, B), rng.standard_normal((N, D)).astype(np.float32)
    content[rng.random(N) < 0.2] = 0
    found = content_taste(history, content)
    for r in range(B):
        mine = slice(history.ptr[r], history.ptr[r + 1])
        wanted = history.interest[mine].astype(float) @ content[history.row[mine]]
        np.testing.assert_allclose(found[r], wanted / max(np.linalg.norm(wanted), 1e-30), atol=1e-5)
    assert not content_taste(history, np.zeros_like(content)).any()


@seeds
def test_new_arrivals_come_by_likeness_then_by_age(rng: np.random.Generator) -> None:
    """Of two that are equally like the taste the newer; without a taste the newest; never what is masked."""
    content = rng.standard_normal((N, D)).astype(np.float32)
    fresh = rng.permutation(N)[:20].astype(np.int32)
    content[fresh[7]] = content[fresh[3]]
    tastes = rng.standard_normal((B, D)).astype(np.float32)
    tastes[0] = 0
    quota, mask, masks = asked(rng)
    quota[0] = 5
    found = nearest_fresh(tastes, content, fresh, quota, mask, masks)
    for r in range(B):
        score = content[fresh].astype(float) @ tastes[r]
        order = [i for i in np.lexsort((np.arange(20), -score.round(6))) if masks[mask[r], fresh[i]]]
        assert found[r].tolist() == padded(fresh[order[: quota[r]]].tolist(), quota.max())
