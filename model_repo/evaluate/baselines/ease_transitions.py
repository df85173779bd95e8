"""EASE and transitions added up, for sequences: what goes together, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from model_repo.evaluate.baselines.ease import EASE
from model_repo.evaluate.baselines.interactions import Interactions, best_rows
from model_repo.evaluate.baselines.transitions import Transitions
from serving.core.ports import F32, I32


@dataclass
class EASETransitions:
    """`share` * EASE + (1 - share) * Transitions, each divided by the customer's own largest score.

    l2, half_life: see EASE; skip_decay, to_power, step_half_life (its half_life): see Transitions. share: 0..1.
    """

    share: float = 0.3
    l2: float = 100.0
    half_life: float = 8.0
    skip_decay: float = 0.9
    to_power: float = 0.25
    step_half_life: float = 1.0
    filter_bought: bool = True
    _ease: EASE = field(default_factory=EASE, repr=False)
    _steps: Transitions = field(default_factory=Transitions, repr=False)

    def fit(self, interactions: Interactions) -> None:
        self._ease = EASE(l2=self.l2)
        self._steps = Transitions(skip_decay=self.skip_decay, to_power=self.to_power)
        self._ease.fit(interactions)
        self._steps.fit(interactions)

    def recommend(self, histories: Interactions, k: int) -> I32:
        # asked with this object's own values: the search changes them without another fit
        self._ease.half_life, self._steps.half_life = self.half_life, self.step_half_life

        def score(part: Interactions) -> F32:
            return np.float32(self.share) * topped(self._ease.score(part)) + np.float32(1 - self.share) * topped(
                self._steps.score(part)
            )

        return best_rows(histories, k, score, filter_bought=self.filter_bought)


def topped(scores: F32) -> F32:
    """(b, n) each row divided by its largest score; a row without one above 0 becomes 0."""
    largest = scores.max(axis=1, keepdims=True)
    found: F32 = np.where(largest > 0, scores / np.where(largest > 0, largest, 1), np.float32(0))
    return found
