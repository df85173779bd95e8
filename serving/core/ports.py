"""What the decisions need from the outside world, and nothing about who provides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

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

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        """For each (user key, records): appends the records whose event_id is not there, oldest first out when full.

        Returns how many records each write added (0 = all were known). Raises StoreUnavailable.
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
