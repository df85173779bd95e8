"""Caps: how often one brand or one category may stand on a page."""

from __future__ import annotations

from numba import njit


@njit(cache=True, nogil=True)
def keeps_caps(row, page_rows, count, brand, category, max_brand, max_category):
    """Whether `row` keeps the caps beside the first `count` of page_rows.

    A cap of 0 is none, and number 0 (no brand, no category) has none.
    """
    brands, categories = 0, 0
    for i in range(count):
        brands += brand[page_rows[i]] == brand[row]
        categories += category[page_rows[i]] == category[row]
    return (max_brand <= 0 or brand[row] == 0 or brands < max_brand) and (
        max_category <= 0 or category[row] == 0 or categories < max_category
    )


@njit(cache=True, nogil=True)
def close_full(is_open, members, page_rows, count, number, most):
    """Closes the members (rows) that share the number of page_rows' newest, once the page holds `most` of that number.

    number: (n,) int32, brand or category of each catalogue row. Called after each item that joins the page.
    """
    newest = number[page_rows[count - 1]]
    if most <= 0 or newest == 0:
        return
    held = 0
    for i in range(count):
        held += number[page_rows[i]] == newest
    if held >= most:
        for i in range(len(is_open)):
            if number[members[i]] == newest:
                is_open[i] = False
