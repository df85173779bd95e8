"""What the Open Inference Protocol asks and answers, free of any wire format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from serving.core.ports import ModelState
from serving.core.tensors import Tensor, TensorSpec
from serving.decisions.inference.statistics import Counters


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """Which model is meant. version: "" = the live one; where several are listed, all."""

    model: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class InferQuery:
    """Tensors to run through a model."""

    model: str
    version: str
    """"" = the live one."""
    inputs: Sequence[Tensor]
    outputs: tuple[str, ...] = ()
    """Names, () = all."""
    request_id: str = ""
    """Comes back in the answer."""
    typed: bool = False
    """Whether the request had typed contents; the answer then has them too."""


@dataclass(frozen=True, slots=True)
class InferAnswer:
    """version: the one that was run. outputs: in the order in which they were asked for."""

    model: str
    version: str
    outputs: Sequence[Tensor]
    request_id: str = ""
    typed: bool = False


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the server says of itself."""

    name: str
    version: str
    extensions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """versions: those in memory. inputs, outputs: of the version that was asked for."""

    name: str
    versions: Sequence[str]
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """ready_only: only what is in memory."""

    ready_only: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    states: Sequence[ModelState]


@dataclass(frozen=True, slots=True)
class LoadQuery:
    """versions: () = the live one."""

    model: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statistics:
    """(model, version, its counters) of every version in memory that was asked for."""

    rows: Sequence[tuple[str, str, Counters]] = field(default_factory=list)
