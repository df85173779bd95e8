"""What every candidate source is, and what one that searches an index is given and gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.world import World


class Source(Protocol):
    """One file each: the module itself is the source.

    Besides this it has what brings its candidates, one of four. `find`: it searches an index (Searching). Or, because
    it needs the visitor's history alone, a kernel that recall.py compiles into one with its like: `weigh` (it is a sum
    over rows of a matrix), `votes` (sparse scores), or `rows` (a list). Trending has none: it is a list of its own.
    """

    @property
    def CODE(self) -> Code:
        """What an answer's `source` says."""
        ...

    @property
    def QUOTA(self) -> str:
        """The field of Params that says how many candidates it brings at most."""
        ...


@runtime_checkable
class Searching(Source, Protocol):
    """A source that asks an index, in Python, for a whole batch."""

    def find(self, evidence: Evidence, quota: Quota) -> I64:
        """The candidates of b requests, of whom some want any: rows (b, quota.most) int64 or more, best first, -1 =
        none. What a request excludes need not be looked at. Raises ModelFailed when its model fails."""
        ...


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
