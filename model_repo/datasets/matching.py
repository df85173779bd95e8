"""Cancellations against the sales they undo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def match_cancellations(
    sale: npt.NDArray[np.bool_],
    user: npt.NDArray[np.int32],
    item: npt.NDArray[np.int32],
    time_s: npt.NDArray[np.int64],
    quantity: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """What is left of each row's pieces, and which cancellations found their sale. Arrays (n,); quantity > 0.

    A cancellation takes its pieces from the latest sale to the same user of the same item, not after it, that has
    enough left; one without such a sale (sold before the file begins, or to nobody known) takes nothing.
    Looks only at users and items that have cancellations; within one pair at most sales x cancellations steps.
    """
    left = quantity.copy()
    matched = np.zeros(len(sale), np.bool_)
    pair = user.astype(np.int64) * (int(item.max(initial=0)) + 1) + item
    concerned = np.flatnonzero((user >= 0) & np.isin(pair, pair[~sale & (user >= 0)]))
    # at the same second the sale comes first
    order = concerned[np.lexsort((~sale[concerned], time_s[concerned], pair[concerned]))]
    open_sales: list[int] = []
    current = -1
    for row in order.tolist():
        if pair[row] != current:
            current, open_sales = pair[row], []
        if sale[row]:
            open_sales.append(row)
            continue
        for place in range(len(open_sales) - 1, -1, -1):
            found = open_sales[place]
            if left[found] >= quantity[row]:
                left[found] -= quantity[row]
                matched[row] = True
                if not left[found]:
                    del open_sales[place]
                break
    return left, matched
