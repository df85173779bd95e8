"""Shadows: nobody waits for them, nothing of them is served, and what they would have shown is compared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import worlds

from serving.decisions.recommend.contract import PageQuery, Pin, Query
from serving.decisions.recommend.decision_log import logged
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.shadow import (
    ReleaseShadow,
    Sampled,
    ShadowLog,
    Tally,
    comparable,
    overlap,
    rank_agreement,
)

GRACE_S = 20.0


class Other:
    """A shadow made of a function; it lets nothing through until `opened`, and says when it has answered `awaited`."""

    name = "other"

    def __init__(self, page: Callable[[Sampled], Sequence[str]], awaited: int = 1) -> None:
        self._page, self._awaited = page, awaited
        self.entered, self.opened, self.done = threading.Event(), threading.Event(), threading.Event()
        self.seen: list[Sampled] = []
        self.opened.set()

    def takes(self, query: Query, group: int) -> bool:
        return comparable(query, group)

    def page(self, sampled: Sampled) -> Sequence[str]:
        self.entered.set()
        assert self.opened.wait(GRACE_S)
        self.seen.append(sampled)
        if len(self.seen) == self._awaited:
            self.done.set()
        return self._page(sampled)


def served(sampled: Sampled) -> list[str]:
    answer = sampled.answer
    return [answer.catalogue.items[row].item_id for row in answer.rows]


def pipeline(watcher: ReleaseShadow | None) -> Recommender:
    models, catalogue = worlds.checkerboard()
    shelf = worlds.Shelf({"u:ada": worlds.blob(("purchase-complete", "i4", 3))})
    return Recommender(models, lambda: catalogue, shelf, worlds.few(), watcher=watcher)


def watched(
    share: float, shadow: Other, *queries: Query, queue_max: int = 64
) -> tuple[ShadowLog, ReleaseShadow | None]:
    """Asks the queries one by one and waits until the shadow has answered what it awaited."""
    log = ShadowLog(share, queue_max=queue_max)
    watcher = log.of(shadow)
    recommender = pipeline(watcher)
    for query in queries:
        recommender.run([query], worlds.TURN)
    assert shadow.done.wait(GRACE_S)
    log.close(GRACE_S)
    return log, watcher


def test_pages_are_compared_by_what_they_share() -> None:
    """Two of four; at the first place nothing, at the second 1/2, at the third 1/3, at the fourth 2/4."""
    one, other = ["a", "b", "c", "d"], ["b", "x", "y", "d"]
    assert overlap(one, other) == 0.5
    assert rank_agreement(one, other) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)


def test_the_top_counts_most() -> None:
    """The same items: equal pages agree wholly, a swap at the top costs more than one at the end."""
    page = ["a", "b", "c", "d"]
    assert rank_agreement(page, page) == overlap(page, page) == 1.0
    top, end = rank_agreement(page, ["b", "a", "c", "d"]), rank_agreement(page, ["a", "b", "d", "c"])
    assert top < end < 1.0
    assert rank_agreement(page, []) == overlap(page, []) == 0.0


def test_a_shadow_that_shows_the_same_agrees() -> None:
    """It is given the query, the profile and the answer, and its figures are sums over what was compared."""
    shadow = Other(served, awaited=2)
    log, watcher = watched(1.0, shadow, Query(user_id="ada"), Query(visitor_id="new"))
    assert watcher is not None
    tally = watcher.tally
    assert tally is log.tally
    assert (tally.name, tally.compared, tally.failed, tally.dropped) == ("other", 2, 0, 0)
    assert tally.overlap == tally.agreement == 2.0
    assert [each.query.user_id for each in shadow.seen] == ["ada", ""]
    assert [len(each.blob) for each in shadow.seen] == [24, 0]
    assert shadow.seen[0].wall_s == worlds.NOW


def test_the_answers_are_the_same_with_a_shadow_and_without() -> None:
    shadow = Other(lambda sampled: [])
    log = ShadowLog(1.0)
    queries = [Query(user_id="ada", decision_id="ab" * 16), Query(visitor_id="v", decision_id="cd" * 16)]
    with_shadow = pipeline(log.of(shadow)).run(queries, worlds.TURN)
    without = pipeline(None).run(queries, worlds.TURN)
    log.close(GRACE_S)
    for one, other in zip(with_shadow, without, strict=True):
        assert one.rows.tolist() == other.rows.tolist()
        assert one.scores.tolist() == other.scores.tolist()


def test_a_full_queue_drops_and_counts() -> None:
    """Who answers never waits: with the shadow stuck at the first, two wait and the others are dropped."""
    shadow = Other(served)
    shadow.opened.clear()
    log = ShadowLog(1.0, queue_max=2)
    watcher = log.of(shadow)
    assert watcher is not None
    recommender = pipeline(watcher)
    recommender.run([Query(user_id="ada")], worlds.TURN)
    assert shadow.entered.wait(GRACE_S)
    recommender.run([Query(user_id="ada")] * 5, worlds.TURN)
    assert (log.waiting, watcher.tally.dropped) == (2, 3)
    shadow.opened.set()
    log.close(GRACE_S)
    recommender.run([Query(user_id="ada")], worlds.TURN)
    assert watcher.tally.dropped == 4


def test_a_shadow_that_fails_is_counted_and_asked_again() -> None:
    """Whatever it raises ends neither the thread nor the answers."""

    def fails_at_first(sampled: Sampled) -> list[str]:
        if sampled.query.user_id:
            raise RuntimeError("a defect of its own")
        return served(sampled)

    _, watcher = watched(1.0, Other(fails_at_first, awaited=2), Query(user_id="ada"), Query(visitor_id="new"))
    assert watcher is not None
    assert (watcher.tally.failed, watcher.tally.compared, watcher.tally.overlap) == (1, 1, 1.0)


def test_without_a_share_or_a_shadow_nobody_watches() -> None:
    log = ShadowLog(0.0)
    assert log.of(Other(served)) is None
    assert log.tally is None
    log.close(GRACE_S)
    log = ShadowLog(1.0)
    assert log.of(None) is None
    log.close(GRACE_S)


def test_warming_up_is_not_compared() -> None:
    log = ShadowLog(1.0)
    watcher = log.of(Other(served))
    assert watcher is not None
    recommender = pipeline(watcher)
    recommender.warm()
    assert log.waiting == 0
    recommender.run([Query(user_id="ada")], worlds.TURN)
    log.close(GRACE_S)
    tally = watcher.tally
    assert tally.compared + tally.dropped + log.waiting == 1


def test_a_shop_page_is_not_compared() -> None:
    """Its placements take items from each other."""
    log = ShadowLog(1.0)
    watcher = log.of(Other(served))
    assert watcher is not None
    pipeline(watcher).run_pages([PageQuery((Query(user_id="ada"),))], worlds.TURN)
    log.close(GRACE_S)
    assert (log.waiting, watcher.tally) == (0, Tally("other"))


def test_the_share_of_the_requests_is_taken() -> None:
    """Which ones is said by their ids, as it is for the log of decisions."""
    shadow = Other(served)
    shadow.opened.clear()
    log = ShadowLog(0.5, queue_max=100)
    ids = [f"{number:032x}" for number in range(1, 65)]
    pipeline(log.of(shadow)).run([Query(user_id="ada", decision_id=name) for name in ids], worlds.TURN)
    assert shadow.entered.wait(GRACE_S)
    wanted = [name for name in ids if logged(name, 0.5)]
    assert 10 < len(wanted) < 54
    assert log.waiting == len(wanted) - 1
    shadow.opened.set()
    log.close(GRACE_S)
    assert shadow.seen[0].answer.decision_id == wanted[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"placement": "trending"}, {"filter": "price > 1"}, {"min_margin": 0.1}, {"max_per_brand": 1}, {"offset": 10},
        {"max_per_category": 1}, {"diversity": 0.5}, {"deliver_to": "north"}, {"exclude_bought": True},
        {"exclude_viewed": True}, {"given": ("i1",)}, {"pins": (Pin("i1", 0),)}, {"validate_only": True},
    ],
    ids=lambda changes: next(iter(changes)),
)  # fmt: skip
def test_requests_with_rules_are_not_compared(changes: dict[str, object]) -> None:
    """There the rules decide, not the models."""
    plain = Query(user_id="ada", exclude=("i3",))
    assert comparable(plain, -1)
    assert not comparable(replace(plain, **changes), -1)
