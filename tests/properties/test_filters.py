"""Any filter over any items: the mask is what a slow reader finds item by item, and reading never fails strangely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.core.prices import Prices, catalogue_prices
from serving.decisions.recommend.filters import compiled
from serving.decisions.recommend.filters.nodes import And, Compare, Node, Not, Or, Value
from serving.decisions.recommend.filters.parser import parse

ORDER: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq}
NUMBERS = ("price", "cost", "list_price", "stock", "stock.north", "stock.south hall", "stock.moon", "weight_grams")
SHARES = ("margin", "discount")
TEXTS = ("item_id", "title", "brand", "category", "attributes.colour", "attributes.x.y", "attributes.none")
FLAGS = ("on_sale", "in_model")
NAMES = ("red", "Red", "re", "red wine", 'a"b', "it's", "back\\slash", "star*", "Straße", "500", "-5", "AND", "x.y")

names = st.sampled_from(NAMES)
amounts = st.sampled_from((0, 1, 2, 99, 100, 1000))


@st.composite
def items(draw: st.DrawFn) -> Item:
    return Item(
        item_id="",
        title=" ".join(draw(st.lists(names, max_size=3))),
        category_path=tuple(draw(st.lists(names, max_size=3))),
        brand=draw(st.just("") | names),
        currency="GBP",
        price=draw(amounts),
        cost=draw(amounts),
        list_price=draw(amounts),
        stock=draw(st.dictionaries(st.sampled_from(("north", "south hall")), st.tuples(st.integers(0, 3), st.just(0)))),
        weight_grams=draw(amounts),
        available_s=draw(st.sampled_from((0, 1_700_000_000, 1_700_000_001))),
        deleted=draw(st.booleans()),
        attributes=draw(st.dictionaries(st.sampled_from(("colour", "x.y")), names)),
    )


@st.composite
def shops(draw: st.DrawFn) -> Catalogue:
    """A snapshot after some writes, with columns made before them."""
    first = [replace(item, item_id=f"i{n}") for n, item in enumerate(draw(st.lists(items(), min_size=1, max_size=6)))]
    catalogue = Catalogue.build(first, model_ids=["i0", "i3"])
    for field in draw(st.lists(st.sampled_from((*NUMBERS, *TEXTS)), max_size=4)):
        compiled(f'{_written(field)}:* title:"red"').mask(catalogue, catalogue_prices(catalogue))
    for version in range(draw(st.integers(0, 2))):
        changes = [replace(item, item_id=f"i{draw(st.integers(0, 8))}") for item in draw(st.lists(items(), max_size=3))]
        catalogue = catalogue.updated(changes, version)
    return catalogue


ANYTHING = Value("", starred=True)
TIME = Value("2023-11-14T22:13:20Z")
COUNT = amounts.map(lambda amount: Value(str(amount), quoted=False))
SHARE = st.sampled_from(("-1", "0", "0.5", "0.9", "0.99")).map(lambda share: Value(share, quoted=False))
TEXT = st.builds(Value, names, st.booleans()) | st.just(ANYTHING)
FORMS: tuple[tuple[tuple[str, ...], tuple[str, ...], st.SearchStrategy[Value]], ...] = (
    ((*TEXTS, *NUMBERS, *SHARES), (":",), st.just(ANYTHING)),
    (TEXTS, ("=", "!=", ":"), TEXT),
    (NUMBERS, (*ORDER, "!="), COUNT),
    (SHARES, (*ORDER, "!="), SHARE),
    (("attributes.colour",), ("<", ">="), COUNT),
    (("available_time",), (*ORDER, "!="), st.just(TIME)),
    (FLAGS, ("=", "!="), st.sampled_from(("true", "false")).map(Value)),
    (FLAGS, ("",), st.just(Value(""))),
    (("availability",), ("=",), st.sampled_from(("IN_STOCK", "OUT_OF_STOCK")).map(Value)),
    (("attributes",), (":",), st.sampled_from(("colour", "x.y")).map(Value)),
)
"""(fields, comparators, values) that go together."""


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    fields, ops, values = draw(st.sampled_from(FORMS))
    return Compare(draw(st.sampled_from(fields)), draw(st.sampled_from(ops)), draw(values), 0, 0)


def joined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
    none = st.just(0)
    return st.one_of(
        st.builds(Not, inner, none, none), st.builds(And, parts, none, none), st.builds(Or, parts, none, none)
    )


def nodes() -> st.SearchStrategy[Node]:
    """Nodes as the parser makes them, columns aside."""
    return st.recursive(comparisons(), joined, max_leaves=8)


@given(shops(), nodes())
def test_the_mask_is_what_a_slow_reader_finds(catalogue: Catalogue, node: Node) -> None:
    """Item by item over the tree that the text was written from; unmet() is silent exactly where the mask holds."""
    prices = catalogue_prices(catalogue)
    text = written(node)
    compiled_filter = compiled(text)
    mask = compiled_filter.mask(catalogue, prices)
    slow = [holds(node, catalogue, prices, row) for row in range(len(catalogue))]
    assert mask.tolist() == slow, text
    for row, expected in enumerate(slow):
        assert (compiled_filter.unmet(catalogue, prices, row) == "") == expected
    mask[:] = False  # the mask is the caller's own: nothing that is kept shares its memory
    assert compiled_filter.mask(catalogue, prices).tolist() == slow


@given(nodes())
def test_a_written_tree_is_read_as_the_same_tree(node: Node) -> None:
    """Whatever stands in quotes, and however deep it is."""
    assert written(parse(written(node))) == written(node)


@given(st.text(alphabet="abc AND OR NOT()-<>=!:\"'\\*.,price title 0159Té\n\t", max_size=60) | st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but InvalidInput, which names a column of the text."""
    column = 1
    try:
        compiled(text)
    except InvalidInput as error:
        column = int(error.expected.rpartition("(column ")[2].rstrip(")"))
    assert 1 <= column <= len(text) + 1


