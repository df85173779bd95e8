"""The pipeline's own arithmetic, compiled: user vectors, features, and the diversified page. Arrays in, arrays out."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def user_vectors(rows, vectors, out):
    """The mean of each user's items, the newest first and weighted 1, 1/2, 1/3 ..., of length 1; 0 without items.

    rows: (b, h) int32, -1 = no item. vectors: (n, d) float32. out: (b, d) float32, overwritten.
    """
    for b in range(rows.shape[0]):
        out[b] = 0.0
        for h in range(rows.shape[1]):
            if rows[b, h] >= 0:
                weight = np.float32(1.0 / (h + 1))
                for k in range(vectors.shape[1]):
                    out[b, k] += weight * vectors[rows[b, h], k]
        length = np.float32(0.0)
        for k in range(vectors.shape[1]):
            length += out[b, k] * out[b, k]
        if length > 0:
            out[b] /= np.sqrt(length)


@njit(cache=True, nogil=True)
def features(rows, candidates, similarities, vectors, attributes, categories, out):
    """Thirty numbers for each candidate of each user.

    rows: (b, h) int32, -1 = no item. candidates: (b, c) int64, rows of the catalogue, best first. similarities: (b, c)
    float32, to the user's vector. vectors: (n, d) float32. attributes: (n, a) float32. categories: (n,) int32.
    out: (b, c, 4 + h + 2a + 2) float32, overwritten: similarity; 1 / position; similarity to each of the user's items,
    their greatest and their mean; attributes; their distance from the mean of the user's items; share of the user's
    items that have the category; similarity x first attribute.
    """
    h_max, width, d = rows.shape[1], attributes.shape[1], vectors.shape[1]
    own = np.empty((h_max, d), np.float32)
    mean = np.empty(width, np.float32)
    near = np.empty(h_max, np.float32)
    for b in range(rows.shape[0]):
        known = _profile(rows[b], vectors, attributes, own, mean)
        for c in range(candidates.shape[1]):
            row, into = candidates[b, c], out[b, c]
            _products(vectors[row], own, near)
            into[0] = similarities[b, c]
            into[1] = np.float32(1.0 / (c + 1))
            greatest, total, alike = near[0], np.float32(0.0), 0
            for h in range(h_max):
                into[2 + h] = near[h]
                greatest = max(greatest, near[h])
                total += near[h]
                if rows[b, h] >= 0 and categories[rows[b, h]] == categories[row]:
                    alike += 1
            at = 2 + h_max
            into[at], into[at + 1] = greatest, total / np.float32(h_max)
            at += 2
            for a in range(width):
                into[at + a] = attributes[row, a]
                into[at + width + a] = abs(attributes[row, a] - mean[a])
            at += 2 * width
            into[at] = np.float32(alike / max(known, 1))
            into[at + 1] = similarities[b, c] * attributes[row, 0]


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _products(vector, own, out):
    """Inner products of vector (d,) with the rows of own (h, d), into out (h,). Added in any order, which is faster."""
    for h in range(own.shape[0]):
        total = np.float32(0.0)
        for k in range(own.shape[1]):
            total += vector[k] * own[h, k]
        out[h] = total


@njit(cache=True, nogil=True)
def _profile(rows, vectors, attributes, own, mean):
    """Fills own (h, d) with the vectors of the user's items and mean (a,) with their mean attributes; how many."""
    own[:] = 0.0
    mean[:] = 0.0
    known = 0
    for h in range(rows.shape[0]):
        if rows[h] >= 0:
            known += 1
            for k in range(vectors.shape[1]):
                own[h, k] = vectors[rows[h], k]
            for a in range(attributes.shape[1]):
                mean[a] += attributes[rows[h], a]
    if known:
        mean /= np.float32(known)
    return known


@njit(cache=True, nogil=True)
def diversified(candidates, scores, vectors, trade, out):
    """Maximal marginal relevance [1]: the next is the best of trade * score - (1 - trade) * likeness to those chosen.

    candidates: (b, c) int64. scores: (b, c) float32. vectors: (n, d) float32 of length 1. trade: 0..1.
    out: (b, p) int32, p <= c, overwritten: positions among the candidates. Of equals the first.
    [1] Carbonell & Goldstein 1998, "The use of MMR, diversity-based reranking".
    """
    many, d = candidates.shape[1], vectors.shape[1]
    across = np.empty((d, many), np.float32)
    likeness = np.empty(many, np.float32)
    now = np.empty(many, np.float32)
    free = np.empty(many, np.bool_)
    share, rest = np.float32(trade), np.float32(1.0 - trade)
    for b in range(candidates.shape[0]):
        for c in range(many):
            for k in range(d):
                across[k, c] = vectors[candidates[b, c], k]
        free[:] = True
        likeness[:] = 0.0
        for p in range(out.shape[1]):
            best, best_value = -1, np.float32(0.0)
            for c in range(many):
                value = share * scores[b, c] - rest * likeness[c]
                if free[c] and (best < 0 or value > best_value):
                    best, best_value = c, value
            out[b, p] = best
            free[best] = False
            now[:] = 0.0
            for k in range(d):
                value = across[k, best]
                for c in range(many):
                    now[c] += value * across[k, c]
            for c in range(many):
                likeness[c] = now[c] if p == 0 else max(likeness[c], now[c])
