"""What an ONNX file must not hold: data that lies in other files, and operators that are not ONNX's own.

Both let a file of numbers reach beyond itself: external data names paths on this machine, a custom operator needs a
library that is loaded into the process. Read with the onnx package, before onnxruntime sees the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from serving.core.errors import ModelRefused

DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
"""Of ONNX's own operators: the general ones and the trees."""
EXTERNAL_DATA: Final = "external-data"
OPERATOR: Final = "operator"


def check_graph(model: bytes, name: str) -> None:
    """Raises ModelRefused, saying which tensor or operator, for a file that is not self-contained.

    Bytes that are no ONNX file pass: onnxruntime says what is wrong with them.
    """
    parsed = ModelProto()
    try:
        parsed.ParseFromString(model)
    except DecodeError:
        return
    for node in (*_nodes(parsed.graph), *(node for function in parsed.functions for node in _within(function.node))):
        if node.domain not in DOMAINS:
            problem = f"the operator {node.op_type} is of the domain {node.domain!r}, expected one of ONNX's own"
            raise ModelRefused(name, OPERATOR, problem)
        _check_tensors(_constants(node), name)
    for graph in _graphs(parsed):
        sparse = (part for one in graph.sparse_initializer for part in (one.values, one.indices))
        _check_tensors((*graph.initializer, *sparse), name)


def _check_tensors(tensors: Any, name: str) -> None:
    for tensor in tensors:
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            problem = f"the tensor {tensor.name!r} lies in another file, expected all of the model in one"
            raise ModelRefused(name, EXTERNAL_DATA, problem)


def _graphs(model: ModelProto) -> Iterator[GraphProto]:
    """The graph, and every graph within a node of it: the branches of If, the body of Loop."""
    yield model.graph
    for node in (*_nodes(model.graph), *(node for function in model.functions for node in _within(function.node))):
        yield from _bodies(node)


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    return _within(graph.node)


def _within(nodes: Any) -> Iterator[NodeProto]:
    """The nodes, and those of the graphs within them."""
    for node in nodes:
        yield node
        for body in _bodies(node):
            yield from _within(body.node)


def _bodies(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs


def _constants(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.TENSOR:
            yield attribute.t
        yield from attribute.tensors
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
