"""A model over purchase histories, in ONNX: what every shadow model has to be, whoever trained it.

Input "history" float32 [b, n]: the weight, at least 0, of each of the release's n items in a visitor's purchases.
Output "scores" float32 [b, n]: higher is better. Metadata: "items", the fingerprint of the item ids in their order, in
hexadecimal digits; "half_life_days", the age at which a purchase counts half in the history.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from serving.adapters.model_files import fingerprint
from serving.adapters.onnx_checks import check_graph
from serving.core.errors import ModelDamaged, ModelFailed
from serving.core.ports import F32


class HistoryScorer:
    """The session, run on the calling thread, with its memory given back after each run: it is rarely asked."""

    def __init__(self, model: bytes, item_ids: Sequence[str], name: str = "shadow") -> None:
        """model: the file's bytes. Raises ModelDamaged, naming `name`, unless it is as said above, over these items;
        ModelRefused for what onnx_checks.py forbids."""
        check_graph(model, name)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each way to be unreadable
            raise ModelDamaged(f"{name}: onnxruntime cannot read it: {error}", model=name) from error
        _check_signature(session, len(item_ids), name)
        facts = session.get_modelmeta().custom_metadata_map
        if facts.get("items") != fingerprint(item_ids).tobytes().hex():
            raise ModelDamaged(f"{name}: it was trained over other items than the release's", model=name)
        self.half_life_days = _half_life(facts.get("half_life_days", ""), name)
        self.model = facts.get("model") or name
        """What it calls itself."""
        self._run = session.run

    def score(self, history: F32) -> F32:
        """history: (b, n) float32. Returns (b, n) float32. Raises ModelFailed when onnxruntime fails to run."""
        try:
            scores: F32 = self._run(["scores"], {"history": history})[0]
        except (Fail, RuntimeException) as error:
            raise ModelFailed(self.model, str(error)) from error
        return scores


def _check_signature(session: Any, n: int, name: str) -> None:
    """Raises ModelDamaged unless the graph is of the contract."""
    found = [(node.name, node.type, list(node.shape)) for node in (*session.get_inputs(), *session.get_outputs())]
    shapes = [(node, kind, ["b", *shape[1:]] if shape else shape) for node, kind, shape in found]
    expected = [("history", "tensor(float)", ["b", n]), ("scores", "tensor(float)", ["b", n])]
    if shapes != expected or any(isinstance(shape[0], int) for _, _, shape in found):
        raise ModelDamaged(f"{name}: the model has {found}, expected {expected}", model=name)


def _half_life(text: str, name: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = math.nan
    if not days > 0:
        raise ModelDamaged(f"{name}: half_life_days in its metadata is {text!r}, expected days above 0", model=name)
    return days
