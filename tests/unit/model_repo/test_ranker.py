"""The listwise ranker: gradients, learning, ONNX, determinism."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from model_repo.ranker.build import Groups, Params, loss_and_gradients, summary, train
from model_repo.ranker.metrics import ndcg
from model_repo.ranker.network import Ranker, Scaling, averaged, initial_layers, listwise
from model_repo.ranker.onnx_file import to_onnx
from serving.core.errors import InvalidInput

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
NAMES = ("a", "b", "c", "d", "e")


def shop(groups: int, seed: int = 0) -> tuple[F32, I64, F32]:
    """Groups of 5 to 14 candidates; the bought one is decided by max(b, -b) + c, which no linear model can say."""
    rng = np.random.default_rng(seed)
    offsets = np.concatenate(([0], np.cumsum(rng.integers(5, 15, groups)))).astype(np.int64)
    x = rng.standard_normal((offsets[-1], 5)).astype(np.float32)
    x[:, 3] = x[:, 3] * 1e6 + 3e6
    x[:, 4] = 7.0
    labels = np.zeros(len(x), np.float32)
    for lo, hi in pairwise(offsets):
        labels[lo + np.argmax(np.abs(x[lo:hi, 1]) * 2 + x[lo:hi, 2])] = 1.0
    return x, offsets, labels


def test_gradients_equal_differences() -> None:
    """Every weight and bias of a small network, against central differences of the loss in float64."""
    rng = np.random.default_rng(0)
    layers = tuple((w.astype(np.float64), rng.standard_normal(b.shape)) for w, b in initial_layers((4, 6, 5, 1), rng))
    labels = np.array([1, 0, 0, 2, 1, 0, 0], np.float64)
    batch = Groups(rng.standard_normal((7, 4)), labels, np.array([0, 3, 7]))  # type: ignore[arg-type]
    _, gradients = loss_and_gradients(layers, batch)  # type: ignore[arg-type]
    for layer, slopes in zip(layers, gradients, strict=True):
        for value, slope in zip(layer, slopes, strict=True):
            for at in np.ndindex(value.shape):
                before = value[at]
                value[at] = before + 1e-5
                above, _ = loss_and_gradients(layers, batch)  # type: ignore[arg-type]
                value[at] = before - 1e-5
                below, _ = loss_and_gradients(layers, batch)  # type: ignore[arg-type]
                value[at] = before
                assert slope[at] == pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-5)


def test_listwise_loss_by_hand() -> None:
    """One group of two equal scores: log 2, gradient half and minus half; far-off scores overflow nothing."""
    loss, slope = listwise(np.zeros(2, np.float32), np.array([0, 3], np.float32), np.array([0, 2]))
    assert loss == pytest.approx(np.log(2))
    np.testing.assert_allclose(slope, [0.5, -0.5])
    loss, slope = listwise(np.array([1e4, 0], np.float32), np.array([1, 0], np.float32), np.array([0, 2]))
    assert loss == 0.0
    np.testing.assert_array_equal(slope, [0, 0])


def test_ndcg_by_hand() -> None:
    """A hit at rank 2 of one group, none within k of the other."""
    scores, labels = np.array([3, 2, 1, 9, 8, 7], np.float32), np.array([0, 1, 0, 0, 0, 1], np.float32)
    assert ndcg(scores, labels, np.array([0, 3, 6]), k=2) == pytest.approx((1 / np.log2(3) + 0) / 2)


def test_it_learns_what_a_linear_model_cannot() -> None:
    """The network orders unseen groups well, far better than the linear fallback and than chance."""
    x, groups, labels = shop(600)
    unseen = shop(200, seed=1)
    network = train(x, groups, labels, params=Params(epochs=12, batch_groups=16), seed=0)
    linear = train(x, groups, labels, params=Params(epochs=12, batch_groups=16, hidden=()), seed=0)
    deep = summary(network, unseen[0], unseen[1], unseen[2])["ndcg@10"]
    flat = summary(linear, unseen[0], unseen[1], unseen[2])["ndcg@10"]
    assert deep > 0.9
    assert deep > flat + 0.1


def test_few_groups_make_a_linear_model() -> None:
    """Below the threshold there is one layer, and groups that teach nothing do not count."""
    x, groups, labels = shop(220)
    labels[: groups[50]] = 0.0
    assert len(train(x, groups, labels, params=Params(epochs=2)).layers) == 1
    assert len(train(x, groups, labels, params=Params(epochs=2, linear_below_groups=100)).layers) == 2


@pytest.mark.parametrize("signed_log", [False, True])
@pytest.mark.parametrize("hidden", [(), (64, 32)])
def test_onnx_equals_numpy(hidden: tuple[int, ...], signed_log: bool) -> None:
    """The exported graph scores as the trained network, wild values included, for any number of rows."""
    x, groups, labels = shop(250)
    ranker = train(x, groups, labels, params=Params(epochs=2, hidden=hidden, signed_log=signed_log))
    session = onnxruntime.InferenceSession(to_onnx(ranker, NAMES), providers=["CPUExecutionProvider"])
    wild = np.concatenate([x[:300], 1e9 * x[:5], -1e9 * x[:5]]).astype(np.float32)
    for rows in (wild, wild[:1], wild[:0]):
        (scores,) = session.run(["scores"], {"features": rows})
        assert scores.shape == (len(rows),)
        np.testing.assert_allclose(scores, ranker.score(rows), rtol=1e-4, atol=1e-4)
    assert session.get_modelmeta().custom_metadata_map["features"].split("\n") == list(NAMES)


def test_same_seed_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the same file, on one core and on all; another seed gives another."""
    x, groups, labels = shop(300)
    params = Params(epochs=2)
    one = to_onnx(train(x, groups, labels, params=params, seed=5), NAMES)
    monkeypatch.setattr("model_repo.ranker.build.cores", lambda: 1)
    assert to_onnx(train(x, groups, labels, params=params, seed=5), NAMES) == one
    assert to_onnx(train(x, groups, labels, params=params, seed=6), NAMES) != one


