"""The language of filters: what each field takes, what binds tighter, what is said of a text that cannot be read."""

from __future__ import annotations

import re
from operator import attrgetter

import numpy as np
import pytest

from serving.core.catalogue import DERIVED_MAX, Catalogue, Item
from serving.core.errors import InvalidInput
from serving.core.prices import Prices, catalogue_prices
from serving.decisions.recommend.filters import compiled
from serving.decisions.recommend.filters.columns import TextColumn, WordColumn

MUG = Item(
    "mug-1", "Oakline ceramic mug, BLUE, 300 ml", ("home", "kitchen", "mugs"), "Oakline", "GBP", 1200, 600, 1500,
    {"north": (3, 0), "south hall": (0, 4)}, 320, (120, 90, 100), 1_700_000_000,
    attributes={"colour": "blue", "volume": "300", "fits_in.oven": "yes"},
)  # fmt: skip
VASE = Item(
    "vase-1", "Straße vase", ("home", "decoration"), "Tern Bay", "GBP", 5000, 4500, 0, {"north": (0, 9)},
    attributes={"colour": "deep blue", "volume": "1000"},
)  # fmt: skip
CARD = Item("card*", "Gift card", attributes={"volume": "none"})
ITEMS = [MUG, VASE, CARD]


def shop() -> Catalogue:
    """The three items; the models know the first."""
    return Catalogue.build(ITEMS, model_ids=["mug-1"])


def found(text: str, catalogue: Catalogue | None = None) -> str:
    """The first letters of the items for which the filter holds."""
    catalogue = catalogue or shop()
    mask = compiled(text).mask(catalogue, catalogue_prices(catalogue))
    assert mask.dtype == np.bool_
    assert mask.shape == (len(catalogue),)
    return "".join(catalogue.items[row].item_id[0] for row in np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("text", "held_by"),
    [
        ("", "mvc"),
        ("item_id = mug-1", "m"),
        ("item_id != mug-1", "vc"),
        ('item_id = "card\\*"', "c"),
        ("item_id = *", "mvc"),
        ('title = "Gift card"', "c"),
        ("title = 'gift card'", ""),
        ("title:MUG", "m"),
        ("title:mu", ""),
        ("title:mu*", "m"),
        ('title:"blue mug"', "m"),
        ('title:"blue vase"', ""),
        ("title:STRASSE", "v"),
        ('title:"gift ca*"', "c"),
        ("brand = Oakline", "m"),
        ('brand:"Tern Bay"', "v"),
        ('brand = "Tern*"', "v"),
        ("brand = oakline", ""),
        ("brand:*", "mv"),
        ("brand != Oakline", "vc"),
        ("category:kitchen", "m"),
        ("category:home", "mv"),
        ("category:kit*", "m"),
        ("category = kitchen", ""),
        ("category = mugs", "m"),
        ('category = "home/kitchen/mugs"', "m"),
        ('category = "home/kit*"', "m"),
        ("category:*", "mv"),
        ("category != mugs", "vc"),
        ("price < 5000", "m"),
        ("price <= 5000", "mv"),
        ("price > 1200", "v"),
        ("price>=1200", "mv"),
        ("price = 1200", "m"),
        ("price != 1200", "vc"),
        ("price:*", "mv"),
        ("price < 999999999999", "mv"),
        ("price > -5", "mv"),
        ("list_price > 0", "m"),
        ("cost <= 4500", "mv"),
        ("margin >= 0.5", "m"),
        ("margin < 0.5", "v"),
        ("margin = 0.1", "v"),
        ("NOT margin >= 0.5", "vc"),
        ("discount >= 0.2", "m"),
        ("discount < 0.2", "v"),
        ("on_sale", "m"),
        ("-on_sale", "vc"),
        ("on_sale = false", "vc"),
        ("on_sale != true", "vc"),
        ('availability = "IN_STOCK"', "mc"),
        ("availability = OUT_OF_STOCK", "v"),
        ("stock > 0", "m"),
        ("stock = 0", "v"),
        ("stock:*", "mv"),
        ("stock.north >= 3", "m"),
        ('stock."south hall" = 0', "mv"),
        ("stock.nowhere > 0", ""),
        ("stock.nowhere = 0", "mv"),
        ("weight_grams <= 320", "m"),
        ("length_mm = 120 width_mm = 90 height_mm = 100", "m"),
        ("available_time > 2023-11-14T22:13:19Z", "m"),
        ('available_time > "2023-11-14T23:13:20+01:00"', ""),
        ("in_model", "m"),
        ("in_model = false", "vc"),
        ("attributes.colour = blue", "m"),
        ('attributes.colour:"deep blue"', "v"),
        ("attributes.colour != blue", "vc"),
        ("attributes.colour:*", "mv"),
        ("attributes:colour", "mv"),
        ("attributes.fits_in.oven = yes", "m"),
        ('attributes."fits_in.oven" = yes', "m"),
        ("attributes.volume > 300", "v"),
        ("attributes.volume <= 1000", "mv"),
        ("attributes.volume = 300", "m"),
        ("attributes.nothing = blue", ""),
        ("attributes.nothing != blue", "mvc"),
        ("attributes.nothing < 5", ""),
    ],
)
def test_what_a_comparison_holds_for(text: str, held_by: str) -> None:
    """What is not known holds in no comparison but !=, which is NOT =."""
    assert found(text) == held_by


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a OR b AND c", "ac bc abc"),
        ("a AND b OR c", "ab ac abc"),
        ("(a AND b) OR c", "c ab ac bc abc"),
        ("a b OR c", "ab ac abc"),
        ("a b", "ab abc"),
        ("a OR b OR c", "a b c ab ac bc abc"),
        ("NOT a OR b", "- b c ab bc abc"),
        ("NOT (a OR b)", "- c"),
        ("-a b", "b bc"),
        ("a -b", "a ac"),
        ("a AND NOT b AND -(c)", "a"),
        ("(a)(b)", "ab abc"),
    ],
)
def test_what_binds_tighter(text: str, names: str) -> None:
    """NOT before OR before AND, as AIP-160 has it, on items with every combination of three attributes."""
    combinations = ("-", "a", "b", "c", "ab", "ac", "bc", "abc")
    items = [Item(name, attributes=dict.fromkeys(name.strip("-"), "1")) for name in combinations]
    catalogue = Catalogue.build(items)
    mask = compiled(re.sub("[abc]", r"attributes:\g<0>", text)).mask(catalogue, catalogue_prices(catalogue))
    assert " ".join(items[row].item_id for row in np.flatnonzero(mask)) == names


