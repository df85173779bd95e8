"""Replays: the real pipeline over a real store, identical whatever has changed since, and what is gone is told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import DAY, NOW, Shelf, blob, checkerboard

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.memory_decisions import MemoryDecisions
from serving.adapters.model_loader import Loaded
from serving.adapters.redis_catalogue import RedisCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.releases import Release, set_live
from serving.adapters.replay import ReplayService
from serving.catalogue.changes import Change
from serving.catalogue.contract import DeleteItems, PriceUpdate, SetPrices, SetStock, StockUpdate, UpsertItems, Written
from serving.catalogue.live import LiveCatalogue
from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER
from serving.core.errors import ModelDamaged, NotFound, StoreUnavailable
from serving.core.prices import Quoted
from serving.core.turn import Turn
from serving.decisions.recommend.contract import EXPLAIN_TRACE, PLACEMENTS, Answer, PageQuery, Pin, Query, SessionEvent
from serving.decisions.recommend.decision_log import not_found
from serving.decisions.recommend.live import Counters, live_of
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.record import Logged, Replayed, decision_of
from serving.events.trends import Trends
from serving.events.types import CART, VIEW

WAIT_S = 10.0
N = 60
PROFILE = blob(*[("detail-page-view", f"i{n}", n) for n in (1, 3, 8, 21)], ("purchase-complete", "i5", 40.0))
EXPLORING = Params(exploration_share=0.5)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("home"))
    yield RedisServer(embedded.url)
    embedded.close()


def release(name: str, taste: float) -> Loaded:
    """The checkerboard; releases differ in how much neighbours count, and in the price of their published items."""
    models, catalogue = checkerboard(N)
    matrix = replace(models.item_item, vals=models.item_item.vals**taste)
    models = replace(models, item_item=matrix, versions={**models.versions, "item-item": name})
    return Loaded(models, [replace(item, price=int(item.price * taste)) for item in catalogue.items], Path(), name, [])


@dataclass
class Shop:
    """A gateway's parts for one replica: the catalogue over the store, the served release, the log."""

    home: Path
    store: RedisCatalogue
    live: Loaded
    catalogue: LiveCatalogue
    log: MemoryDecisions = field(default_factory=MemoryDecisions)
    on_disk: dict[str, Loaded] = field(default_factory=dict)
    loads: list[str] = field(default_factory=list)
    counters: Counters | None = None
    kept: dict[str, Counters] = field(default_factory=dict)
    raised: dict[str, int] = field(default_factory=dict)
    """release -> by how much it quotes above the catalogue's prices."""

    def quoted(self, release: str, catalogue: Catalogue, wall_s: float) -> Quoted | None:
        return Quoted(catalogue, catalogue.price + self.raised[release], release) if release in self.raised else None

    def ask(
        self, *queries: Query, params: Params = EXPLORING, failure: str = "", wall: float = NOW, priced_by: str = ""
    ) -> list[Answer]:
        """Answers, in one batch, and logs them."""
        sink = Logs(self.log, self.live.release, params)
        shelf = Shelf({"u:ada": PROFILE, "v:ada": PROFILE[:48]}, failure)
        pipeline = Recommender(self.live.models, self.catalogue.snapshot, shelf, params, sink)
        if self.counters is not None:
            self.kept[self.counters.version] = self.counters
            pipeline.live = live_of(self.counters, self.live.models, self.catalogue.snapshot(), params)
        pipeline.quoted = self.quoted(priced_by, self.catalogue.snapshot(), wall)
        return pipeline.run(queries, Turn(0.0, wall, NEVER))

    def write(self, change: Change) -> None:
        (answer,) = self.catalogue.run_write([change], Turn(0.0, NOW, NEVER))
        assert isinstance(answer, Written), answer

    def publish(self, loaded: Loaded) -> None:
        """Makes another release live."""
        set_live(self.home, Release(loaded.release, {}))
        self.on_disk[loaded.release] = loaded
        self.catalogue.lead(self.catalogue.open(loaded.catalogue_items, loaded.models.item_ids))
        self.live = loaded

    def load(self, found: Release) -> Loaded:
        self.loads.append(found.release)
        if found.release not in self.on_disk:
            raise ModelDamaged(f"{found.release}: the version is not there")
        return self.on_disk[found.release]

    @property
    def service(self) -> ReplayService:
        return ReplayService(
            self.log, self.home, lambda: self.live, self.catalogue.snapshot, self.store, self.load,
            lambda name: not_found(name, 1.0, DAY), lambda version: self.kept.get(version) or self.counters,
            self.quoted,
        )  # fmt: skip

    def replay(self, answer: Answer) -> Replayed:
        (found,) = self.service.run_replay([answer.decision_id], Turn(0.0, NOW + DAY, NEVER))
        assert isinstance(found, Replayed), found
        return found

    def fields(self, answer: Answer) -> list[str]:
        """Of the replay's differences."""
        return [each.field for each in self.replay(answer).differences]


