"""Batch jobs: what is asked of them, how far they are, and what came of them. Free of files and frameworks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where an operation stands."""

    PENDING = "PENDING"
    """Waits for its turn, or for a gateway that runs it."""
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """Can be resumed: what is done is kept."""
    CANCELLED = "CANCELLED"
    """Likewise."""

    @property
    def over(self) -> bool:
        """Whether nothing happens any more unless it is resumed."""
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """What is asked for. Never changes after the operation was made."""

    kind: str
    """A name of adapters/batches.py."""
    input_uri: str
    """A Parquet file or a folder of them: a path, or a URI."""
    output_uri: str
    """A folder that is not there yet, or empty."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fit for JSON; what they are the kind knows."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is. seconds: of computing, over all attempts."""

    rows_done: int = 0
    rows_total: int = 0
    blocks_done: int = 0
    blocks_total: int = 0
    seconds: float = 0.0

    @property
    def rows_per_second(self) -> float:
        """0 before anything was measured."""
        return self.rows_done / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Operation:
    """One batch job as callers see it. Times in epoch seconds."""

    name: str
    spec: BatchSpec
    state: State
    progress: Progress
    created_s: int
    updated_s: int
    pins: Mapping[str, Any] = field(default_factory=dict)
    """What it is computed with, the same for all blocks: release, versions, catalogue version, clock."""
    reason: str = ""
    """Of a failure: the error's stable word, and its message."""
    message: str = ""
    cancelling: bool = False


@dataclass(frozen=True, slots=True)
class GetOperation:
    name: str


@dataclass(frozen=True, slots=True)
class CancelOperation:
    name: str


@dataclass(frozen=True, slots=True)
class ResumeOperation:
    name: str


@dataclass(frozen=True, slots=True)
class ListOperations:
    """The newest ones."""


@dataclass(frozen=True, slots=True)
class InlineRecommend:
    """requests: each a RecommendRequest in protobuf's wire format, checked."""

    requests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class InlineForecast:
    """requests: each a ForecastDemandRequest in protobuf's wire format, checked."""

    requests: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Responses:
    """Each a RecommendResponse or a ForecastDemandResponse in protobuf's wire format, in the order of the requests."""

    encoded: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Values by row under a name. width: of a row; 0 = a row is one value. numbers or texts: rows x width of them."""

    name: str
    width: int = 0
    numbers: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InlineScore:
    """Rows through a model. version: "" = the live one. outputs: names, () = all."""

    model: str
    version: str
    columns: tuple[Column, ...]
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """version: the one that was run."""

    model: str
    version: str
    columns: tuple[Column, ...]
