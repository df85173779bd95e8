"""`Recommend` and `Rerank`, read like a recipe: `Recommender.run` is the whole flow, one call per stage and batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.errors import ModelFailed, StoreUnavailable
from serving.core.ports import F32, I64, ProfileStore
from serving.core.turn import Turn
from serving.decisions.recommend.asking import Asked, ask, records_of
from serving.decisions.recommend.contract import Answer, Query
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.world import World, bind
from serving.events.fold import fold
from serving.events.records import RECORD_BYTES, newest_s
from serving.features import Inputs, compute
from serving.features.context import context
from serving.kernels.candidates import S_BUYS, S_FACTORS, S_ITEM_ITEM, Quotas, candidates
from serving.kernels.fold_in import fold_in
from serving.kernels.history import DAY_S, History
from serving.kernels.reasons import reasons
from serving.kernels.rerank import rerank

FALLBACKS = {
    "profile": "the session and the context items alone",
    "candidates": "item-item, own purchases and trending, without the factor index",
    "scorer": "retrieval order: item-item + factor scores, own purchases first",
}
"""Which stage may fail, and what the answer is then made of. Exclusions, stock and caps hold on all of them; the answer
lists the stages that fell back. Anything else that raises is a defect and is not hidden."""


class Stages:
    """The stages of one batch: how long each took, and which fell back."""

    __slots__ = ("_last", "degraded", "times")

    def __init__(self) -> None:
        self.times: list[tuple[str, int]] = []
        self.degraded: list[tuple[str, str]] = []
        self._last = perf_counter_ns()

    def done(self, name: str) -> None:
        now = perf_counter_ns()
        self.times.append((name, (now - self._last) // 1000))
        self._last = now


class Recommender:
    """Ranks items for visitors. Holds no state of its own but the binding of models and catalogue; not thread-safe:
    the engine runs one batch at a time."""

    def __init__(
        self,
        models: Models,
        catalogue: Callable[[], Catalogue],
        profiles: ProfileStore | None,
        params: Params | None = None,
    ) -> None:
        self.params = params = params or Params()
        self.models = models
        self._catalogue, self._profiles = catalogue, profiles
        self._quotas = Quotas(
            params.candidates, params.from_item_item, params.from_factors, params.from_repeat, params.from_fresh
        )
        self._bound: World | None = None

    def run(self, queries: Sequence[Query], turn: Turn) -> list[Answer]:
        """One answer per query, in order; a batch gives exactly what its queries give one by one."""
        world, stages = self.world(), Stages()
        asked = ask(queries, world.catalogue, self.params, int(turn.wall))
        blobs = self._profile(asked, turn, stages)
        rows, ptr, signals, history, features = self._candidates(world, asked, blobs, self._clock(turn.wall), stages)
        scores = self._score(features, signals, stages)
        catalogue = world.catalogue
        picks, pick_ptr = rerank(
            rows, scores, ptr, signals, asked.page, world.units, catalogue.brand, catalogue.category
        )
        stages.done("rerank")
        item_item = world.models.item_item
        code, related, weight, source = reasons(
            rows, picks, pick_ptr, signals, history, item_item.indptr, item_item.cols, item_item.vals, asked.wanted
        )
        stages.done("reasons")
        return _answers(
            queries, world, asked, blobs, stages, pick_ptr, rows[picks], scores[picks], source, code, related, weight
        )

    def world(self) -> World:
        """Models and catalogue as they are now; bound anew only when one of them was replaced."""
        catalogue, bound = self._catalogue(), self._bound
        if bound is None or bound.catalogue is not catalogue or bound.models is not self.models:
            self._bound = bound = bind(self.models, catalogue, bound)
        return bound

    def _clock(self, wall: float) -> float:
        """Epoch seconds that events age by: now, or `stale_days` after what the models have seen."""
        return min(wall, self.models.trained_through_s + self.params.stale_days * DAY_S)

    def features(
        self, queries: Sequence[Query], blobs: Sequence[bytes], wall: float
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], F32]:
        """Candidates (m,), ptr (b + 1,) and features (m, f): what the ranker is trained on, by the code that serves."""
        world = self.world()
        asked = ask(queries, world.catalogue, self.params, int(wall))
        rows, ptr, _, _, features = self._candidates(world, asked, blobs, wall, Stages())
        return rows, ptr, features

    def warm(self) -> None:
        """Compiles every kernel for every signature it is called with, so that no request pays for it."""
        items = self._catalogue().items
        one = items[0].item_id if items else ""
        plain = Query(visitor_id="warm-up", personal=False)
        page = Query(placement="others-you-may-like", item_ids=(one,), diversity=0.5, max_per_brand=1, personal=False)
        given = Query(given=(one,), personal=False)
        self.run([plain, page, given], Turn(0.0, 0.0, NEVER))

    def _profile(self, asked: Asked, turn: Turn, stages: Stages) -> list[bytes]:
        """The visitors' stored records, in one round trip; none where nobody is known or nobody consented."""
        blobs = [b""] * len(asked.keys)
        known = [i for i, key in enumerate(asked.keys) if key]
        if known and self._profiles is not None:
            timeout_s = min(self.params.profile_timeout_ms / 1000, max(turn.deadline - turn.now, 0.0005))
            try:
                found = self._profiles.fetch([asked.keys[i] for i in known], timeout_s)
                for i, blob in zip(known, found, strict=True):
                    blobs[i] = blob[: len(blob) - len(blob) % RECORD_BYTES]
            except StoreUnavailable as error:
                stages.degraded.append(("profile", error.cause))
        stages.done("profile")
        return blobs

    def _candidates(
        self, world: World, asked: Asked, blobs: Sequence[bytes], wall: float, stages: Stages
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], F32, History, F32]:
        models, catalogue = world.models, world.catalogue
        records, record_ptr = records_of(blobs, asked.session)
        history, users = fold(
            records, record_ptr, asked.context, asked.context_ptr, catalogue.hash_keys, catalogue.hash_rows,
            catalogue.price, wall, self.params.half_life_days * DAY_S, self.params.short_half_life_days * DAY_S,
        )  # fmt: skip
        stages.done("fold")
        tastes = fold_in(history, world.vectors, models.gram, np.float32(models.fold_alpha))
        found = self._search(models, tastes, asked, stages)
        item_item = models.item_item
        rows, signals, ptr = candidates(
            history, wall, asked.request, self._quotas, item_item.indptr, item_item.cols, item_item.vals,
            tastes, world.vectors, world.popularity, found, models.trending, world.fresh, catalogue.available,
        )  # fmt: skip
        stages.done("candidates")
        peaks, affinity = context(
            rows, ptr, signals, history, catalogue.category, catalogue.brand,
            len(catalogue.category_numbers), len(catalogue.brand_numbers),
        )  # fmt: skip
        has_context = np.diff(asked.context_ptr) > 0
        features = compute(Inputs(rows, signals, world.stats, users, peaks, affinity, has_context), ptr)
        stages.done("features")
        return rows, ptr, signals, history, features

    def _search(self, models: Models, tastes: F32, asked: Asked, stages: Stages) -> I64:
        """Rows near each visitor's taste; -1 for visitors without one, and for all when the index fails."""
        found = np.full((len(tastes), self._quotas.factors), -1, np.int64)
        searching = np.flatnonzero(tastes.any(axis=1) & ~asked.request.is_given)
        if len(searching) and self._quotas.factors:
            try:
                _, near = models.index.search(tastes[searching], self._quotas.factors)
                found[searching, : near.shape[1]] = near
            except ModelFailed as error:
                stages.degraded.append(("candidates", error.cause))
        return found

    def _score(self, features: F32, signals: F32, stages: Stages) -> F32:
        try:
            scores = self.models.scorer.score(features) if len(features) else np.zeros(0, np.float32)
        except ModelFailed as error:
            stages.degraded.append(("scorer", error.cause))
            scores = signals[:, S_ITEM_ITEM] + signals[:, S_FACTORS] + signals[:, S_BUYS]
        stages.done("score")
        return scores


def _answers(
    queries: Sequence[Query], world: World, asked: Asked, blobs: Sequence[bytes], stages: Stages, ptr: I64,
    rows: npt.NDArray[np.int32], scores: F32, source: npt.NDArray[np.uint8], code: npt.NDArray[np.uint8],
    related: npt.NDArray[np.int32], weight: F32,
) -> list[Answer]:  # fmt: skip
    """Cuts the batch's arrays into answers. Only visitors with a profile to lose hear that it was lost."""
    degraded = tuple(stages.degraded)
    without_profile = tuple(d for d in degraded if d[0] != "profile")
    times, cuts = tuple(stages.times), ptr.tolist()
    answers = []
    for i, query in enumerate(queries):
        cut = slice(cuts[i], cuts[i] if query.validate_only else cuts[i + 1])
        answers.append(
            Answer(
                world.catalogue, rows[cut], scores[cut], source[cut], code[cut], related[cut], weight[cut],
                asked.missing[i], degraded if asked.keys[i] else without_profile, times, len(queries),
                newest_s(blobs[i]), world.models.versions, query.request_id,
            )
        )  # fmt: skip
    return answers
