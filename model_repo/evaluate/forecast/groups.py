"""Which category an item belongs to, also in a shop that never wrote one down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from serving.core.catalogue import Item
from serving.core.ports import I32

OTHER: Final = "other"
SHARED_MIN: Final = 20
"""A title's head word is a category where so many items share it."""


def categories(items: Sequence[Item]) -> tuple[tuple[str, ...], I32]:
    """The names, sorted, and (n,) the number of each item's.

    The first level of the category path; where no item has one, the head word of the title ("heart t-light holders" is
    a holder), as far as SHARED_MIN items share it.
    """
    if any(item.category_path for item in items):
        of = [item.category_path[0] if item.category_path else OTHER for item in items]
    else:
        heads = [head(item.title) for item in items]
        shared = Counter(heads)
        of = [one if one and shared[one] >= SHARED_MIN else OTHER for one in heads]
    names, number = np.unique(np.array(of, np.str_), return_inverse=True)
    return tuple(names.tolist()), number.astype(np.int32)


def head(title: str) -> str:
    """The last word of letters alone, in the singular; '' where there is none."""
    words = [word for word in re.findall(r"[a-z'-]+", title.lower()) if len(word) > 2]
    return re.sub(r"(?<=[^s])s$", "", words[-1]) if words else ""
