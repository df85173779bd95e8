"""What the event log says since the training: nothing where nothing happened, and the obvious where something did."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from counting import DAY_S, event, trends_of
from worlds import NOW, TURN, Shelf, blob, checkerboard, few

from serving.catalogue.changes import Draft, apply
from serving.catalogue.contract import SetStock, StockUpdate
from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER
from serving.core.turn import Turn
from serving.decisions.recommend.contract import PLACEMENTS, Answer, Query, Source
from serving.decisions.recommend.live import Counters, live_of
from serving.decisions.recommend.models import Models
from serving.decisions.recommend.pipeline import Recommender
from serving.events.log import LoggedEvent
from serving.features.columns import I_POPULARITY_14D

TODAY = date(1970, 1, 1) + timedelta(days=int(NOW) // DAY_S)
PROFILE = blob(("purchase-complete", "i2", 40), ("detail-page-view", "i6", 1))
HOUR_S = 3600


def at(number: int, kind: str, who: str, *items: str, ago_s: int = 0) -> LoggedEvent:
    """An event so long before NOW."""
    made = event(number, kind, who, *items)
    return replace(made, event=replace(made.event, time_s=int(NOW) - ago_s))


def counters(*events: LoggedEvent, version: str = "c1", today: date = TODAY) -> Counters:
    return Counters(version, trends_of(events, today))


def pipeline(catalogue: Catalogue, models: Models, found: Counters | None, **params: object) -> Recommender:
    made = Recommender(models, lambda: catalogue, Shelf({"u:eve": PROFILE}), few(**params))
    if found is not None:
        made.live = live_of(found, models, catalogue, made.params)
    return made


def ask(recommender: Recommender, placement: str, *, wall: float = NOW, **query: object) -> Answer:
    made = Query(placement, "eve", item_ids=("i10",), **query)  # type: ignore[arg-type]
    return recommender.run([made], Turn(0.0, wall, NEVER))[0]


def ids(answer: Answer) -> list[str]:
    return [answer.catalogue.items[row].item_id for row in answer.rows]


def bought(item: str, times: int, first: int = 0) -> list[LoggedEvent]:
    return [at(first + number, "purchase-complete", f"v:{number}", item) for number in range(times)]


def viewed_together(one: str, other: str) -> list[LoggedEvent]:
    """By ten visitors, while others view what they like."""
    chance = [
        at(number, "detail-page-view", f"v:c{number}", f"i{number % 9}", f"i{30 + number % 7}") for number in range(90)
    ]
    return chance + [at(500 + number, "detail-page-view", f"v:p{number}", one, other) for number in range(10)]


@pytest.mark.parametrize(
    "nothing", [counters(), counters(at(1, "detail-page-view", "v:a", "i3")), counters(*bought("x", 3))]
)
def test_where_nothing_happened_every_answer_is_as_before(nothing: Counters) -> None:
    """To the last bit: no events, one view, purchases of what the catalogue does not know."""
    models, catalogue = checkerboard()
    queries = [
        Query(name, "eve", item_ids=("i10",), page_size=20, decision_id=f"{n:032x}")
        for n, name in enumerate(PLACEMENTS)
    ]
    plain, with_counters = (pipeline(catalogue, models, found).run(queries, TURN) for found in (None, nothing))
    for one, other in zip(plain, with_counters, strict=True):
        for column in ("rows", "scores", "sources", "reasons", "related", "weights", "prices", "propensities"):
            assert np.array_equal(getattr(one, column), getattr(other, column)), column


def test_what_is_bought_now_trends() -> None:
    """The model's popularity and the purchases since are added up; the rest keeps its order."""
    models, catalogue = checkerboard()
    few_and_many = pipeline(catalogue, models, counters(*bought("i33", 50)))
    assert ids(ask(few_and_many, "trending", page_size=5)) == ["i33", "i0", "i1", "i2", "i3"]
    one = pipeline(catalogue, models, counters(*bought("i33", 1)))
    before = ids(ask(pipeline(catalogue, models, None), "trending", page_size=40))
    after = ids(ask(one, "trending", page_size=40))
    assert 0 < after.index("i33") < before.index("i33")
    assert [item for item in after if item != "i33"] == [item for item in before if item != "i33"]


def test_the_models_part_fades_and_no_further_than_the_settings_say() -> None:
    """A purchase of today weighs more against models of a month ago; models of years ago are not forgotten."""
    models, catalogue = checkerboard()

    def place(days: int) -> int:
        old = replace(models, trained_through_s=int(NOW) - days * DAY_S)
        return ids(ask(pipeline(catalogue, old, counters(*bought("i33", 1))), "trending", page_size=40)).index("i33")

    assert place(0) > place(20) > place(30) == place(3000) > 0


def test_what_the_models_have_seen_is_not_counted_twice() -> None:
    models, catalogue = checkerboard()
    later = replace(models, trained_through_s=int(NOW) + 2 * DAY_S)
    assert pipeline(catalogue, later, counters(*bought("i33", 50))).live.trending is models.trending


def test_a_new_item_trends_before_any_training() -> None:
    models, catalogue = checkerboard()
    grown = catalogue.updated([Item("new", title="New", price=5, currency="GBP", available_s=int(NOW))], 2)
    answer = ask(pipeline(grown, models, counters(*bought("new", 50))), "trending", page_size=3)
    assert ids(answer)[0] == "new"
    assert answer.sources[0] == Source.TRENDING


