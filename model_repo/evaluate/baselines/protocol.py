"""What every baseline can do."""

from __future__ import annotations

from typing import Protocol

from model_repo.evaluate.baselines.interactions import Interactions
from serving.core.ports import I32


class Baseline(Protocol):
    """A method with its parameters as constructor arguments. The same data and parameters give the same lists."""

    def fit(self, interactions: Interactions) -> None:
        """Learns from all purchases before the cut."""
        ...

    def recommend(self, histories: Interactions, k: int) -> I32:
        """histories: purchases of u customers, numbered 0..u-1. Returns (u, k) items, best first, -1 = none."""
        ...
