"""`Recommend`, `RecommendPage` and `Rerank`, read like a recipe: `Recommender._run` is the whole flow, one call per
stage and batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter_ns
from typing import Protocol

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.errors import ModelFailed, StoreUnavailable
from serving.core.ids import Serial
from serving.core.ports import F32, I32, I64, ProfileStore
from serving.core.prices import Quoted
from serving.core.priority import breathe
from serving.core.turn import Turn
from serving.decisions.recommend import ordering
from serving.decisions.recommend.asking import Asked, ask
from serving.decisions.recommend.contract import (
    EXPLAIN_TRACE,
    ON_SALE,
    PAGED_ITEMS_MAX,
    PLACEMENTS,
    Answer,
    PageAnswer,
    PageQuery,
    Query,
    ReasonCode,
)
from serving.decisions.recommend.live import Live
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.placements import Table
from serving.decisions.recommend.rules import Rules
from serving.decisions.recommend.session_records import records_of
from serving.decisions.recommend.sources import Evidence
from serving.decisions.recommend.sources.gather import gather
from serving.decisions.recommend.sources.recall import Asking, habits
from serving.decisions.recommend.steps import collect, know, present
from serving.decisions.recommend.tracing import Considered, trace
from serving.decisions.recommend.world import World, bind
from serving.events.records import RECORD_BYTES, newest_s
from serving.kernels.direct import Direct
from serving.kernels.history import DAY_S
from serving.kernels.signals import S_BUYS, S_FACTORS, S_ITEM_ITEM, S_SESSION, S_TOGETHER

FALLBACKS = {
    "profile": "the session and the context items alone",
    "candidates": "the other sources, without the one that failed",
    "scorer": "retrieval order: item-item + factor scores, own purchases first",
}
"""Which stage may fail, and what the answer is then made of. Filters, exclusions, stock, pins and caps hold on all of
them; the answer lists the stages that fell back. Anything else that raises is a defect and is not hidden."""


class DecisionSink(Protocol):
    """Where decisions go that are to be looked at later."""

    def wants(self, decision_id: str) -> bool:
        """Whether this one is kept."""
        ...

    def offer(self, query: Query, blob: bytes, wall_s: float, answer: Answer, before: Sequence[Query] = ()) -> None:
        """Takes one; never waits. before: the placements of the same shop page that chose first, with their ids."""
        ...


class Watcher(Protocol):
    """Sees every batch that was answered; see shadow.py."""

    def watch(
        self, queries: Sequence[Query], groups: Sequence[int], blobs: Sequence[bytes], wall_s: float,
        answers: Sequence[Answer],
    ) -> None:  # fmt: skip
        """Never waits, and writes to nothing of it."""
        ...


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


@dataclass(slots=True)
class Retrieved:
    """The candidates of a batch: rows (m,) by ptr (b + 1,), their signals and features, and what they came from."""

    rows: I32
    ptr: I64
    signals: F32
    features: F32
    block: npt.NDArray[np.uint8]
    """All that is known of the visitors; see kernels/handed.py."""


class Recommender:
    """Ranks items for visitors. Holds no state of its own but the binding of models and catalogue; not thread-safe:
    the engine runs one batch at a time."""

    def __init__(
        self,
        models: Models,
        catalogue: Callable[[], Catalogue],
        profiles: ProfileStore | None,
        params: Params | None = None,
        decisions: DecisionSink | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self.params = params = params or Params()
        self.models = models
        self._catalogue, self._profiles, self._decisions, self._watcher = catalogue, profiles, decisions, watcher
        self._table, self._habits = Table(params), habits(params)
        self._rules = Rules(params.transfer_days)
        self._serial = Serial()
        self.live: Live | None = None
        """What the event log says, of these models and this catalogue; another one is bound before the next batch."""
        self.quoted: Quoted | None = None
        """Prices that were decided for this catalogue, likewise; None = it shows its own."""
        self._bound: World | None = None
        self._know, self._collect, self._present = Direct(know), Direct(collect), Direct(present)

    def run(self, queries: Sequence[Query], turn: Turn) -> list[Answer]:
        """One answer per query, in order; a batch gives exactly what its queries give one by one."""
        return self._run(queries, [-1] * len(queries), turn)

    def run_pages(self, pages: Sequence[PageQuery], turn: Turn) -> list[PageAnswer]:
        """One answer per shop page: all placements of all pages in one batch, no item twice on a page."""
        groups = [number for number, page in enumerate(pages) for _ in page.queries]
        answers = iter(self._run([query for page in pages for query in page.queries], groups, turn))
        return [PageAnswer(tuple(next(answers) for _ in page.queries), page.request_id) for page in pages]

    def _run(self, queries: Sequence[Query], groups: Sequence[int], turn: Turn) -> list[Answer]:
        world, stages = self.world(turn.wall), Stages()
        ids = [query.decision_id or self._serial.next() for query in queries]
        masks, mask_of = self._rules.masks(queries, world.catalogue, world.prices, int(turn.wall))
        asked = ask(queries, ids, world.catalogue, self._table, mask_of, groups, int(turn.wall))
        blobs = self._profile(asked, turn, stages)
        found = self._retrieve(world, asked, masks, blobs, self._clock(turn.wall), stages)
        scores = self._score(world, asked, found, stages)
        catalogue = world.catalogue
        picks, ptr, propensity, code, related, weight, source = self._present(
            found.rows, scores, found.ptr, found.signals, asked.page, world.units, catalogue.brand, catalogue.category,
            found.block, world.matrices, asked.wanted, world.scratch.slot,
        )  # fmt: skip
        _say_on_sale(code, asked.placement, self._table.number[ON_SALE], ptr)
        stages.done("page")
        shown = Shown(found.rows[picks], scores[picks], source, code, related, weight, propensity, ptr)
        answers = _answers(queries, ids, world, asked, blobs, stages, shown, int(turn.wall))
        if any(query.explain == EXPLAIN_TRACE for query in queries):
            self._explain(
                queries, answers, Considered(world, asked, masks, found, scores, picks, ptr, self._rules, turn.wall)
            )
        self._keep(queries, ids, groups, blobs, turn.wall, answers)
        if self._watcher is not None:
            self._watcher.watch(queries, groups, blobs, turn.wall, answers)
        return answers

    def world(self, wall: float = 0.0) -> World:
        """Models, catalogue and counters as they are now; bound anew only when one of them was replaced."""
        catalogue, live, quoted, bound = self._catalogue(), self.live, self.quoted, self._bound
        if (
            bound is None
            or bound.given is not catalogue
            or bound.live is not live
            or bound.quoted is not quoted
            or bound.models is not self.models
            or wall >= bound.until_s
        ):
            hold_s = self.params.stockout_hold_h * 3600.0
            self._bound = bound = bind(
                self.models, catalogue, bound, live=live, quoted=quoted, hold_s=hold_s, now_s=wall
            )
            for kernel in (self._know, self._collect, self._present):
                kernel.renew()
        return bound

    def _clock(self, wall: float) -> float:
        """Epoch seconds that events age by: now, or `stale_days` after what the models have seen."""
        return min(wall, self.models.trained_through_s + self.params.stale_days * DAY_S)

    def features(
        self, queries: Sequence[Query], blobs: Sequence[bytes], wall: float
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], F32]:
        """Candidates (m,), ptr (b + 1,) and features (m, f): what rankers are trained on, by the code that serves."""
        world, alone = self.world(wall), [-1] * len(queries)
        masks, mask_of = self._rules.masks(queries, world.catalogue, world.prices, int(wall))
        asked = ask(queries, ["0"] * len(queries), world.catalogue, self._table, mask_of, alone, int(wall))
        found = self._retrieve(world, asked, masks, blobs, wall, Stages())
        return found.rows, found.ptr, found.features

    def warm(self) -> list[Answer]:
        """Compiles every kernel for every signature it is called with, so that no request pays for it."""
        items = self._catalogue().items
        one = items[0].item_id if items else ""
        every = [Query(placement=name, item_ids=(one,), personal=False) for name in PLACEMENTS]
        plain = Query(visitor_id="warm-up", personal=False)
        ruled = Query(diversity=0.5, max_per_brand=1, filter="price >= 0", personal=False)
        given = Query(given=(one,), personal=False)
        answers = self.warm_with([*every, plain, ruled, given])
        with self._unseen():
            self.run_pages([PageQuery(tuple(every))], Turn(0.0, 0.0, NEVER))
        return answers

    def warm_with(self, queries: Sequence[Query]) -> list[Answer]:
        """Answers the queries one by one, as if it were the time of the newest thing known; nobody is told of them."""
        newest = max((event.time_s for query in queries for event in query.session), default=0)
        turn = Turn(0.0, float(max(newest, self.models.trained_through_s)), NEVER)
        answers: list[Answer] = []
        with self._unseen():
            for query in queries:
                answers += self.run([query], turn)
                breathe()
        return answers

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """Inside, answers are neither kept nor watched. Not on a pipeline that serves."""
        hidden = self._decisions, self._watcher
        self._decisions = self._watcher = None
        try:
            yield
        finally:
            self._decisions, self._watcher = hidden

    def _profile(self, asked: Asked, turn: Turn, stages: Stages) -> list[bytes]:
        """The visitors' stored records, in one round trip; none where nobody is known or nobody consented."""
        blobs = [b""] * len(asked.keys)
        known = list(dict.fromkeys(key for key in asked.keys if key))
        if known and self._profiles is not None:
            timeout_s = min(self.params.profile_timeout_ms / 1000, max(turn.deadline - turn.now, 0.0005))
            try:
                found = dict(zip(known, self._profiles.fetch(known, timeout_s), strict=True))
                for i, key in enumerate(asked.keys):
                    if key:
                        blob = found[key]
                        blobs[i] = blob[: len(blob) - len(blob) % RECORD_BYTES]
            except StoreUnavailable as error:
                stages.degraded.append(("profile", error.cause))
        stages.done("profile")
        return blobs

    def _retrieve(
        self, world: World, asked: Asked, masks: npt.NDArray[np.bool_], blobs: Sequence[bytes], wall: float,
        stages: Stages,
    ) -> Retrieved:  # fmt: skip
        models, catalogue = world.models, world.catalogue
        records, record_ptr = records_of(blobs, asked.session)
        asking = Asking(asked.quotas, asked.request.mask, masks, asked.context_ptr)
        block, tastes, contents = self._know(
            records, record_ptr, asked.context, asked.context_ptr, catalogue.hash_keys, catalogue.hash_rows,
            world.prices.price, wall, self.params.half_life_days * DAY_S, self.params.short_half_life_days * DAY_S,
            world.vectors, models.gram, np.float32(models.fold_alpha), world.content, world.scratch.slot, asking,
            world.popularity, world.fresh, models.sessions, world.session_scratch, self._habits,
        )  # fmt: skip
        stages.done("visitor")
        evidence = Evidence(world, tastes, contents, asked.request.mask, masks)
        by_factors, by_content = gather(evidence, asked, stages.degraded)
        stages.done("sources")
        rows, signals, ptr, features = self._collect(
            block, tastes, contents, wall, asked.request, by_factors, by_content, asked.quotas, world.matrices,
            world.popular, world.trending, masks, world.vectors, world.content, world.stats, catalogue.category,
            catalogue.brand, len(catalogue.category_numbers), len(catalogue.brand_numbers), asked.context_ptr,
            world.scratch,
        )  # fmt: skip
        stages.done("candidates")
        return Retrieved(rows, ptr, signals, features, block)

    def _score(self, world: World, asked: Asked, found: Retrieved, stages: Stages) -> F32:
        """What the page is ordered by (m,): a ranker's log-odds or a placement's signal, leaning to the objective."""
        try:
            scores = ordering.learned(world.models.rankers, asked.order, asked.objective, found.features, found.ptr)
        except ModelFailed as error:
            stages.degraded.append(("scorer", error.cause))
            columns = [S_ITEM_ITEM, S_FACTORS, S_BUYS, S_SESSION, S_TOGETHER]
            scores = found.signals[:, columns].sum(axis=1, dtype=np.float32)
        ordering.by_signal(scores, asked.order, found.signals, found.ptr)
        if any(asked.objective):
            ordering.lean(scores, asked.objective, asked.lean, found.rows, found.ptr, world.prices)
        stages.done("score")
        return scores

    def _explain(self, queries: Sequence[Query], answers: Sequence[Answer], considered: Considered) -> None:
        """Traces, for people: computed after the answer, from what the stages left behind."""
        for r, query in enumerate(queries):
            if query.explain == EXPLAIN_TRACE and not query.validate_only:
                answers[r].trace = trace(query, r, answers[r], considered)

    def _keep(
        self, queries: Sequence[Query], ids: Sequence[str], groups: Sequence[int], blobs: Sequence[bytes], wall: float,
        answers: Sequence[Answer],
    ) -> None:  # fmt: skip
        """Hands over what is to be looked at later: a sample, and every answer that was traced or left to chance."""
        sink = self._decisions
        if sink is None:
            return
        everything = self.params.exploration_share > 0
        first = 0
        for i, query in enumerate(queries):
            if groups[i] < 0 or (i > 0 and groups[i] != groups[i - 1]):
                first = i
            if query.validate_only:
                continue
            if everything or query.explain == EXPLAIN_TRACE or sink.wants(ids[i]):
                before = [replace(queries[k], decision_id=ids[k]) for k in range(first, i)]
                sink.offer(query, blobs[i], wall, answers[i], before)


