"""What a kind of batch is: how it is checked and pinned when it is made, and what computes its blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from serving.adapters.batch_store import Request
from serving.core.batch import BatchSpec
from serving.core.ports import ProfileStore
from serving.decisions.price.rules import Params as PriceParams
from serving.decisions.recommend.params import Params


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What blocks are computed with. Picklable: workers get it."""

    home: Path
    params: Params
    open_profiles: Callable[[], ProfileStore]
    """A connection of the worker's own; importable, for it is sent by its name."""
    block_rows: int
    memory_mib: int
    """Of a worker."""
    counters: Path | None = None
    """Their folder; None = nothing is counted."""
    prices: PriceParams = field(default_factory=PriceParams)


@dataclass(frozen=True, slots=True)
class Pinned:
    """What an operation is computed with from its first block to its last. pins: fit for JSON; files: by name."""

    pins: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Computed:
    """A block's rows as they are written. degraded, refused: rows that fell back on something, or have no answer."""

    table: pa.Table
    degraded: int = 0
    refused: int = 0


class BlockFunction(Protocol):
    """Computes blocks, one at a time."""

    def run(self, rows: pa.Table, number: int) -> Computed:
        """One row for each of `rows`, in order. Raises StoregateError."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the table in batches.py."""

    unit: str
    """What the rows of the input are called."""
    pin: Callable[[Surroundings, BatchSpec, pa.Schema, Any], Pinned]
    """(surroundings, what is asked, the input's columns, the catalogue's store). Raises StoregateError for what can be
    known to fail before the first block."""
    open: Callable[[Surroundings, Request, Path], BlockFunction]
    """(surroundings, the operation, the folder of its files). In a worker."""
