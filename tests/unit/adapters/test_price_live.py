"""Prices of the live release: pages show what is quoted, where they are to; nothing changes where they are not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from e2e.gateways import awaited
from releases import NEIGHBOURS_ONLY, A, B, N, release

from model_repo.datasets.panel import Panel
from model_repo.price.build import Params as BuildParams
from model_repo.price.build import build
from model_repo.publish import Trained, publish
from serving.adapters.live_models import LiveModels
from serving.adapters.live_part import DEFECT_PAUSE_S
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.price_live import LOOK_S, OFF, LivePrices, quoted_again
from serving.adapters.quote_log import FOLDER, read_quotes
from serving.catalogue.contract import PriceUpdate, SetPrices, SetStock, StockUpdate, UpsertItems
from serving.catalogue.state import View
from serving.core.catalogue import Item
from serving.core.clock import NEVER
from serving.core.errors import NotReady
from serving.core.prices import Quoted
from serving.core.turn import Turn
from serving.decisions.price.contract import AllQuery, QuoteQuery, Quotes, SimulateQuery
from serving.decisions.price.rules import Params
from serving.decisions.price.table import PriceTable, Pricing
from serving.decisions.recommend.contract import OBJECTIVES, Query

WALL_S = 1_800_000_000.0
TURN = Turn(0.0, WALL_S, NEVER)
IDS = tuple(f"i{n}" for n in range(N))
QUERIES = [
    Query(placement="others-you-may-like", item_ids=("i0",), page_size=8),
    Query(placement="trending", page_size=20, filter="price >= 1050"),
    Query(placement="trending", page_size=20, objective=OBJECTIVES[-1], objective_weight=1.0),
    Query(placement="on-sale", page_size=20),
    Query(placement="trending", page_size=20, min_margin=0.45),
]


GIVEN = Query(given=("i2", "i4", "i6"), page_size=3, personal=False)


class Clock:
    wall_s = WALL_S

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return self.wall_s


def priced(order: np.ndarray, name: str, files: dict[str, bytes] | None = None) -> Trained:
    """The checkerboard at 10.00 each, bought at 5.50; every fourth on sale."""
    made = release(order, name)
    items = [
        replace(item, price=1000, cost=550, currency="GBP", list_price=0 if int(item.item_id[1:]) % 4 else 1500)
        for item in made.items
    ]
    return replace(made, items=items, decisions={"price": files} if files else {})


@contextmanager
def serving(home: Path, mode: str = "live", **settings: object) -> Iterator[tuple[LiveModels, LivePrices]]:
    prices = LivePrices(home, Params(mode=mode, **settings), Clock())  # type: ignore[arg-type]
    models = LiveModels(home, NEIGHBOURS_ONLY, None, MemoryCatalogue(), prices=prices)
    try:
        yield models, prices
    finally:
        prices.close()
        models.close()


def shown(models: LiveModels, query: Query) -> dict[str, int]:
    (answer,) = models.run([query], TURN)
    ids = [answer.catalogue.items[row].item_id for row in answer.rows]
    return dict(zip(ids, answer.prices.tolist(), strict=True))


def quoted(prices: LivePrices, *ids: str) -> dict[str, int]:
    (answer,) = prices.run_quote([QuoteQuery(ids)], TURN)
    assert isinstance(answer, Quotes)
    items, found = answer.table.catalogue.items, answer.table.decided.price
    return {items[row].item_id: int(found[row]) for row in answer.rows}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release without a price model; nobody publishes there."""
    home = tmp_path_factory.mktemp("priced")
    publish(home, priced(A, "A"), wall_s=1.7e9)
    return home


def test_pages_filters_and_objectives_read_the_quoted_prices(home: Path) -> None:
    """At an elasticity of -2 the best price of what costs 5.50 is 11.00: as far as the step goes."""
    with serving(home) as (models, prices):
        for query in QUERIES:
            found = shown(models, query)
            assert found == quoted(prices, *found), query
        assert set(shown(models, QUERIES[1]).values()) == {1100}
        assert shown(models, QUERIES[4]), "the margin at 11.00 is one half, at 10.00 it would be .45"


@pytest.mark.parametrize("mode", ["off", "quote"])
def test_nothing_changes_where_prices_are_not_live(home: Path, mode: str) -> None:
    """Answers are those of a gateway that knows nothing of prices."""
    plain = LiveModels(home, NEIGHBOURS_ONLY, None, MemoryCatalogue())
    with serving(home, mode) as (models, prices):
        for query, one, other in zip(QUERIES, models.run(QUERIES, TURN), plain.run(QUERIES, TURN), strict=True):
            assert one.rows.tolist() == other.rows.tolist(), query
            assert one.scores.tolist() == other.scores.tolist()
            assert one.prices.tolist() == other.prices.tolist()
            assert one.versions == other.versions
        assert not shown(models, QUERIES[1])
        if mode == "quote":
            assert quoted(prices, "i1") == {"i1": 1100}
    plain.close()


