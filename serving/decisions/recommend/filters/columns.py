"""Columns of the catalogue that only filters read: made of all items on first use, then patched with every write.

Each is a serving.core.catalogue.Derived; `Catalogue.derived` keeps them with the snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue, Item
from serving.decisions.recommend.filters.lexicon import Lexicon

_N = TypeVar("_N", np.int32, np.int64)

_SPARE: Final = 64
_WORD: Final = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text: letters, digits and _ side by side, without regard to case."""
    return _WORD.findall(text.casefold())


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """One number an item."""

    values: npt.NDArray[np.int64]
    """(n,)"""
    read: Callable[[Item], int]

    @classmethod
    def of(cls, catalogue: Catalogue, name: str, read: Callable[[Item], int]) -> NumberColumn:
        """The catalogue's column `name`."""
        return catalogue.derived(
            f"number {name}", lambda items: cls(np.fromiter(map(read, items), np.int64, len(items)), read)
        )

    def updated(self, items: Sequence[Item], rows: Sequence[int]) -> NumberColumn:
        """See Derived."""
        values = _grown(self.values, len(items))
        values[list(rows)] = [self.read(items[row]) for row in rows]
        return NumberColumn(values, self.read)


@dataclass(frozen=True, slots=True)
class TextColumn:
    """One text an item."""

    codes: npt.NDArray[np.int32]
    """(n,) number of the text, 0 = none."""
    lexicon: Lexicon
    read: Callable[[Item], str]

    @classmethod
    def of(cls, catalogue: Catalogue, name: str, read: Callable[[Item], str]) -> TextColumn:
        """The catalogue's column `name`."""
        return catalogue.derived(f"text {name}", lambda items: cls._made(items, read))

    @classmethod
    def _made(cls, items: Sequence[Item], read: Callable[[Item], str]) -> TextColumn:
        lexicon = Lexicon(map(read, items))
        numbers = lexicon.numbers
        return cls(np.fromiter((numbers[read(item)] for item in items), np.int32, len(items)), lexicon, read)

    def updated(self, items: Sequence[Item], rows: Sequence[int]) -> TextColumn:
        """See Derived. Begins anew when most of the texts are no item's any more."""
        if len(self.lexicon) > 2 * len(items) + _SPARE:
            return self._made(items, self.read)
        texts = [self.read(items[row]) for row in rows]
        lexicon, codes = self.lexicon.joined(texts), _grown(self.codes, len(items))
        codes[list(rows)] = [lexicon.numbers[text] for text in texts]
        return TextColumn(codes, lexicon, self.read)

    def equal(self, text: str) -> npt.NDArray[np.bool_]:
        """(n,) whether the text is exactly this one, which is not ''."""
        same: npt.NDArray[np.bool_] = self.codes == self.lexicon.of(text)
        return same

    def beginning(self, text: str) -> npt.NDArray[np.bool_]:
        """(n,) whether there is a text and it begins so; '' = whether there is one."""
        return self.lexicon.beginning(text)[self.codes]


@dataclass(frozen=True, slots=True)
class WordColumn:
    """The words of the titles: k pairs of an item and a word."""

    row: npt.NDArray[np.int32]
    """(k,) row of the item."""
    word: npt.NDArray[np.int32]
    """(k,) number of the word."""
    lexicon: Lexicon
    titles: tuple[str, ...]
    """(n,)"""

    @classmethod
    def of(cls, catalogue: Catalogue) -> WordColumn:
        """The catalogue's."""
        return catalogue.derived("words", cls._made)

    @classmethod
    def _made(cls, items: Sequence[Item]) -> WordColumn:
        nothing = np.zeros(0, np.int32)
        return cls(nothing, nothing, Lexicon(), ()).updated(items, range(len(items)))

    def updated(self, items: Sequence[Item], rows: Sequence[int]) -> WordColumn:
        """See Derived. Begins anew when most of the words are in no title any more."""
        known = len(self.titles)
        changed = [row for row in rows if row >= known or items[row].title != self.titles[row]]
        if not changed:
            return self
        if len(self.lexicon) > 2 * len(self.word) + _SPARE:
            return self._made(items)
        found = [(row, word) for row in changed for word in dict.fromkeys(words(items[row].title))]
        lexicon = self.lexicon.joined(word for _, word in found)
        stay = np.ones(len(items), np.bool_)
        stay[changed] = False
        kept = stay[self.row]
        return WordColumn(
            np.concatenate((self.row[kept], np.array([row for row, _ in found], np.int32))),
            np.concatenate((self.word[kept], np.array([lexicon.numbers[word] for _, word in found], np.int32))),
            lexicon,
            tuple(item.title for item in items),
        )

    def having(self, word: str, *, starred: bool) -> npt.NDArray[np.bool_]:
        """(n,) whether `word`, or where starred one that begins so, is in the title."""
        here = self.lexicon.beginning(word)[self.word] if starred else self.word == self.lexicon.of(word)
        out = np.zeros(len(self.titles), np.bool_)
        out[self.row[here]] = True
        return out


def _grown(values: npt.NDArray[_N], n: int) -> npt.NDArray[_N]:
    out = np.zeros(n, values.dtype)
    out[: len(values)] = values
    return out
