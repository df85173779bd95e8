"""The shadow that is another release: what its whole pipeline would have shown, with every rule of the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from serving.core.clock import NEVER
from serving.core.errors import StoreUnavailable
from serving.core.ports import ProfileStore
from serving.core.turn import Turn
from serving.decisions.recommend.contract import EXPLAIN_NONE, Query
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.shadow import Sampled


class OneProfile:
    """A ProfileStore in which everybody has the records that it was given last; for one thread."""

    def __init__(self) -> None:
        self.blob = b""

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        """See ProfileStore."""
        return [self.blob] * len(keys)

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        """A shadow writes nothing."""
        raise StoreUnavailable("a shadow writes nothing")


class OtherRelease:
    """A Shadow (serving/decisions/recommend/shadow.py). It runs on the shadow's thread alone."""

    def __init__(self, release: str, pipeline: Callable[[ProfileStore], Recommender]) -> None:
        """pipeline: makes the release's, which nobody else runs, over the profiles given."""
        self.name = release
        self._profile = OneProfile()
        self.pipeline = pipeline(self._profile)

    def takes(self, query: Query, group: int) -> bool:
        """All but shop pages, whose placements choose one after the other."""
        return group < 0 and not query.validate_only

    def page(self, sampled: Sampled) -> list[str]:
        """The answer to the same question at the same time, from the same records, by the same chance."""
        self._profile.blob = sampled.blob
        query = replace(sampled.query, decision_id=sampled.answer.decision_id, explain=EXPLAIN_NONE)
        (answer,) = self.pipeline.run([query], Turn(0.0, sampled.wall_s, NEVER))
        return [answer.catalogue.items[row].item_id for row in answer.rows.tolist()]
