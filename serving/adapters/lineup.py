"""The releases that this process holds in memory, and which of them answers whom. Immutable: replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from serving.adapters.model_loader import Loaded
from serving.catalogue.state import View
from serving.core.rollout import NO_SPLIT, Split
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Answer, PageAnswer, PageQuery, Query
from serving.decisions.recommend.pipeline import Recommender, Watcher
from serving.events.types import profile_key


class Relay:
    """The Watcher of a pipeline, which may be given another one while it runs."""

    __slots__ = ("to",)

    def __init__(self) -> None:
        self.to: Watcher | None = None

    def watch(
        self, queries: Sequence[Query], groups: Sequence[int], blobs: Sequence[bytes], wall_s: float,
        answers: Sequence[Answer],
    ) -> None:  # fmt: skip
        """See Watcher."""
        to = self.to
        if to is not None:
            to.watch(queries, groups, blobs, wall_s, answers)


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """One release, warm: its models, the catalogue as it sees it, and the pipeline over both."""

    loaded: Loaded
    view: View
    pipeline: Recommender
    relay: Relay

    @property
    def release(self) -> str:
        return self.loaded.release


@dataclass(frozen=True, slots=True, eq=False)
class Lineup:
    """main: of the live release. arms: those of the split, by their names."""

    main: Serving
    arms: Mapping[str, Serving] = field(default_factory=dict)
    split: Split = NO_SPLIT

    @property
    def all(self) -> tuple[Serving, ...]:
        """Every release that answers."""
        return (self.main, *self.arms.values())

    def find(self, release: str) -> Serving | None:
        """The release of that name, where it answers."""
        return next((serving for serving in self.all if serving.release == release), None)

    def differs(self, other: Lineup) -> bool:
        """Whether somebody could be answered otherwise."""
        return self.all != other.all or self.split != other.split

    def run(self, queries: Sequence[Query], turn: Turn) -> list[Answer]:
        """One answer per query, in order, each by the release whose arm its visitor is in."""
        if not self.split:
            return self.main.pipeline.run(queries, turn)
        dealt: dict[str, list[int]] = {}
        for place, query in enumerate(queries):
            dealt.setdefault(self._arm(query), []).append(place)
        found: dict[int, Answer] = {}
        for name, places in dealt.items():
            serving = self.arms.get(name, self.main)
            answers = serving.pipeline.run([queries[place] for place in places], turn)
            for place, answer in zip(places, answers, strict=True):
                answer.arm = serving.release
                found[place] = answer
        return [found[place] for place in range(len(queries))]

    def run_pages(self, pages: Sequence[PageQuery], turn: Turn) -> list[PageAnswer]:
        """Likewise, for shop pages: one visitor, one release."""
        if not self.split:
            return self.main.pipeline.run_pages(pages, turn)
        dealt: dict[str, list[int]] = {}
        for place, page in enumerate(pages):
            dealt.setdefault(self._arm(page.queries[0]), []).append(place)
        found: dict[int, PageAnswer] = {}
        for name, places in dealt.items():
            serving = self.arms.get(name, self.main)
            made = serving.pipeline.run_pages([pages[place] for place in places], turn)
            for place, page_answer in zip(places, made, strict=True):
                for answer in page_answer.answers:
                    answer.arm = serving.release
                found[place] = page_answer
        return [found[place] for place in range(len(pages))]

    def _arm(self, query: Query) -> str:
        """Without consent nobody is told apart, so the live release answers."""
        personal = self.main.pipeline.params.personalization if query.personal is None else query.personal
        return self.split.arm_of(profile_key(query.user_id, query.visitor_id)) if personal else ""
