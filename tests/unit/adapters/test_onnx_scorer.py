"""The scorer runs the published ranker, and refuses any other model by name."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from model_repo.ranker.network import Ranker, Scaling, initial_layers
from model_repo.ranker.onnx_file import to_onnx
from serving.adapters.onnx_scorer import OnnxScorer
from serving.core.errors import ModelDamaged

NAMES = ("price", "age", "taste")


def ranker(width: int = 3) -> Ranker:
    layers = initial_layers((width, 8, 1), np.random.default_rng(0))
    return Ranker(Scaling(np.zeros(width, np.float32), np.ones(width, np.float32), False), layers)


def test_batch_equals_single_and_numpy() -> None:
    """Scores of 500 rows at once are those of the rows alone, and the trained network's."""
    features = np.random.default_rng(1).standard_normal((500, 3)).astype(np.float32)
    scorer = OnnxScorer(to_onnx(ranker(), NAMES), NAMES)
    together = scorer.score(features)
    alone = np.concatenate([scorer.score(features[row : row + 1]) for row in range(500)])
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(together, ranker().score(features), rtol=1e-4, atol=1e-4)


def test_other_features_are_refused_with_the_difference() -> None:
    """Renamed, reordered or fewer features: the message says which, and what to run."""
    model = to_onnx(ranker(), NAMES)
    with pytest.raises(ModelDamaged, match=r"it lacks \['colour'\] and has \['age'\]"):
        OnnxScorer(model, ("price", "colour", "taste"))
    with pytest.raises(ModelDamaged, match=r"another order.*storegate train"):
        OnnxScorer(model, ("age", "price", "taste"))
    with pytest.raises(ModelDamaged, match=r"ranker: the model has .*'n', 3.*expected .*'n', 2"):
        OnnxScorer(model, NAMES[:2])


def test_what_is_not_a_ranker_is_refused() -> None:
    """Bytes that are no model, and a model with another signature."""
    with pytest.raises(ModelDamaged, match="ranker: onnxruntime cannot read it"):
        OnnxScorer(b"not a model", NAMES)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "other",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["n", 3])],
    )
    other = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ModelDamaged, match="tensor"):
        OnnxScorer(other.SerializeToString(), NAMES)
