"""Tensors by the names of the Open Inference Protocol: datatypes, and what a model says of its inputs and outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput

Array = npt.NDArray[Any]

BYTES: Final = "BYTES"
BF16: Final = "BF16"
DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "BOOL": np.dtype(np.bool_),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    BF16: np.dtype(np.uint16),  # numpy has no bfloat16: its bits
    BYTES: np.dtype(np.object_),  # of str: ONNX's strings are UTF-8
}
"""Datatype -> what its elements are in memory."""

RANK_MAX: Final = 16
SIZE_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named tensor of a request or an answer. values: of the dtype that DTYPES gives for the datatype."""

    name: str
    datatype: str
    values: Array


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a model takes or gives under a name."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    """-1 = any size."""
    symbols: tuple[str, ...]
    """The model's own name for each size that it leaves open, "" = none; equal names mean equal sizes."""


def check_datatype(field: str, datatype: str) -> str:
    """`datatype` when it is one of the protocol's. Raises InvalidInput."""
    if datatype not in DTYPES:
        raise InvalidInput(field, datatype, "one of " + ", ".join(DTYPES), reason="UNKNOWN_DATATYPE")
    return datatype


def check_shape(field: str, shape: Sequence[int]) -> tuple[int, ...]:
    """The shape as a tuple. Raises InvalidInput for negative or absurd sizes."""
    found = tuple(shape)
    if len(found) > RANK_MAX or any(not 0 <= size <= SIZE_MAX for size in found):
        raise InvalidInput(field, list(found), f"at most {RANK_MAX} sizes of 0 to {SIZE_MAX}", reason="BAD_SHAPE")
    return found


def elements(shape: Sequence[int]) -> int:
    """How many elements a tensor of the shape has; 1 for a scalar's ()."""
    return math.prod(shape)