def holds(node: Node, catalogue: Catalogue, prices: Prices, row: int) -> bool:
    """What the mask must be at `row`, by the plain words of the documentation."""
    match node:
        case And(parts=parts):
            return all(holds(part, catalogue, prices, row) for part in parts)
        case Or(parts=parts):
            return any(holds(part, catalogue, prices, row) for part in parts)
        case Not(part=part):
            return not holds(part, catalogue, prices, row)
        case Compare(op="!="):
            return not holds(replace(node, op="="), catalogue, prices, row)
    item, value = catalogue.items[row], node.value
    if node.field in (*FLAGS, "availability"):
        state = {
            "on_sale": prices.list_price[row] > prices.price[row] > 0,
            "in_model": row < catalogue.n_model,
            "availability": not item.deleted and item.on_hand != 0,
        }[node.field]
        return bool(state) == (value.text in ("", "true", "IN_STOCK"))
    if node.field == "attributes":
        return value.text in item.attributes
    if node.field in TEXTS and node.op in ("=", ":"):
        return text_holds(node, item)
    found = number_of(node.field, item, prices, row)
    if found is None:
        return False
    if value.starred and not value.text:
        return True
    if node.field == "available_time":
        bound = datetime.fromisoformat(value.text).astimezone(UTC).timestamp()
    else:
        bound = float(value.text)
    if node.field in SHARES:
        return ORDER[node.op](float(np.float32(found)), float(np.float32(bound)))
    return ORDER[node.op](found, bound)


def text_holds(node: Compare, item: Item) -> bool:
    value = node.value

    def fits(text: str, wanted: str = value.text, starred: bool = value.starred) -> bool:
        return bool(text) and (text.startswith(wanted) if starred else text == wanted)

    if node.field == "category":
        path = item.category_path
        return any(map(fits, path if node.op == ":" else (*path[-1:], "/".join(path))))
    if node.field == "title" and node.op == ":" and value.text:
        *whole, last = words_of(value.text)
        there = words_of(item.title)
        return all(word in there for word in whole) and any(fits(word, last) for word in there)
    if node.field.startswith("attributes."):
        return fits(item.attributes.get(node.field.removeprefix("attributes."), ""))
    return fits(getattr(item, node.field))


def words_of(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text.casefold()).split()


def number_of(field: str, item: Item, prices: Prices, row: int) -> float | None:
    """None = not known."""
    price, cost, listed = (int(column[row]) for column in (prices.price, prices.cost, prices.list_price))
    match field:
        case "price" | "cost" | "list_price":
            return {"price": price, "cost": cost, "list_price": listed}[field] or None
        case "margin":
            return 1 - cost / price if price and cost else None
        case "discount":
            return (1 - price / listed if listed > price else 0.0) if price else None
        case "stock":
            return item.on_hand if item.stock else None
        case "weight_grams":
            return item.weight_grams or None
        case "available_time":
            return item.available_s or None
        case "attributes.colour":
            text = item.attributes.get("colour", "")
            return float(text) if text in ("500", "-5") else None
    location = field.removeprefix("stock.")
    return item.stock.get(location, (0, 0))[0] if item.stock else None


def written(node: Node) -> str:
    """The text of a tree, every AND and OR in parentheses."""
    match node:
        case And(parts=parts):
            return "(" + " AND ".join(map(written, parts)) + ")"
        case Or(parts=parts):
            return "(" + " OR ".join(map(written, parts)) + ")"
        case Not(part=part):
            return f"NOT ({written(part)})" if isinstance(part, Not) else f"NOT {written(part)}"
        case Compare():
            field = _written(node.field)
            text = node.value.text.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*")
            quoted = f'"{text}{"*" * node.value.starred}"' if node.value.quoted else node.value.text
            return f"{field} {node.op} {quoted}" if node.op else field


def _written(field: str) -> str:
    head, dot, rest = field.partition(".")
    return f'{head}."{rest}"' if " " in rest else head + dot + rest
