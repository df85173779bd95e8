"""The releases that serve, as the manifest says: each is loaded, checked and warmed aside, and swapped in whole."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from serving.adapters.bringing_up import BringingUp
from serving.adapters.counter_files import CounterFiles
from serving.adapters.lineup import Lineup, Serving
from serving.adapters.model_loader import Loaded, load, load_release
from serving.adapters.price_live import LivePrices
from serving.adapters.recent_requests import RecentRequests
from serving.adapters.releases import Manifest, Release, last_manifest, manifest, stamp
from serving.catalogue.live import LiveCatalogue
from serving.catalogue.state import View
from serving.catalogue.store import CatalogueStore
from serving.core.errors import StoregateError
from serving.core.ports import ProfileStore
from serving.core.priority import yield_to_others
from serving.core.rollout import ModelParams, Shadowing, Split
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Answer, PageAnswer, PageQuery, Query
from serving.decisions.recommend.decision_log import DecisionLog
from serving.decisions.recommend.live import Counters, live_of
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.shadow import Shadow, ShadowLog
from serving.features import FEATURES

POLL_S: Final = 0.25
COUNTERS_POLLS: Final = 4
"""Looks at the manifest between two looks at the counters."""
SAVE_POLLS: Final = 40
"""Looks at the manifest between two writes of the recent requests."""
NICE: Final = 10
"""Of threads that load and warm: the engine goes first, and they get done all the same."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shade:
    """With what the live release is compared. asked: by the manifest, None = its own shadow, if it has one."""

    served: str
    asked: Shadowing | None
    view: View | None = None
    pipeline: Recommender | None = None


