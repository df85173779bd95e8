"""Shop pages of several placements, and one placement read page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest
from worlds import NOW, TURN, Shelf, blob, checkerboard, few

from serving.core.catalogue import Item
from serving.decisions.recommend.contract import Answer, PageQuery, Pin, Query, Source
from serving.decisions.recommend.pipeline import Recommender

PROFILE = blob(("purchase-complete", "i2", 40), ("purchase-complete", "i4", 20), ("detail-page-view", "i6", 1))


def ids(answer: Answer) -> list[str]:
    return [answer.catalogue.items[row].item_id for row in answer.rows]


def recommender(new: int = 0, trending: int = 40, **params: object) -> Recommender:
    """The checkerboard with some new arrivals."""
    models, catalogue = checkerboard()
    items = [Item(f"new{k}", title="Item", price=5, category_path=("all", f"c{k}")) for k in range(new)]
    catalogue = catalogue.updated([replace(item, available_s=int(NOW)) for item in items], 2)
    models = replace(models, trending=models.trending[:trending])
    return Recommender(models, lambda: catalogue, Shelf({"u:eve": PROFILE}), few(**params))


HOME = ("recommended-for-you", "trending", "others-you-may-like", "buy-it-again", "similar-items", "recently-viewed")


@pytest.mark.parametrize("placements", [HOME, HOME[::-1]])
@pytest.mark.parametrize("rules", [{}, {"diversity": 0.5}, {"max_per_brand": 2}, {"exploration_share": 0.5}])
def test_a_page_never_shows_an_item_twice(placements: tuple[str, ...], rules: dict[str, float]) -> None:
    """The first placement shows what it would show alone; a later one of fixed order, its own list without the rest."""
    share = {"exploration_share": rules["exploration_share"]} if "exploration_share" in rules else {}
    pipeline = recommender(new=2, **share)
    asked = {name: value for name, value in rules.items() if name not in share}
    queries = [
        Query(name, "eve", item_ids=("i10",), page_size=6, decision_id=f"{i:032x}", **asked)
        for i, name in enumerate(placements)
    ]
    [page] = pipeline.run_pages([PageQuery(tuple(queries), "mine")], TURN)
    shown = [item for answer in page.answers for item in ids(answer)]
    assert len(shown) == len(set(shown))
    assert page.request_id == "mine"
    assert [answer.placement for answer in page.answers] == list(placements)
    assert ids(page.answers[0]) == ids(pipeline.run(queries[:1], TURN)[0])
    if not rules:
        at = placements.index("trending")
        above = {item for answer in page.answers[:at] for item in ids(answer)}
        assert ids(page.answers[at]) == [f"i{row}" for row in range(40) if f"i{row}" not in above][:6]


def test_an_earlier_placement_s_pin_is_not_shown_again() -> None:
    """Nor may a later placement pin what stands above it."""
    first = Query("trending", page_size=3, pins=(Pin("i30", 1),))
    second = Query("trending", page_size=3, pins=(Pin("i30", 0), Pin("i31", 0)))
    [page] = recommender().run_pages([PageQuery((first, second))], TURN)
    assert [ids(answer) for answer in page.answers] == [["i0", "i30", "i1"], ["i31", "i2", "i3"]]


def test_pages_of_one_batch_do_not_see_each_other() -> None:
    """Two visitors' pages, and one of a single placement, give what they give alone."""
    pipeline = recommender(new=1)
    home = PageQuery(tuple(Query(name, "eve", item_ids=("i10",), page_size=5) for name in HOME))
    pages = [home, PageQuery((Query("trending", page_size=5),)), home, replace(home, queries=home.queries[::-1])]
    for page, together in zip(pages, pipeline.run_pages(pages, TURN), strict=True):
        [alone] = pipeline.run_pages([page], TURN)
        assert [ids(answer) for answer in alone.answers] == [ids(answer) for answer in together.answers]


RULES = [
    {},
    {"max_per_brand": 4},
    {"filter": "price >= 112"},
    {"objective": "revenue"},
    {"placement": "trending"},
    {"placement": "others-you-may-like", "item_ids": ("i9",)},
    {"placement": "similar-items", "item_ids": ("i9",)},
]


def pages(pipeline: Recommender, size: int, **rules: object) -> list[list[str]]:
    """Read by next_offset to the end."""
    found, offset = [], 0
    while not found or offset:
        query = Query(**{"user_id": "eve", "page_size": size, "offset": offset, **rules})
        [answer] = pipeline.run([query], TURN)
        found.append(ids(answer))
        assert answer.next_offset == (0 if len(answer.rows) < size else offset + size)
        offset = answer.next_offset
    return found


@pytest.mark.parametrize("trending", [40, 3])
@pytest.mark.parametrize("rules", RULES)
def test_pages_join_to_the_long_page(rules: dict[str, object], trending: int) -> None:
    """No item twice, none left out, in the order of the long page; also where few items are popular enough to fill."""
    pipeline = recommender(new=3, trending=trending, fresh_slot=False, candidates=60)
    [long] = pipeline.run([Query(**{"user_id": "eve", "page_size": 60, **rules})], TURN)
    assert sum(pages(pipeline, 7, **rules), []) == ids(long)  # noqa: RUF017


@pytest.mark.parametrize("rules", [{}, {"diversity": 0.5}, {"pins": (Pin("i30", 2), Pin("i31", 15), Pin("i33", 9))}])
def test_new_arrivals_and_pins_stand_on_the_first_page_alone(rules: dict[str, object]) -> None:
    """What takes a place of the first page moves the rest back: nothing is lost and nothing comes again."""
    pipeline = recommender(new=3, candidates=60)
    read = pages(pipeline, 10, **rules)
    flat = [item for page in read for item in page]
    [long] = pipeline.run([Query(user_id="eve", page_size=60, **rules)], TURN)
    assert len(flat) == len(set(flat))
    assert set(flat) == set(ids(long))
    assert any(item.startswith("new") for item in read[0])
    assert "pins" not in rules or (read[0][2], set(read[0][8:])) == ("i30", {"i31", "i33"})


def test_the_place_of_a_new_arrival_is_the_last_of_the_first_page() -> None:
    """Pages shorter than ten keep none."""
    pipeline = recommender(new=1)
    ten, nine = pipeline.run([Query(user_id="eve", page_size=10), Query(user_id="eve", page_size=9)], TURN)
    assert ten.sources[9] == Source.FRESH
    assert Source.FRESH not in nine.sources
