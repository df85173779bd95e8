"""core.ports.TensorModel over onnxruntime: any model whose inputs and outputs are tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from serving.core.errors import InvalidInput, ModelDamaged, ModelFailed
from serving.core.tensors import BF16, BYTES, DTYPES, Array, TensorSpec

DATATYPES: Final = {
    "tensor(bool)": "BOOL",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(bfloat16)": "BF16",
    "tensor(string)": "BYTES",
}
BF16_ONNX: Final = 16
"""onnx.TensorProto.BFLOAT16."""


class OnnxModel:
    """Run on the calling thread. Its memory is given back after each run: what callers send has any size."""

    def __init__(self, model: bytes, name: str, batch_limit_rows: int = 0) -> None:
        """model: the file's bytes. batch_limit_rows: 0 = it takes no batches, whatever its shapes say.

        Raises ModelDamaged, naming `name`, when onnxruntime cannot read it or it has anything but tensors.
        """
        try:
            session = onnxruntime.InferenceSession(model, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a class of its own for each way to be unreadable
            raise ModelDamaged(f"{name}: onnxruntime cannot read it: {error}", model=name) from error
        self.inputs = _specs(session.get_inputs(), name)
        self.outputs = _specs(session.get_outputs(), name)
        self.rows_max = batch_limit_rows if _has_batches((*self.inputs, *self.outputs)) else 0
        self._name, self._session = name, session
        self._bits = {spec.name for spec in (*self.inputs, *self.outputs) if spec.datatype == BF16}
        if self._bits and any(spec.datatype == BYTES for spec in self.inputs):
            raise ModelDamaged(f"{name}: onnxruntime takes no strings from Python beside bfloat16", model=name)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """See TensorModel."""
        names = list(outputs)
        try:
            if self._bits:
                return self._run_bits(inputs, names)
            found: list[Array] = self._session.run(names, dict(inputs))
        except InvalidArgument as error:
            shapes = {name: list(values.shape) for name, values in inputs.items()}
            raise InvalidInput("inputs", shapes, f"what the model takes: {_told(error)}") from error
        except Exception as error:  # RuntimeException, Fail, ... : onnxruntime has no base class for them
            raise ModelFailed(self._name, _told(error)) from error
        return found

    def _run_bits(self, inputs: Mapping[str, Array], outputs: list[str]) -> list[Array]:
        """As run, with bfloat16 among them: numpy has no such type, so its bits go in and out through OrtValues."""
        held = {name: np.ascontiguousarray(values) for name, values in inputs.items()}  # OrtValues do not copy
        values = {name: self._to_value(name, array) for name, array in held.items()}
        found = self._session.run_with_ort_values(outputs, values)
        return [
            _bits(value) if name in self._bits else value.numpy() for name, value in zip(outputs, found, strict=True)
        ]

    def _to_value(self, name: str, values: Array) -> Any:
        if name in self._bits:
            return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(values, BF16_ONNX)
        return onnxruntime.OrtValue.ortvalue_from_numpy(values)


def _options() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False  # of use only where shapes repeat
    options.log_severity_level = 4  # what a caller did wrong is told to him, not to the log
    return options


def _specs(nodes: Sequence[Any], name: str) -> tuple[TensorSpec, ...]:
    found = []
    for node in nodes:
        if node.type not in DATATYPES:
            raise ModelDamaged(f"{name}: {node.name} is a {node.type}, and only tensors can be served", model=name)
        shape = tuple(size if isinstance(size, int) else -1 for size in node.shape)
        symbols = tuple(size if isinstance(size, str) else "" for size in node.shape)
        found.append(TensorSpec(node.name, DATATYPES[node.type], shape, symbols))
    return tuple(found)


def _has_batches(specs: Sequence[TensorSpec]) -> bool:
    """Whether all begin with one open size of one name: then rows belong together, in and out."""
    first = {spec.symbols[0] if spec.symbols else "" for spec in specs}
    return len(first) == 1 and first != {""}


def _bits(value: Any) -> Array:
    """A copy of the bits of a bfloat16 tensor."""
    shape = tuple(value.shape())
    if not all(shape):
        return np.empty(shape, DTYPES[BF16])
    pointer = ctypes.cast(value.data_ptr(), ctypes.POINTER(ctypes.c_uint16))
    return np.ctypeslib.as_array(pointer, shape).copy()


def _told(error: Exception) -> str:
    """onnxruntime's own words in one line."""
    return " ".join(str(error).split())[:500]
