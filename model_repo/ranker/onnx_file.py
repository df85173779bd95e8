"""The ranker as an ONNX graph: for a network the scaling, then one Gemm a layer; for trees one tree node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import NodeProto, TensorProto, checker, helper, numpy_helper

from model_repo.ranker.network import CLIP, Ranker
from model_repo.ranker.trees import Trees
from serving.core.errors import InvalidInput

OPSET, TREE_OPSET, IR_VERSION = 17, 1, 8
"""Old enough for every onnxruntime that pyproject.toml allows."""
CONVERTER_OPSET = 15
"""The newest that onnxmltools writes; of its graph only the tree node is taken, and that is of TREE_OPSET."""


def to_onnx(ranker: Ranker | Trees, feature_names: Sequence[str]) -> bytes:
    """The file's bytes: input "features" float32 [n, f], output "scores" float32 [n].

    The names stand in the metadata under "features", one a line, so that a scorer can refuse a model that was
    trained on others. Deterministic. Raises InvalidInput when the names are not as many as the inputs.
    """
    width = len(ranker.scaling.mean) if isinstance(ranker, Ranker) else ranker.width
    if len(feature_names) != width:
        raise InvalidInput("feature_names", len(feature_names), f"one name for each of the {width} features")
    nodes, constants = _layers(ranker) if isinstance(ranker, Ranker) else _ensemble(ranker)
    graph = helper.make_graph(
        nodes,
        "ranker",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = {"": OPSET, **{node.domain: TREE_OPSET for node in nodes if node.domain}}
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        ir_version=IR_VERSION,
        producer_name="storegate",
    )
    helper.set_model_props(model, {"features": "\n".join(feature_names)})
    checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _layers(ranker: Ranker) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    constants: dict[str, np.ndarray] = {
        "mean": ranker.scaling.mean,
        "inverse_std": ranker.scaling.inverse_std,
        "zero": np.zeros_like(ranker.scaling.mean),
        "unit": np.ones_like(ranker.scaling.mean),
        "low": np.array(-CLIP, np.float32),
        "high": np.array(CLIP, np.float32),
        "flat": np.array([-1], np.int64),
    }
    nodes: list[NodeProto] = []
    last = "features"

    def add(op: str, *inputs: str, out: str, **attributes: float) -> str:
        nodes.append(helper.make_node(op, [*inputs], [out], **attributes))
        return out

    if ranker.scaling.signed_log:
        constants["one"] = np.array(1, np.float32)
        size = add("Add", add("Abs", last, out="size"), "one", out="size_one")
        last = add("Mul", add("Sign", last, out="sign"), add("Log", size, out="log"), out="logged")
    # (x - mean) * inverse_std as one node, which goes over the batch once
    last = add("BatchNormalization", last, "inverse_std", "zero", "mean", "unit", out="scaled", epsilon=0.0)
    last = add("Clip", last, "low", "high", out="clipped")
    for depth, (weights, bias) in enumerate(ranker.layers):
        constants[f"w{depth}"], constants[f"b{depth}"] = weights, bias
        last = add("Gemm", last, f"w{depth}", f"b{depth}", out=f"dense{depth}")
        if depth + 1 < len(ranker.layers):
            last = add("Relu", last, out=f"relu{depth}")
    add("Reshape", last, "flat", out="scores")
    return nodes, constants


def _ensemble(trees: Trees) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """onnxmltools' node of the trees, with its (n, 1) made flat."""
    import lightgbm
    import onnxmltools  # with scikit-learn behind it: only when trees are written
    from onnxmltools.convert.common.data_types import FloatTensorType

    graph = onnxmltools.convert_lightgbm(
        lightgbm.Booster(model_str=trees.text),
        initial_types=[("features", FloatTensorType([None, trees.width]))],
        target_opset=CONVERTER_OPSET,
    ).graph
    (ensemble,) = (node for node in graph.node if node.op_type == "TreeEnsembleRegressor")
    del ensemble.input[:], ensemble.output[:]
    ensemble.input.append("features")
    ensemble.output.append("column")
    ensemble.name = "trees"
    flat = helper.make_node("Reshape", ["column", "flat"], ["scores"])
    return [ensemble, flat], {"flat": np.array([-1], np.int64)}