@pytest.mark.parametrize(
    ("text", "column", "got", "expected"),
    [
        ("prise < 5", 1, "prise", "price, or another of the fields"),
        ("in_model listPrice > 5", 10, "listPrice", "list_price, or another"),
        ("colour = red", 1, "colour", "attributes.NAME"),
        ("attributes. = red", 1, "attributes.", "attributes.NAME"),
        ("mug", 1, "mug", "one of the fields"),
        ("price <", 8, "the end of the filter", "a value to compare price with"),
        ("price == 5", 8, "=", "a value"),
        ("price", 6, "nothing", "one of = != : < <= > >= after price"),
        ("price < 49.99", 9, "49.99", "minor units"),
        ('price < "5"', 9, "5", "a number without quotes"),
        ("price < 1" + "0" * 18, 9, "1", "a number"),
        ("price:5", 7, "5", "* after price:"),
        ("margin > 30", 10, "30", "0.3 for 30 %"),
        ("brand < 5", 7, "<", "one of = != : after brand"),
        ('brand = ""', 9, "", "NOT brand:*"),
        ("availability = SOLD", 16, "SOLD", "IN_STOCK or OUT_OF_STOCK"),
        ("on_sale:*", 9, "*", "true or false"),
        ("available_time > 2026-01-31T08:00:00", 18, "2026", "RFC 3339"),
        ("title:--", 7, "--", "words"),
        ("attributes:colour*", 12, "colour*", "the whole name"),
        ("(price < 5", 11, "the end of the filter", "the ) for the ( in column 1"),
        ("price < 5)", 10, ")", "the end of the filter"),
        ("AND price < 5", 1, "AND", "a comparison"),
        ("price < 5 or cost < 3", 11, "or", "OR is written in capitals"),
        ("price < 5 OR", 13, "the end of the filter", "a comparison"),
        ('"mug"', 1, "mug", 'title:"mug"'),
        ("NOT NOT on_sale", 5, "NOT", "a comparison"),
        ('brand = "Oak', 9, '"Oak', 'a closing "'),
        ('brand = "a*b"', 9, '"a*b', "a star only at the end"),
        ("brand = a*b", 9, "a*b", "a star only at the end"),
        ('brand = "\\n"', 10, "\\\\n", "one of"),
        ("!on_sale", 1, "!", "a field"),
        ("(" * 33 + "on_sale" + ")" * 33, 33, "(", "at most 32 parentheses"),
        ("on_sale " * 101, 801, "on_sale", "at most 100 comparisons"),
        ("brand = " + "é" * 1021, 1, "2050 bytes", "at most 2048 bytes"),
    ],
)
def test_what_is_said_of_a_text_that_cannot_be_read(text: str, column: int, got: str, expected: str) -> None:
    """What stands at which column, and what should."""
    with pytest.raises(InvalidInput) as caught:
        compiled(text)
    error = caught.value
    assert error.field == "filter"
    assert error.reason == ("UNKNOWN_FIELD_IN_FILTER" if "of the fields" in error.expected else "INVALID_FILTER")
    assert expected in error.expected
    assert error.expected.endswith(f"(column {column})")
    assert got in error.facts["value"]


def test_the_limits_themselves_are_allowed() -> None:
    """100 comparisons, 32 parentheses, 2,048 bytes."""
    assert found("in_model " * 100) == "m"
    assert found("(" * 32 + "in_model" + ")" * 32) == "m"
    assert found("brand = " + "é" * 1020) == ""