def test_scaling_survives_outliers_and_constants() -> None:
    """One wild value does not set the scale, a constant says nothing, a rare flag shows, all is within the clip."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5000, 3)).astype(np.float32)
    x[0, 0], x[:, 1], x[:, 2] = 1e9, 4.0, 0.0
    x[7, 2] = 1.0
    scaled = Scaling.fit(x, signed_log=False)(x)
    assert 0.9 < scaled[1:, 0].std() < 1.1
    assert (scaled[:, 1] == 0).all()
    assert scaled[7, 2] == 8.0
    assert np.abs(scaled).max() <= 8.0


def test_bad_input_is_named() -> None:
    """NaN with its place, labels of another length, offsets that do not fit, nothing to learn, wrong names."""
    x, groups, labels = shop(30)
    bad = x.copy()
    bad[3, 2] = np.nan
    with pytest.raises(InvalidInput, match=r"features\[3, 2\]: got nan"):
        train(bad, groups, labels)
    with pytest.raises(InvalidInput, match="labels"):
        train(x, groups, labels[:-1])
    with pytest.raises(InvalidInput, match="groups"):
        train(x, groups[:-1], labels)
    with pytest.raises(InvalidInput, match="positive label"):
        train(x, groups, np.zeros_like(labels))
    with pytest.raises(InvalidInput, match="feature_names"):
        to_onnx(train(x, groups, labels, params=Params(epochs=1)), NAMES[:4])
    with pytest.raises(InvalidInput, match=r"ranker\.learning_rate"):
        Params(learning_rate=0.0)


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
def test_averaged_networks_score_the_mean(hidden: tuple[int, ...]) -> None:
    """Three networks side by side in one, whatever their depth."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 4)).astype(np.float32)
    scaling = Scaling(np.zeros(4, np.float32), np.ones(4, np.float32), False)
    nets = [initial_layers((4, *hidden, 1), rng) for _ in range(3)]
    mean = np.mean([Ranker(scaling, net).score(x) for net in nets], axis=0)
    np.testing.assert_allclose(Ranker(scaling, averaged(nets)).score(x), mean, atol=1e-6)
    assert {array.dtype for layer in averaged(nets) for array in layer} == {np.dtype(np.float32)}
