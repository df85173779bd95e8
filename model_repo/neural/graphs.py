"""The layers of each neural model as ONNX nodes: from the history to one logit an item.

Written by hand rather than by PyTorch's exporter: the same weights give the same bytes on every version of it, and a
gateway's machine can write and read them without PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import NodeProto, helper

from model_repo.neural.models import ITEM2VEC, MULT_VAE, NEUMF, WIDE_DEEP
from serving.core.ports import F32

EPSILON = 1e-12
"""Shorter vectors count as zero when they are divided by their length."""
COSINE_SCALE = 20.0
"""Logits of cosines: the softmax at the end must tell them apart; the order is the same with any other."""


class Graph:
    """Nodes and constants; every result has a name of its own."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, op: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """One node; returns the name of its result."""
        name = out or f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [*inputs], [name], **attributes))
        return name

    def constant(self, name: str, value: Any, dtype: type = np.float32) -> str:
        """An array the nodes can name."""
        self.constants[name] = np.ascontiguousarray(value, dtype)
        return name

    def unit(self, rows: str) -> str:
        """Rows (b, k) divided by their length, zeros left as they are."""
        length = self.add("ReduceL2", rows, axes=[1], keepdims=1)
        return self.add("Div", rows, self.add("Max", length, self.constant("epsilon", EPSILON)))

    def dense(self, rows: str, weights: Mapping[str, F32], name: str, then: str = "") -> str:
        """rows @ name_w + name_b, through the activation `then`."""
        matrix = self.constant(f"{name}_w", weights[f"{name}_w"])
        made = self.add("Gemm", rows, matrix, self.constant(f"{name}_b", weights[f"{name}_b"]))
        return self.add(then, made) if then else made


def mult_vae(graph: Graph, seen: str, weights: Mapping[str, F32]) -> str:
    """The mean of the latent, decoded; nothing is drawn when it answers."""
    hidden = graph.dense(seen, weights, "encode", "Tanh")
    latent = graph.dense(hidden, weights, "mean")
    return graph.dense(graph.dense(latent, weights, "decode", "Tanh"), weights, "out")


def wide_deep(graph: Graph, seen: str, weights: Mapping[str, F32]) -> str:
    """Both parts, added up."""
    deep = seen
    for name in ("embed", "first", "second"):
        deep = graph.dense(deep, weights, name, "Relu")
    head = graph.add("Gather", seen, graph.constant("head", weights["head"], np.int64), axis=1)
    wide = graph.add("MatMul", head, graph.constant("wide", weights["wide"]))
    return graph.add("Add", graph.dense(deep, weights, "out"), wide)


def neumf(graph: Graph, seen: str, weights: Mapping[str, F32]) -> str:
    """The first layer of the MLP is cut in two: the items' half is computed here, once for all visitors."""
    d = weights["item_gmf"].shape[1]
    of_user, of_item = weights["first_w"][:d], weights["item_mlp"] @ weights["first_w"][d:] + weights["first_b"]
    gmf = graph.add("Mul", graph.dense(seen, weights, "user_gmf"), graph.constant("out_gmf", weights["out_gmf"]))
    product = graph.add("MatMul", gmf, graph.constant("item_gmf", weights["item_gmf"].T))
    half = graph.add(
        "MatMul", graph.dense(seen, weights, "user_mlp"), graph.constant("of_user", of_user)
    )  # (b, d), beside (n, d) of the items: (b, n, d)
    apart = graph.add("Unsqueeze", half, graph.constant("middle", [1], np.int64))
    tower = graph.add("Relu", graph.add("Add", apart, graph.constant("of_item", of_item)))
    for name in ("second", "out_mlp"):
        made = graph.add("MatMul", tower, graph.constant(f"{name}_w", weights[f"{name}_w"]))
        tower = graph.add("Add", made, graph.constant(f"{name}_b", weights[f"{name}_b"]))
        tower = graph.add("Relu", tower) if name == "second" else tower
    deep = graph.add("Squeeze", tower, graph.constant("last", [2], np.int64))
    return graph.add("Add", graph.add("Add", product, deep), graph.constant("item_bias", weights["item_bias"]))


def item2vec(graph: Graph, seen: str, weights: Mapping[str, F32]) -> str:
    """Cosines of the items with the sum of what was bought."""
    vectors = weights["vectors"]
    taste = graph.unit(graph.add("MatMul", seen, graph.constant("vectors", vectors)))
    return graph.add("MatMul", taste, graph.constant("scaled", COSINE_SCALE * vectors.T))


LOGITS: dict[str, Callable[[Graph, str, Mapping[str, F32]], str]] = {
    NEUMF: neumf,
    WIDE_DEEP: wide_deep,
    MULT_VAE: mult_vae,
    ITEM2VEC: item2vec,
}
"""Model -> what adds its nodes; (graph, history of unit length (b, n), weights) -> logits (b, n)."""
