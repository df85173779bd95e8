"""core.ports.Scorer over onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from serving.adapters.onnx_checks import check_graph
from serving.core.errors import ModelDamaged, ModelFailed
from serving.core.ports import F32


class OnnxScorer:
    """A ranking model in ONNX, run on the calling thread.

    `run` with a dict was onnxruntime's cheapest way in for one small input when it was chosen.
    """

    def __init__(self, model: bytes, feature_names: Sequence[str], name: str = "ranker") -> None:
        """model: the file's bytes. Raises ModelDamaged, naming `name`, unless it scores exactly these features, and
        ModelRefused for what onnx_checks.py forbids."""
        check_graph(model, name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each way to be unreadable
            raise ModelDamaged(f"{name}: onnxruntime cannot read it: {error}", model=name) from error
        _check_signature(session, len(feature_names), name)
        trained_on = session.get_modelmeta().custom_metadata_map.get("features", "").split("\n")
        check_features(trained_on, feature_names, name)
        self._name, self._run = name, session.run

    def score(self, features: F32) -> F32:
        """features: (n, f) float32. Returns (n,) float32. Raises ModelFailed when onnxruntime fails to run.

        Another shape or dtype is a defect of the caller and stays onnxruntime's own InvalidArgument.
        """
        try:
            scores: F32 = self._run(["scores"], {"features": features})[0]
        except (Fail, RuntimeException) as error:
            raise ModelFailed(self._name, str(error)) from error
        return scores


def _check_signature(session: Any, width: int, name: str) -> None:
    """Raises ModelDamaged unless the graph maps "features" float32 [n, width] to "scores" float32 [n]."""
    found = [(node.name, node.type, list(node.shape)) for node in (*session.get_inputs(), *session.get_outputs())]
    shapes = [(node, kind, [size if isinstance(size, int) else "n" for size in shape]) for node, kind, shape in found]
    expected = [("features", "tensor(float)", ["n", width]), ("scores", "tensor(float)", ["n"])]
    if shapes != expected:
        raise ModelDamaged(f"{name}: the model has {shapes}, expected {expected}", model=name)


def check_features(found: Sequence[str], expected: Sequence[str], name: str) -> None:
    """Raises ModelDamaged when a model was trained on other features than are computed here, or in another order."""
    if list(found) == list(expected):
        return
    missing = [feature for feature in expected if feature not in found]
    unknown = [feature for feature in found if feature not in expected]
    difference = f"it lacks {missing} and has {unknown}" if missing or unknown else "the same features in another order"
    raise ModelDamaged(
        f"{name}: it was trained on other features than this version computes ({difference}): run `storegate train`",
        model=name,
    )
