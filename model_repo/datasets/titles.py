"""One title and one spelling for each item code, where the rows disagree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_repo.datasets.rules import is_note
from model_repo.datasets.values import Codes


def usual_titles(
    item: Codes, title: Codes, time_s: npt.NDArray[np.int64], rows: npt.NDArray[np.bool_]
) -> tuple[str, ...]:
    """A title for each of item.values, from the rows (n,) given; '' where they have none.

    Names come before remarks ('?', 'damaged'); then the most frequent wins, then the newest. A remark without a letter
    is no title at all.
    """
    names = [""] * len(item.values)
    use = np.flatnonzero(rows & (item.code >= 0) & (title.code >= 0))
    if not len(use):
        return tuple(names)
    width = len(title.values)
    pairs, which, counts = np.unique(
        item.code[use].astype(np.int64) * width + title.code[use], return_inverse=True, return_counts=True
    )
    newest = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(newest, which, time_s[use])
    note = np.array([is_note(value) for value in title.values], np.bool_)
    code, of = np.divmod(pairs, width)
    order = np.lexsort((-newest, -counts, note[of], code))
    best = order[np.flatnonzero(np.diff(code[order], prepend=-1))]
    for row in best.tolist():
        value = title.values[of[row]]
        names[code[row]] = value if any(c.isalpha() for c in value) else ""
    return tuple(names)


def one_spelling(item: Codes, title: Codes) -> Codes:
    """Codes that differ only in upper and lower case and share a title become one, as most rows spell it."""
    twins: dict[str, list[int]] = {}
    for number, value in enumerate(item.values):
        twins.setdefault(value.casefold(), []).append(number)
    groups = [group for group in twins.values() if len(group) > 1]
    if not groups:
        return item
    names = _names(item, title, [number for group in groups for number in group])
    rows = np.bincount(item.code[item.code >= 0], minlength=len(item.values))
    into = np.arange(len(item.values) + 1, dtype=np.int32)
    into[-1] = -1
    for group in groups:
        best = max(group, key=lambda number: (rows[number], -number))
        for number in group:
            if names[number] & names[best]:
                into[number] = best
    return Codes(into[item.code], item.values)


def _names(item: Codes, title: Codes, wanted: list[int]) -> dict[int, set[str]]:
    """code -> its titles in lower case, remarks left out, for the codes wanted."""
    rows = np.flatnonzero(np.isin(item.code, wanted) & (title.code >= 0))
    width = max(1, len(title.values))
    names: dict[int, set[str]] = {number: set() for number in wanted}
    for pair in np.unique(item.code[rows].astype(np.int64) * width + title.code[rows]).tolist():
        value = title.values[pair % width]
        if not is_note(value):
            names[pair // width].add(value.casefold())
    return names
