"""Any ONNX model of the repository in blocks, through the code that answers ModelInfer.

Columns in: one for each input of the model, by its name: values where a row is one value, lists where it is several.
All other columns are passed on; the outputs are added by their names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serving.adapters.batch_kind import Computed, Kind, Pinned, Surroundings
from serving.adapters.batch_store import Request
from serving.adapters.onnx_files import find, open_model
from serving.core.batch import BatchSpec
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import InvalidInput, NotFound, StoregateError
from serving.core.ports import ModelState, TensorModel
from serving.core.priority import breathe
from serving.core.tensors import BF16, BYTES, DTYPES, Array, Tensor, TensorSpec
from serving.core.turn import Turn
from serving.decisions.inference.contract import InferQuery
from serving.decisions.inference.service import InferenceService

SLICE_ROWS_MAX: Final = 4096
"""Rows in one run of a model that would take more."""


class OneModel:
    """A ModelShelf with one version in it."""

    def __init__(self, name: str, version: str, model: TensorModel) -> None:
        self._key, self._model = (name, version), model

    def find(self, name: str, version: str = "") -> tuple[str, TensorModel]:
        """See ModelShelf."""
        return self._key[1], self._model

    def ready(self) -> bool:
        return True

    def held(self, name: str = "") -> list[tuple[str, str]]:
        return [self._key]

    def index(self) -> list[ModelState]:
        return [ModelState(*self._key, True)]

    def load(self, name: str, versions: Sequence[str] = ()) -> None:
        """It is loaded."""

    def unload(self, name: str) -> None:
        """It stays."""


def pin(around: Surroundings, spec: BatchSpec, schema: pa.Schema, store: object) -> Pinned:
    """The live version, or the one asked for. Raises NotFound, ModelDamaged, InvalidInput."""
    name, wanted = spec.options["model"], spec.options.get("version") or ""
    files = find(around.home)
    if name not in {known for known, _ in files.files}:
        raise NotFound("model", name)
    version = wanted or files.live.get(name, "")
    if (name, version) not in files.files:
        raise NotFound(f"version of model {name}", version or "(none is live)")
    model = open_model(files.files[name, version], name, version)
    check_columns(schema, model, _outputs(model, spec.options.get("outputs") or ()))
    return Pinned({"model": name, "version": version, "versions": {name: version}})


def check_columns(schema: pa.Schema, model: TensorModel, outputs: Sequence[str]) -> None:
    """Raises InvalidInput naming the column that is missing, of a type or a size that the model does not take."""
    named = {spec.name for spec in model.inputs}
    for spec in model.inputs:
        if spec.name not in schema.names:
            told = f"a column for each input: {', '.join(sorted(named))}"
            raise InvalidInput("input_uri", sorted(schema.names), told, reason="MISSING_COLUMN")
        as_array(pa.chunked_array([], schema.field(spec.name).type), spec)
    for name in outputs:
        if name in schema.names and name not in named:
            raise InvalidInput(f"input_uri.{name}", name, "another name: an output of the model is called so")


class ScoreBlocks:
    """A BlockFunction."""

    def __init__(self, name: str, version: str, model: TensorModel, outputs: Sequence[str]) -> None:
        self._name, self._version, self._model = name, version, model
        self._outputs = tuple(_outputs(model, outputs))
        self._service = InferenceService(OneModel(name, version, model), SystemClock(), "")

    @classmethod
    def open(cls, around: Surroundings, request: Request, folder: Path) -> ScoreBlocks:
        """Raises ModelDamaged, NotFound."""
        name, version = request.pins["model"], request.pins["version"]
        path = find(around.home).files.get((name, version))
        if path is None:
            raise NotFound(f"version of model {name}", version)
        return cls(name, version, open_model(path, name, version), request.spec.options.get("outputs") or ())

    def close(self) -> None:
        """Nothing is open."""

    def run(self, rows: pa.Table, number: int) -> Computed:
        """See BlockFunction."""
        inputs = {spec.name: (spec, as_array(rows.column(spec.name), spec)) for spec in self._model.inputs}
        found = self.run_arrays(inputs, len(rows))
        kept = rows.select([name for name in rows.column_names if name not in inputs])
        for name, values in found.items():
            kept = kept.append_column(name, as_column(values))
        return Computed(kept)

    def run_arrays(self, inputs: dict[str, tuple[TensorSpec, Array]], rows: int) -> dict[str, Array]:
        """The outputs, row by row, for inputs (rows, ...). Raises InvalidInput, ModelFailed."""
        parts: dict[str, list[Array]] = {name: [] for name in self._outputs}
        step = min(self._model.rows_max or 1, SLICE_ROWS_MAX)
        for at in range(0, rows, step):
            tensors = [Tensor(name, spec.datatype, values[at : at + step]) for name, (spec, values) in inputs.items()]
            query = InferQuery(self._name, self._version, tensors, self._outputs)
            (answer,) = self._service.run_infer([query], Turn(0.0, 0.0, NEVER))
            if isinstance(answer, StoregateError):
                raise answer
            for tensor in answer.outputs:
                parts[tensor.name].append(_rows_of(tensor, len(tensors[0].values)))
            breathe()
        return {name: np.concatenate(found) if found else np.zeros(0) for name, found in parts.items()}


def as_array(column: pa.ChunkedArray, spec: TensorSpec) -> Array:
    """A column as the model takes it, (n,) or (n, ...). Raises InvalidInput naming the column."""
    field = f"input_uri.{spec.name}"
    if spec.datatype == BF16:
        raise InvalidInput(field, BF16, "an input of another type: columns have no bfloat16", reason="WRONG_COLUMN")
    dtype = DTYPES[spec.datatype]
    wanted = pa.string() if spec.datatype == BYTES else pa.from_numpy_dtype(dtype)
    row, count = spec.shape[1:], len(column)
    if column.null_count:
        raise InvalidInput(field, "empty values", "a value in every row", reason="WRONG_COLUMN")
    try:
        width = None
        if _is_list(column.type):
            width, column = _flat(column, field, count)
        values = pc.cast(column, wanted).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        told = " ".join(str(error).split())[:200]
        raise InvalidInput(
            field, str(column.type), f"values of {spec.datatype} ({told})", reason="WRONG_COLUMN"
        ) from None
    values = np.ascontiguousarray(values) if spec.datatype == BYTES else np.ascontiguousarray(values, dtype)
    if len(spec.shape) < 2:
        if width is not None and spec.shape:
            raise InvalidInput(field, "a column of lists", "a column of single values", reason="WRONG_COLUMN")
        return values.reshape(count, width) if width is not None else values
    if -1 in row[1:] or (len(row) > 1 and row[0] == -1):
        raise InvalidInput(field, list(spec.shape), "an input whose rows have a fixed shape", reason="WRONG_COLUMN")
    size = 1 if width is None else width
    if count and row[0] != -1 and size != math.prod(row):
        raise InvalidInput(field, f"{size} values a row", f"{math.prod(row)}", reason="WRONG_COLUMN")
    return values.reshape((count, *row) if row[0] != -1 else (count, size))


def as_column(values: Array) -> pa.Array:
    """(n,) as values; more dimensions as a list of fixed size a row."""
    if values.ndim < 2:
        return pa.array(values.tolist(), pa.string()) if values.dtype == object else pa.array(values)
    width = math.prod(values.shape[1:])
    flat = values.reshape(-1)
    inner = pa.array(flat.tolist(), pa.string()) if values.dtype == object else pa.array(flat)
    return pa.FixedSizeListArray.from_arrays(inner, width)


def _flat(column: pa.ChunkedArray, field: str, count: int) -> tuple[int, pa.ChunkedArray]:
    """Values of a row, and all values one after the other. Raises InvalidInput where rows differ."""
    sizes = pc.list_value_length(column)
    low, high = (pc.min(sizes).as_py(), pc.max(sizes).as_py()) if count else (0, 0)
    if low != high:
        raise InvalidInput(field, f"lists of {low} to {high} values", "as many in every row", reason="WRONG_COLUMN")
    flat = pc.list_flatten(column)
    if flat.null_count:
        raise InvalidInput(field, "empty values", "a value in every place", reason="WRONG_COLUMN")
    return int(low or 0), flat


def _rows_of(tensor: Tensor, rows: int) -> Array:
    """Its values when they are a row for each row that went in. Raises InvalidInput."""
    values = tensor.values
    if not values.ndim or len(values) != rows:
        told = f"{rows} rows went in and {list(values.shape)} came out"
        raise InvalidInput("model", tensor.name, f"an output with a row for each row of the input ({told})")
    if tensor.datatype == BF16:
        raise InvalidInput("outputs", tensor.name, "an output of another type: columns have no bfloat16")
    return values


def _outputs(model: TensorModel, wanted: Sequence[str]) -> list[str]:
    names = [spec.name for spec in model.outputs]
    for name in wanted:
        if name not in names:
            raise InvalidInput("outputs", name, f"outputs named {', '.join(names)[:400]}", reason="UNKNOWN_OUTPUT")
    return list(dict.fromkeys(wanted)) or names


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


SCORE: Final = Kind("rows", pin, ScoreBlocks.open)
