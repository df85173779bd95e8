"""Texts and their numbers."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

_AMOUNT: Final = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


def amount(text: str) -> float:
    """The number that `text` is written as, NaN where it is none: digits, with a point or a minus if need be."""
    return float(text) if _AMOUNT.fullmatch(text) else np.nan


class Lexicon:
    """Different texts, numbered in the order in which they came; '' is 0. Immutable."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.numbers = {"": 0}
        for text in texts:
            self.numbers.setdefault(text, len(self.numbers))

    def __len__(self) -> int:
        return len(self.numbers)

    def joined(self, texts: Iterable[str]) -> Lexicon:
        """With these texts; itself when it has them all."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self.numbers]
        if not fresh:
            return self
        out = Lexicon()
        out.numbers = self.numbers | {text: len(self.numbers) + place for place, text in enumerate(fresh)}
        return out

    def of(self, text: str) -> int:
        """The number of a text that is not '', -1 = it is not among them."""
        return self.numbers.get(text, -1)

    def beginning(self, text: str) -> npt.NDArray[np.bool_]:
        """(texts,) by number: begins with `text` and is not ''."""
        texts, numbers = self._ordered
        low = bisect_left(texts, text, key=lambda one: one[: len(text)])
        high = bisect_right(texts, text, key=lambda one: one[: len(text)])
        out = np.zeros(len(texts), np.bool_)
        out[numbers[low:high]] = True
        out[0] = False
        return out

    @cached_property
    def amounts(self) -> npt.NDArray[np.float64]:
        """(texts,) by number: the number it is written as, NaN where it is none."""
        return np.array([amount(text) for text in self.numbers], np.float64)

    @cached_property
    def _ordered(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The texts in order, and the number of each."""
        texts = sorted(self.numbers)
        return texts, np.array([self.numbers[text] for text in texts], np.int64)
