"""The pipeline as it is served: a release on disk, loaded as the gateway does, asked as a storefront asks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from serving.adapters.model_loader import load
from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.ports import I32, ProfileStore
from serving.core.turn import Turn
from serving.decisions.recommend.contract import EXPLAIN_NONE, Query
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.events.history import read_history
from serving.features import FEATURES

BATCH = 64
"""Queries a turn; the answers do not depend on it."""


class StoredHistory:
    """A ProfileStore that holds the release's own history, in the stored form, and takes nothing more."""

    def __init__(self, blobs: dict[str, bytes]) -> None:
        self._blobs = blobs

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        """See ProfileStore."""
        return [self._blobs.get(key, b"") for key in keys]

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        """See ProfileStore: nothing is added while an evaluation runs."""
        return [0] * len(writes)


def served_answers(
    home: Path,
    users: Sequence[str],
    *,
    now_s: float,
    page_size: int = 20,
    exclude: Sequence[tuple[str, ...]] = (),
    params: Params | None = None,
) -> list[tuple[str, ...]]:
    """The item ids that the live release under `home` recommends to each user at `now_s` (epoch seconds), best first.

    Placement recommended-for-you, everything else as a request that says nothing. exclude: () or, for each user, ids
    that must not come. Raises ModelDamaged or NotReady when the release cannot be loaded.
    """
    loaded = load(home, FEATURES)
    catalogue = Catalogue.build(loaded.catalogue_items, model_ids=loaded.models.item_ids)
    return answers(
        loaded.models, catalogue, stored_history(loaded.history_dir), users, now_s=now_s, page_size=page_size,
        exclude=exclude, params=params,
    )  # fmt: skip


def answers(
    models: Models,
    catalogue: Catalogue,
    profiles: ProfileStore,
    users: Sequence[str],
    *,
    now_s: float,
    page_size: int = 20,
    exclude: Sequence[tuple[str, ...]] = (),
    params: Params | None = None,
) -> list[tuple[str, ...]]:
    """The same of these models over a catalogue (the models' rows first) and profiles."""
    recommender = Recommender(models, lambda: catalogue, profiles, params or Params())
    turn = Turn(now=0.0, wall=now_s, deadline=NEVER)
    lists: list[tuple[str, ...]] = []
    for lo in range(0, len(users), BATCH):
        queries = [
            Query(user_id=user, page_size=page_size, exclude=exclude[at] if exclude else (), explain=EXPLAIN_NONE)
            for at, user in enumerate(users[lo : lo + BATCH], lo)
        ]
        for answer in recommender.run(queries, turn):
            lists.append(tuple(answer.catalogue.items[row].item_id for row in answer.rows.tolist()))
    return lists


def stored_history(history_dir: Path) -> StoredHistory:
    """The profiles that a release brings with it, as the gateway seeds its store with them."""
    return StoredHistory(dict(read_history(history_dir / "profiles.npz")))


def as_lists(answers: Sequence[tuple[str, ...]], row_of: dict[str, int], k: int) -> I32:
    """(u, k) item numbers, -1 where an answer is shorter."""
    lists = np.full((len(answers), k), -1, np.int32)
    for line, answer in zip(lists, answers, strict=True):
        line[: len(answer)] = [row_of[item_id] for item_id in answer[:k]]
    return lists
