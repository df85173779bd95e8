"""The pipeline on a checkerboard: even items belong together, odd ones too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from worlds import DAY, NOW, TURN, Shelf, blob, checkerboard, few, sold_out

from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER
from serving.core.errors import ModelFailed
from serving.core.turn import Turn
from serving.decisions.recommend.contract import EXPLAIN_NONE, Answer, Query, ReasonCode, SessionEvent, Source
from serving.decisions.recommend.models import Models, Rankers
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import FALLBACKS, Recommender
from serving.events.types import VIEW
from serving.features import FEATURES

EVEN = blob(("purchase-complete", "i2", 40), ("purchase-complete", "i4", 20), ("detail-page-view", "i6", 1))
ODD = blob(("purchase-complete", "i3", 10), ("purchase-complete", "i5", 5))


def ids(answer: Answer) -> list[str]:
    return [answer.catalogue.items[row].item_id for row in answer.rows]


def recommender(
    models: Models | None = None, catalogue: Catalogue | None = None, shelf: Shelf | None = None, **params: object
) -> Recommender:
    board, items = checkerboard()
    shelf = shelf or Shelf({"u:eve": EVEN, "u:odd": ODD, "v:visitor": ODD})
    return Recommender(models or board, lambda: catalogue or items, shelf, few(**params))


def one(pipeline: Recommender, **query: object) -> Answer:
    return pipeline.run([Query(**query)], TURN)[0]


def parities(answer: Answer) -> set[int]:
    return {int(row) % 2 for row in answer.rows}


def test_history_decides_which_half_of_the_board_is_shown() -> None:
    """A buyer of even items sees even items, a buyer of odd ones odd ones; a visitor has a profile of his own."""
    pipeline = recommender()
    assert parities(one(pipeline, user_id="eve", page_size=8)) == {0}
    assert parities(one(pipeline, user_id="odd", page_size=8)) == {1}
    assert parities(one(pipeline, visitor_id="visitor", page_size=8)) == {1}


def test_batch_equals_single() -> None:
    """What stands beside a query in its batch changes nothing."""
    pipeline = recommender()
    queries = [
        Query(user_id="eve", page_size=10, diversity=0.4),
        Query(),
        Query(user_id="odd", page_size=5, exclude=("i7",)),
        Query(placement="others-you-may-like", item_ids=("i9",), user_id="eve"),
        Query(given=("i1", "i2", "i30"), user_id="odd"),
        Query(user_id="eve", page_size=12, max_per_brand=2),
        Query(user_id="nobody", session=(SessionEvent(VIEW, "i11"),)),
    ]
    batch = pipeline.run(queries, TURN)
    for query, answer in zip(queries, batch, strict=True):
        alone = one(pipeline, **{f: getattr(query, f) for f in query.__slots__})
        assert ids(alone) == ids(answer)
        np.testing.assert_array_equal(alone.scores, answer.scores)
        np.testing.assert_array_equal(alone.reasons, answer.reasons)
        np.testing.assert_array_equal(alone.related, answer.related)


def test_session_and_item_page_are_used_at_once() -> None:
    """A new visitor who viewed an odd item, or stands on its page, sees odd items, and not that one."""
    pipeline = recommender()
    viewed = one(pipeline, user_id="new", session=(SessionEvent(VIEW, "i9"),), page_size=6)
    page = one(pipeline, placement="others-you-may-like", item_ids=("i9",), page_size=6)
    assert parities(viewed) == parities(page) == {1}
    assert "i9" not in ids(page)
    assert set(page.reasons) == {ReasonCode.BOUGHT_TOGETHER, ReasonCode.SIMILAR_ITEM}
    assert {page.catalogue.items[row].item_id for row in page.related} == {"i9"}


def test_unknown_user_and_nobody_get_trending() -> None:
    """No history is no error: the most popular items, with that reason."""
    pipeline = recommender(fresh_slot=False)
    for answer in (one(pipeline, user_id="never seen"), one(pipeline)):
        assert sorted(ids(answer)) == sorted(f"i{row}" for row in range(10))
        assert set(answer.sources) == {Source.TRENDING}
        assert set(answer.reasons) == {ReasonCode.TRENDING}
        assert answer.degraded == ()


def test_exclusions_stock_and_deletion_hold_everywhere() -> None:
    """Excluded, sold-out and deleted items appear in no answer: personal, item page, anonymous or given."""
    models, catalogue = checkerboard()
    catalogue = sold_out(catalogue, "i0", "i8")
    catalogue = catalogue.updated([replace(catalogue.items[10], deleted=True)], 9)
    pipeline = recommender(models, catalogue)
    for query in (
        {"user_id": "eve"},
        {"placement": "others-you-may-like", "item_ids": ("i2",)},
        {},
        {"given": ("i0", "i8", "i10", "i12", "i14")},
    ):
        shown = ids(one(pipeline, page_size=30, exclude=("i12", "unknown"), **query))
        assert shown
        assert not {"i0", "i8", "i10", "i12"} & set(shown)


def test_missing_context_items_are_named() -> None:
    """Items the catalogue does not know, or no longer has, are listed."""
    models, catalogue = checkerboard()
    catalogue = catalogue.updated([replace(catalogue.items[4], deleted=True)], 2)
    answer = one(recommender(models, catalogue), placement="others-you-may-like", item_ids=("i1", "ghost", "i4"))
    assert answer.missing == ("ghost", "i4")


def test_denied_personalization_reads_nothing() -> None:
    """With consent denied the store is not touched, and user, visitor and session change nothing."""
    shelf = Shelf(failure="touched without consent")
    pipeline = recommender(shelf=shelf)
    nobody = one(pipeline)
    denied = one(pipeline, user_id="eve", visitor_id="visitor", session=(SessionEvent(VIEW, "i9"),), personal=False)
    assert shelf.touched == 0
    assert ids(denied) == ids(nobody)
    assert denied.degraded == ()
    assert denied.applied_through_s == 0
    one(recommender(shelf=shelf, personalization=False), user_id="eve")
    assert shelf.touched == 0


def test_caps_hold_even_when_the_page_gets_short() -> None:
    """Four brands, two a brand: eight items on a page of twenty."""
    answer = one(recommender(), user_id="eve", page_size=20, max_per_brand=2)
    brands = [answer.catalogue.items[row].brand for row in answer.rows]
    assert len(brands) == 8
    assert max(brands.count(brand) for brand in brands) == 2


def test_diversity_trades_relevance_for_variety() -> None:
    """At 1 the page mixes both halves of the board; at 0 it stays with the visitor's half."""
    pipeline = recommender()
    assert parities(one(pipeline, user_id="eve", page_size=6, diversity=0.0)) == {0}
    assert parities(one(pipeline, user_id="eve", page_size=6, diversity=1.0)) == {0, 1}


