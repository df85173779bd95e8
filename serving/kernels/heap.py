"""A min-heap of the best (score, row) pairs in two arrays."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def sift(heap_score, heap_row, size):
    """Restores the heap after its root changed."""
    at = 0
    score, row = heap_score[0], heap_row[0]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap_score[child + 1] < heap_score[child]:
            child += 1
        if heap_score[child] >= score:
            break
        heap_score[at], heap_row[at] = heap_score[child], heap_row[child]
        at = child
    heap_score[at], heap_row[at] = score, row


@njit(cache=True, nogil=True)
def rise(heap_score, heap_row, at):
    """Restores the heap after position `at` was appended."""
    score, row = heap_score[at], heap_row[at]
    while at > 0:
        parent = (at - 1) // 2
        if heap_score[parent] <= score:
            break
        heap_score[at], heap_row[at] = heap_score[parent], heap_row[parent]
        at = parent
    heap_score[at], heap_row[at] = score, row


@njit(cache=True, nogil=True)
def offer(heap_score, heap_row, size, keep, score, row):
    """Puts (score, row) into the heap of the `keep` best; returns its new size."""
    if size < keep:
        heap_score[size], heap_row[size] = score, row
        rise(heap_score, heap_row, size)
        return size + 1
    if size > 0 and score > heap_score[0]:
        heap_score[0], heap_row[0] = score, row
        sift(heap_score, heap_row, size)
    return size


@njit(cache=True, nogil=True)
def drain(heap_score, heap_row, size, out):
    """Empties the heap into out[:size], best first; of equal scores the order is the heap's."""
    while size > 0:
        size -= 1
        out[size] = heap_row[0]
        heap_score[0], heap_row[0] = heap_score[size], heap_row[size]
        if size > 0:
            sift(heap_score, heap_row, size)
