"""A new release is swapped in whole, under traffic; a damaged one changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from releases import NEIGHBOURS_ONLY, A, B, N, release

from model_repo.publish import publish
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.core.clock import NEVER
from serving.core.errors import NotReady
from serving.core.turn import Turn
from serving.decisions.recommend.contract import PageQuery, Query, Source
from serving.decisions.recommend.params import Params

TURN = Turn(0.0, 1_700_000_000.0, NEVER)
ASKED = [Query(placement="others-you-may-like", item_ids=(f"i{n}",), page_size=8) for n in (0, 1, 20, 39)]
SWAPS = 2


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveModels]:
    publish(tmp_path, release(A, "A"), wall_s=1.7e9)
    made = LiveModels(tmp_path, NEIGHBOURS_ONLY, None, MemoryCatalogue())
    yield made
    made.close()


def names(live: LiveModels) -> set[str]:
    """First letters of the titles in the answers, after checking that even items come with even ones, odd with odd."""
    found = set()
    (page,) = live.run_pages([PageQuery(tuple(ASKED))], TURN)
    assert all(one.catalogue is page.answers[0].catalogue for one in page.answers), "a page of two catalogues"
    for query, answer in zip(ASKED, live.run(ASKED, TURN), strict=True):
        items = [answer.catalogue.items[row] for row in answer.rows]
        near = [item for item, source in zip(items, answer.sources, strict=True) if source == Source.ITEM_ITEM]
        assert near, "no neighbours among the results"
        assert {int(item.item_id[1:]) % 2 for item in near} == {int(query.item_ids[0][1:]) % 2}
        found |= {item.title[0] for item in items}
    return found


def test_a_new_release_is_taken_over_whole(live: LiveModels, tmp_path: Path) -> None:
    """Models, rows and titles together; without a change nothing happens."""
    first = live.release
    assert names(live) == {"A"}
    assert not live.refresh()
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1)
    assert live.refresh()
    assert names(live) == {"B"}
    assert live.release != first


def test_swaps_under_traffic_never_mix_two_releases(live: LiveModels, tmp_path: Path) -> None:
    """Each answer is of one release, whatever the moment; every swap succeeds."""
    done, swapped = threading.Event(), []

    def swap() -> None:
        try:
            for number in range(SWAPS):
                order, name = ((B, "B"), (A, "A"))[number % 2]
                publish(tmp_path, release(order, name), wall_s=1.7e9 + 1 + number)
                swapped.append(live.refresh())
        finally:
            done.set()

    swapper = threading.Thread(target=swap)
    swapper.start()
    while not done.is_set():
        names(live)
    swapper.join()
    assert swapped == [True] * SWAPS
    assert names(live) == {"A"}


def test_at_no_moment_of_a_swap_two_releases_mix(live: LiveModels, tmp_path: Path, monkeypatch) -> None:
    """Until the pipelines are exchanged all is old, though the catalogue shows the new rows already; and a batch that
    has begun with the old ones ends with them."""
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1)
    before, lead = live._lineup, live.catalogue.lead
    moments: list[set[str]] = []

    def watched(view):
        moments.append(names(live))
        lead(view)
        assert live.catalogue.snapshot().items[0].title == "B 0"
        moments.append(names(live))

    monkeypatch.setattr(live.catalogue, "lead", watched)
    assert live.refresh()
    assert moments == [{"A"}, {"A"}]
    assert names(live) == {"B"}
    monkeypatch.setattr(live, "_lineup", before)
    assert names(live) == {"A"}


def test_a_damaged_release_changes_nothing(live: LiveModels, tmp_path: Path) -> None:
    """The old one goes on and says why; the next good one is taken."""
    first = live.release
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1)
    newest = max((tmp_path / "index").iterdir())
    (newest / "index.faiss").write_bytes(b"damaged")
    assert not live.refresh()
    assert live.release == first
    assert "index.faiss" in " ".join(live.refused)
    assert names(live) == {"A"}
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 2)
    assert live.refresh()
    assert names(live) == {"B"}


def test_items_written_meanwhile_survive_the_swap(live: LiveModels, tmp_path: Path) -> None:
    """What the catalogue service has changed stands above the published items of any release."""
    from serving.catalogue.contract import DeleteItems

    live.catalogue.run_write([DeleteItems(("i2",))], TURN)
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1)
    assert live.refresh()
    assert not live.catalogue.known("i2")
    (answer,) = live.run([replace(ASKED[0], page_size=N)], TURN)
    assert "i2" not in {answer.catalogue.items[row].item_id for row in answer.rows}


def test_the_watcher_finds_the_release_by_itself(live: LiveModels, tmp_path: Path, monkeypatch) -> None:
    """Started, it needs nobody to ask."""
    monkeypatch.setattr("serving.adapters.live_models.POLL_S", 0.01)
    seen = threading.Event()
    refresh = live.refresh

    def noticed() -> bool:
        changed = refresh()
        if changed:
            seen.set()
        return changed

    monkeypatch.setattr(live, "refresh", noticed)
    live.start()
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1)
    assert seen.wait(20)
    assert names(live) == {"B"}


def test_nothing_trained_says_what_to_do(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(NotReady, match="storegate train"):
        LiveModels(tmp_path, Params(), None, MemoryCatalogue())
