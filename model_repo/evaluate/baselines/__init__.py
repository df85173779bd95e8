"""The baselines, and from which values each one's parameters may be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from model_repo.evaluate.baselines.als import ImplicitALS
from model_repo.evaluate.baselines.als import available as als_available
from model_repo.evaluate.baselines.interactions import FOREVER
from model_repo.evaluate.baselines.item_knn import ItemKNN
from model_repo.evaluate.baselines.personal_top import PersonalTop
from model_repo.evaluate.baselines.popularity import Popularity
from model_repo.evaluate.baselines.protocol import Baseline
from model_repo.evaluate.baselines.transitions import Transitions


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the table. space: parameter -> the values the search may draw; the first is the default."""

    name: str
    make: Callable[..., Baseline]
    space: Mapping[str, tuple[Any, ...]]
    seeded: bool = False
    """Whether `make` takes a seed."""
    missing: str = ""
    """Why it cannot run here; '' = it can."""


def in_time() -> tuple[Contender, ...]:
    """For a shop's history under one global cut. Customers buy again, so leaving bought items out is tried, not set."""
    return (
        Contender(
            "popularity",
            Popularity,
            {"half_life": (FOREVER, 60.0, 28.0, 14.0, 7.0, 3.0), "filter_bought": (False, True)},
        ),
        Contender(
            "item-knn",
            ItemKNN,
            {
                "bought": ("self", "keep", "filter"),
                "by": ("user", "basket"),
                "shrink": (50.0, 0.0, 10.0, 300.0, 1000.0),
                "neighbours": (200, 50),
                "train_half_life": (90.0, FOREVER),
                "half_life": (60.0, FOREVER),
            },
        ),
        Contender(
            "personal-top",
            PersonalTop,
            {
                "half_life": (FOREVER, 360.0, 180.0, 60.0),
                "popular": (0.01, 0.1, 0.5),
                "popular_half_life": (14.0, 7.0, 28.0),
            },
        ),
        _als({"factors": (128, 64, 256), "half_life": (90.0, FOREVER), "filter_bought": (False, True)}),
    )


def in_sequence() -> tuple[Contender, ...]:
    """For sequences without repeats, leave-last-out: the history is never recommended again; ages are in items."""
    return (
        Contender("popularity", Popularity, {"filter_bought": (True,)}),
        Contender(
            "item-knn",
            ItemKNN,
            {
                "bought": ("filter",),
                "shrink": (10.0, 0.0, 3.0, 30.0),
                "neighbours": (200, 1000),
                "half_life": (2.0, 1.0, 4.0, FOREVER),
            },
        ),
        Contender(
            "transitions",
            Transitions,
            {
                "half_life": (2.0, 1.0, 1.5, 4.0),
                "skip_decay": (0.9, 0.5, 0.7, 1.0),
                "both_ways": (0.3, 0.0, 0.7),
                "from_power": (0.25, 0.0, 0.5),
                "to_power": (0.25, 0.1, 0.5),
            },
        ),
        _als({"factors": (128, 64), "filter_bought": (True,)}),
    )


def _als(more: Mapping[str, tuple[Any, ...]]) -> Contender:
    space = {
        "regularization": (1.0, 0.05, 10.0),
        "alpha": (3.0, 1.0, 10.0),
        "iterations": (15,),
        **more,
    }
    missing = "" if als_available() else "implicit is not installed"
    return Contender("implicit-als", ImplicitALS, space, seeded=True, missing=missing)
