"""The demo store's customers: how often they come, what they like, how they mind prices, what they buy again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.demo_catalogue import STYLE_DIMS
from model_repo.datasets.demo_words import LEAVES

FAVOURITES: Final = 5
_PERSONAS: Final = 14
_SESSIONS_PER_DAY: Final = 0.045
_NEWCOMERS: Final = 0.15
_LONG_AGO: Final = -(2**30)


@dataclass(frozen=True, slots=True)
class Customers:
    """m customers as columns."""

    rate: npt.NDArray[np.float32]
    """(m,) sessions a day on an average day."""
    joined: npt.NDArray[np.int32]
    """(m,) first day on which the customer may come."""
    favourites: npt.NDArray[np.int16]
    """(m, FAVOURITES) leaves of the category tree, the dearest first."""
    liking: npt.NDArray[np.float32]
    """(m, FAVOURITES) share of interest in each, rows add up to 1."""
    taste: npt.NDArray[np.float32]
    """(m, STYLE_DIMS) compared with the style of items."""
    thrift: npt.NDArray[np.float32]
    """(m,) price sensitivity, 0 = none."""
    habit: npt.NDArray[np.float32]
    """(m,) probability of buying the same consumable again when it is used up."""

    def __len__(self) -> int:
        return len(self.rate)


def make_customers(customers: int, days: int, rng: np.random.Generator) -> Customers:
    """Customers of a dozen personas: people of one persona share leaves and lean to one style."""
    persona = rng.integers(0, _PERSONAS, customers)
    leaf_pull = rng.gumbel(0.0, 1.1, (_PERSONAS, len(LEAVES))).astype(np.float32)
    centre = rng.normal(0.0, 0.7, (_PERSONAS, STYLE_DIMS)).astype(np.float32)
    favourites = np.empty((customers, FAVOURITES), np.int16)
    for first in range(0, customers, 65_536):  # bounds the (chunk, leaves) scores
        part = slice(first, min(first + 65_536, customers))
        scores = leaf_pull[persona[part]] + rng.gumbel(0.0, 0.8, (part.stop - first, len(LEAVES))).astype(np.float32)
        favourites[part] = np.argsort(-scores, axis=1, kind="stable")[:, :FAVOURITES]
    liking = rng.gamma(np.linspace(2.2, 0.6, FAVOURITES), size=(customers, FAVOURITES)).astype(np.float32) + 1e-3
    newcomer = rng.random(customers) < _NEWCOMERS
    return Customers(
        rate=(rng.gamma(1.1, 1 / 1.1, customers) * _SESSIONS_PER_DAY).astype(np.float32),
        joined=np.where(newcomer, rng.integers(0, days, customers), _LONG_AGO).astype(np.int32),
        favourites=favourites,
        liking=liking / liking.sum(axis=1, keepdims=True),
        taste=centre[persona] + rng.normal(0.0, 0.75, (customers, STYLE_DIMS)).astype(np.float32),
        thrift=rng.gamma(2.0, 0.4, customers).astype(np.float32),
        habit=rng.beta(1.3, 4.7, customers).astype(np.float32),
    )