class Logs:
    """A DecisionSink that stores at once."""

    def __init__(self, store: MemoryDecisions, release: str, params: Params) -> None:
        self._store, self._release, self._params = store, release, params

    def wants(self, decision_id: str) -> bool:
        return True

    def offer(self, query: Query, blob: bytes, wall_s: float, answer: Answer, before: Sequence[Query] = ()) -> None:
        self._store.put([decision_of(self._release, self._params, query, blob, wall_s, answer, before)])


@pytest.fixture
def make_shop(server: RedisServer, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    made: list[RedisCatalogue] = []

    def make(**options: Any) -> Shop:
        store = RedisCatalogue(server, prefix=f"r{next(_numbers)}:", timeout_s=2.0, **options)
        made.append(store)
        assert store.wait_ready(WAIT_S)
        first = release("r1", 1.0)
        shop = Shop(tmp_path, store, first, LiveCatalogue(store, first.catalogue_items, first.models.item_ids))
        shop.publish(first)
        return shop

    yield make
    for store in made:
        store.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    return make_shop()


QUERIES = [
    *[Query(placement, "ada", item_ids=("i4", "i9", "ghost"), page_size=12) for placement in PLACEMENTS],
    Query(visitor_id="ada", session=(SessionEvent(VIEW, "i7"), SessionEvent(CART, "i9", int(NOW) - 5)), page_size=20),
    Query(user_id="ada", filter="price < 140", max_per_brand=3, diversity=0.7, exclude=("i2",), explain=0),
    Query(user_id="ada", pins=(Pin("i30", 2), Pin("nobody", 0)), exclude_viewed=True, objective="revenue"),
    Query(user_id="ada", given=("i1", "i2", "i50", "i7"), page_size=3, explain=EXPLAIN_TRACE),
    Query(user_id="ada", page_size=10, offset=10, trace_items=("i3",)),
    Query(user_id="ada", personal=False, session=(SessionEvent(VIEW, "i7"),)),
    Query(),
]
"""Every placement, and every kind of input a decision depends on."""


def test_every_kind_of_decision_replays_identically(shop: Shop) -> None:
    """Answered in one batch and half left to chance, replayed one by one."""
    answers = shop.ask(*QUERIES)
    assert any((answer.propensities < 1).any() for answer in answers)
    assert [shop.replay(answer).differences for answer in answers] == [()] * len(QUERIES)
    assert sum(len(answer.rows) for answer in answers) > 100


def test_another_seed_is_another_answer(shop: Shop) -> None:
    """Otherwise the tests here would not notice a replay that ignores the logged one."""
    pages = {tuple(answer.rows.tolist()) for answer in shop.ask(*[Query(user_id="ada", page_size=20)] * 5)}
    assert len(pages) == 5


def test_what_the_catalogue_says_today_does_not_matter(shop: Shop) -> None:
    """Prices, stock, deleted and new items, at several versions in between; also what was new and then deleted."""
    answers = list(shop.ask(*QUERIES))
    for number, change in enumerate(
        [
            SetPrices((PriceUpdate("i3", "GBP", price=1), PriceUpdate("i8", "GBP", price=9999))),
            UpsertItems((Item("new", title="New", price=5, currency="GBP", available_s=int(NOW) - 50),)),
            SetStock((StockUpdate("i30", "north", 0), StockUpdate("i4", "north", 0))),
            DeleteItems(("new", "i21", "i1")),
            UpsertItems((Item("i21", title="Back"), Item("newer", available_s=int(NOW)))),
        ]
    ):
        shop.write(change)
        answers += shop.ask(*QUERIES, wall=NOW + number)
    assert [shop.replay(answer).differences for answer in answers] == [()] * len(answers)


def test_a_replica_that_has_just_started_replays_what_another_logged(shop: Shop) -> None:
    """It knows nothing yet of what was written before, or was written since."""
    shop.write(SetStock((StockUpdate("i3", "north", 0),)))
    (answer,) = shop.ask(Query(user_id="ada", page_size=20))
    shop.write(SetStock((StockUpdate("i5", "north", 0),)))
    shop.catalogue = LiveCatalogue(shop.store, shop.live.catalogue_items, shop.live.models.item_ids)
    assert shop.fields(answer) == []


def test_a_history_that_does_not_reach_back_is_told(make_shop: Callable[..., Shop]) -> None:
    """The catalogue of today takes its place; results follow where it matters."""
    shop = make_shop(history_entries=1)
    (answer,) = shop.ask(Query(user_id="ada", page_size=20))
    first = answer.catalogue.items[int(answer.rows[0])].item_id
    shop.write(DeleteItems((first,)))
    for number in range(300):
        shop.write(SetPrices((PriceUpdate("i59", "GBP", price=number),)))
    differences = shop.replay(answer).differences
    assert [(each.field, each.logged, each.replayed) for each in differences[:1]] == [("catalogue_version", "0", "301")]
    assert f"{first}" in [each.logged for each in differences if each.field == "results[0].item_id"]


def test_a_store_that_lost_its_data_is_told(shop: Shop, make_shop: Callable[..., Shop]) -> None:
    shop.write(SetStock((StockUpdate("i3", "north", 5),)))
    (answer,) = shop.ask(Query(user_id="ada"))
    empty = make_shop()
    shop.store, shop.catalogue = empty.store, empty.catalogue
    assert shop.fields(answer) == ["catalogue_version"]


def test_the_release_of_the_day_is_loaded_once(shop: Shop) -> None:
    """Its models and its published items; with what the store has said since."""
    shop.write(SetPrices((PriceUpdate("i3", "GBP", price=1),)))
    answers = shop.ask(*QUERIES)
    shop.publish(release("r2", 2.0))
    later = shop.ask(*QUERIES)
    shop.write(SetPrices((PriceUpdate("i3", "GBP", price=50),)))
    service = shop.service
    found = service.run_replay([answer.decision_id for answer in (*answers, *later)], Turn(0.0, NOW, NEVER))
    assert [each.differences for each in found if isinstance(each, Replayed)] == [()] * (2 * len(QUERIES))
    assert shop.loads == ["r1"]


@pytest.mark.parametrize("how", ["forgotten", "damaged"])
def test_a_release_that_is_gone_is_told(shop: Shop, how: str) -> None:
    """The live one takes its place."""
    (answer,) = shop.ask(Query(user_id="ada", page_size=20))
    shop.publish(release("r2", 2.0))
    if how == "forgotten":
        for number in range(6):
            set_live(shop.home, Release(f"s{number}", {}))
        set_live(shop.home, Release("r2", {}))
    else:
        del shop.on_disk["r1"]
    differences = shop.replay(answer).differences
    assert [(each.field, each.logged, each.replayed) for each in differences[:2]] == [
        ("release", "r1", "r2"),
        ("versions[item-item]", "r1", "r2"),
    ]


def test_prices_are_those_of_the_release_that_decided_them(shop: Shop) -> None:
    """An arm of a split shows the live release's; without a split both are one."""
    shop.raised = {"r0": 7, "r1": 500}
    query = Query(user_id="ada", page_size=20, filter="price >= 120")
    for priced_by in ("r0", "r1"):
        (answer,) = shop.ask(query, priced_by=priced_by)
        assert answer.priced_by == priced_by
        assert shop.replay(answer).logged.decision.priced_by == priced_by
        assert shop.fields(answer) == []


@pytest.mark.parametrize("now", [{"r1": 470}, {}])
def test_quoted_prices_that_were_shown_are_an_input(shop: Shop, now: dict[str, int]) -> None:
    """Other rules today, an arm whose items were published at other prices, or pages that show the catalogue's by now:
    what was shown is replayed, not what would be."""
    shop.raised = {"r1": 500}
    (answer,) = shop.ask(Query(user_id="ada", page_size=20), params=Params(), priced_by="r1")
    shown = [result.price for result in shop.replay(answer).logged.decision.results]
    assert shown == [int(answer.catalogue.price[row]) + 500 for row in answer.rows]
    shop.raised = now
    assert shop.fields(answer) == []


def test_a_lost_profile_is_lost_again(shop: Shop) -> None:
    """The answer said that it was made without; so does its replay."""
    (answer,) = shop.ask(Query(user_id="ada"), failure="redis: timeout")
    assert answer.degraded == (("profile", "redis: timeout"),)
    assert shop.fields(answer) == []


def test_settings_of_the_day_are_used(shop: Shop) -> None:
    settings = Params(diversity=0.9, from_factors=5, from_repeat=0, personalization=False)
    (changed,) = shop.ask(Query(user_id="ada", page_size=20), params=settings)
    (usual,) = shop.ask(Query(user_id="ada", page_size=20), params=Params())
    assert changed.rows.tolist() != usual.rows.tolist()
    assert shop.fields(changed) == shop.fields(usual) == []


def test_a_placement_replays_with_those_that_chose_before_it(shop: Shop) -> None:
    """No item stands twice on a page, so the later one depends on the earlier ones, and on their chances."""
    queries = [
        Query(placement, "ada", page_size=8, item_ids=("i4",), decision_id=f"{number + 1:032x}")
        for number, placement in enumerate(("recommended-for-you", "similar-items", "trending"))
    ]
    shelf = Shelf({"u:ada": PROFILE})
    pipeline = Recommender(shop.live.models, shop.catalogue.snapshot, shelf, EXPLORING)
    (page,) = pipeline.run_pages([PageQuery(tuple(queries))], Turn(0.0, NOW, NEVER))
    logs = Logs(shop.log, "r1", EXPLORING)
    for place, answer in enumerate(page.answers):
        logs.offer(queries[place], PROFILE, NOW, answer, queries[:place])
    assert [shop.fields(answer) for answer in page.answers] == [[], [], []]
    last = page.answers[-1]
    logs.offer(queries[-1], PROFILE, NOW, last)
    assert shop.fields(last) != [], "alone it would have chosen otherwise"


def test_a_logged_decision_is_read(shop: Shop) -> None:
    (answer,) = shop.ask(Query(user_id="ada"))
    (found,) = shop.service.run_get([answer.decision_id], Turn(0.0, NOW, NEVER))
    assert isinstance(found, Logged)
    assert [each.item_id for each in found.decision.results] == [answer.catalogue.items[r].item_id for r in answer.rows]


def test_unknown_decisions_and_a_store_that_is_away_are_told(shop: Shop) -> None:
    """Each query its own error, the others their answers."""

    class Away(MemoryDecisions):
        def get(self, decision_id: str) -> Logged | None:
            raise StoreUnavailable("redis: away")

    (answer,) = shop.ask(Query(user_id="ada"))
    names, turn = ["ff" * 16, answer.decision_id], Turn(0.0, NOW, NEVER)
    for run, kind in ((shop.service.run_get, Logged), (shop.service.run_replay, Replayed)):
        absent, found = run(names, turn)
        assert isinstance(absent, NotFound)
        assert "decisions.retention_days" in absent.message
        assert isinstance(found, kind)
    shop.log = Away()
    for run in (shop.service.run_get, shop.service.run_replay):
        (error,) = run(names[1:], turn)
        assert isinstance(error, StoreUnavailable)


def lately(version: str, item: str, seen_s: int) -> Counters:
    """The item was bought fifty times today and viewed with i4; three visitors saw i0 out of stock at `seen_s`."""
    names = np.array(["i0", "i4", item], object)
    return Counters(
        version,
        Trends(
            int(NOW) // DAY, 14.0, names, np.array([int(NOW) // DAY], np.int32), np.array([2], np.int32),
            np.array([50], np.int64), np.zeros(3, np.int64), np.array([0, 0, 1, 2], np.int64),
            np.array([2, 1], np.int32), np.array([9.0, 9.0], np.float32), np.array([0, 3, 3, 3], np.int64),
            np.full(3, seen_s, np.int64),
        ),
    )  # fmt: skip


HOLDING = Params(exploration_share=0.5, stockout_visitors=3, stockout_hold_h=2.0)


def test_decisions_made_with_counters_replay_identically(shop: Shop) -> None:
    """Whatever the counters are later: while an item is held, and when that has ended."""
    shop.counters = lately("c1", "i33", int(NOW) - 3600)
    answers = [*shop.ask(*QUERIES, params=HOLDING), *shop.ask(*QUERIES, params=HOLDING, wall=NOW + 3600)]
    assert {answer.versions["counters"] for answer in answers} == {"c1"}
    shown = [{answer.catalogue.items[row].item_id for answer in part for row in answer.rows} for part in
             (answers[: len(QUERIES)], answers[len(QUERIES) :])]  # fmt: skip
    assert ["i0" in part for part in shown] == [False, True]
    shop.counters = lately("c2", "i44", 0)
    plain = shop.ask(*QUERIES, params=HOLDING)
    assert [shop.replay(answer).differences for answer in (*answers, *plain)] == [()] * (3 * len(QUERIES))


def test_a_decision_made_without_counters_is_replayed_without(shop: Shop) -> None:
    (answer,) = shop.ask(Query("trending", page_size=20))
    shop.counters = lately("c1", "i33", 0)
    assert shop.fields(answer) == []


def test_counters_that_are_not_kept_are_told(shop: Shop) -> None:
    """Those of today take their place; what came out otherwise by that follows."""
    shop.counters = lately("c1", "i33", 0)
    (answer,) = shop.ask(Query("trending", page_size=20, decision_id="a" * 32), params=Params())
    shop.counters = lately("c2", "i44", 0)
    shop.kept.clear()
    first, *rest = shop.replay(answer).differences
    assert (first.field, first.logged, first.replayed) == ("versions[counters]", "c1", "c2")
    assert ("results[0].item_id", "i33", "i44") in [(each.field, each.logged, each.replayed) for each in rest]
    shop.counters = None
    assert shop.replay(answer).differences[0].replayed == ""
