"""The served recipe tuned as the baselines are: the same budget, the same tuning split, before the test is read.

Off by default: every try trains and publishes everything (`storegate evaluate recommend --tune-served`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np

from model_repo.datasets.tables import Dataset
from model_repo.evaluate.recommend import Task, served_lists
from model_repo.evaluate.report import SERVED_NAME
from model_repo.evaluate.search import TARGET_K, Chosen, Say, Space, climb, ndcg_of
from model_repo.evaluate.splits import sample_users
from model_repo.recommend import Plan
from serving.core.errors import InvalidInput
from serving.decisions.recommend.params import Params

IN_TIME: Space = {
    "params.half_life_days": (90.0, 60.0, 180.0),
    "plan.recipe.item_item.l2": (200.0, 100.0, 500.0),
    "plan.recipe.item_item.power": (0.5, 0.0, 1.0),
    "params.short_half_life_days": (21.0, 14.0, 45.0),
    "plan.moments": (6, 3, 10),
    "params.from_item_item": (80, 60, 100),
    "params.from_repeat": (80, 60, 100),
    "params.from_factors": (40, 20, 60),
}
"""What is tried for a shop's history; the value in use comes first, whether it stands here or not."""
IN_SEQUENCE: Space = {
    "params.half_life_days": (2.0, 4.0, 1.0),
    "plan.recipe.item_item.l2": (200.0, 100.0, 500.0),
    "plan.recipe.item_item.power": (0.5, 0.0, 1.0),
    "params.short_half_life_days": (1.0, 2.0),
    "params.from_item_item": (120, 80),
    "params.from_factors": (60, 20),
}
USERS_MAX = 2000
"""Customers that judge a try."""

_T = TypeVar("_T")


def tuned(dataset: Dataset, task: Task, *, seed: int, budget: int, say: Say) -> tuple[Chosen, Plan, Params]:
    """What the search chose for the served pipeline of `task`, whose tuning splits judge. Reads nothing of its test."""
    splits = [sample_users(split, USERS_MAX, seed) for split in task.tuning]

    def judge(values: Mapping[str, Any]) -> float:
        plan, params = applied(task.plan, task.params, values)
        asked = [replace(task, test=split, plan=plan, params=params) for split in splits]
        lists = [served_lists(dataset, one, TARGET_K, seed, lambda line: None) for one in asked]
        return float(np.mean([ndcg_of(given, split) for given, split in zip(lists, splits, strict=True)]))

    space = space_of(IN_SEQUENCE if task.sequences else IN_TIME, task.plan, task.params)
    chosen = climb(SERVED_NAME, space, judge, seed=seed, budget=budget, progress=say)
    return chosen, *applied(task.plan, task.params, chosen.values)


def space_of(space: Space, plan: Plan, params: Params) -> Space:
    """The space with the value that `plan` and `params` have in the first place of each parameter."""
    roots = {"plan": plan, "params": params}
    used = {name: _value(roots[name.split(".")[0]], name.split(".")[1:]) for name in space}
    return {name: (used[name], *(v for v in values if v != used[name])) for name, values in space.items()}


def applied(plan: Plan, params: Params, values: Mapping[str, Any]) -> tuple[Plan, Params]:
    """Both with `values` in their places: `plan.recipe.item_item.l2`, `params.half_life_days`. Raises InvalidInput."""
    for name, value in values.items():
        root, *path = name.split(".")
        if root == "plan":
            plan = _with(plan, path, value)
        else:
            params = _with(params, path, value)
    return plan, params


def _value(owner: Any, path: list[str]) -> Any:
    for name in path:
        owner = getattr(_checked(owner, name), name)
    return owner


def _with(owner: _T, path: list[str], value: Any) -> _T:
    """A copy in which the value at the end of the path is another."""
    name, *rest = path
    inner = getattr(_checked(owner, name), name)
    made: _T = replace(owner, **{name: _with(inner, rest, value) if rest else value})  # type: ignore[type-var]
    return made


def _checked(owner: Any, name: str) -> Any:
    names = [f.name for f in fields(owner)] if is_dataclass(owner) else []
    if name not in names:
        raise InvalidInput("served search", name, f"one of {', '.join(names)} of {type(owner).__name__}")
    return owner