@dataclass(slots=True)
class Shown:
    """The pages of a batch: (p,) arrays by ptr (b + 1,)."""

    rows: I32
    scores: F32
    source: npt.NDArray[np.uint8]
    code: npt.NDArray[np.uint8]
    related: I32
    weight: F32
    propensity: F32
    ptr: I64


def _say_on_sale(code: npt.NDArray[np.uint8], placements: Sequence[int], on_sale: int, ptr: I64) -> None:
    """On the on-sale placement the price is the plain reason, where nothing better speaks for an item."""
    for r, placement in enumerate(placements):
        if placement == on_sale:
            mine = code[ptr[r] : ptr[r + 1]]
            mine[mine == ReasonCode.TRENDING] = ReasonCode.ON_SALE


def _answers(
    queries: Sequence[Query], ids: Sequence[str], world: World, asked: Asked, blobs: Sequence[bytes], stages: Stages,
    shown: Shown, made_s: int,
) -> list[Answer]:  # fmt: skip
    """Cuts the batch's arrays into answers. Only visitors with a profile to lose hear that it was lost."""
    degraded = tuple(stages.degraded)
    without_profile = tuple(d for d in degraded if d[0] != "profile")
    times, cuts = tuple(stages.times), shown.ptr.tolist()
    prices, priced_by = world.prices.price[shown.rows], world.quoted.release if world.quoted else ""
    answers = []
    for i, query in enumerate(queries):
        end = cuts[i + 1]
        start = end if query.validate_only else min(cuts[i] + query.offset, end)
        cut = slice(start, end)
        need = query.offset + query.page_size
        more = end - cuts[i] == need and need < PAGED_ITEMS_MAX and query.given is None and not query.validate_only
        answers.append(
            Answer(
                world.catalogue, shown.rows[cut], shown.scores[cut], shown.source[cut], shown.code[cut],
                shown.related[cut], shown.weight[cut], prices[cut], shown.propensity[cut],
                asked.missing[i], degraded if asked.keys[i] else without_profile, times, len(queries),
                newest_s(blobs[i]), world.versions, query.request_id,
                "" if query.validate_only else ids[i], made_s, query.placement, need if more else 0,
                priced_by=priced_by,
            )
        )  # fmt: skip
    return answers
