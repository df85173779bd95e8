"""Small ONNX models over purchase histories, for the tests of shadows. Read with runpy."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto, helper

from serving.adapters.model_files import fingerprint


def history_model(
    item_ids: Sequence[str], op: str = "Identity", *, width: int = 0, half_life_days: str = "10", kind: int = 1
) -> bytes:
    """scores = op(history): the history itself, or for example Neg or Log (not finite where it is 0)."""
    n = width or len(item_ids)
    graph = helper.make_graph(
        [helper.make_node(op, ["history"], ["scores"])],
        "shadow",
        [helper.make_tensor_value_info("history", kind, ["b", n])],
        [helper.make_tensor_value_info("scores", kind, ["b", n])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    facts = {"model": op.lower(), "half_life_days": half_life_days, "items": fingerprint(item_ids).tobytes().hex()}
    helper.set_model_props(model, facts)
    data: bytes = model.SerializeToString()
    return data


DOUBLE = TensorProto.DOUBLE
