"""A request checked against its model, and which of them run together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from serving.core.errors import InvalidInput
from serving.core.ports import TensorModel
from serving.core.tensors import Array, Tensor, TensorSpec
from serving.decisions.inference.contract import InferQuery

NAMES_CHARS_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Job:
    """One request that its model can run. place: its number among the queries."""

    place: int
    query: InferQuery
    version: str
    model: TensorModel
    inputs: dict[str, Array]
    """In the model's order."""
    outputs: tuple[str, ...]
    rows: int
    """0 = the model takes no batches."""

    @property
    def kind(self) -> tuple[object, ...]:
        """Jobs of one kind may be run together: one model, the same outputs, and rows of the same shape."""
        return (id(self.model), self.outputs, *(values.shape[1:] for values in self.inputs.values()))


def job(place: int, query: InferQuery, version: str, model: TensorModel) -> Job:
    """The checked request. Raises InvalidInput naming the input, what was sent and what the model takes."""
    sent = _by_name(query.inputs, model.inputs)
    sizes: dict[str, tuple[int, str]] = {}
    for spec in model.inputs:
        _check(sent[spec.name], spec, sizes)
    rows = 0
    if model.rows_max:
        first = model.inputs[0].name
        rows = sent[first].values.shape[0]
        if rows > model.rows_max:
            raise InvalidInput(
                f"inputs.{first}.shape", f"{rows} rows", f"at most {model.rows_max}", reason="TOO_MANY_ROWS"
            )
    inputs = {spec.name: sent[spec.name].values for spec in model.inputs}
    return Job(place, query, version, model, inputs, _outputs(query, model), rows)


def batches(jobs: Sequence[Job]) -> list[list[Job]]:
    """Groups to run one after the other, oldest first: of one kind each, with at most the model's rows together."""
    found: list[list[Job]] = []
    open_of: dict[tuple[object, ...], tuple[list[Job], int]] = {}
    for one in jobs:
        if not one.rows:
            found.append([one])
            continue
        group, rows = open_of.get(one.kind, ([], 0))
        if not group or rows + one.rows > one.model.rows_max:
            group, rows = [], 0
            found.append(group)
        group.append(one)
        open_of[one.kind] = group, rows + one.rows
    return found


def listed(names: Sequence[str]) -> str:
    """The names with commas; a model may have hundreds, and an error must fit into a header."""
    text = ", ".join(names)
    return text if len(text) <= NAMES_CHARS_MAX else text[:NAMES_CHARS_MAX] + "..."


def _by_name(inputs: Sequence[Tensor], specs: Sequence[TensorSpec]) -> dict[str, Tensor]:
    names = [spec.name for spec in specs]
    found: dict[str, Tensor] = {}
    for tensor in inputs:
        if tensor.name not in names:
            raise InvalidInput("inputs", tensor.name, f"inputs named {listed(names)}", reason="UNKNOWN_INPUT")
        if tensor.name in found:
            raise InvalidInput(f"inputs.{tensor.name}", "it twice", "every input once", reason="REPEATED_INPUT")
        found[tensor.name] = tensor
    missing = [name for name in names if name not in found]
    if missing:
        raise InvalidInput(f"inputs.{missing[0]}", None, f"the inputs {listed(names)}", reason="MISSING_INPUT")
    return found


def _check(tensor: Tensor, spec: TensorSpec, sizes: dict[str, tuple[int, str]]) -> None:
    """sizes: symbol -> the size it has in this request, and the input that said so."""
    field = f"inputs.{spec.name}"
    if tensor.datatype != spec.datatype:
        raise InvalidInput(f"{field}.datatype", tensor.datatype, spec.datatype, reason="WRONG_DATATYPE")
    shape = tensor.values.shape
    if not spec.shape:  # a scalar, or a model that does not say: the runtime knows
        return
    fits = len(shape) == len(spec.shape) and all(
        wanted in (-1, size) for size, wanted in zip(shape, spec.shape, strict=True)
    )
    if not fits:
        raise InvalidInput(f"{field}.shape", list(shape), str(list(spec.shape)), reason="WRONG_SHAPE")
    for size, symbol in zip(shape, spec.symbols, strict=True):
        known, where = sizes.setdefault(symbol, (size, spec.name)) if symbol else (size, "")
        if known != size:
            raise InvalidInput(
                f"{field}.shape", list(shape), f"{known} for {symbol!r}, as in {where}", reason="WRONG_SHAPE"
            )


def _outputs(query: InferQuery, model: TensorModel) -> tuple[str, ...]:
    names = tuple(spec.name for spec in model.outputs)
    for name in query.outputs:
        if name not in names:
            raise InvalidInput("outputs", name, f"outputs named {listed(names)}", reason="UNKNOWN_OUTPUT")
    if len(set(query.outputs)) < len(query.outputs):
        raise InvalidInput("outputs", list(query.outputs), "every output once", reason="REPEATED_OUTPUT")
    return query.outputs or names
