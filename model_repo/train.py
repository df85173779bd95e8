"""From a dataset to a live release: train everything, write every part, make it live. Read it first."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from model_repo.datasets.tables import Dataset
from model_repo.decisions import Decisions, build_decisions
from model_repo.neural.build import shadow as shadow_of
from model_repo.neural.models import check_trainable
from model_repo.publish import Trained, metrics_of, publish
from model_repo.recommend import Plan, Report, train_recommend
from model_repo.work import cores
from serving.core.errors import InvalidInput
from serving.core.ids import hash64
from serving.decisions.recommend.params import Params
from serving.events.history import History, history_from_events, write_history
from serving.events.types import profile_key
from serving.features import FEATURES

HISTORY_FILE = "profiles.npz"


@dataclass(frozen=True, slots=True)
class Made:
    """A release, and what became of the models of versions.DECISIONS that could not be built for it."""

    release: str
    absent: Mapping[str, str]
    """Model -> why it could not be built."""
    carried: Mapping[str, str]
    """Model -> the version of before that goes on in its place."""

    @property
    def told(self) -> list[str]:
        """One line a model that could not be built."""
        return [
            f"no new {name}: {why}"
            + (f" (version {self.carried[name]} goes on)" if name in self.carried else ", so it is not answered")
            for name, why in self.absent.items()
        ]


def train(
    home: Path,
    dataset: Dataset,
    *,
    seed: int = 0,
    progress: Report | None = None,
    plan: Plan | None = None,
    params: Params | None = None,
    wall_s: float | None = None,
    shadow: str = "",
    go_live: bool = True,
    carried: Mapping[str, str] | None = None,
    decisions: bool = True,
) -> Made:
    """Trains on `dataset` and makes the result live below `home`.

    The same dataset and seed give the same models. Nothing becomes live unless all of it was written. wall_s: epoch
    seconds that stand in the release's name. shadow: a model of neural/models.py that is trained too and only compared,
    '' = none. go_live: False = the result is a candidate, to be promoted later. carried: model of
    versions.DECISIONS -> its version that goes on where none is built now. decisions: False = none of them is, for who
    looks only at what Recommend answers. Raises InvalidInput when the data is too little to learn from, NotReady when a
    shadow needs PyTorch.
    """
    plan, params = plan or Plan(), params or Params()
    if not len(dataset.events):
        raise InvalidInput("transactions", "no usable line", "at least one sale of a product")
    if shadow:
        check_trainable(shadow)
    report = progress or (lambda what, done, total: None)
    with threadpool_limits(limits=cores()):
        made = train_recommend(dataset, plan, params, seed=seed, report=report)
    known = {name: metrics_of(home, name, version) for name, version in (carried or {}).items()}
    built = build_decisions(dataset, seed=seed, report=report, before=known) if decisions else Decisions()
    going_on = {name: version for name, version in (carried or {}).items() if name not in built.files}
    shadowing = None
    if shadow:
        shadowing = shadow_of(
            dataset, shadow, seed=seed, progress=lambda share: report(f"training {shadow}", int(100 * share), 100)
        )
    with tempfile.TemporaryDirectory(prefix="storegate-train-") as folder:
        history = Path(folder) / HISTORY_FILE
        # For the gateway to seed its store with.
        keys, past = profiles(dataset, plan.recipe.records_max)
        write_history(history, keys, past.records, past.offsets)
        release = publish(
            home,
            Trained(
                models=made.models,
                rankers=made.rankers,
                golden=made.golden,
                feature_names=FEATURES,
                items=dataset.items,
                history={HISTORY_FILE: history},
                metrics={
                    "ranker": {**made.summary, "groups": float(made.groups), "seed": float(seed)},
                    **built.metrics,
                },
                shadow=shadowing,
                decisions=built.files,
                carried=going_on,
            ),
            wall_s=time.time() if wall_s is None else wall_s,
            go_live=go_live,
        )
    return Made(release, built.absent, going_on)


def profiles(dataset: Dataset, records_max: int) -> tuple[list[str], History]:
    """Everybody's past as profiles: their keys, and the newest `records_max` records of each."""
    events = dataset.events
    hashes = np.array([hash64(item.item_id) for item in dataset.items], np.uint64)
    past = history_from_events(
        events.user, hashes[events.item], events.time_s, events.type, events.quantity, marks=events.mark,
        records_max=records_max,
    )  # fmt: skip
    return [profile_key(dataset.users[user], "") for user in past.users.tolist()], past
