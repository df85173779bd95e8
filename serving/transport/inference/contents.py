"""Elements of a tensor on the wire and in memory: raw bytes, protobuf's typed lists, JSON.

Raw: little-endian, row by row; of BYTES each element with its length before it, in 4 bytes. Every function raises
InvalidInput, naming `field`, for contents that do not fit shape and datatype.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from serving.core.errors import InvalidInput
from serving.core.tensors import BF16, BYTES, DTYPES, Array, Tensor, elements

TYPED: Final = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    BYTES: "bytes_contents",
}
"""Datatype -> its list in InferTensorContents; the others can only be raw."""
FLOATS: Final = ("FP16", "FP32", "FP64")
JSON_DEPTH_MAX: Final = 16
_LENGTH: Final = struct.Struct("<I")


def from_raw(field: str, datatype: str, shape: tuple[int, ...], data: bytes) -> Array:
    """The tensor; its elements are those bytes, read-only."""
    if datatype == BYTES:
        return _texts(field, shape, list(_cut(field, data)))
    dtype, count = DTYPES[datatype], elements(shape)
    if len(data) != count * dtype.itemsize:
        raise _misfit(field, f"{len(data)} bytes", f"{count * dtype.itemsize} bytes", datatype, shape)
    if datatype == "BOOL" and data.translate(None, b"\0\1"):
        raise InvalidInput(field, "another byte", "bytes 0 and 1", reason="BAD_CONTENTS")
    return np.frombuffer(data, dtype).reshape(shape)


def to_raw(tensor: Tensor) -> bytes:
    """The elements as bytes."""
    if tensor.datatype != BYTES:
        return tensor.values.tobytes()
    texts = [text.encode() for text in tensor.values.ravel().tolist()]
    return b"".join(part for text in texts for part in (_LENGTH.pack(len(text)), text))


def from_typed(field: str, datatype: str, shape: tuple[int, ...], contents: Any) -> Array:
    """The tensor of an InferTensorContents."""
    name = TYPED.get(datatype)
    if name is None:
        raise InvalidInput(field, datatype, "raw_input_contents: there is no list for this datatype")
    filled = [descriptor.name for descriptor, _ in contents.ListFields()]
    if filled not in ([], [name]):
        raise InvalidInput(field, filled, f"{name} alone, for {datatype}", reason="WRONG_DATATYPE")
    values = getattr(contents, name)
    if datatype == BYTES:
        return _texts(field, shape, values)
    return _numbers(field, datatype, shape, values)


def to_typed(tensor: Tensor, contents: Any) -> None:
    """Fills an InferTensorContents. The datatype must have a list."""
    values = tensor.values.ravel().tolist()
    if tensor.datatype == BYTES:
        values = [text.encode() for text in values]
    getattr(contents, TYPED[tensor.datatype]).extend(values)


def from_json(field: str, datatype: str, shape: tuple[int, ...], data: object) -> Array:
    """The tensor of a JSON list, flat or nested as the shape is."""
    if datatype == BF16:
        raise InvalidInput(field, datatype, "binary data: JSON has no such numbers")
    if not isinstance(data, list):
        raise InvalidInput(field, data, "a list, or the parameter binary_data_size", reason="BAD_CONTENTS")
    values = _flat(field, data)
    expected = _json_types(datatype)
    if not set(map(type, values)) <= expected:
        wrong = next(value for value in values if type(value) not in expected)
        names = " or ".join(sorted(kind.__name__ for kind in expected))
        raise InvalidInput(field, wrong, f"{names} for {datatype}", reason="BAD_CONTENTS")
    if datatype == BYTES:
        return _texts(field, shape, [_utf8(field, text) for text in values])
    found = _numbers(field, datatype, shape, values)
    if datatype in FLOATS and not np.isfinite(found).all():
        raise InvalidInput(field, "a number too large", f"numbers that {datatype} has", reason="BAD_CONTENTS")
    return found


def to_json(tensor: Tensor) -> list[Any]:
    """The elements, row by row. Raises InvalidInput for those that JSON does not have."""
    field = f"outputs.{tensor.name}"
    if tensor.datatype == BF16:
        raise InvalidInput(field, BF16, "binary_data: JSON has no such numbers")
    if tensor.datatype in FLOATS and not np.isfinite(tensor.values).all():
        raise InvalidInput(field, "NaN or an infinity", "binary_data: JSON has no such numbers")
    found: list[Any] = tensor.values.ravel().tolist()
    return found


def _numbers(field: str, datatype: str, shape: tuple[int, ...], values: Sequence[Any]) -> Array:
    if len(values) != elements(shape):
        raise _misfit(field, f"{len(values)} elements", f"{elements(shape)} elements", datatype, shape)
    try:
        with np.errstate(over="ignore"):
            return np.array(values, DTYPES[datatype]).reshape(shape)
    except OverflowError as error:
        raise InvalidInput(field, "a number too large or too small", f"numbers that {datatype} has") from error


def _texts(field: str, shape: tuple[int, ...], values: Sequence[bytes]) -> Array:
    """ONNX's strings are UTF-8."""
    if len(values) != elements(shape):
        raise _misfit(field, f"{len(values)} elements", f"{elements(shape)} elements", BYTES, shape)
    found = np.empty(len(values), DTYPES[BYTES])
    for place, value in enumerate(values):
        try:
            found[place] = value.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput(field, value[:40], "elements in UTF-8", reason="BAD_CONTENTS") from error
    return found.reshape(shape)


def _cut(field: str, data: bytes) -> Iterator[bytes]:
    """The elements of raw BYTES."""
    begin, size = 0, len(data)
    while begin < size:
        end = begin + _LENGTH.size
        if end <= size:
            begin, end = end, end + _LENGTH.unpack_from(data, begin)[0]
        if end > size:
            raise InvalidInput(
                field, f"{size} bytes", "each element with its length before it in 4 bytes", reason="SIZE_MISMATCH"
            )
        yield data[begin:end]
        begin = end


def _flat(field: str, data: list[Any], depth: int = 0) -> list[Any]:
    if list not in set(map(type, data)):
        return data
    if depth == JSON_DEPTH_MAX:
        raise InvalidInput(field, "...", f"lists nested at most {JSON_DEPTH_MAX} deep", reason="BAD_CONTENTS")
    found = []
    for one in data:
        found += _flat(field, one, depth + 1) if type(one) is list else [one]
    return found


def _json_types(datatype: str) -> set[type]:
    if datatype == "BOOL":
        return {bool}
    if datatype == BYTES:
        return {str}
    return {int, float} if datatype in FLOATS else {int}


def _utf8(field: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(field, text[:40], "texts without half a surrogate pair", reason="BAD_CONTENTS") from error


def _misfit(field: str, got: str, expected: str, datatype: str, shape: tuple[int, ...]) -> InvalidInput:
    return InvalidInput(field, got, f"{expected} for {datatype} {list(shape)}", reason="SIZE_MISMATCH")
