"""Prices follow the catalogue, the clock and the releases, and pages show them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from e2e.gateways import awaited
from priced_pages import GIVEN, IDS, QUERIES, TURN, WALL_S, new_price, priced, quoted, serving, shown
from releases import A, B, N

from model_repo.datasets.panel import Panel
from model_repo.price.build import Params as BuildParams
from model_repo.price.build import build
from model_repo.publish import publish
from serving.adapters.price_live import quoted_again
from serving.catalogue.contract import PriceUpdate, SetPrices, SetStock, StockUpdate, UpsertItems
from serving.catalogue.state import View
from serving.core.catalogue import Item
from serving.core.prices import Quoted
from serving.decisions.price.rules import Params


def test_changes_of_the_catalogue_are_priced_and_shown(home: Path) -> None:
    """A new price at once; its quote, and that of a new item, when the watcher has looked."""
    with serving(home) as (models, prices):
        assert shown(models, QUERIES[0])
        models.catalogue.run_write(
            [
                SetPrices((PriceUpdate("i2", "GBP", price=2000, valid_from_s=1_700_000_000),)),
                SetStock((StockUpdate("i4", "main", 500),)),
                UpsertItems((Item("new", currency="GBP", price=300, cost=100, price_set_s=1_700_000_000),)),
            ],
            TURN,
        )
        before = shown(models, GIVEN)
        assert (before["i2"], before["i4"]) == (2000, 1100)
        assert prices.look()
        models.take_prices()
        assert not prices.look()
        after = shown(models, GIVEN)
        assert after == quoted(prices, *after)
        assert (after["i2"], quoted(prices, "new")["new"]) == (1800, 270)


def test_the_watcher_follows_the_catalogue_and_the_clock(home: Path) -> None:
    """A price that is set now stands until a period begins a cool-down later."""
    with serving(home, cooldown_h=24.0) as (models, prices):
        models.catalogue.run_write([SetPrices((PriceUpdate("i2", "GBP", price=2000),))], TURN)
        prices.start()
        awaited(lambda: quoted(prices, "i2")["i2"] == 2000, "the price that was set stands")
        prices._clock.wall_s = WALL_S + 3 * 86_400  # type: ignore[attr-defined]
        awaited(lambda: quoted(prices, "i2")["i2"] == 1800, "a step down, three days later")
        awaited(lambda: shown(models, GIVEN)["i2"] == 1800, "pages show it")


def test_an_arm_of_a_split_shows_the_prices_of_the_live_release(home: Path) -> None:
    """Who asks decides the arm, and must not decide the price: also of a release with other rows and other prices."""
    with serving(home) as (models, prices):
        items = [replace(item, price=1300, cost=900) for item in priced(B, "B").items]
        view = models.catalogue.open(items, [item.item_id for item in items])
        over = prices.over(view)
        assert over is not None
        assert over is prices.over(view), "kept while nothing changes"
        assert over.release == models.release
        found = over.prices(view.snapshot).price
        assert {item.item_id: int(found[row]) for row, item in enumerate(view.snapshot.items)} == quoted(prices, *IDS)
        models.catalogue.run_write([SetPrices((PriceUpdate("i2", "GBP", price=2000),))], TURN)
        assert over.prices(view.snapshot).price[view.snapshot.row_of["i2"]] == 2000
        assert shown(models, GIVEN)["i2"] == 2000


def panel() -> Panel:
    """Sixty weeks of every item, at prices around 10.00: the dearer, the less is sold."""
    rng, weeks = np.random.default_rng(0), 60
    price = np.tile(np.array([800, 900, 1000, 1100, 1200]), N * weeks // 5)
    n = N * weeks
    return Panel(
        "weeks", "", np.repeat(np.arange(N, dtype=np.int32), weeks), np.tile(np.arange(weeks, dtype=np.int32), N),
        rng.poisson(200 * (price / 1000) ** -3.0).astype(np.float64), price.astype(np.int64), np.zeros(n),
        np.zeros(n, np.int64), np.zeros(n, np.bool_), IDS, np.zeros(N, np.int32), ("",), 19_000, 7, "GBP",
    )  # fmt: skip


def test_a_new_release_is_priced_by_its_own_model_before_it_answers(tmp_path: Path) -> None:
    """And a release whose model is damaged is served all the same, priced without it."""
    publish(tmp_path, priced(A, "A"), wall_s=1.7e9)
    files = dict(build(panel(), params=BuildParams(trees=None)).files)
    with serving(tmp_path) as (models, prices):
        assert prices.table.model_version == ""
        assert prices.table.degraded
        publish(tmp_path, priced(B, "B", files), wall_s=1.7e9 + 1)
        assert models.refresh()
        table = prices.table
        assert table.model_version
        assert table.degraded == ""
        found = shown(models, QUERIES[0])
        assert found == quoted(prices, *found)
        assert set(found.values()) < set(range(900, 1000)), "at -3 it is 8.25, and the step ends at 9.00"
        again = quoted_again(tmp_path, Params(mode="live"), models.release, table.catalogue, WALL_S)
        assert again is not None
        assert again.price.tolist() == table.decided.price.tolist()
        publish(tmp_path, priced(A, "C", {**files, "curves.npz": b"y"}), wall_s=1.7e9 + 2)
        assert models.refresh()
        assert "curves.npz" in prices.table.degraded
        assert set(shown(models, QUERIES[0]).values()) == {1100}


def test_views_of_earlier_tables_are_let_go(home: Path) -> None:
    with serving(home) as (models, prices):
        items = priced(B, "B").items
        for number in range(3):
            prices.over(models.catalogue.open(items, [item.item_id for item in items]))
            new_price(models, 2000 + number)
            assert prices.look()
            models.take_prices()
            assert {id(table) for _, table, _ in prices._shown.values()} == {id(prices.table)}
        assert [view for view, _, _ in prices._shown.values()] == [models._lineup.main.view]


def test_prices_are_taken_up_by_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody shows an earlier table after a later one; and what is decided during a swap is shown after it."""
    publish(tmp_path, priced(A, "A"), wall_s=1.7e9)
    with serving(tmp_path) as (models, prices):
        over, free = prices.over, []

        def watched(view: View) -> Quoted | None:
            free.append(models._pricing.acquire(blocking=False))
            return over(view)

        monkeypatch.setattr(prices, "over", watched)
        models.take_prices()
        models.take_counters()
        lead = models.catalogue.lead

        def meanwhile(view: View) -> None:
            """The watcher of the prices, at the worst moment."""
            lead(view)
            new_price(models, 2000)
            assert prices.look()
            models.take_prices()

        monkeypatch.setattr(models.catalogue, "lead", meanwhile)
        publish(tmp_path, priced(B, "B"), wall_s=1.7e9 + 1)
        assert models.refresh()
        assert not any(free)
        assert shown(models, GIVEN)["i2"] == quoted(prices, "i2")["i2"] == 1800
