"""The fields a filter may name, by their kinds: what each may be compared with, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from serving.decisions.recommend.filters.columns import TextColumn, WordColumn, words
from serving.decisions.recommend.filters.lexicon import amount
from serving.decisions.recommend.filters.nodes import Value, refused
from serving.decisions.recommend.filters.view import View

Mask: TypeAlias = npt.NDArray[np.bool_]
Test: TypeAlias = Callable[[View], Mask]
"""(m,) whether it holds, a new array each time."""

LARGEST: Final = 1e18
"""Beyond any number of an item; it keeps comparisons within int64."""
SAME: Final = ("=", "!=", ":")
ORDER: Final = ("<", "<=", ">", ">=")
_COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "=": np.equal
}  # fmt: skip


class Field(Protocol):
    """A kind of field of an item."""

    @property
    def name(self) -> str: ...

    @property
    def ops(self) -> tuple[str, ...]:
        """The comparators that it takes; '' = it may stand alone."""
        ...

    def test(self, op: str, value: Value) -> Test:
        """How to tell whether `field op value` holds; op is one of `ops`, but not '!=', which is NOT '='.

        Raises InvalidInput where the value does not suit the field.
        """
        ...

    def show(self, view: View) -> str:
        """The value of a view's only item, for people."""
        ...


@dataclass(frozen=True, slots=True)
class NumberField:
    """A number; where it is not above `unknown` it is not known, and nothing that it is compared with holds."""

    name: str
    read: Callable[[View], npt.NDArray[Any]]
    """(m,)"""
    parse: Callable[[Value], float]
    unknown: float = 0.0
    write: Callable[[Any], str] = str
    ops: tuple[str, ...] = (*SAME, *ORDER)

    def test(self, op: str, value: Value) -> Test:
        if op == ":" and not value.anything:
            raise refused(value.text, f"* after {self.name}: (or =)", value.column)
        if value.anything and op in SAME:
            return lambda view: np.greater(self.read(view), self.unknown)
        compare, bound = _COMPARE[op], self.parse(value)

        def holds(view: View) -> Mask:
            values = self.read(view)
            found: Mask = np.logical_and(compare(values, bound), values > self.unknown)
            return found

        return holds

    def show(self, view: View) -> str:
        found = self.read(view)[0]
        return self.write(found) if found > self.unknown else "not known"


@dataclass(frozen=True, slots=True)
class TextField:
    """A text; `:` is `=`. Where the order is among its comparators, they take its texts for numbers."""

    name: str
    column: Callable[[View], TextColumn | None]
    """None = no item has this."""
    ops: tuple[str, ...] = SAME

    def test(self, op: str, value: Value) -> Test:
        if op in SAME:
            text = value.text
            how = TextColumn.beginning if value.starred else TextColumn.equal
            return lambda view: self._tested(view, lambda column: how(column, text))
        compare, bound = _COMPARE[op], number(value)
        return lambda view: self._tested(view, lambda column: compare(column.lexicon.amounts, bound)[column.codes])

    def show(self, view: View) -> str:
        column = self.column(view)
        code = 0 if column is None else view.of(column.codes)[0]
        return "not known" if column is None or not code else repr(list(column.lexicon.numbers)[code])

    def _tested(self, view: View, how: Callable[[TextColumn], Mask]) -> Mask:
        column = self.column(view)
        return view.of(how(column)) if column is not None else np.zeros(len(view.prices.price), np.bool_)


@dataclass(frozen=True, slots=True)
class TitleField:
    """The title: `=` is all of it, `:` asks for each word of the value, without regard to case."""

    whole: TextField
    name: str = "title"
    ops: tuple[str, ...] = SAME

    def test(self, op: str, value: Value) -> Test:
        if op != ":" or value.anything:
            return self.whole.test(op, value)
        wanted = words(value.text)
        if not wanted:
            raise refused(value.text, "words to look for in the title", value.column)
        last = len(wanted) - 1

        def holds(view: View) -> Mask:
            column = WordColumn.of(view.catalogue)
            found = [column.having(word, starred=value.starred and place == last) for place, word in enumerate(wanted)]
            return view.of(np.logical_and.reduce(found))

        return holds

    def show(self, view: View) -> str:
        return self.whole.show(view)


@dataclass(frozen=True, slots=True)
class CategoryField:
    """The category path: `:` any level, `=` the leaf or all of it as "home/kitchen/mugs"."""

    name: str = "category"
    ops: tuple[str, ...] = SAME

    def test(self, op: str, value: Value) -> Test:
        text, starred = value.text, value.starred

        def suits(path: tuple[str, ...]) -> bool:
            names = path if op == ":" or not path else (path[-1], "/".join(path))
            return any(name.startswith(text) for name in names) if starred else text in names

        def holds(view: View) -> Mask:
            paths = view.catalogue.category_numbers
            plain = op == ":" and not starred
            found = [text in path for path in paths] if plain else [suits(path) for path in paths]
            return np.array(found, np.bool_)[view.of(view.catalogue.category)]

        return holds

    def show(self, view: View) -> str:
        number = view.of(view.catalogue.category)[0]
        return repr("/".join(list(view.catalogue.category_numbers)[number])) if number else "not known"


@dataclass(frozen=True, slots=True)
class FlagField:
    """True or false; its name alone stands for = true. names: what the two are called, true first."""

    name: str
    read: Callable[[View], Mask]
    names: tuple[str, str] = ("true", "false")
    ops: tuple[str, ...] = ("", *SAME)

    def test(self, op: str, value: Value) -> Test:
        if op == "":
            return lambda view: self.read(view).copy()
        if value.text not in self.names or value.starred:
            raise refused(value.text + "*" * value.starred, " or ".join(self.names), value.column)
        wanted = value.text == self.names[0]
        return lambda view: self.read(view) == wanted

    def show(self, view: View) -> str:
        return self.names[0 if self.read(view)[0] else 1]


def number(value: Value) -> float:
    """The value as a number. Raises InvalidInput."""
    found = np.nan if value.starred or value.quoted else amount(value.text)
    if not abs(found) < LARGEST:
        raise refused(value.text, "a number without quotes", value.column)
    return found


def whole(value: Value) -> float:
    """The value as a whole number."""
    found = number(value)
    if not found.is_integer():
        raise refused(value.text, "a whole number: money stands in minor units, 4999 for 49.99", value.column)
    return int(found)


def share(value: Value) -> float:
    """The value as a share."""
    found = number(value)
    if found > 1:
        raise refused(value.text, "a share of at most 1: 0.3 for 30 %", value.column)
    return found


def time_s(value: Value) -> float:
    """The value as epoch seconds."""
    read: Callable[[str], datetime] = datetime.fromisoformat
    try:
        when = read(value.text)
        if when.tzinfo is None or value.starred:
            raise ValueError
        return when.timestamp()
    except (ValueError, OverflowError):
        expected = "a time as in RFC 3339, for example 2026-01-31T08:00:00Z"
        raise refused(value.text, expected, value.column) from None


def time_text(epoch_s: Any) -> str:
    """RFC 3339."""
    return datetime.fromtimestamp(int(epoch_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
