"""Small ONNX models, and their versions on the disk as the gateway reads them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from onnx import NodeProto, TensorProto, helper

DATATYPES: Final = {
    "BOOL": TensorProto.BOOL,
    "INT8": TensorProto.INT8,
    "INT16": TensorProto.INT16,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "UINT8": TensorProto.UINT8,
    "UINT16": TensorProto.UINT16,
    "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64,
    "FP16": TensorProto.FLOAT16,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BF16": TensorProto.BFLOAT16,
    "BYTES": TensorProto.STRING,
}
"""Datatype of the Open Inference Protocol -> ONNX's."""

Shape = Sequence[int | str | None]
Tensors = Mapping[str, tuple[str, Shape]]
"""Name -> (datatype, shape); a text or None in a shape = any size."""


def model(nodes: Sequence[NodeProto], inputs: Tensors, outputs: Tensors) -> bytes:
    """The ONNX file."""

    def values(tensors: Tensors) -> list[object]:
        return [helper.make_tensor_value_info(name, DATATYPES[kind], shape) for name, (kind, shape) in tensors.items()]

    graph = helper.make_graph(nodes, "small", values(inputs), values(outputs))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    data: bytes = made.SerializeToString()
    return data


def echo(datatype: str, shape: Shape = ("n", 2)) -> bytes:
    """y = x."""
    return model([helper.make_node("Identity", ["x"], ["y"])], {"x": (datatype, shape)}, {"y": (datatype, shape)})


def operation(name: str, inputs: Tensors, outputs: Tensors) -> bytes:
    """One operator over all inputs."""
    return model([helper.make_node(name, list(inputs), list(outputs))], inputs, outputs)


def write_model(
    home: Path, name: str, version: str, onnx: bytes, batch_limit_rows: int = 0, description: str = ""
) -> Path:
    """One version with its checksums, there at once or not at all; returns its folder.

    description: of its model.toml; batch_limit_rows stands for the one that says so, 0 and "" = there is none.
    """
    files = {"model.onnx": onnx}
    if batch_limit_rows or description:
        files["model.toml"] = (description or f"batch_limit_rows = {batch_limit_rows}\n").encode()
    sums = [f"{hashlib.sha256(data).hexdigest()}  {file}\n" for file, data in files.items()]
    files["SHA256SUMS"] = "".join(sums).encode()
    draft = home / "models" / name / f".{version}"
    draft.mkdir(parents=True)
    for file, data in files.items():
        (draft / file).write_bytes(data)
    target = draft.with_name(version)
    os.rename(draft, target)
    return target
