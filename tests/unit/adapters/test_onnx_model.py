"""Any ONNX model of tensors, as onnxruntime runs it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx_models import DATATYPES, echo, model, operation

from serving.adapters.onnx_model import OnnxModel
from serving.core.errors import InvalidInput, ModelDamaged, ModelFailed
from serving.core.tensors import DTYPES, TensorSpec


def test_a_datatype_for_every_type_of_onnx() -> None:
    assert set(DATATYPES) == set(DTYPES)


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("rows", [0, 3])
def test_every_datatype_goes_through(datatype: str, rows: int) -> None:
    """Elements, shape and type; also where there are no elements at all."""
    made = OnnxModel(echo(datatype), "echo")
    values = np.arange(2 * rows).reshape(rows, 2).astype(str if datatype == "BYTES" else DTYPES[datatype])
    values = values.astype(DTYPES[datatype])
    (found,) = made.run({"x": values}, ["y"])
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert found.tolist() == values.tolist()
    assert made.inputs == (TensorSpec("x", datatype, (-1, 2), ("n", "")),)


def test_bits_of_bfloat16_beside_other_types() -> None:
    """Outputs in the order in which they were asked for, each of its own type."""
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT), helper.make_node("Identity", ["x"], ["z"])]
    made = OnnxModel(model(nodes, {"x": ("BF16", ["n"])}, {"y": ("FP32", ["n"]), "z": ("BF16", ["n"])}), "cast")
    bits = np.array([0x3F80, 0xC000], np.uint16)
    z, y = made.run({"x": bits}, ["z", "y"])
    assert (y.tolist(), y.dtype) == ([1.0, -2.0], np.float32)
    assert z.tolist() == bits.tolist()


@pytest.mark.parametrize(
    ("inputs", "outputs", "rows"),
    [
        ({"x": ("FP32", ["n", 2])}, {"y": ("FP32", ["n", 2])}, 8),
        ({"x": ("FP32", ["n", "m"])}, {"y": ("FP32", ["n", "m"])}, 8),
        ({"x": ("FP32", [4, 2])}, {"y": ("FP32", [4, 2])}, 0),
        ({"x": ("FP32", ["n", 2])}, {"y": ("FP32", ["k", 2])}, 0),
        ({"x": ("FP32", [None, 2])}, {"y": ("FP32", [None, 2])}, 0),
        ({"x": ("FP32", [])}, {"y": ("FP32", [])}, 0),
    ],
    ids=["rows", "rows of any width", "fixed", "another size comes out", "sizes without a name", "scalars"],
)
def test_what_is_a_batch(inputs: dict, outputs: dict, rows: int) -> None:
    """Rows are a batch where every tensor begins with one open size of one name, and the model's description agrees."""
    data = operation("Identity", inputs, outputs)
    assert OnnxModel(data, "m", batch_limit_rows=8).rows_max == rows
    assert OnnxModel(data, "m").rows_max == 0


def test_what_is_no_model_of_tensors_is_refused() -> None:
    with pytest.raises(ModelDamaged, match=r"^m: onnxruntime cannot read it"):
        OnnxModel(b"nothing", "m")
    graph = helper.make_graph(
        [helper.make_node("SequenceConstruct", ["x"], ["s"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    with pytest.raises(ModelDamaged, match=r"m: s is a seq\(tensor\(float\)\), and only tensors"):
        OnnxModel(made.SerializeToString(), "m")


def test_strings_beside_bfloat16_are_refused_when_loaded() -> None:
    """And not with the first request."""
    both = {"x": ("BF16", ["n"]), "t": ("BYTES", ["n"])}
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Identity", ["t"], ["u"])]
    with pytest.raises(ModelDamaged, match="no strings from Python beside bfloat16"):
        OnnxModel(model(nodes, both, {"y": ("BF16", ["n"]), "u": ("BYTES", ["n"])}), "m")


def test_failures_of_a_run_are_told_apart() -> None:
    """What the runtime does not take is the caller's, what fails on the way the model's."""
    pair = {"a": ("FP32", ["n", "k"]), "b": ("FP32", ["k2", "m"])}
    product = OnnxModel(operation("MatMul", pair, {"c": ("FP32", ["n", "m"])}), "product")
    two, three = np.ones((2, 2), np.float32), np.ones((3, 3), np.float32)
    with pytest.raises(ModelFailed, match="product"):
        product.run({"a": two, "b": three}, ["c"])
    with pytest.raises(InvalidInput, match=r"inputs: got .*'a': \[2\].* expected what the model takes: .*Invalid rank"):
        product.run({"a": two[0], "b": two}, ["c"])
