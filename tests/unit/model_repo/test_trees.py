"""The ranker as trees: learning, parity of LightGBM and onnxruntime, determinism."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from model_repo.ranker.metrics import ndcg
from model_repo.ranker.onnx_file import to_onnx
from model_repo.ranker.trees import Params, Trees, train
from serving.adapters.onnx_scorer import OnnxScorer
from serving.core.errors import InvalidInput, ModelDamaged

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
NAMES = ("a", "b", "c", "d")
SMALL = Params(trees=12, leaves=8, leaf_rows=20)


def shop(groups: int, seed: int = 0) -> tuple[F32, I64, F32]:
    """Groups of 5 to 14 candidates; the bought one is decided by max(b, -b) + c; d is huge and says nothing."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate(([0], np.cumsum(rng.integers(5, 15, groups)))).astype(np.int64)
    x = rng.standard_normal((offsets[-1], 4)).astype(np.float32)
    x[:, 3] = x[:, 3] * 1e6 + 3e6
    labels = np.zeros(len(x), np.float32)
    for lo, hi in pairwise(offsets):
        labels[lo + np.argmax(np.abs(x[lo:hi, 1]) * 2 + x[lo:hi, 2])] = 1.0
    return x, offsets, labels


def served(trees: Trees) -> OnnxScorer:
    """As the gateway loads it."""
    return OnnxScorer(to_onnx(trees, NAMES), NAMES)


def test_it_orders_groups_it_has_not_seen() -> None:
    """Far better than the one feature that says most."""
    x, groups, labels = shop(200, seed=1)
    scores = train(*shop(800), params=SMALL).score(x)
    assert ndcg(scores, labels, groups) > ndcg(x[:, 2], labels, groups) + 0.2


def test_onnx_equals_lightgbm() -> None:
    """Every score to 1e-5, wild values included, for any number of rows."""
    x, groups, labels = shop(400)
    trees = train(x, groups, labels, params=SMALL)
    wild = np.concatenate([x, 1e9 * x[:5], -1e9 * x[:5]]).astype(np.float32)
    for rows in (wild, wild[:1], wild[:0]):
        scores = served(trees).score(rows)
        assert scores.dtype == np.float32
        assert scores.shape == (len(rows),)
        np.testing.assert_allclose(scores, trees.score(rows), rtol=0, atol=1e-5)


def test_neighbouring_floats_stay_on_their_sides() -> None:
    """Two values with no float32 between them are told apart, by LightGBM as by onnxruntime.

    The threshold is between them in float64; the nearest float32 is the larger one for some pairs, which would then
    fall to the left with the smaller one.
    """
    for value in (1.0, 3.7, 1000.3, 16777213.0):
        low = np.float32(value)
        pairs = [(low, np.nextafter(low, np.float32(np.inf)))]
        pairs.append((pairs[0][1], np.nextafter(pairs[0][1], np.float32(np.inf))))
        for small, large in pairs:
            x = np.tile(np.array([[small, 0, 0, 0], [large, 0, 0, 0]], np.float32), (200, 1))
            labels = np.tile(np.array([0, 1], np.float32), 200)
            trees = train(x, np.arange(0, 401, 2), labels, params=Params(trees=2, leaves=2, leaf_rows=5))
            expected = trees.score(x[:2])
            assert expected[1] > expected[0]
            np.testing.assert_allclose(served(trees).score(x[:2]), expected, atol=1e-5)


def test_same_seed_same_bytes() -> None:
    """Twice the same file; other examples give another."""
    x, groups, labels = shop(300)
    one = to_onnx(train(x, groups, labels, params=SMALL, seed=5), NAMES)
    assert to_onnx(train(x, groups, labels, params=SMALL, seed=5), NAMES) == one
    assert to_onnx(train(*shop(300, seed=1), params=SMALL, seed=5), NAMES) != one


def test_features_in_another_order_are_refused() -> None:
    """The names travel with the trees as with the network."""
    model = to_onnx(train(*shop(100), params=SMALL), NAMES)
    with pytest.raises(ModelDamaged, match="another order"):
        OnnxScorer(model, NAMES[::-1])


def test_groups_that_teach_nothing_change_nothing() -> None:
    """Groups without a positive label are left out before LightGBM sees them."""
    x, groups, labels = shop(120)
    more_x, more_groups, _ = shop(30, seed=2)
    both = np.concatenate([x, more_x]), np.concatenate([groups, groups[-1] + more_groups[1:]])
    idle = np.concatenate([labels, np.zeros(len(more_x), np.float32)])
    assert train(*both, idle, params=SMALL).text == train(x, groups, labels, params=SMALL).text


def test_bad_input_is_named() -> None:
    """NaN with its place, labels that are no grades, nothing to learn, wrong names, values out of range."""
    x, groups, labels = shop(30)
    bad = x.copy()
    bad[3, 2] = np.nan
    with pytest.raises(InvalidInput, match=r"features\[3, 2\]: got nan"):
        train(bad, groups, labels)
    with pytest.raises(InvalidInput, match=r"labels: got 0\.5, expected whole numbers"):
        train(x, groups, labels / 2)
    with pytest.raises(InvalidInput, match="positive label"):
        train(x, groups, np.zeros_like(labels))
    with pytest.raises(InvalidInput, match="feature_names"):
        to_onnx(train(x, groups, labels, params=SMALL), NAMES[:3])
    with pytest.raises(InvalidInput, match=r"trees\.leaves"):
        Params(leaves=1)
