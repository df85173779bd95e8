"""The baselines, and from which values each one's parameters may be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from model_repo.evaluate.baselines.als import ImplicitALS
from model_repo.evaluate.baselines.als import available as implicit_available
from model_repo.evaluate.baselines.bpr import ImplicitBPR
from model_repo.evaluate.baselines.ease import EASE
from model_repo.evaluate.baselines.ease_transitions import EASETransitions
from model_repo.evaluate.baselines.interactions import FOREVER
from model_repo.evaluate.baselines.item_knn import ItemKNN
from model_repo.evaluate.baselines.personal_top import PersonalTop
from model_repo.evaluate.baselines.popularity import Popularity
from model_repo.evaluate.baselines.protocol import Baseline
from model_repo.evaluate.baselines.rp3beta import RP3beta
from model_repo.evaluate.baselines.slim import SLIM
from model_repo.evaluate.baselines.transitions import Transitions

IMPLICIT_MISSING = "" if implicit_available() else "implicit is not installed"
HEAD_ITEMS = 6000
"""Most bought items that EASE and SLIM look at under a cut in time: what costs a cube must be done 16 times."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the table. space: parameter -> the values the search may draw; the first is the default."""

    name: str
    make: Callable[..., Baseline]
    space: Mapping[str, tuple[Any, ...]]
    asked: tuple[str, ...] = ()
    """Parameters that only `recommend` reads: with other values of these nothing is learnt anew."""
    seeded: bool = False
    """Whether `make` takes a seed."""
    missing: str = ""
    """Why it cannot run here; '' = it can."""


def in_time() -> tuple[Contender, ...]:
    """For a shop's history under one global cut. Customers buy again, so leaving bought items out is tried, not set.

    `own` lets a purchase speak for the very same item, which the papers of the item-item models do not: without it
    none of them finds what customers buy again. What is only asked with comes first: trying it is nearly free.
    """
    return (
        Contender(
            "popularity",
            Popularity,
            {"half_life": (FOREVER, 60.0, 28.0, 14.0, 7.0, 3.0), "filter_bought": (False, True)},
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
        Contender(
            "item-knn",
            ItemKNN,
            {
                "bought": ("self", "keep", "filter"),
                "own": (3.0, 10.0, 1.0),
                "half_life": (60.0, 180.0, FOREVER),
                "by": ("user", "basket"),
                "shrink": (50.0, 0.0, 10.0, 300.0, 1000.0),
                "neighbours": (200, 50),
                "train_half_life": (90.0, FOREVER),
            },
            asked=("bought", "own", "half_life"),
        ),
        Contender(
            "ease",
            EASE,
            {
                "own": (0.3, 1.0, 0.0),
                "half_life": (180.0, 60.0, FOREVER),
                "l2": (300.0, 100.0, 1000.0),
                "train_half_life": (90.0, 180.0, FOREVER),
                "once": (True, False),
                "items_max": (HEAD_ITEMS,),
            },
            asked=("own", "half_life"),
        ),
        Contender(
            "rp3beta",
            RP3beta,
            {
                "own": (3.0, 10.0, 1.0),
                "half_life": (180.0, 60.0, FOREVER),
                "beta": (0.4, 0.2, 0.6),
                "alpha": (1.0, 0.8, 1.2),
                "neighbours": (200, 1000),
                "train_half_life": (90.0, 180.0, FOREVER),
                "by": ("user", "basket"),
            },
            asked=("own", "half_life"),
        ),
        Contender(
            "slim",
            SLIM,
            {
                "own": (0.3, 1.0, 0.0),
                "half_life": (180.0, 60.0, FOREVER),
                "l2": (100.0, 300.0, 30.0),
                "l1": (0.1, 1.0),
                "neighbours": (200, 100),
                "train_half_life": (90.0, 180.0, FOREVER),
                "items_max": (HEAD_ITEMS,),
            },
            asked=("own", "half_life"),
        ),
        _als({"factors": (128, 256), "half_life": (90.0, FOREVER), "filter_bought": (False, True)}),
        _bpr({"own": (3.0, 10.0, 0.0), "half_life": (180.0, 60.0, FOREVER), "window_days": (FOREVER, 180.0)}),
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
                "half_life": (2.0, 1.0, 4.0, FOREVER),
                "shrink": (10.0, 0.0, 3.0, 30.0),
                "neighbours": (200, 1000),
            },
            asked=("bought", "half_life"),
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
            asked=("half_life",),
        ),
        Contender(
            "ease",
            EASE,
            {"filter_bought": (True,), "half_life": (4.0, 2.0, FOREVER), "l2": (100.0, 30.0, 300.0)},
            asked=("filter_bought", "half_life"),
        ),
        Contender(
            "ease-transitions",
            EASETransitions,
            {
                "share": (0.3, 0.5, 0.15),
                "half_life": (8.0, 4.0, FOREVER),
                "step_half_life": (1.0, 0.7, 2.0),
                "to_power": (0.25, 0.1),
                "l2": (100.0, 300.0),
            },
            asked=("share", "half_life", "step_half_life"),
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
    asked = ("filter_bought",)
    return Contender("implicit-als", ImplicitALS, space, asked=asked, seeded=True, missing=IMPLICIT_MISSING)


def _bpr(more: Mapping[str, tuple[Any, ...]]) -> Contender:
    space = {
        **more,
        "factors": (64, 128, 32),
        "learning_rate": (0.05, 0.02),
        "regularization": (0.01, 0.003),
        "iterations": (100,),
    }
    names = ("own", "half_life")
    return Contender("implicit-bpr", ImplicitBPR, space, asked=names, seeded=True, missing=IMPLICIT_MISSING)