def test_reasons_name_what_was_done() -> None:
    """Own purchases are BUY_AGAIN; the rest names the purchase or the view nearest to it, with a weight in 0..1."""
    answer = one(recommender(), user_id="eve", page_size=12)
    by_id = dict(zip(ids(answer), zip(answer.reasons, answer.related, answer.weights, strict=True), strict=True))
    assert by_id["i2"][0] == by_id["i4"][0] == ReasonCode.BUY_AGAIN
    assert by_id["i0"][0] == ReasonCode.BECAUSE_YOU_BOUGHT
    assert answer.catalogue.items[by_id["i0"][1]].item_id in {"i2", "i4"}
    assert all(0 < weight <= 1 for _, _, weight in by_id.values())
    silent = one(recommender(), user_id="eve", page_size=12, explain=EXPLAIN_NONE)
    assert set(silent.reasons) == {ReasonCode.NONE}


def test_a_new_item_is_recommended() -> None:
    """An item the models have not seen gets the last place of a page, with its reason, and can be ranked anywhere."""
    models, catalogue = checkerboard()
    new = Item("new", title="New", price=5, currency="GBP", category_path=("all", "c1"), available_s=int(NOW))
    catalogue = catalogue.updated([new], 2)
    answer = one(recommender(models, catalogue), user_id="eve", page_size=10)
    assert "new" in ids(answer)
    place = ids(answer).index("new")
    assert answer.sources[place] == Source.FRESH
    assert answer.reasons[place] == ReasonCode.NEW_ARRIVAL
    assert one(recommender(models, catalogue), given=("new",)).rows.tolist() == [40]
    gone = catalogue.updated([replace(new, stock={"north": (0, 0)})], 3)
    assert "new" not in ids(one(recommender(models, gone), user_id="eve", page_size=40))


