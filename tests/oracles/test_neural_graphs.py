"""The ONNX graph of each neural model equals its NumPy twin; no PyTorch is needed for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from model_repo.neural.export import to_onnx
from model_repo.neural.graphs import COSINE_SCALE
from model_repo.neural.models import ITEM2VEC, MODELS, MULT_VAE, NEUMF, WIDE_DEEP, Learnt
from serving.adapters.history_scorer import HistoryScorer

N, D, H = 30, 8, 12
IDS = [f"i{row}" for row in range(N)]
Weights = Mapping[str, np.ndarray]


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def dense(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    return x @ w[f"{name}_w"] + w[f"{name}_b"]


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def mult_vae(x: np.ndarray, w: Weights) -> np.ndarray:
    latent = dense(np.tanh(dense(x, w, "encode")), w, "mean")
    return dense(np.tanh(dense(latent, w, "decode")), w, "out")


def wide_deep(x: np.ndarray, w: Weights) -> np.ndarray:
    deep = relu(dense(relu(dense(relu(dense(x, w, "embed")), w, "first")), w, "second"))
    return dense(deep, w, "out") + x[:, w["head"].astype(int)] @ w["wide"]


def neumf(x: np.ndarray, w: Weights) -> np.ndarray:
    """Pair by pair, as in the paper."""
    scores = np.zeros((len(x), N))
    for user, (gmf, mlp) in enumerate(zip(dense(x, w, "user_gmf"), dense(x, w, "user_mlp"), strict=True)):
        for item in range(N):
            tower = relu(dense(np.concatenate([mlp, w["item_mlp"][item]]), w, "first"))
            deep = dense(relu(dense(tower, w, "second")), w, "out_mlp")[0]
            scores[user, item] = gmf * w["item_gmf"][item] @ w["out_gmf"] + deep + w["item_bias"][item]
    return scores


def item2vec(x: np.ndarray, w: Weights) -> np.ndarray:
    return COSINE_SCALE * unit(x @ w["vectors"]) @ w["vectors"].T


SHAPES = {
    MULT_VAE: {"encode": (N, H), "mean": (H, D), "decode": (D, H), "out": (H, N)},
    WIDE_DEEP: {"embed": (N, D), "first": (D, H), "second": (H, H), "out": (H, N)},
    NEUMF: {"user_gmf": (N, D), "user_mlp": (N, D), "first": (2 * D, D), "second": (D, D // 2), "out_mlp": (D // 2, 1)},
    ITEM2VEC: {},
}
OTHERS = {
    MULT_VAE: {},
    WIDE_DEEP: {"wide": (5, N)},
    NEUMF: {"item_gmf": (N, D), "item_mlp": (N, D), "out_gmf": (D,), "item_bias": (N,)},
    ITEM2VEC: {"vectors": (N, D)},
}
TWINS: dict[str, Callable[[np.ndarray, Weights], np.ndarray]] = {
    MULT_VAE: mult_vae, WIDE_DEEP: wide_deep, NEUMF: neumf, ITEM2VEC: item2vec,
}  # fmt: skip


def weights(model: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = dict(OTHERS[model])
    for name, (rows, cols) in SHAPES[model].items():
        shapes |= {f"{name}_w": (rows, cols), f"{name}_b": (cols,)}
    made = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    if model == WIDE_DEEP:
        made["head"] = np.array([1, 4, 9, 16, 25], np.float32)
    return made


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("own", [0.0, 3.0])
def test_the_graph_is_its_twin(model: str, own: float) -> None:
    """softmax(logits + own * history), the history of unit length; nobody's history included."""
    rng = np.random.default_rng(0)
    made = weights(model, rng)
    history = (rng.random((6, N)) * (rng.random((6, N)) < 0.3)).astype(np.float32)
    history[2] = 0.0
    scorer = HistoryScorer(to_onnx(Learnt(model, made), IDS, own=own, half_life_days=30.0), IDS)
    x = unit(history)
    logits = TWINS[model](x, made) + own * x
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scorer.score(history), expected, rtol=2e-3, atol=1e-6)
    assert (scorer.model, scorer.half_life_days) == (model, 30.0)


@pytest.mark.parametrize("model", MODELS)
def test_the_scale_of_a_history_does_not_matter(model: str) -> None:
    """So a visitor who has not come for long is answered as before; and the same weights give the same bytes."""
    made = Learnt(model, weights(model, np.random.default_rng(1)))
    history = np.random.default_rng(2).random((2, N), np.float32)
    file = to_onnx(made, IDS, own=2.0, half_life_days=30.0)
    scorer = HistoryScorer(file, IDS)
    np.testing.assert_allclose(scorer.score(history), scorer.score(0.01 * history), rtol=2e-3, atol=1e-6)
    assert file == to_onnx(made, IDS, own=2.0, half_life_days=30.0)
