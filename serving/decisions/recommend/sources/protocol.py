"""What a candidate source is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.world import World
from serving.kernels.history import History


@dataclass(slots=True)
class Evidence:
    """What a batch of b requests knows."""

    world: World
    history: History
    tastes: F32
    """(b, d) factor vectors, zeros = nothing is known."""
    contents: F32
    """(b, c) content vectors."""
    context_ptr: I64
    """(b + 1,) where each request's context items begin; equal = it has none."""
    mask: I32
    """(b,) rows of `masks`."""
    masks: npt.NDArray[np.bool_]
    """(g, n) what may come at all."""
    now_s: float


@dataclass(frozen=True, slots=True)
class Lists:
    """rows (b, q) int32, best first, -1 = none. A source that gives lists need not look at what a request excludes."""

    rows: I32


@dataclass(frozen=True, slots=True)
class Sum:
    """weights (h,) float32 of the history's entries: the score of an item is the weighted sum of the entries' rows of
    the source's matrix, computed in the union's kernel."""

    weights: F32


@dataclass(frozen=True, slots=True)
class Scores:
    """rows (k,) int32 and scores (k,) float32 > 0 of each request by ptr (b + 1,), in no order."""

    ptr: I64
    rows: I32
    scores: F32


Found = Lists | Sum | Scores


class Source(Protocol):
    """One file each; listed in sources/__init__.py in the order in which they bring candidates."""

    code: Code

    def find(self, evidence: Evidence, quota: I32) -> Found:
        """The candidates of b requests, at most quota (b,) int32 each. Raises ModelFailed when its model fails."""
        ...


def nothing(b: int) -> Lists:
    """No candidates for anybody."""
    return Lists(np.full((b, 1), -1, np.int32))
