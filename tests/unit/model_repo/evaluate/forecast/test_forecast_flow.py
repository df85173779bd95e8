"""From sales to a table: nothing after an origin is known, levels add up, the served row is what a gateway loads."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta

import demand
import numpy as np
import pytest
from rich.console import Console

from model_repo.datasets.transactions import read_transactions
from model_repo.evaluate.forecast.flow import ALL_ITEMS, Plan, evaluate
from model_repo.evaluate.forecast.picture import draw
from model_repo.evaluate.forecast.table import against_best, show
from model_repo.evaluate.forecast.tasks import origins
from model_repo.evaluate.report import Row, as_json
from serving.core.errors import InvalidInput


def quiet(line):
    """Says nothing."""


@pytest.fixture(scope="module")
def shop():
    return demand.dataset(demand.shop())


@pytest.fixture(scope="module")
def found(shop):
    return evaluate(shop, None, Plan(origins=1, horizon=28, sample=20, training=demand.SMALL), quiet)


def test_nothing_after_an_origin_is_known(shop):
    """Another world from the last origin on: the same histories, items and classes, and another future."""
    (first, last) = origins(shop, None, 2, 14)
    late = shop.events.time_s >= last.day * 86_400
    events = replace(shop.events, quantity=np.where(late, shop.events.quantity + 7, shop.events.quantity))
    (first_again, last_again) = origins(replace(shop, events=events), None, 2, 14)
    for one, two in ((first, first_again), (last, last_again)):
        np.testing.assert_array_equal(one.history.units, two.history.units)
        np.testing.assert_array_equal(one.classes, two.classes)
        assert (one.dataset.events.time_s < one.day * 86_400).all()
    np.testing.assert_array_equal(first.future, first_again.future)
    assert not np.array_equal(last.future, last_again.future)
    assert last.day - first.day == 14


def test_prices_and_items_of_later_days_are_not_known(shop):
    """Everything is repriced and one item first sold after the origin: neither is known there."""
    (before,) = origins(shop, None, 1, 14)
    late = shop.events.time_s >= before.day * 86_400
    events = replace(shop.events, price=np.where(late, 7777, shop.events.price))
    repriced = replace(
        shop,
        items=tuple(replace(item, price=7777, stock={"all": (3, 0)}) for item in shop.items),
        events=events.where((shop.events.item != 38) | late),
    )
    (origin,) = origins(repriced, None, 1, 14)
    assert {item.price for item in origin.dataset.items} == {1000}
    assert all(not item.stock for item in origin.dataset.items)
    assert "i38" not in origin.history.names
    assert origin.future.sum() == before.future.sum() - before.future[38].sum()


def test_categories_weeks_and_the_shop_are_sums_of_items(shop):
    (origin,) = origins(shop, None, 1, 14)
    tasks = {task.key: task for task in origin.tasks(origin.rows)}
    assert set(tasks) == {
        f"{grain}.{level}" for grain in ("daily", "weekly") for level in ("item", "category", "total")
    }
    whole = origin.future.sum()
    for key in ("daily.category", "daily.total", "weekly.category", "weekly.total"):
        assert tasks[key].actual.sum() == pytest.approx(whole)
    assert tasks["weekly.item"].actual.shape[1] == 2
    np.testing.assert_allclose(
        tasks["weekly.item"].history.units[:, -1], tasks["daily.item"].history.units[:, -7:].sum(1)
    )


def test_items_that_come_after_an_origin_count_in_their_category_and_the_shop(shop):
    """One item first sells on the last days: no row of its own, yet its sales are part of what came."""
    (before,) = origins(shop, None, 1, 28)
    late = (shop.events.item != 38) | (shop.events.time_s >= (before.day + 3) * 86_400)
    (origin,) = origins(replace(shop, events=shop.events.where(late)), None, 1, 28)
    tasks = {task.key: task for task in origin.tasks(origin.rows)}
    assert "i38" not in tasks["daily.item"].history.names
    sold = before.future[38, 3:].sum()
    assert sold > 0
    assert tasks["daily.total"].actual.sum() == pytest.approx(before.future.sum() - before.future[38, :3].sum())
    cups = tasks["daily.category"].actual[origin.groups.index("cups")]
    assert cups.sum() == pytest.approx(before.future[::2].sum() - before.future[38, :3].sum())


def test_a_file_is_read_anew_up_to_each_origin(tmp_path):
    """A cancellation and an item of later days: unknown at the origin, both part of what came."""
    lines = ["Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID"]
    for day in range(70):
        date = (datetime(2026, 1, 5) + timedelta(days=day)).strftime("%Y-%m-%d 10:00")
        lines.append(f"{1000 + day},85123A,RED CUP,3,{date},2.50,17850")
        if day >= 60:
            lines.append(f"{2000 + day},71053,BLUE PLATE,2,{date},3.50,17851")
    lines.append("C3000,85123A,RED CUP,-3,2026-03-15 11:00,2.50,17850")
    file = tmp_path / "shop.csv"
    file.write_text("\n".join(lines) + "\n")
    (origin,) = origins(read_transactions(file), lambda until_s: read_transactions(file, until_s=until_s), 1, 14)
    assert origin.date == "2026-03-02"
    assert origin.history.names == ("85123A",)
    assert origin.history.units.sum() == 56 * 3
    assert origin.future.sum() == 14 * 3 - 3
    total = next(task for task in origin.tasks(origin.rows) if task.key == "daily.total")
    assert total.actual.sum() == 14 * 3 - 3 + 10 * 2
    category = next(task for task in origin.tasks(origin.rows) if task.key == "weekly.category")
    assert category.actual.sum() == 14 * 3 - 3 + 10 * 2  # "other"


def test_a_sample_is_seeded_and_spread_over_the_revenue(shop):
    (origin,) = origins(shop, None, 1, 14)
    some = origin.sample(20, 0)
    assert len(some) == 20
    assert len(set(some.tolist())) >= 16  # borders of stretches
    np.testing.assert_array_equal(some, origin.sample(20, 0))
    assert not np.array_equal(some, origin.sample(20, 1))
    rank = np.argsort(np.argsort(-origin.history.revenue[origin.rows].sum(1)))
    ranks = rank[np.isin(origin.rows, some)]
    assert np.diff(np.sort(ranks)).max() <= 2 * -(-len(origin.rows) // 20)
    np.testing.assert_array_equal(origin.sample(10**6, 0), origin.rows)


def test_what_is_served_is_scored_at_every_level(found):
    """Sane errors, quantiles everywhere, classes for items; the same object as JSON; a table with every block."""
    result, _, _ = found
    served, everything = result.rows
    assert served.served
    assert everything.name == ALL_ITEMS
    for key in ("daily.item", "daily.category", "daily.total", "weekly.item", "weekly.category", "weekly.total"):
        assert 0 < served.metrics[f"{key}.rmsse"] < 2
        assert 0.5 < served.metrics[f"{key}.coverage@95"] <= 1
    assert any(name.startswith("daily.item.coverage@80_") for name in everything.metrics)
    told = json.loads(as_json(result))
    assert told["rows"][0]["daily.item.rmsse"] == pytest.approx(served.metrics["daily.item.rmsse"], abs=1e-6)
    console = Console(width=130, record=True, file=io.StringIO())
    show(result, console)
    text = console.export_text()
    for part in ("daily, item", "weekly, total", "coverage by class", "item level: ", "seed 0"):
        assert part in text


def test_pictures_are_written_and_whole(found, tmp_path):
    _, origin, served = found
    files = draw(origin, served, tmp_path / "plots")
    assert [file.name for file in files] == ["typical.svg", "worst.svg", "groups.svg"]
    for file in files:
        text = file.read_text()
        assert text.startswith("<svg")
        assert text.endswith("</svg>\n")
        assert "nan" not in text
        assert text.count("<polygon") >= 3


def test_a_history_too_short_for_the_origins_says_how_long(shop):
    with pytest.raises(InvalidInput, match="at least 168 days of sales for 4 origins"):
        next(origins(shop, None, 4, 28))


def test_the_first_row_is_compared_with_the_best_of_the_others():
    rows = [
        Row("served", {"daily.item.rmsse": 0.9, "daily.item.pinball": 2.0}, 0.0),
        Row("served, all items", {"daily.item.rmsse": 0.1}, 0.0),
        Row("TSB", {"daily.item.rmsse": 1.0, "daily.item.pinball": 4.0}, 0.0),
        Row("AutoETS", {"daily.item.rmsse": 1.2, "daily.item.pinball": 2.5}, 0.0),
    ]
    (line,) = against_best("daily.item", rows)
    assert line == "served against the best other row: rmsse -10.0 % (TSB), pinball -20.0 % (AutoETS)"
    assert against_best("daily.item", rows[:1]) == []