@pytest.mark.parametrize("mode", ["off", "quote", "live"])
def test_quotes_are_logged_as_they_stand(tmp_path: Path, mode: str) -> None:
    """All items when the following begins; what is not logged yet when it ends."""
    publish(tmp_path, priced(A, "A"), wall_s=1.7e9)
    with serving(tmp_path, mode, explore_share=1.0, explore="even") as (models, prices):
        prices.start()
        if mode == "off":
            prices.close()
            assert not (tmp_path / FOLDER).exists()
            return
        awaited(lambda: prices.log.written == N, "all quotes are logged")
        models.catalogue.run_write([SetPrices((PriceUpdate("i1", "GBP", price=2000),))], TURN)
        awaited(lambda: quoted(prices, "i1")["i1"] > 1500, "the new price is quoted")
        prices.close()
        told = read_quotes(tmp_path).to_pylist()
        assert len(told) == N + 1
        assert [row["current_price"] for row in told if row["item_id"] == "i1"] == [1000, 2000]
        assert quoted(prices, "i1") == {"i1": [row["price"] for row in told if row["item_id"] == "i1"][-1]}
        assert any(row["explored"] and row["propensity"] < 1 for row in told)


def test_where_prices_are_off_every_question_says_so(home: Path) -> None:
    with serving(home, "off") as (_, prices):
        for answer in (
            *prices.run_quote([QuoteQuery(("i1",))] * 2, TURN),
            *prices.run_simulate([SimulateQuery(("i1",))], TURN),
        ):
            assert isinstance(answer, NotReady)
            assert OFF in answer.message
        with pytest.raises(NotReady, match="off"):
            prices.bulk(AllQuery(0, 10))


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


class Defect:
    """Takes the place of a method: raises while it is on, and counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        self.on, self.calls, self.given = True, 0, []  # type: ignore[var-annotated]
        whole = getattr(kind, name)

        def run(*args: object) -> object:
            self.calls += 1
            self.given.append(args)
            if self.on:
                raise ZeroDivisionError("a defect")
            return whole(*args)

        monkeypatch.setattr(kind, name, run)


def new_price(models: LiveModels, price: int) -> None:
    update = PriceUpdate("i2", "GBP", price=price, valid_from_s=1_700_000_000)
    models.catalogue.run_write([SetPrices((update,))], TURN)


def test_after_a_defect_the_last_prices_stay_and_nothing_is_tried_twice(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another catalogue and another period are; then everything is decided from nothing."""
    with serving(home) as (models, prices):
        table = prices.table
        defect = Defect(monkeypatch, Pricing, "table")
        new_price(models, 2000)
        assert [prices.look() for _ in range(3)] == [False] * 3
        assert defect.calls == 1
        assert prices.table is table
        prices._clock.wall_s = WALL_S + 86_400  # type: ignore[attr-defined]
        assert not prices.look()
        new_price(models, 2100)
        assert not prices.look()
        assert not prices.look()
        assert defect.calls == 3
        defect.on = False
        new_price(models, 2200)
        assert prices.look()
        assert defect.given[-1][4] is None, "no earlier table"
        assert quoted(prices, "i2") == {"i2": 1980}
        prices._clock.wall_s = WALL_S  # type: ignore[attr-defined]


def test_after_a_defect_the_watcher_pauses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Closing(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return len(waits) > 3

    with serving(home) as (models, prices):
        Defect(monkeypatch, Pricing, "table")
        new_price(models, 2000)
        prices._closing = Closing()
        watcher = threading.Thread(target=prices._watch)
        watcher.start()
        watcher.join()
    assert waits == [LOOK_S, DEFECT_PAUSE_S, DEFECT_PAUSE_S, DEFECT_PAUSE_S]


def test_a_release_that_cannot_be_priced_is_not_shown_the_prices_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, priced(A, "A"), wall_s=1.7e9)
    with serving(tmp_path) as (models, prices):
        assert set(shown(models, QUERIES[0]).values()) == {1100}
        defect = Defect(monkeypatch, Pricing, "table")
        publish(tmp_path, priced(B, "B"), wall_s=1.7e9 + 1)
        assert models.refresh()
        assert defect.calls == 1
        assert set(shown(models, QUERIES[0]).values()) == {1000}
        with pytest.raises(NotReady, match="could not be decided"):
            prices.bulk(AllQuery(0, 10))
        assert not prices.look()
        assert defect.calls == 1


@pytest.mark.parametrize(("kind", "name"), [(Pricing, "table"), (PriceTable, "quoted")])
def test_no_defect_of_prices_keeps_a_gateway_from_starting(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: type, name: str
) -> None:
    """The release has no price part."""
    defect = Defect(monkeypatch, kind, name)
    with serving(home) as (models, prices):
        prices.start()
        assert set(shown(models, QUERIES[0]).values()) == {1000}
    assert defect.calls == 1


def test_a_model_that_cannot_be_read_for_any_reason_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a start and at a swap."""

    def broken(home: Path, version: str) -> None:
        raise ValueError("not what it seems")

    monkeypatch.setattr("serving.adapters.price_live.read_price_model", broken)
    publish(tmp_path, priced(A, "A", {"curves.npz": b"y"}), wall_s=1.7e9)
    with serving(tmp_path) as (models, prices):
        assert "could not be read" in prices.table.degraded
        before = models.release
        publish(tmp_path, priced(B, "B", {"curves.npz": b"y"}), wall_s=1.7e9 + 1)
        assert models.refresh()
        assert models.release != before
        assert "could not be read" in prices.table.degraded
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
