"""All quotes of a catalogue: made once, brought on with it, and the same for everybody."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from pricing_worlds import Model

from serving.core.catalogue import Catalogue, Item
from serving.decisions.price import quoting
from serving.decisions.price.contract import AllQuery, QuoteQuery, SimulateQuery
from serving.decisions.price.pipeline import Decided
from serving.decisions.price.rules import RULES, Params, names
from serving.decisions.price.table import NO_MODEL, PriceTable, Pricing

WALL_S = 1_800_000_000.0
PERIOD_START_S = int(WALL_S) // 86_400 * 86_400


def item(item_id: str, price: int = 1000, **values: object) -> Item:
    return replace(Item(item_id, currency="GBP", price=price, cost=600), **values)  # type: ignore[arg-type]


def shop(n: int = 30) -> list[Item]:
    """Every fifth item a pack of the one before it."""
    return [
        item(
            f"i{k}", 1000 + 10 * k, stock={"main": (k, 0)} if k % 3 else {},
            attributes={"pack_of": f"p{k // 5}", "pack_size": str(1 + k % 5 * 5)} if k % 5 < 2 else {},
        )
        for k in range(n)
    ]  # fmt: skip


def same(one: Decided, other: Decided) -> bool:
    return all(
        np.array_equal(
            getattr(one, each.name), getattr(other, each.name), equal_nan=getattr(one, each.name).dtype.kind == "f"
        )
        for each in fields(Decided)
    )


def price_of(table: PriceTable, item_id: str) -> int:
    return int(table.decided.price[table.catalogue.row_of[item_id]])


PRICING = Pricing(Params(explore_share=0.5))
KNOWS = Model(tuple(f"i{k}" for k in range(40)))


def test_what_changed_is_decided_anew_and_comes_out_as_if_all_had_been() -> None:
    """Stock, prices, new items, and a pack whose smaller one changed."""
    before = Catalogue.build(shop())
    table = PRICING.table(before, KNOWS, WALL_S)
    now = before.updated(
        [item("i5", 2000, attributes={"pack_of": "p1"}), item("new", 500), item("i8", stock={"m": (0, 0)})], 9
    )
    KNOWS.asked.clear()
    brought = PRICING.table(now, KNOWS, WALL_S, table)
    assert sum(KNOWS.asked) < 60  # nine runs at most over three items and a pack, not over thirty
    assert same(brought.decided, PRICING.table(now, KNOWS, WALL_S).decided)
    assert brought.catalogue is now
    assert price_of(brought, "i6") != price_of(table, "i6"), "the larger pack follows the smaller one"
    assert PRICING.table(now, KNOWS, WALL_S, brought).decided is brought.decided


def test_the_turn_of_the_period_decides_everything_anew() -> None:
    """Chance is drawn once an item and period: the same within it, another in the next."""
    catalogue = Catalogue.build(shop())
    table = PRICING.table(catalogue, KNOWS, WALL_S)
    assert PRICING.table(catalogue, KNOWS, table.end_s - 1.0, table).decided is table.decided
    turned = PRICING.table(catalogue, KNOWS, float(table.end_s), table)
    assert (turned.start_s, turned.period) == (table.end_s, table.period + 1)
    assert turned.decided.explored.any()
    assert (turned.decided.explored != table.decided.explored).any()


def test_the_order_of_the_catalogue_changes_no_price() -> None:
    """A quote is of an item and a period: not of its row, nor of the batch it was decided in."""
    items = shop()
    table, other = (PRICING.table(Catalogue.build(some), KNOWS, WALL_S) for some in (items, items[::-1]))
    assert [price_of(table, each.item_id) for each in items] == [price_of(other, each.item_id) for each in items]


def test_a_price_set_lately_stands_until_a_period_begins_late_enough() -> None:
    """By the time at which the period begins, so that a quote does not change within it."""
    plain = Pricing(Params())
    catalogue = Catalogue.build(
        [item("i0", price_set_s=PERIOD_START_S - 3600), item("i1"), item("i2", price_set_s=int(WALL_S))]
    )
    table = plain.table(catalogue, KNOWS, WALL_S)
    assert table.decided.price.tolist() == [1000, 1100, 1000]
    assert [RULES[rule] for rule in table.decided.rule] == ["cool_down", "step", "cool_down"]
    assert plain.table(catalogue, KNOWS, WALL_S + 86_400).decided.price.tolist() == [1100, 1100, 1000]


def test_without_a_model_the_usual_elasticity_decides_and_the_table_says_so() -> None:
    """Units are then not known, and neither is a margin; curves still say how demand changes."""
    table = Pricing(Params()).table(Catalogue.build([item("i0", 1000, cost=480)]), None, WALL_S)
    assert table.degraded == NO_MODEL
    assert abs(table.decided.price[0] - 960) <= 2, "at -2 the best price is twice the cost"
    assert np.isnan(table.decided.units).all()
    assert np.isnan(table.decided.margin).all()
    (curve,) = quoting.simulate(table, SimulateQuery(("i0",), (500, 1000))).curves
    assert curve.relative.tolist() == [4.0, 1.0]
    assert np.isnan(curve.units).all()


def test_a_model_that_fails_is_asked_no_more_until_the_next_period() -> None:
    """The prices of all items are then made without it: none is of a model and of none."""
    model = Model(KNOWS.item_ids, failing=True)
    catalogue = Catalogue.build(shop())
    table = Pricing(Params()).table(catalogue, model, WALL_S)
    pricing = Pricing(Params())
    table = pricing.table(catalogue, model, WALL_S)
    assert "it was told to" in table.degraded
    assert table.model_version == ""
    assert same(table.decided, pricing.table(catalogue, None, WALL_S).decided)
    model.failing, asked = False, len(model.asked)
    table = pricing.table(catalogue.updated([item("i3", 900)], 3), model, WALL_S, table)
    assert len(model.asked) == asked
    assert pricing.table(catalogue, model, WALL_S + 86_400, table).degraded == ""


def test_items_that_the_model_does_not_know_are_priced_without_it() -> None:
    table = Pricing(Params()).table(Catalogue.build([item("i0"), item("stranger")]), KNOWS, WALL_S)
    assert np.isnan(table.decided.units).tolist() == [False, True]
    assert (table.decided.price > 0).all()


@pytest.mark.parametrize(
    ("values", "rules"),
    [
        ({"cost": 1300, "list_price": 1200}, ["min_margin", "list_price"]),
        ({"map_price": 1250, "list_price": 1200}, ["map_price", "list_price"]),
        ({"price": 0}, ["no_price"]),
        ({"currency": "EUR"}, ["currency"]),
        ({"cost": 10**15}, ["min_margin", "highest"]),
    ],
)
def test_where_no_price_is_allowed_the_rules_that_contradict_are_named(
    values: dict[str, int], rules: list[str]
) -> None:
    """And there is no price: never a guess."""
    table = Pricing(Params()).table(Catalogue.build([item("i0", **values)]), replace(KNOWS, currency="GBP"), WALL_S)
    assert table.decided.price.tolist() == [0]
    assert names(int(table.decided.failed[0])) == rules
    (curve,) = quoting.simulate(table, SimulateQuery(("i0",), (1000,))).curves
    assert curve.forbidden_by == (rules[0],)


def test_an_item_whose_cost_nobody_knows_keeps_its_price() -> None:
    table = Pricing(Params()).table(Catalogue.build([item("i0", cost=0)]), KNOWS, WALL_S)
    assert (table.decided.price[0], RULES[table.decided.rule[0]]) == (1000, "cost_unknown")


def test_a_simulated_curve_says_which_rule_forbids_each_price() -> None:
    """The one at the end of the band that it lies beyond; the quoted price is always allowed."""
    found = item("i0", 1000, stock={"m": (10, 0)}, competitor_price=1080, list_price=2000)
    pricing = Pricing(Params(endings=("9",), competitor_low=0.85, competitor_high=1.0, min_margin=0.2))
    table = pricing.table(Catalogue.build([found]), replace(KNOWS, level=11.0), WALL_S)
    asked = (700, 899, 919, 929, 999, 1009, 1010, 1079, 1081, 1099, 1200)
    (curve,) = quoting.simulate(table, SimulateQuery(("i0",), asked)).curves
    assert curve.forbidden_by == (
        *("competitor", "competitor", "stock_cover", "stock_cover", "stock_cover", "", "ending", ""),
        *("competitor", "competitor", "competitor"),
    )  # fmt: skip
    assert (np.diff(curve.units) <= 0).all()
    assert curve.units.max() <= 10
    (quoted,) = quoting.simulate(table, SimulateQuery(("i0",), (price_of(table, "i0"),))).curves
    assert quoted.forbidden_by == ("",)


def test_curves_of_several_items_are_those_of_each_alone() -> None:
    """However many prices each has, and as many as are allowed at most."""
    table = PRICING.table(Catalogue.build([item("i0"), item("i1", 7, cost=3), item("stranger")]), KNOWS, WALL_S)
    for prices in ((), tuple(range(500, 563))):
        together = quoting.simulate(table, SimulateQuery(("i1", "stranger", "i0"), prices)).curves
        for curve in together:
            name = table.catalogue.items[curve.row].item_id
            (alone,) = quoting.simulate(table, SimulateQuery((name,), prices)).curves
            assert curve.prices.tolist() == alone.prices.tolist()
            assert np.array_equal(curve.units, alone.units, equal_nan=True)
            assert np.array_equal(curve.relative, alone.relative)
            assert (curve.forbidden_by, curve.elasticity) == (alone.forbidden_by, alone.elasticity)


def test_unknown_and_deleted_items_are_missing_and_the_others_are_answered() -> None:
    table = Pricing(Params()).table(Catalogue.build([item("i0"), item("gone", deleted=True), item("i1")]), None, WALL_S)
    found = quoting.quote(table, QuoteQuery(("i1", "nobody", "gone", "i0", "nobody")))
    assert (found.rows, found.missing) == ((2, 0), ("nobody", "gone"))


def test_pages_of_all_items_have_each_of_them_once() -> None:
    table = Pricing(Params()).table(Catalogue.build([*shop(7), item("gone", deleted=True), item("last")]), None, WALL_S)
    rows: list[int] = []
    first = order = 0
    while True:
        page = quoting.page(table, AllQuery(first, 3, order=order))
        rows += page.rows
        first, order = page.following, page.order
        if not first:
            break
    assert [table.catalogue.items[row].item_id for row in rows] == [*(f"i{k}" for k in range(7)), "last"]


def test_pages_of_another_release_show_the_same_prices() -> None:
    """Its rows are others, and so may be what it was published with; what the table has not seen shows its own."""
    items = [*shop(), item("no", 500, cost=900, list_price=600)]
    table = Pricing(Params()).table(Catalogue.build(items), KNOWS, WALL_S)
    other = Catalogue.build([*items[::-1], item("new", 777)], model_ids=("i3", "i1")).updated([item("i9", 400)], 2)
    prices = table.quoted(other).prices(other)
    for row, each in enumerate(other.items):
        own = {"no": 500, "new": 777}.get(each.item_id)
        assert prices.price[row] == (own or price_of(table, each.item_id))


def test_a_quote_stands_until_its_item_is_given_another_price() -> None:
    """Stock may move under it; a new price is shown at once, until it is quoted."""
    before = Catalogue.build(shop())
    quoted = Pricing(Params()).table(before, KNOWS, WALL_S).quoted()
    now = before.updated([replace(before.items[0], stock={"m": (1, 0)}), item("i2", 5000), item("new", 300)], 2)
    prices = quoted.prices(now).price
    assert prices[0] == quoted.price[0] != before.price[0]
    assert prices[2] == 5000
    assert prices[now.row_of["new"]] == 300
    assert prices[4] == quoted.price[4]
