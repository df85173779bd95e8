"""A new release is swapped in whole, under traffic; a damaged one changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from worlds import checkerboard

from model_repo.publish import Trained, publish
from model_repo.ranker.network import Ranker, Scaling, initial_layers
from model_repo.ranker.onnx_file import to_onnx
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.model_loader import RANKERS
from serving.core.clock import NEVER
from serving.core.errors import NotReady
from serving.core.turn import Turn
from serving.decisions.recommend.contract import PageQuery, Query, Source
from serving.decisions.recommend.models import SparseRows
from serving.decisions.recommend.params import Params
from serving.features import FEATURES

N = 40
TURN = Turn(0.0, 1_700_000_000.0, NEVER)
NEIGHBOURS_ONLY = Params(
    from_factors=0, from_repeat=0, from_fresh=0, from_session=0, from_transitions=0, from_together=0, from_coview=0,
    from_content=0,
)  # fmt: skip
ASKED = [Query(placement="others-you-may-like", item_ids=(f"i{n}",), page_size=8) for n in (0, 1, 20, 39)]
SWAPS = 2


def moved(rows: SparseRows, order: np.ndarray) -> SparseRows:
    """The matrix with its rows and columns in another order."""
    dense = np.zeros((N, N), np.float32)
    dense[np.repeat(np.arange(N), np.diff(rows.indptr)), rows.cols] = rows.vals
    dense = dense[np.ix_(order, order)]
    indptr = np.concatenate(([0], np.cumsum((dense > 0).sum(axis=1)))).astype(np.int64)
    return SparseRows(indptr, np.nonzero(dense)[1].astype(np.int32), dense[dense > 0])


def release(order: np.ndarray, name: str) -> Trained:
    """The checkerboard with its items, and all the models' rows, in another order; titles begin with `name`."""
    models, catalogue = checkerboard(N)
    place = np.argsort(order).astype(np.int32)
    visits = models.sessions
    of_item = [visits.item_sessions[visits.item_ptr[i] : visits.item_ptr[i + 1]] for i in order]
    items = [replace(catalogue.items[row], title=f"{name} {row}") for row in order]
    there = replace(
        models,
        item_ids=tuple(item.item_id for item in items),
        **{part: moved(getattr(models, part), order) for part in ("item_item", "transitions", "together", "coview")},
        sessions=visits._replace(
            item_ptr=np.concatenate(([0], np.cumsum([len(some) for some in of_item]))).astype(np.int64),
            item_sessions=np.concatenate(of_item).astype(np.int32),
            session_items=place[visits.session_items],
        ),
        vectors=models.vectors[order],
        content=models.content[order],
        item_stats=models.item_stats[order],
        trending=place[models.trending],
    )
    width = len(FEATURES)
    scaling = Scaling(np.zeros(width, np.float32), np.ones(width, np.float32), False)
    file = to_onnx(Ranker(scaling, initial_layers((width, 4, 1), np.random.default_rng(0))), FEATURES)
    return Trained(there, dict.fromkeys(RANKERS, file), FEATURES, items, {"records.bin": b"x"})


A = np.arange(N)
B = np.concatenate((A[::2], A[1::2]))
"""Even items first: models of one order over rows of the other would mix even and odd."""


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
    """Just before the models are exchanged all is old, just after it all is new, though the rows are not current yet;
    and a batch that has begun with the old ones ends with them."""
    publish(tmp_path, release(B, "B"), wall_s=1.7e9 + 1)
    before, rebase = live._current, live.catalogue.rebase
    moments: list[set[str]] = []

    def watched(base, model_ids, then):
        def stepped(made):
            moments.append(names(live))
            then(made)
            moments.append(names(live))

        return rebase(base, model_ids, stepped)

    monkeypatch.setattr(live.catalogue, "rebase", watched)
    assert live.refresh()
    assert moments == [{"A"}, {"B"}]
    assert names(live) == {"B"}
    monkeypatch.setattr(live, "_current", before)
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
