"""From a release in memory to one that may serve: its view of the catalogue, its pipeline, checked and warm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.adapters.admission import check_rankers, rehearse
from serving.adapters.lineup import Relay, Serving
from serving.adapters.model_loader import Loaded
from serving.adapters.recent_requests import RecentRequests
from serving.adapters.release_shadow import OtherRelease
from serving.catalogue.live import LiveCatalogue
from serving.catalogue.state import View
from serving.core.ports import ProfileStore
from serving.core.rollout import ModelParams
from serving.decisions.recommend.decision_log import DecisionLog
from serving.decisions.recommend.models import Rankers
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.features import FEATURES


@dataclass(frozen=True, slots=True)
class BringingUp:
    """What every release of this process is put together with. All of it runs aside: nothing of what serves is held
    up, and nothing is left open when a release is refused."""

    params: Params
    profiles: ProfileStore | None
    catalogue: LiveCatalogue
    decisions: DecisionLog | None
    admission: ModelParams
    recent: RecentRequests

    def serving(self, loaded: Loaded, live: Rankers | None) -> Serving:
        """live: what serves now, None = nothing yet. Raises ModelRefused or ModelDamaged."""
        self._check(loaded, live)
        sink = self.decisions.of_release(loaded.release) if self.decisions else None
        relay = Relay()
        view = self._opened(loaded)
        pipeline = Recommender(loaded.models, view, self.profiles, self.params, sink, relay)
        self._rehearse(view, lambda: rehearse(pipeline, loaded.release, self.recent.queries(), strict=live is not None))
        return Serving(loaded, view, pipeline, relay)

    def shadow(self, loaded: Loaded, live: Rankers) -> tuple[OtherRelease, View]:
        """The release as a shadow, with a pipeline of its own: it runs beside those that serve. Raises likewise."""
        self._check(loaded, live)
        view = self._opened(loaded)

        def pipeline(profiles: ProfileStore) -> Recommender:
            return Recommender(loaded.models, view, profiles, self.params)

        shadow = OtherRelease(loaded.release, pipeline)
        recorded = self.recent.queries()
        self._rehearse(view, lambda: rehearse(shadow.pipeline, loaded.release, recorded, strict=True))
        return shadow, view

    def _check(self, loaded: Loaded, live: Rankers | None) -> None:
        if loaded.ranker_dir is not None:
            rankers = loaded.models.rankers
            check_rankers(loaded.ranker_dir, rankers, len(FEATURES), live, self.admission.slower_max)

    def _opened(self, loaded: Loaded) -> View:
        return self.catalogue.open(loaded.catalogue_items, loaded.models.item_ids)

    def _rehearse(self, view: View, run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException:
            self.catalogue.close(view)
            raise
