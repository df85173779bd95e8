"""What the decisions need from the outside world, and nothing about who provides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from serving.core.tensors import Array, TensorSpec

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


class ProfileStore(Protocol):
    """Where users' event records are kept (see serving/events/records.py for the blob)."""

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        """The blobs of the users, in order; b"" where there is none. One round trip for the batch.

        Raises StoreUnavailable, within about `timeout_s`, when the store does not answer.
        """
        ...

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        """For each (user key, records): appends the records whose event_id is not there, oldest first out when full.

        entries: one a write for the event log, b"" = none; () = none at all. A write without records is its entry
        alone. durable: returns when all is on the disk.
        Returns how many records each write added (0 = all were known; 1 for an entry alone). Raises StoreUnavailable;
        NotDurable, with nothing written, when the store cannot promise it.
        """
        ...


class Scorer(Protocol):
    """The ranking model."""

    def score(self, features: F32) -> F32:
        """features: (n, f) float32. Returns (n,) float32, log-odds up to a constant, higher is better."""
        ...


class VectorIndex(Protocol):
    """Nearest item vectors by inner product."""

    def search(self, queries: F32, k: int, allowed: npt.NDArray[np.bool_] | None = None) -> tuple[F32, I64]:
        """queries: (b, d) float32. Returns scores (b, k) descending and rows (b, k); row -1 = fewer than k found.

        allowed: (m,) the rows that may be found, m at least the index's rows; None = all.
        """
        ...


class TensorModel(Protocol):
    """One version of a model, in memory."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]: ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...

    @property
    def rows_max(self) -> int:
        """Rows that one run may take together, 0 = the first dimension is no batch: every request is run alone."""
        ...

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The named outputs, in order. inputs: one array for each of the model's, of its datatype.

        Raises InvalidInput for shapes that the model does not take, ModelFailed when it fails to run.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelState:
    """One version of a model on the disk. reason: why it is not ready, "" = it is."""

    name: str
    version: str
    ready: bool
    reason: str = ""


class ModelShelf(Protocol):
    """The models of the repository, and which of them are in memory. Looking never waits; loading does."""

    def find(self, name: str, version: str = "") -> tuple[str, TensorModel]:
        """(version, model) of a version in memory; "" = the live one.

        Raises NotFound (no such model or version), NotReady (it is not in memory).
        """
        ...

    def ready(self) -> bool:
        """Whether the live version of every model is in memory, but for those that were unloaded."""
        ...

    def held(self, name: str = "") -> list[tuple[str, str]]:
        """(name, version) of all in memory, of one model or, "", of every one, sorted. Raises NotFound."""
        ...

    def index(self) -> list[ModelState]:
        """Every version of every model, sorted."""
        ...

    def load(self, name: str, versions: Sequence[str] = ()) -> None:
        """Takes versions into memory, () = the live one, and returns when they can be used.

        Raises NotFound, ModelDamaged, NoRoom (the bound is reached, and what is in memory is all live).
        """
        ...

    def unload(self, name: str) -> None:
        """Forgets all versions of the model until it is loaded again. Raises NotFound."""
        ...
