"""What a source that searches is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.world import World


@dataclass(slots=True)
class Evidence:
    """What a batch of b requests knows."""

    world: World
    tastes: F32
    """(b, d) factor vectors, zeros = nothing is known."""
    contents: F32
    """(b, c) content vectors."""
    mask: I32
    """(b,) rows of `masks`."""
    masks: npt.NDArray[np.bool_]
    """(g, n) what may come at all."""


class Quota(NamedTuple):
    """How many b requests want at most: each (b,) int32, and the largest and the smallest of them."""

    each: I32
    most: int
    least: int


class Source(Protocol):
    """One file each."""

    code: Code

    def find(self, evidence: Evidence, quota: Quota) -> I64:
        """The candidates of b requests, of whom some want any: rows (b, quota.most) int64 or more, best first, -1 =
        none. What a request excludes need not be looked at. Raises ModelFailed when its model fails."""
        ...