class Broken:
    """A model whose runtime refuses every run."""

    def search(self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        raise ModelFailed("index", "no memory")

    def score(self, features: np.ndarray) -> np.ndarray:
        raise ModelFailed("ranker", "bad input")


@pytest.mark.parametrize(
    ("stage", "change", "shelf"),
    [
        ("profile", {}, Shelf(failure="redis: timeout")),
        ("candidates", {"index": Broken()}, None),
        ("scorer", {"rankers": Rankers(Broken(), Broken(), Broken())}, None),
    ],
)
def test_each_stage_falls_back_and_says_so(stage: str, change: dict[str, object], shelf: Shelf | None) -> None:
    """Every stage in the table of fallbacks can fail: the page stays full, the rules hold, the answer says which."""
    assert stage in FALLBACKS
    models, catalogue = checkerboard()
    pipeline = recommender(replace(models, **change), sold_out(catalogue, "i8"), shelf)
    answer = one(pipeline, user_id="eve", page_size=10, exclude=("i0",))
    assert [name for name, _ in answer.degraded] == [stage]
    assert len(answer.rows) == 10
    assert not {"i0", "i8"} & set(ids(answer))


def test_only_visitors_with_a_profile_hear_that_it_is_lost() -> None:
    """An anonymous neighbour in the batch is not degraded by somebody else's missing profile."""
    pipeline = recommender(shelf=Shelf(failure="redis: timeout"))
    known, nobody = pipeline.run([Query(user_id="eve"), Query()], TURN)
    assert known.degraded == (("profile", "redis: timeout"),)
    assert nobody.degraded == ()


def test_a_defect_is_not_hidden() -> None:
    """What is neither a store nor a model failure raises."""

    class Defect:
        def score(self, features: np.ndarray) -> np.ndarray:
            raise ZeroDivisionError

    models, _ = checkerboard()
    with pytest.raises(ZeroDivisionError):
        one(recommender(replace(models, rankers=Rankers(Defect(), Defect(), Defect()))), user_id="eve")


def test_read_your_writes_time_is_reported() -> None:
    """The answer says how far the stored events it used reach."""
    assert one(recommender(), user_id="eve").applied_through_s == int(NOW - 86_400)


def test_validate_only_answers_without_results() -> None:
    """A checked request costs a page of nothing."""
    assert len(one(recommender(), user_id="eve", validate_only=True).rows) == 0


def test_what_lies_in_the_cart_is_not_recommended_again() -> None:
    """In the cart since today: not shown; taken out again, or put there long ago: shown; a given list keeps it."""
    cart = ("add-to-cart", "i6", 0.01)
    profiles = {
        "u:in": blob(("purchase-complete", "i2", 9), cart),
        "u:out": blob(("purchase-complete", "i2", 9), cart, ("remove-from-cart", "i6", 0.001)),
        "u:old": blob(("purchase-complete", "i2", 9), ("add-to-cart", "i6", 30)),
    }
    pipeline = recommender(shelf=Shelf(profiles))
    shown = {key: "i6" in ids(one(pipeline, user_id=key, page_size=15)) for key in ("in", "out", "old")}
    assert shown == {"in": False, "out": True, "old": True}
    assert ids(one(pipeline, user_id="in", given=("i6",))) == ["i6"]


def test_tastes_do_not_fade_with_models_that_nobody_trains() -> None:
    """Fifteen years after the training a customer still gets what fits; a view of today counts, and stays finite."""
    later = Turn(now=0.0, wall=NOW + 15 * 365 * DAY, deadline=NEVER)
    bought = blob(("purchase-complete", "i2", 40), ("purchase-complete", "i4", 20))
    viewed = blob(("detail-page-view", "i9", -15 * 365))
    pipeline = recommender(shelf=Shelf({"u:then": bought, "u:today": viewed}))
    then, now = pipeline.run([Query(user_id="then", page_size=8), Query(user_id="today", page_size=8)], later)
    assert parities(then) == {0}
    assert parities(now) == {1}
    assert np.isfinite(now.scores).all()


def test_an_item_page_is_about_its_item() -> None:
    """A buyer of even items on the page of an odd one sees odd items, and nothing to be bought again."""
    page = one(recommender(), user_id="eve", placement="others-you-may-like", item_ids=("i9",), page_size=6)
    assert parities(page) == {1}
    assert ReasonCode.BUY_AGAIN not in set(page.reasons)


def test_what_is_known_of_a_candidate_does_not_depend_on_the_batch() -> None:
    """A list to rerank has every signal, visits like this one among them, alone and beside other requests."""
    models, catalogue = checkerboard()
    pipeline = Recommender(models, lambda: catalogue, None, Params())
    past = blob(("detail-page-view", "i4", 0.1), ("detail-page-view", "i6", 0.05))
    listed = Query(user_id="eve", given=("i8", "i10", "i3"))
    _, cuts, alone = pipeline.features([listed], [past], NOW)
    _, both, batch = pipeline.features([listed, Query(user_id="eve")], [past, past], NOW)
    assert alone[:, FEATURES.index("session_score")].max() > 0
    np.testing.assert_array_equal(alone[: cuts[1]], batch[: both[1]])


def test_an_item_on_sale_that_nothing_else_speaks_for_says_so() -> None:
    """The on-sale placement's plain reason is the price, not the popularity."""
    models, catalogue = checkerboard()
    cheaper = [replace(item, list_price=item.price + 50) for item in catalogue.items]
    catalogue = catalogue.updated(cheaper, 2)
    (answer,) = Recommender(models, lambda: catalogue, None, Params()).run([Query("on-sale")], TURN)
    assert set(answer.reasons) == {ReasonCode.ON_SALE}
