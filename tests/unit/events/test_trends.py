"""What is read of the counters: decayed, judged as training judges, bounded."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from counting import MIDNIGHT_S, TODAY, batch, event

from model_repo.datasets.tables import EventTable
from model_repo.together.build import Params, build
from serving.adapters.archive_files import table_of
from serving.adapters.counting import rows_of
from serving.events.counters import Day, counted
from serving.events.log import LoggedEvent
from serving.events.trends import (
    NEIGHBOURS,
    NOTHING,
    ONE,
    SHORT_DAYS,
    SHORT_SEEN_MAX,
    Single,
    Sums,
    Trends,
    day_number,
    trends,
    weight,
)
from serving.events.types import VIEW

HALF_LIFE = 2.0


def day_of(*events: LoggedEvent) -> Day:
    return counted(rows_of(table_of(batch(events)[1])))


def read(**days: Day) -> Trends:
    """days: d0 = today, d1 = yesterday ..."""
    sums, singles = NOTHING, {}
    for name, day in days.items():
        back = int(name[1:])
        sums = sums.plus(Sums.of(day, weight(back, HALF_LIFE)))
        singles[TODAY - timedelta(days=back)] = Single.of(day)
    return trends(sums, singles, TODAY, HALF_LIFE)


def by_name(found: Trends, values: np.ndarray) -> dict[str, float]:
    return {name: value / ONE for name, value in zip(found.names.tolist(), values.tolist(), strict=True) if value}


def test_what_lies_back_counts_less() -> None:
    """Half after the half-life; what is bought is told day by day."""
    found = read(
        d0=day_of(event(1, "purchase-complete", "v:a", "mug", "mug"), event(2, "purchase-complete", "v:a", "mug")),
        d2=day_of(event(3, "purchase-complete", "v:b", "mug", "pan"), event(4, "detail-page-view", "v:b", "pan")),
    )
    assert by_name(found, found.trending()) == {"mug": 2.5, "pan": 0.5}
    assert by_name(found, found.views) == {"pan": 0.5}
    assert found.bought_day.tolist() == [day_number(TODAY) - 2] * 2 + [day_number(TODAY)]


def test_a_day_to_come_counts_as_today() -> None:
    """A caller's clock may be ahead."""
    assert weight(-1, HALF_LIFE) == weight(0, HALF_LIFE) == ONE
    assert weight(10_000, HALF_LIFE) == 0


def test_nothing_is_nothing() -> None:
    found = trends(NOTHING, {}, TODAY, HALF_LIFE)
    assert found.empty
    assert (len(found.ptr), len(found.cols), len(found.short_s)) == (1, 0, 0)


def visits(seed: int) -> list[list[int]]:
    """Visits of chance, and two items that are viewed together far more often."""
    rng = np.random.default_rng(seed)
    found = [sorted({*rng.integers(0, 30, 3).tolist()}) for _ in range(150)]
    return found + [sorted({30, 31, int(item)}) for item in rng.integers(0, 30, 12)]


@pytest.mark.parametrize("seed", range(3))
def test_pairs_are_judged_as_training_judges_them(seed: int) -> None:
    """The matrix of one day is the one that training makes of the same visits."""
    made = visits(seed)
    found = read(
        d0=day_of(
            *[
                event(100 * number + item, "detail-page-view", f"v:{number}", f"i{item}")
                for number, items in enumerate(made)
                for item in items
            ]
        )
    )
    item = np.array([one for items in made for one in items], np.int32)
    basket = np.repeat(np.arange(len(made)), [len(items) for items in made])
    zeros = np.zeros(len(item), np.int64)
    table = EventTable(
        zeros.astype(np.int32), item, zeros + MIDNIGHT_S, np.full(len(item), VIEW, np.uint8), zeros.astype(np.int32),
        zeros, basket,
    )  # fmt: skip
    rows = build(table, 32, MIDNIGHT_S + 1.0, (VIEW,), Params(neighbours=NEIGHBOURS))
    expected = {
        (f"i{row}", f"i{rows.cols[at]}"): rows.vals[at]
        for row in range(32)
        for at in range(rows.indptr[row], rows.indptr[row + 1])
    }
    names = found.names.tolist()
    got = {
        (name, names[found.cols[at]]): found.vals[at]
        for row, name in enumerate(names)
        for at in range(found.ptr[row], found.ptr[row + 1])
    }
    assert got.keys() == expected.keys()
    assert ("i30", "i31") in got
    for pair, value in expected.items():
        assert got[pair] == pytest.approx(value, rel=1e-5)


def test_of_an_item_the_strongest_neighbours_are_kept() -> None:
    """One item is viewed with forty others, each pair by some visitors more; the rows stay bounded and sorted."""
    chance = [
        event(number, "detail-page-view", f"v:c{number}", f"x{number % 50}", f"y{number % 50}") for number in range(300)
    ]
    planted = [
        event(1000 + 50 * other + number, "detail-page-view", f"v:p{other}-{number}", "hub", f"spoke{other}")
        for other in range(40)
        for number in range(5 + other)
    ]
    found = read(d0=day_of(*chance, *planted))
    names = found.names.tolist()
    hub = names.index("hub")
    cols = found.cols[found.ptr[hub] : found.ptr[hub + 1]].tolist()
    assert len(cols) == NEIGHBOURS
    assert cols == sorted(cols)
    assert {names[col] for col in cols} == {f"spoke{other}" for other in range(20, 40)}


def test_sights_out_of_stock_are_one_a_visitor_the_latest_first() -> None:
    """Over the days together; old ones and more than are kept are left out."""
    many = [event(number, "stockout-seen", f"v:{number}", "mug", second=number) for number in range(SHORT_SEEN_MAX + 5)]
    found = read(
        d0=day_of(*many, event(90, "stockout-seen", "v:0", "mug", second=500)),
        d1=day_of(event(91, "stockout-seen", "v:0", "mug", back=1), event(92, "stockout-seen", "v:0", "pan", back=1)),
        **{f"d{SHORT_DAYS}": day_of(event(93, "stockout-seen", "v:0", "jar", back=SHORT_DAYS))},
    )
    seen = {
        name: (found.short_s[found.short_ptr[row] : found.short_ptr[row + 1]] - MIDNIGHT_S).tolist()
        for row, name in enumerate(found.names.tolist())
    }
    newest = [500, *range(SHORT_SEEN_MAX + 4, 0, -1)]
    assert seen == {"mug": newest[:SHORT_SEEN_MAX], "pan": [-86_400], "jar": []}
