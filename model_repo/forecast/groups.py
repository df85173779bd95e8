"""What an item is one of: its category or, in a shop without categories, the thing that its title names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from serving.core.catalogue import Item

ITEMS_MIN: Final = 20
"""Items that must share a word of their titles for it to be a group."""
OTHER: Final = "other"
_WORD: Final = re.compile(r"[a-z]{3,}")


def groups_of(items: Sequence[Item]) -> list[str]:
    """One name an item: the first of its category path, OTHER where it has none.

    Where no item has a category, the last word of the title, in the singular: JUMBO BAG RED RETROSPOT names no thing,
    but most titles do (SET OF 6 TEA PLATES).
    """
    if any(item.category_path for item in items):
        return [item.category_path[0] if item.category_path else OTHER for item in items]
    heads = [head(item.title) for item in items]
    counts = Counter(heads)
    return [word if word and counts[word] >= ITEMS_MIN else OTHER for word in heads]


def head(title: str) -> str:
    """The last word of letters alone, in the singular; '' = there is none."""
    words = [word for word in re.split(r"[^a-z]+", title.lower()) if _WORD.fullmatch(word)]
    return _singular(words[-1]) if words else ""


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "as", "is")) else word