class LiveModels:
    """Loads the live release when constructed. Raises NotReady (nothing trained) or ModelDamaged (nothing whole)."""

    def __init__(
        self,
        home: Path,
        params: Params,
        profiles: ProfileStore | None,
        catalogue_store: CatalogueStore,
        import_dir: Path | None = None,
        decisions: DecisionLog | None = None,
        shadows: ShadowLog | None = None,
        admission: ModelParams | None = None,
        counters: CounterFiles | None = None,
        prices: LivePrices | None = None,
    ) -> None:
        """decisions: where decisions are kept; shadows: what compares with a shadow; None = nowhere. counters: what the
        pipelines take up beside their models; None = nothing. prices: what decides them; None = nobody."""
        self._home, self._shadows, self._counters, self._prices = home, shadows, counters, prices
        self._defective: Counters | None = None
        if counters is not None:
            counters.look()
        admission = admission or ModelParams()
        self._recent = RecentRequests(home, admission.recorded_max)
        self.catalogue = LiveCatalogue(catalogue_store, import_dir=import_dir)
        self._up = BringingUp(params, profiles, self.catalogue, decisions, admission, self._recent)
        self._guard = threading.Lock()
        """Of what is held in memory: one change at a time."""
        self._pricing = threading.Lock()
        """Of what pipelines show: one that takes prices up later never takes up older ones. Held for a moment, unlike
        the guard, which whoever loads a release holds all the while."""
        self._spare: dict[str, Serving] = {}
        """Releases that were tried out and do not serve."""
        self._shade = Shade("", None)
        self._stamp = stamp(home)
        self._lineup = Lineup(self._first())
        self.refused: list[str] = list(self.loaded.refused)
        """What of the manifest is not served, and why."""
        self._follow(last_manifest(home) or Manifest(Release(self.release, {})), self._lineup.main, self.refused)
        if prices is not None:
            prices.tell = self.take_prices
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="live-models", daemon=True)

    @property
    def loaded(self) -> Loaded:
        """The release that answers all but the arms of a split."""
        return self._lineup.main.loaded

    @property
    def release(self) -> str:
        """Its name."""
        return self._lineup.main.release

    def run(self, queries: Sequence[Query], turn: Turn) -> list[Answer]:
        """The pipelines of the releases that are served now; runs on the engine."""
        self._recent.note(queries, turn.now)
        return self._lineup.run(queries, turn)

    def run_pages(self, pages: Sequence[PageQuery], turn: Turn) -> list[PageAnswer]:
        """Likewise, for shop pages."""
        self._recent.note(pages[0].queries, turn.now)
        return self._lineup.run_pages(pages, turn)

    def start(self) -> None:
        """Begins to follow the manifest: a change is noticed within a second."""
        self._watcher.start()

    def close(self) -> None:
        """Ends the watching. Idempotent."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._recent.save()

    @contextmanager
    def tried(self, wanted: Sequence[Release]) -> Iterator[None]:
        """Inside, these releases are in memory, checked and warm, so that a `refresh` has little left to do.

        Raises ModelDamaged or ModelRefused for the first that must not serve.
        """
        with self._guard:
            try:
                for release in wanted:
                    if self._held(release.release) is None:
                        self._spare[release.release] = self._brought_up(release)
            except BaseException:
                self._drop_spare()
                raise
        try:
            yield
        finally:
            with self._guard:
                self._drop_spare()

    def refresh(self) -> bool:
        """Goes over to what the manifest says if it has changed; whether somebody is answered otherwise now.

        What is damaged or refused changes nothing.
        """
        with self._guard:
            now = stamp(self._home)
            if now == self._stamp:
                return False
            self._stamp = now
            refused: list[str] = []
            changed = False
            try:
                wanted = manifest(self._home)
                main = self._allowed(wanted.live, refused) or self._lineup.main
                if main is not self._lineup.main:
                    refused += main.loaded.refused  # a shadow of its own that is damaged
                changed = self._follow(wanted, main, refused)
            except StoregateError as error:
                refused.append(error.message)
            self.refused = refused
            for line in refused:
                log.error("refused: %s; release %s goes on", line, self.release)
            return changed

    def take_counters(self) -> bool:
        """Takes up the counters that are published now; whether they are others. What is made of them is made here, and
        bound by each pipeline between two of its batches."""
        with self._guard:
            news = self._counters is not None and self._counters.look()
            for pipeline, view in self._pipelines():
                self._bring(pipeline, view)
            return news

    def take_prices(self) -> None:
        """Takes up the prices as they are decided now; each pipeline binds them between two of its batches."""
        for pipeline, view in self._pipelines():
            self._price(pipeline, view)

    def _price(self, pipeline: Recommender, view: View) -> None:
        if self._prices is not None:
            with self._pricing:
                pipeline.quoted = self._prices.over(view)

    def _pipelines(self) -> Iterator[tuple[Recommender, View]]:
        for serving in self._lineup.all:
            yield serving.pipeline, serving.view
        shade = self._shade
        if shade.view is not None and shade.pipeline is not None:
            yield shade.pipeline, shade.view

    def _bring(self, pipeline: Recommender, view: View) -> None:
        """Prices and counters. Does nothing where the pipeline has these counters over all items of its catalogue."""
        self._price(pipeline, view)
        found = None if self._counters is None else self._counters.live
        catalogue, live = view.snapshot, pipeline.live
        if found is None or found.trends.empty:
            pipeline.live = None
        elif found is not self._defective and (live is None or live.counters is not found or live.n != len(catalogue)):
            try:
                pipeline.live = live_of(found, pipeline.models, catalogue, pipeline.params)
            except Exception:  # a defect here must not keep a release from serving
                pipeline.live, self._defective = None, found  # told once
                log.exception("counters %s are not taken up", found.version)

    def _first(self) -> Serving:
        """The newest release that is whole and admitted."""
        made: list[Serving] = []
        load(self._home, FEATURES, lambda loaded: made.append(self._up.serving(loaded, None)))
        (main,) = made
        empty = self.catalogue.leading
        self.catalogue.lead(main.view)
        self.catalogue.close(empty)
        return main

    def _follow(self, wanted: Manifest, main: Serving, refused: list[str]) -> bool:
        """Serves `main`, and the split and the shadow as far as their releases may; whether answers change by it."""
        before = self._lineup
        arms: dict[str, Serving] = {}
        for name, _ in wanted.split.shares:
            if name != main.release and (arm := self._allowed(wanted.find(name), refused)):
                arms[name] = arm
        shares = tuple(one for one in wanted.split.shares if one[0] in arms)
        after = Lineup(main, arms, Split(shares, wanted.split.seed))
        if self._prices is not None:
            self._prices.follow(main.release, main.view)
        for serving in after.all:
            self._bring(serving.pipeline, serving.view)
        self.catalogue.lead(main.view)
        self._lineup = after
        self._compare(wanted, before, refused)
        self.take_prices()  # what was decided since they were brought in came before they were known here
        for serving in before.all:
            if serving not in after.all:
                self.catalogue.close(serving.view)
        if main is not before.main:
            log.warning("release %s is live, it was %s", main.release, before.main.release)
        return after.differs(before)

    def _compare(self, wanted: Manifest, before: Lineup, refused: list[str]) -> None:
        """Hands the live release's answers to the shadow that is wanted, if it is another one than before."""
        main, asked = self._lineup.main, wanted.shadow
        if self._shadows is None or (self._shade.served, self._shade.asked) == (main.release, asked):
            return
        shadow: Shadow | None = main.loaded.shadow
        view = share = pipeline = None
        if asked is not None:
            shadow, share = None, asked.share
            try:
                loaded = self._in_memory(wanted.find(asked.release))
                other, view = self._up.shadow(loaded, main.loaded.models.rankers)
                shadow, pipeline = other, other.pipeline
                self._bring(pipeline, view)
            except StoregateError as error:
                refused.append(error.message)
        for serving in before.all:
            serving.relay.to = None
        main.relay.to = self._shadows.of(shadow, share)
        if self._shade.view is not None:
            self.catalogue.close(self._shade.view)
        self._shade = Shade(main.release, asked, view, pipeline)

    def _allowed(self, release: Release, refused: list[str]) -> Serving | None:
        """The release, ready to serve; None when it must not, which is then among `refused`."""
        try:
            return self._held(release.release) or self._brought_up(release)
        except StoregateError as error:
            refused.append(f"release {release.release}: {error.message}")
            return None

    def _brought_up(self, release: Release) -> Serving:
        return self._up.serving(self._in_memory(release), self.loaded.models.rankers)

    def _in_memory(self, release: Release) -> Loaded:
        held = self._held(release.release)
        return held.loaded if held else load_release(self._home, release, FEATURES)

    def _held(self, release: str) -> Serving | None:
        return self._lineup.find(release) or self._spare.get(release)

    def _drop_spare(self) -> None:
        for serving in self._spare.values():
            if serving not in self._lineup.all:
                self.catalogue.close(serving.view)
        self._spare.clear()

    def _watch(self) -> None:
        yield_to_others(NICE)
        looks = 0
        while not self._closing.wait(POLL_S):
            looks += 1
            try:
                self.refresh()
                if looks % COUNTERS_POLLS == 0:
                    self.take_counters()
                if looks % SAVE_POLLS == 0:
                    self._recent.save()
            except Exception:  # a defect here must not end the watching
                log.exception("following the manifest failed; %s goes on", self.release)
