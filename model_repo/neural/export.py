"""A neural model as an ONNX file of the contract that every shadow has; see serving/adapters/history_scorer.py."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto, checker, helper, numpy_helper

from model_repo.neural.graphs import LOGITS, Graph
from model_repo.neural.models import Learnt
from model_repo.ranker.onnx_file import IR_VERSION, OPSET
from serving.adapters.model_files import fingerprint


def to_onnx(learnt: Learnt, item_ids: Sequence[str], *, own: float, half_life_days: float) -> bytes:
    """The file: "history" float32 [b, n] -> "scores" float32 [b, n], a softmax over the items, higher is better.

    own: how much what was bought speaks for itself, in logits of a history of unit length. half_life_days: at which a
    purchase counts half in the history; it stands in the metadata for whoever makes the history, beside the model's
    name and the fingerprint of the items. The scale of a history does not matter. Deterministic.
    """
    n, graph = len(item_ids), Graph()
    seen = graph.unit("history")
    logits = LOGITS[learnt.model](graph, seen, learnt.weights)
    kept = graph.add("Mul", seen, graph.constant("own", own))
    graph.add("Softmax", graph.add("Add", logits, kept), out="scores", axis=1)
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            learnt.model,
            [helper.make_tensor_value_info("history", TensorProto.FLOAT, ["b", n])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["b", n])],
            [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="storegate",
    )
    facts = {
        "model": learnt.model,
        "half_life_days": repr(half_life_days),
        "items": fingerprint(item_ids).tobytes().hex(),
    }
    helper.set_model_props(model, facts)
    checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data
