"""The names of the fields, and the field of a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from operator import attrgetter
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import UNTRACKED, Catalogue, Item
from serving.decisions.recommend.filters.columns import NumberColumn, TextColumn
from serving.decisions.recommend.filters.fields import (
    ORDER,
    SAME,
    CategoryField,
    Field,
    FlagField,
    Mask,
    NumberField,
    Test,
    TextField,
    TitleField,
    share,
    time_s,
    time_text,
    whole,
)
from serving.decisions.recommend.filters.nodes import UNKNOWN_FIELD, Value, refused
from serving.decisions.recommend.filters.view import View

ATTRIBUTE: Final = "attributes."
STOCK: Final = "stock."


def field_of(name: str, column: int) -> Field:
    """The field called `name`, which stands at `column`. Raises InvalidInput with the nearest name."""
    if found := FIELDS.get(name):
        return found
    if name.startswith(ATTRIBUTE) and name != ATTRIBUTE:
        return _attribute(name.removeprefix(ATTRIBUTE))
    if name.startswith(STOCK) and name != STOCK:
        return _stock_at(name.removeprefix(STOCK))
    known = (*FIELDS, ATTRIBUTE + "NAME", STOCK + "LOCATION")
    if name in ("and", "or", "not"):
        raise refused(name, f"a field ({name.upper()} is written in capitals)", column)
    snake = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
    near = get_close_matches(snake, known, 1, 0.5) or get_close_matches(snake.partition(".")[0], known, 1, 0.5)
    expected = f"{near[0]}, or another" if near else "one"
    raise refused(name, f"{expected} of the fields {', '.join(known)}", column, UNKNOWN_FIELD)


def stock_at(catalogue: Catalogue, location: str) -> npt.NDArray[np.int64]:
    """(n,) pieces on hand at a location, 0 where only others report, UNTRACKED where none does."""
    if location not in catalogue.locations:
        return np.minimum(catalogue.on_hand, 0)

    def read(item: Item) -> int:
        return item.stock.get(location, (0, 0))[0] if item.stock else UNTRACKED

    return NumberColumn.of(catalogue, f"stock {location}", read).values


def _stock_at(location: str) -> Field:
    return NumberField(STOCK + location, lambda view: view.of(stock_at(view.catalogue, location)), whole, UNTRACKED)


def _attribute(key: str) -> Field:
    def column(view: View) -> TextColumn | None:
        if key not in view.catalogue.attribute_names:
            return None
        return TextColumn.of(view.catalogue, ATTRIBUTE + key, lambda item: item.attributes.get(key, ""))

    return TextField(ATTRIBUTE + key, column, (*SAME, *ORDER))


class _Attributes:
    """All attributes: attributes:NAME holds where the item has one of that name."""

    name: Final = ATTRIBUTE[:-1]
    ops: Final = (":",)

    def test(self, op: str, value: Value) -> Test:
        if value.starred:
            raise refused(value.text + "*", "the whole name of an attribute", value.column)
        return _attribute(value.text).test(":", Value("", starred=True))

    def show(self, view: View) -> str:
        return ", ".join(view.catalogue.items[view.rows.start].attributes) or "none"


def _text(name: str, read: Callable[[Item], str]) -> TextField:
    return TextField(name, lambda view: TextColumn.of(view.catalogue, name, read))


def _measure(name: str, read: Callable[[Item], int]) -> NumberField:
    return NumberField(name, lambda view: view.of(NumberColumn.of(view.catalogue, name, read).values), whole)


def _discount(view: View) -> npt.NDArray[np.float32]:
    """(m,) share of the list price that is taken off, -1 where the price is not known."""
    prices = view.prices
    off = (1.0 - prices.price / np.maximum(prices.list_price, 1)) * prices.on_sale()
    return np.where(prices.price > 0, off, -1.0).astype(np.float32)


def _in_model(view: View) -> Mask:
    return view.of(np.arange(len(view.catalogue)) < view.catalogue.n_model)


def _share_text(value: Any) -> str:
    return f"{float(value):.2f}"


_ALL: Final[tuple[Field, ...]] = (
    _text("item_id", attrgetter("item_id")),
    TitleField(_text("title", attrgetter("title"))),
    _text("brand", attrgetter("brand")),
    CategoryField(),
    NumberField("price", lambda view: view.prices.price, whole),
    NumberField("list_price", lambda view: view.prices.list_price, whole),
    NumberField("cost", lambda view: view.prices.cost, whole),
    NumberField("margin", lambda view: view.prices.margin(), share, -np.inf, _share_text),
    NumberField("discount", _discount, share, -1.0, _share_text),
    FlagField("on_sale", lambda view: view.prices.on_sale()),
    FlagField("availability", lambda view: view.of(view.catalogue.available), ("IN_STOCK", "OUT_OF_STOCK")),
    NumberField("stock", lambda view: view.of(view.catalogue.on_hand), whole, UNTRACKED),
    _measure("weight_grams", attrgetter("weight_grams")),
    _measure("length_mm", lambda item: item.size_mm[0]),
    _measure("width_mm", lambda item: item.size_mm[1]),
    _measure("height_mm", lambda item: item.size_mm[2]),
    NumberField("available_time", lambda view: view.of(view.catalogue.available_s), time_s, 0.0, time_text),
    FlagField("in_model", _in_model),
    _Attributes(),
)
FIELDS: Final = {field.name: field for field in _ALL}
