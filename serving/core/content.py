"""Content vectors: where an item lies by what its catalogue entry says, before anybody bought it.

Latent semantic analysis: the TF-IDF row of the item's terms times a projection that training found.

[1] Deerwester, Dumais, Furnas, Landauer, Harshman 1990, "Indexing by latent semantic analysis" (folding in).
[2] Manning, Raghavan, Schütze 2008, "Introduction to Information Retrieval", section 6.4.1 (sublinear tf).
[3] Harman 1991, "How effective is suffixing?" (the S stemmer).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from typing import Final
from unicodedata import category, normalize

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Item
from serving.core.ids import hash64
from serving.core.ports import F32, I64

U64 = npt.NDArray[np.uint64]

TERMS_MAX: Final = 64
"""Terms of an item that count."""
WORDS_MAX: Final = 20
"""Words of a title that count, the first ones: with their pairs they must leave room for the other terms."""
BLOCK: Final = 1024
"""Items embedded at a time; it bounds the memory, at TERMS_MAX * d * 4 bytes an item."""
FAINT: Final = 1e-6
"""A shorter projection is rounding noise: the item has only terms that no direction kept speaks of."""

KEPT: Final = 16_384
"""Names remembered in their plain form: catalogues repeat them."""

_NO_SPACES: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Thai, Lao, Burmese, Khmer, kana and Han: written without spaces between words."""
_PIECES: Final = re.compile(rf"\d+(?:[.,]\d+)*|[{_NO_SPACES}]+|(?:(?![{_NO_SPACES}])[a-z\x80-\U0010ffff])+")
_RUN: Final = re.compile(f"[{_NO_SPACES}]")


@dataclass(frozen=True, slots=True)
class ContentModel:
    """What training found; v terms, d dimensions."""

    terms: U64
    """(v,) hash64 of the terms, ascending."""
    idf: npt.NDArray[np.float32]
    """(v,) weight of a term: the rarer, the larger."""
    projection: npt.NDArray[np.float32]
    """(v, d) from weighted terms to a vector, not yet of length one."""


@dataclass(frozen=True, slots=True)
class TermCounts:
    """Which terms of a vocabulary stand in which items: k pairs, each once, by item, then by term."""

    item: I64
    """(k,) position of the item, ascending."""
    place: I64
    """(k,) position of the term in the vocabulary, ascending within an item."""
    tf: F32
    """(k,) 1 + ln(times it stands there): the second mention says less than the first ([2])."""


def embed(model: ContentModel, items: Sequence[Item]) -> F32:
    """(m, d) float32 of length one, zeros where the model knows none of the item's terms.

    An item's vector depends on nothing but the model and the item: alone or among others, today or in training, in
    whatever order its attributes stand, it is the same to the last bit.
    """
    out = np.zeros((len(items), model.projection.shape[1]), np.float32)
    for first in range(0, len(items), BLOCK):
        counts = count_terms(*hash_terms(items[first : first + BLOCK]), model.terms)
        if not len(counts.item):
            continue
        weighted = (counts.tf * model.idf[counts.place])[:, None] * model.projection[counts.place]
        starts = np.flatnonzero(np.diff(counts.item, prepend=-1))
        # reduceat and not a matrix product: BLAS may add up a row differently when there are more of them
        out[first + counts.item[starts]] = _units(np.add.reduceat(weighted, starts, axis=0))
    return out


def hash_terms(items: Sequence[Item]) -> tuple[I64, U64]:
    """(k,) position of the item, ascending, and (k,) hash64 of the term, for every term as often as it stands there."""
    lists = [tokens(item) for item in items]
    item = np.repeat(np.arange(len(lists)), [len(words) for words in lists])
    return item, np.fromiter(map(hash64, chain.from_iterable(lists)), np.uint64, len(item))


def count_terms(item: I64, term: U64, vocabulary: U64) -> TermCounts:
    """Counts of the pairs (k,) that `hash_terms` gives, without terms outside the vocabulary (v,), ascending."""
    place = np.searchsorted(vocabulary, term)
    known = place < len(vocabulary)
    known[known] = vocabulary[place[known]] == term[known]
    pairs, count = np.unique(item[known] * len(vocabulary) + place[known], return_counts=True)
    row, column = np.divmod(pairs, max(len(vocabulary), 1))
    return TermCounts(row, column, (1.0 + np.log(count)).astype(np.float32))


def tokens(item: Item) -> list[str]:
    """The item's terms, at most TERMS_MAX, in this order and as often as they stand there.

    The words of the title and each two that follow one another ("hot water" tells a bottle from a water lily);
    'c:' and each prefix of the category path; 'b:' and the brand; 'a:' and each attribute as name=value, sorted.
    """
    words = _words(item.title)[:WORDS_MAX]
    out = words + [f"{one} {two}" for one, two in pairwise(words)]
    out += _categories(item.category_path)
    if item.brand:
        out.append("b:" + _plain(item.brand))
    out += sorted(f"a:{_plain(name)}={_plain(value)}" for name, value in item.attributes.items())
    return out[:TERMS_MAX]


def _words(title: str) -> list[str]:
    """Numbers, words without their plural, and overlapping pairs of characters where words are not set apart.

    '300ml' and '300 ml' give the same; so do composed and decomposed accents.
    """
    if title.isascii():
        return [_singular(piece) for piece in _PIECES.findall(title.lower())]
    text = "".join(c if c.isascii() or category(c)[0] in "LMN" else " " for c in normalize("NFKC", title).casefold())
    return [word for piece in _PIECES.findall(text) for word in _split(piece)]


def _split(piece: str) -> Iterator[str]:
    """Pairs of characters stand for words, as search engines do it for Chinese, Japanese and Thai."""
    if len(piece) > 1 and _RUN.match(piece):
        return (one + two for one, two in pairwise(piece))
    return iter((_singular(piece),))


def _singular(word: str) -> str:
    """Harman's S stemmer [3], and -es after a sibilant. English; elsewhere it shortens words, all of them alike."""
    if len(word) < 4 or word[-1] != "s" or word[-2] in "us":
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1]


@lru_cache(maxsize=KEPT)
def _categories(path: tuple[str, ...]) -> tuple[str, ...]:
    """Each prefix of the path as one term."""
    return tuple(f"c:{prefix}" for prefix in accumulate(map(_plain, path), "{}/{}".format))


@lru_cache(maxsize=KEPT)
def _plain(text: str) -> str:
    """Case, width and spaces do not make another name."""
    return " ".join((text if text.isascii() else normalize("NFKC", text)).casefold().split())


def _units(vectors: F32) -> F32:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    out = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=out, where=lengths > FAINT)
    return out
