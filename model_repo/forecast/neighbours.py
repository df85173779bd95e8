"""What a new item may sell: what the items most like it sold, by category, brand, words of the title and price."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from serving.core.catalogue import Item
from serving.core.ports import F32

NEAREST: Final = 20
COLD_DAYS: Final = 28
"""An item on sale for fewer days is new: its neighbours speak beside its own sales."""
PRICE_SCALE: Final = 0.5
"""A price that is so much higher or lower, in logs, weighs exp(-1/2)."""
PRIOR_WEIGHT: Final = 3.0
"""As much as so many neighbours, the category speaks too."""
CHUNK: Final = 128
"""New items compared at a time with all others: bounds the memory."""
_WORD: Final = re.compile(r"[a-z0-9]{2,}")


def attributes(items: Sequence[Item]) -> sparse.csr_matrix:
    """(n, words) TF-IDF rows of length 1: the category path, the brand and the words of the title."""
    number: dict[str, int] = {}
    cols, ptr = [], [0]
    for item in items:
        words = {f"t:{word}" for word in _WORD.findall(item.title.lower())}
        words |= {f"c:{'/'.join(item.category_path[: k + 1])}" for k in range(len(item.category_path))}
        words |= {f"b:{item.brand}"} if item.brand else set()
        cols += [number.setdefault(word, len(number)) for word in sorted(words)]
        ptr.append(len(cols))
    data = np.ones(len(cols), np.float32)
    rows = sparse.csr_matrix((data, np.array(cols, np.int32), np.array(ptr)), (len(items), max(1, len(number))))
    idf = np.log(1 + len(items) / np.maximum(np.bincount(rows.indices, minlength=rows.shape[1]), 1)).astype(np.float32)
    rows = rows.multiply(idf).tocsr()
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return sparse.diags(1 / np.maximum(length, 1e-12)).dot(rows).tocsr().astype(np.float32)


def neighbour_rates(
    words: sparse.csr_matrix, price: npt.NDArray[np.int64], rate: F32, prior: F32, cold: npt.NDArray[np.bool_]
) -> F32:
    """(n,) units a day: `prior` but for the `cold`, which get the weighted mean of their NEAREST warm items.

    words: of attributes; price: (n,) minor units, 0 = not known; rate: (n,) units a day; prior: (n,) of the category.
    """
    out = prior.copy()
    warm, new = np.flatnonzero(~cold), np.flatnonzero(cold)
    if not len(warm) or not len(new):
        return out
    by_word = words[warm].T.tocsc()
    log_price = np.log(np.maximum(price, 1))
    for at in range(0, len(new), CHUNK):
        some = new[at : at + CHUNK]
        alike = words[some].dot(by_word).toarray()
        known = (price[some] > 0)[:, None] & (price[warm] > 0)
        apart = np.where(known, log_price[some][:, None] - log_price[warm], 0.0) / PRICE_SCALE
        alike *= np.exp(-0.5 * apart * apart)
        k = min(NEAREST, len(warm))
        near = np.argpartition(-alike, k - 1, axis=1)[:, :k]
        weight = np.take_along_axis(alike, near, axis=1)
        found = (weight * rate[warm][near]).sum(axis=1)
        out[some] = (found + PRIOR_WEIGHT * prior[some] * 0.3) / (weight.sum(axis=1) + PRIOR_WEIGHT * 0.3)
    return out