def test_popularity_of_equal_weight_keeps_the_models_order() -> None:
    models, catalogue = checkerboard()
    stats = models.item_stats.copy()
    stats[:, I_POPULARITY_14D] = 1.0
    order = np.roll(models.trending, 7)
    flat = replace(models, item_stats=stats, trending=order)
    found = pipeline(catalogue, flat, counters(*bought("i20", 1))).live.trending.tolist()
    assert found == [20, *[row for row in order.tolist() if row != 20]]


def test_what_is_viewed_together_today_is_similar_without_a_training() -> None:
    """Both ways; the models' own pairs stay."""
    models, catalogue = checkerboard()
    plain = pipeline(catalogue, models, None)
    live = pipeline(catalogue, models, counters(*viewed_together("i10", "i25")))
    asked = {"page_size": 20}
    assert "i25" not in ids(ask(plain, "similar-items", **asked))[:3]
    answer = ask(live, "similar-items", **asked)
    place = ids(answer).index("i25")
    assert place < 3
    assert answer.sources[place] == Source.COVIEW
    assert {"i6", "i14"} <= set(ids(answer))
    back = live.run([Query("similar-items", "eve", item_ids=("i25",))], TURN)[0]
    assert "i10" in ids(back)


def test_masks_hold_for_what_the_counters_bring() -> None:
    """Sold out, filtered and excluded items do not come, however much they are bought and viewed."""
    models, catalogue = checkerboard()
    sold = catalogue.updated([replace(catalogue.items[25], stock={"north": (0, 0)})], 2)
    found = counters(*bought("i25", 50), *viewed_together("i10", "i25"))
    for placement in PLACEMENTS:
        assert "i25" not in ids(ask(pipeline(sold, models, found), placement, page_size=40))
        assert "i25" not in ids(ask(pipeline(catalogue, models, found), placement, page_size=40, exclude=("i25",)))
        assert "i25" not in ids(ask(pipeline(catalogue, models, found), placement, page_size=40, filter="price < 125"))


def sights(*ago_s: int) -> list[LoggedEvent]:
    """Of i0, the most popular item, out of stock, each by another visitor."""
    return [at(number, "stockout-seen", f"v:{number}", "i0", ago_s=ago) for number, ago in enumerate(ago_s)]


def trends_first(recommender: Recommender, wall: float = NOW) -> bool:
    return ids(ask(recommender, "trending", wall=wall))[0] == "i0"


def test_what_enough_visitors_saw_out_of_stock_is_not_shown() -> None:
    """Distinct ones, and only where the setting says how many."""
    models, catalogue = checkerboard()
    twice = counters(*sights(60, 30))
    assert trends_first(pipeline(catalogue, models, twice))
    assert trends_first(pipeline(catalogue, models, twice, stockout_visitors=3))
    held = pipeline(catalogue, models, twice, stockout_visitors=2)
    assert not trends_first(held)
    assert "i0" not in ids(ask(held, "trending", page_size=40, filter='availability = "IN_STOCK"'))
    one = [at(number, "stockout-seen", "v:same", "i0") for number in range(5)]
    assert trends_first(pipeline(catalogue, models, counters(*one), stockout_visitors=2))


def test_a_sight_is_believed_for_so_many_hours() -> None:
    """Counted from the one that was just enough; no new counters are needed for it to end."""
    models, catalogue = checkerboard()
    held = pipeline(catalogue, models, counters(*sights(3 * HOUR_S, HOUR_S)), stockout_visitors=2, stockout_hold_h=6.0)
    assert not trends_first(held)
    assert not trends_first(held, NOW + 3 * HOUR_S - 1)
    assert trends_first(held, NOW + 3 * HOUR_S)


def test_word_of_the_stock_ends_it() -> None:
    """SetStock later than the sights; sights after it count again."""
    models, catalogue = checkerboard()

    def told(ago_s: int) -> Catalogue:
        draft = Draft(catalogue.item)
        apply(SetStock((StockUpdate("i0", "north", 5),)), draft, int(NOW) - ago_s)
        return catalogue.updated(list(draft.changed.values()), 2)

    found = counters(*sights(60, 30))
    assert trends_first(pipeline(told(10), models, found, stockout_visitors=2))
    assert trends_first(pipeline(told(45), models, found, stockout_visitors=2)), "one sight is later"
    assert not trends_first(pipeline(told(100), models, found, stockout_visitors=2))


def test_the_answer_names_the_counters() -> None:
    models, catalogue = checkerboard()
    assert ask(pipeline(catalogue, models, None), "trending").versions is models.versions
    answer = ask(pipeline(catalogue, models, counters(*bought("i3", 1), version="c7")), "trending")
    assert answer.versions == {**models.versions, "counters": "c7"}


def test_items_that_come_later_are_no_harm() -> None:
    """The counters were bound to a catalogue with fewer items."""
    models, catalogue = checkerboard()
    shelf = [catalogue]
    made = Recommender(models, lambda: shelf[0], Shelf({"u:eve": PROFILE}), few())
    made.live = live_of(counters(*bought("i33", 50), *viewed_together("i10", "i25")), models, catalogue, made.params)
    first = ids(ask(made, "trending", page_size=5))
    shelf[0] = catalogue.updated([Item("new", title="New", price=5, available_s=int(NOW))], 2)
    assert ids(ask(made, "trending", page_size=5)) == first
    assert "i25" in ids(ask(made, "similar-items", page_size=20))
