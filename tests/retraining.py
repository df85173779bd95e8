"""A small shop whose live release is four weeks old, and a log of all that happened since."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_repo.datasets.demo_store import generate
from model_repo.datasets.events import Log, read_log
from model_repo.datasets.tables import Dataset
from model_repo.factors import build as factors
from model_repo.item_item import build as item_item
from model_repo.ranker import build as ranker
from model_repo.recommend import Plan
from model_repo.retrain.gathering import until
from model_repo.retrievers import Recipe
from model_repo.train import train
from serving.adapters.parquet_archive import ParquetArchive
from serving.core.retraining import RetrainParams
from serving.events.log import LoggedEvent, Position, Span
from serving.events.types import EVENT_TYPES, UserEvent
from serving.kernels.history import DAY_S

QUICK = Recipe(factors=factors.Params(d=8, epochs=2), item_item=item_item.Params(neighbours=20))
PLAN = Plan(moments=2, groups_max=200, recipe=QUICK, ranker=ranker.Params(epochs=2, hidden=(8,)))
RULES = RetrainParams(customers_min=20, margin_percent=30, holdout_days=14)
WALL_S = 1_795_700_000.0


@dataclass(frozen=True)
class Shop:
    """A live release that knows what happened before `cut_s`, and a log of what happened since."""

    home: Path
    past: Dataset
    log: Log
    cut_s: int

    def copy(self, place: Path) -> Path:
        return shutil.copytree(self.home, place / "home")


def trained(home: Path) -> Shop:
    """Publishes the release below `home`, and archives the log there."""
    whole = generate(items=150, customers=300, days=120, seed=3)
    cut_s = int(whole.events.time_s[-1]) + 1 - 28 * DAY_S
    past = until(whole, cut_s)
    train(home, past, plan=PLAN, wall_s=WALL_S - DAY_S)
    since = whole.events.where(whole.events.time_s >= cut_s)
    events = [
        UserEvent(
            f"r{row}", EVENT_TYPES[kind], whole.users[user] if user >= 0 else "", "" if user >= 0 else f"b{basket}",
            time_s, ((whole.items[item].item_id, quantity),),
        )
        for row, (user, item, time_s, kind, quantity, basket) in enumerate(
            zip(*(column.tolist() for column in (
                since.user, since.item, since.time_s, since.type, since.quantity, since.basket)), strict=True)
        )
    ]  # fmt: skip
    archive = ParquetArchive(home / "events")
    placed = [(Position(at, 0), LoggedEvent(one)) for at, one in enumerate(events, 1)]
    archive.put(Span(placed[0][0], placed[-1][0]), placed)
    return Shop(home, past, read_log(archive, days=365, rows_max=10_000_000), cut_s)


def shuffled(past: Dataset) -> Dataset:
    """Everybody has what somebody else bought."""
    users = np.random.default_rng(0).permutation(len(past.users)).astype(np.int32)
    events = past.events
    return replace(past, events=replace(events, user=np.where(events.user >= 0, users[events.user], -1)))
