"""Splits and shadows over real releases: every answer is whole, in its place, and compared where it should be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from releases import NEIGHBOURS_ONLY, A, B, release

from model_repo.publish import publish
from serving.adapters import disk
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.model_service import ModelService
from serving.adapters.recent_requests import FILE
from serving.adapters.releases import LOCK, change
from serving.catalogue.contract import DeleteItems
from serving.core.clock import NEVER
from serving.core.errors import Conflict, StoregateError
from serving.core.rollout import (
    Deal,
    GetRelease,
    ListReleases,
    Promote,
    RollBack,
    Rollout,
    RolloutQuery,
    Shade,
    Shadowing,
    Split,
)
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Answer, PageQuery, Query
from serving.decisions.recommend.shadow import ShadowLog

TURN = Turn(0.0, 1_700_000_000.0, NEVER)
VISITORS = [Query(visitor_id=f"v{number}", request_id=str(number)) for number in range(200)]


@pytest.fixture
def shadows() -> Iterator[ShadowLog]:
    log = ShadowLog(0.0)
    yield log
    log.close(5.0)


@pytest.fixture
def live(tmp_path: Path, shadows: ShadowLog) -> Iterator[LiveModels]:
    """Release A is live, B a candidate."""
    publish(tmp_path, release(A, "A"), wall_s=1.7e9)
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1, go_live=False)
    made = LiveModels(tmp_path, NEIGHBOURS_ONLY, None, MemoryCatalogue(), shadows=shadows)
    yield made
    made.close()


def done(live: LiveModels, home: Path, query: RolloutQuery) -> Rollout:
    (answer,) = ModelService(home, live).run_change([query], TURN)
    assert isinstance(answer, Rollout), answer
    return answer


def candidate(live: LiveModels, home: Path) -> str:
    (listed,) = ModelService(home, live).run_list([ListReleases()], TURN)
    assert isinstance(listed, Rollout)
    return next(one.name for one in listed.releases if one.state == "CANDIDATE")


def letters(answer: Answer) -> str:
    """First letters of the titles: which release's catalogue the answer was made with."""
    return "".join({answer.catalogue.items[row].title[0] for row in answer.rows})


def test_a_batch_of_two_releases_is_answered_in_order(live: LiveModels, tmp_path: Path) -> None:
    """Each by its own release alone, rows and models together, pages too; the arm is named."""
    name = candidate(live, tmp_path)
    done(live, tmp_path, Deal(Split(((name, 0.5),), 3)))
    answers = live.run(VISITORS, TURN)
    assert [answer.request_id for answer in answers] == [query.request_id for query in VISITORS]
    assert {(letters(answer), answer.arm) for answer in answers} == {("A", live.release), ("B", name)}
    pages = live.run_pages([PageQuery((query, query)) for query in VISITORS], TURN)
    for page, answer in zip(pages, answers, strict=True):
        assert {one.arm for one in page.answers} == {answer.arm}
    rollout = done(live, tmp_path, Deal(Split()))
    assert not rollout.split
    assert {(letters(answer), answer.arm) for answer in live.run(VISITORS, TURN)} == {("A", "")}


def test_every_release_sees_what_is_written(live: LiveModels, tmp_path: Path) -> None:
    """A deleted item is shown by no arm."""
    done(live, tmp_path, Deal(Split(((candidate(live, tmp_path), 0.5),))))
    live.catalogue.run_write([DeleteItems(("i2",))], TURN)
    asked = [Query(visitor_id=query.visitor_id, page_size=40) for query in VISITORS]
    for answer in live.run(asked, TURN):
        assert "i2" not in {answer.catalogue.items[row].item_id for row in answer.rows}


def test_an_arm_that_is_promoted_and_rolled_back(live: LiveModels, tmp_path: Path) -> None:
    """Live it answers everybody; rolled back nobody, until it is promoted again."""
    name, first = candidate(live, tmp_path), live.release
    done(live, tmp_path, Deal(Split(((name, 0.5),))))
    for query, letter in ((Promote(name), "B"), (RollBack(name), "A"), (Promote(name), "B")):
        rollout = done(live, tmp_path, query)
        assert rollout.served == live.release == (name if letter == "B" else first)
        assert {letters(answer) for answer in live.run(VISITORS, TURN)} == {letter}
        assert live.catalogue.snapshot().items[0].title[0] == letter


def test_the_release_that_was_live_may_be_an_arm(live: LiveModels, tmp_path: Path) -> None:
    """Two changes that are noticed at once: it answers its share, and still sees what is written."""
    name, first = candidate(live, tmp_path), live.release
    change(tmp_path, lambda found: found.promoted(found.find(name)).with_split(Split(((first, 0.5),))))
    assert live.refresh()
    live.catalogue.run_write([DeleteItems(("i2",))], TURN)
    asked = [Query(visitor_id=query.visitor_id, page_size=40) for query in VISITORS]
    answers = live.run(asked, TURN)
    assert {(letters(answer), answer.arm) for answer in answers} == {("B", name), ("A", first)}
    for answer in answers:
        assert "i2" not in {answer.catalogue.items[row].item_id for row in answer.rows}


def test_a_restart_serves_the_split_and_the_shadow(live: LiveModels, tmp_path: Path, shadows: ShadowLog) -> None:
    """The manifest says all of it; the recent requests are there too."""
    name = candidate(live, tmp_path)
    done(live, tmp_path, Deal(Split(((name, 0.5),), 3)))
    done(live, tmp_path, Shade(Shadowing(name, 1.0)))
    before = [answer.arm for answer in live.run(VISITORS, TURN)]
    live.close()
    assert (tmp_path / FILE).read_text().count("\n") == 1
    again = LiveModels(tmp_path, NEIGHBOURS_ONLY, None, MemoryCatalogue(), shadows=shadows)
    assert [answer.arm for answer in again.run(VISITORS, TURN)] == before
    assert shadows.tally is not None
    assert shadows.tally.name == name
    again.close()


def test_only_the_live_releases_answers_are_compared(live: LiveModels, tmp_path: Path, shadows: ShadowLog) -> None:
    """With the other release's own pages, by item; what the shadow answers is seen by nobody."""
    name = candidate(live, tmp_path)
    done(live, tmp_path, Shade(Shadowing(name, 1.0)))
    tally = shadows.tally
    assert tally is not None
    for _ in range(10):
        (answer,) = live.run([Query(placement="others-you-may-like", item_ids=("i0",))], TURN)
        assert letters(answer) == "A"
        until = time.monotonic() + 20
        while shadows.waiting and time.monotonic() < until:
            time.sleep(0.001)
    done(live, tmp_path, Promote(name))
    assert shadows.tally is None, "a release is no shadow of itself"
    assert tally.failed == 0
    assert tally.compared >= 9
    assert tally.overlap / tally.compared == pytest.approx(1.0), "the same models in another order show the same items"


def test_a_manifest_that_somebody_else_holds_is_told(live: LiveModels, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("serving.adapters.model_service.BUSY_S_MAX", 0.1)
    name = candidate(live, tmp_path)
    with disk.locked(tmp_path / LOCK):
        (answer,) = ModelService(tmp_path, live).run_change([Promote(name)], TURN)
    assert isinstance(answer, Conflict)
    assert live.release != name


def test_one_model_is_told_by_its_name(live: LiveModels, tmp_path: Path) -> None:
    name = candidate(live, tmp_path)
    found, absent = ModelService(tmp_path, live).run_get([GetRelease(name), GetRelease("absent")], TURN)
    assert not isinstance(found, StoregateError)
    assert (found.name, found.state) == (name, "CANDIDATE")
    assert isinstance(absent, StoregateError)
