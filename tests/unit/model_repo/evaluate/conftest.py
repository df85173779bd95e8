"""A shop small enough to be read: rows of (user, item, day, basket)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from model_repo.datasets.tables import EventTable
from serving.events.types import PURCHASE

DAY_S = 86_400
Row = tuple[int, int, float, int]
TableOf = Callable[..., EventTable]


@pytest.fixture
def table_of() -> TableOf:
    """Builds a sorted EventTable from (user, item, day, basket) rows."""

    def build(rows: Sequence[Row], types: Sequence[int] | None = None) -> EventTable:
        order = sorted(range(len(rows)), key=lambda at: rows[at][2])
        columns = [np.array([rows[at][column] for at in order]) for column in range(4)]
        kinds = [PURCHASE] * len(rows) if types is None else [types[at] for at in order]
        return EventTable(
            user=columns[0].astype(np.int32),
            item=columns[1].astype(np.int32),
            time_s=(columns[2] * DAY_S).astype(np.int64),
            type=np.array(kinds, np.uint8),
            quantity=np.ones(len(rows), np.int32),
            price=np.full(len(rows), 100, np.int64),
            basket=columns[3].astype(np.int64),
        )

    return build