def test_prices_are_those_that_are_given() -> None:
    """Not the catalogue's: what a filter reads is what the answer shows."""
    catalogue = shop()
    price = np.array([9000, 10, 0], np.int64)
    prices = Prices(price, np.array([1, 9, 0], np.int64), np.array([9000, 20, 0], np.int64))
    for text, held_by in {"price < 100": [1], "margin > 0.5": [0], "on_sale": [1], "discount = 0.5": [1]}.items():
        assert np.flatnonzero(compiled(text).mask(catalogue, prices)).tolist() == held_by, text


@pytest.mark.parametrize(
    ("text", "row", "why"),
    [
        ("price < 5000", 0, ""),
        ("price < 5000", 1, "price < 5000 does not hold (price 5000)"),
        ("in_model AND (brand:* price > 2000)", 0, "price > 2000 does not hold (price 1200)"),
        ("NOT category:mugs", 0, "NOT category:mugs does not hold (category 'home/kitchen/mugs')"),
        ("margin > 0.2", 1, "margin > 0.2 does not hold (margin 0.10)"),
        ("margin > 0.2", 2, "margin > 0.2 does not hold (margin not known)"),
        ("on_sale OR stock.north > 5", 1, "on_sale OR stock.north > 5 does not hold (on_sale false, stock.north 0)"),
        ("brand = 'Oakline'", 1, "brand = 'Oakline' does not hold (brand 'Tern Bay')"),
        ("brand:*", 2, "brand:* does not hold (brand not known)"),
        ("attributes.colour = red", 0, "attributes.colour = red does not hold (attributes.colour 'blue')"),
        ("attributes.x = red", 0, "attributes.x = red does not hold (attributes.x not known)"),
        ("attributes:x", 1, "attributes:x does not hold (attributes colour, volume)"),
        ("title:cup", 2, "title:cup does not hold (title 'Gift card')"),
        ("category:x", 2, "category:x does not hold (category not known)"),
        ("availability = IN_STOCK", 1, "availability = IN_STOCK does not hold (availability OUT_OF_STOCK)"),
        (
            "available_time < 2020-01-01T00:00:00Z",
            0,
            "available_time < 2020-01-01T00:00:00Z does not hold (available_time 2023-11-14T22:13:20Z)",
        ),
    ],
)
def test_why_an_item_is_left_out(text: str, row: int, why: str) -> None:
    """The first part that does not hold, in the caller's words, and what the item has."""
    catalogue = shop()
    assert compiled(text).unmet(catalogue, catalogue_prices(catalogue), row) == why


def test_a_long_part_is_quoted_in_part() -> None:
    catalogue = shop()
    why = compiled(" OR ".join(["brand:Nobody"] * 30)).unmet(catalogue, catalogue_prices(catalogue), 0)
    assert why.endswith("... does not hold (brand 'Oakline')")
    assert len(why) < 200


def test_masks_follow_the_writes() -> None:
    """Columns are carried over from snapshot to snapshot; the old snapshot still answers as before."""
    texts = (
        "title:mug", "title = 'New mug'", "brand = Oakline", "category:gifts", "attributes.colour = red",
        "attributes.volume > 300", "stock.north > 0", "stock.west = 2", "weight_grams < 100", "item_id = new*",
    )  # fmt: skip
    before = shop()
    first = [found(text, before) for text in texts]
    new = [
        Item("vase-1", "New mug", ("gifts",), "Oakline", attributes={"colour": "red"}, stock={"west": (2, 0)}),
        Item("new", "A mug", weight_grams=50, attributes={"colour": "red", "volume": "900"}, stock={"north": (1, 0)}),
        Item("mug-1", "Plain", stock={"north": (0, 0)}),
    ]
    after = before.updated(new, 1)
    anew = Catalogue.build([new[2], new[0], CARD, new[1]], model_ids=["mug-1"])
    assert [found(text, after) for text in texts] == [found(text, anew) for text in texts]
    assert [found(text, before) for text in texts] == first


def test_texts_that_nobody_has_any_more_are_forgotten() -> None:
    """However often items are renamed, a column's texts stay a small multiple of the items."""
    catalogue = Catalogue.build([Item("a")])
    for number in range(400):
        catalogue = catalogue.updated([Item("a", title=f"word{number}")], number)
        assert found(f"title:word{number} AND title = word{number}", catalogue) == "a"
    assert len(TextColumn.of(catalogue, "title", attrgetter("title")).lexicon) < 100
    assert len(WordColumn.of(catalogue).lexicon) < 100


def test_columns_that_are_kept_are_bounded() -> None:
    """More attributes than are kept: each filter still answers rightly."""
    names = [f"a{number}" for number in range(DERIVED_MAX + 8)]
    catalogue = Catalogue.build([Item(name, attributes={name: "1"}) for name in names])
    prices = catalogue_prices(catalogue)
    for _ in range(2):
        for row, name in enumerate(names):
            assert np.flatnonzero(compiled(f"attributes:{name}").mask(catalogue, prices)).tolist() == [row]
