"""From a filter's text to a test of items, kept for the next request that asks the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from serving.core.catalogue import Catalogue
from serving.core.prices import Prices
from serving.decisions.recommend.filters.fields import Field, Mask, Test
from serving.decisions.recommend.filters.nodes import And, Compare, Node, Not, Or, refused
from serving.decisions.recommend.filters.parser import parse
from serving.decisions.recommend.filters.view import View
from serving.decisions.recommend.filters.vocabulary import field_of

COMPILED_MAX: Final = 256
SHOWN_MAX: Final = 120
"""Letters of a part of the filter that an explanation quotes."""
VALUES_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class _Check:
    """A compiled node."""

    text: str
    """As the request has it."""
    test: Test
    fields: tuple[Field, ...]
    """That it reads."""
    parts: tuple[_Check, ...] = ()
    """Of an And: each must hold."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter; it knows no catalogue, and may be shared by threads."""

    text: str
    _check: _Check

    def mask(self, catalogue: Catalogue, prices: Prices) -> Mask:
        """(n,) whether it holds, a new array."""
        return self._check.test(View.whole(catalogue, prices))

    def unmet(self, catalogue: Catalogue, prices: Prices, row: int) -> str:
        """What does not hold of the item in `row`: 'price < 5000 does not hold (price 7200)'; '' = all of it does."""
        view = View.one(catalogue, prices, row)
        check = self._check
        if check.test(view)[0]:
            return ""
        while check.parts:
            check = next(part for part in check.parts if not part.test(view)[0])
        values = ", ".join(f"{field.name} {field.show(view)}" for field in check.fields[:VALUES_MAX])
        text = check.text if len(check.text) <= SHOWN_MAX else check.text[: SHOWN_MAX - 3] + "..."
        return f"{text} does not hold ({values})"


@lru_cache(maxsize=COMPILED_MAX)
def compiled(text: str) -> Filter:
    """The filter; one of a blank text holds always. Raises InvalidInput naming the column, what stands there and what
    should, with the reason INVALID_FILTER or UNKNOWN_FIELD_IN_FILTER.
    """
    return Filter(text, _compile(parse(text), text))


def _compile(node: Node, text: str) -> _Check:
    here = text[node.column - 1 : node.end]
    match node:
        case Compare():
            field = field_of(node.field, node.column)
            return _Check(here, _comparison(node, field), (field,))
        case Not():
            part = _compile(node.part, text)
            return _Check(here, lambda view: np.logical_not(part.test(view)), part.fields)
        case And():
            parts = tuple(_compile(part, text) for part in node.parts)
            return _Check(here, _all(parts), tuple(_fields(parts)), parts)
        case Or():
            parts = tuple(_compile(part, text) for part in node.parts)
            return _Check(here, _any(parts), tuple(_fields(parts)))


def _comparison(node: Compare, field: Field) -> Test:
    if node.op not in field.ops:
        expected = f"one of {' '.join(filter(None, field.ops))} after {field.name}"
        raise refused(node.op or "nothing", expected, node.op_column or node.end + 1)
    if node.op and not (node.value.text or node.value.starred):
        raise refused("", f"a value, or NOT {field.name}:* for those without", node.value.column)
    if node.op != "!=":
        return field.test(node.op, node.value)
    equal = field.test("=", node.value)
    return lambda view: np.logical_not(equal(view))


def _all(parts: tuple[_Check, ...]) -> Test:
    def test(view: View) -> Mask:
        out = np.ones(len(view.prices.price), np.bool_)
        for part in parts:
            out &= part.test(view)
        return out

    return test


def _any(parts: tuple[_Check, ...]) -> Test:
    def test(view: View) -> Mask:
        out = np.zeros(len(view.prices.price), np.bool_)
        for part in parts:
            out |= part.test(view)
        return out

    return test


def _fields(parts: tuple[_Check, ...]) -> Iterator[Field]:
    """Each once, in order."""
    return iter({field.name: field for part in parts for field in part.fields}.values())
