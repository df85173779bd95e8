"""The loop closes: what visitors do teaches a release that the running gateway takes over, by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from e2e.conftest import PATIENT, SERVE, Shop
from e2e.gateways import STOREGATE, awaited, command, environment, gateway, metric

from serving.adapters.embedded_redis import running_url
from serving.adapters.model_loader import load
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.releases import live
from serving.adapters.retrain_files import alone, status
from serving.events.records import RECORD_BYTES
from serving.events.types import PURCHASE
from serving.features import FEATURES
from storegate.client import Client

EARLY, BUYERS = 60, 120
"""Of these customers the first ones buy twice. So there are as many customers as are needed when all events are there,
and not before."""
QUICK = {"retrain.moments": 1, "retrain.customers_min": BUYERS, "events.move_s": 0.2}


def strangers(shop: Shop) -> tuple[str, str]:
    """Two items in stock that nobody has bought together."""
    events = shop.dataset.events.where(shop.dataset.events.type == PURCHASE)
    baskets: dict[str, set[int]] = {}
    for item, basket in zip(events.item.tolist(), events.basket.tolist(), strict=True):
        baskets.setdefault(shop.dataset.items[item].item_id, set()).add(basket)
    known = [item for item in shop.in_stock if item in baskets]
    return next((one, two) for one in known for two in known if one < two and not baskets[one] & baskets[two])


def known_users(shop: Shop) -> list[int]:
    """Numbers of those who have done something."""
    return sorted(set(shop.dataset.events.user.tolist()) - {-1})


def buy_together(client: Client, shop: Shop, pair: tuple[str, str]) -> int:
    """Known customers buy both items: some a while after the shop was trained, all of them lately. How many events."""
    users = [shop.dataset.users[user] for user in known_users(shop)[:BUYERS]]
    trained = datetime.fromtimestamp(int(shop.dataset.events.time_s[-1]), UTC)
    since = datetime.now(UTC) - trained
    for number, user in enumerate([*users[:EARLY], *users]):
        when = trained + since * (0.3 if number < EARLY else 0.9) + timedelta(seconds=number)
        client.write_event("purchase-complete", user_id=user, items=pair, event_id=f"bought-{number}", event_time=when)
    return EARLY + BUYERS


def together_with(client: Client, item: str) -> list[str]:
    answer = client.recommend(placement="frequently-bought-together", item_ids=[item])
    return [result.item_id for result in answer.results]


def stored(home: Path, user: str) -> list[bytes]:
    """The records of a user's profile in the running gateway's store."""
    profiles = RedisProfiles(RedisServer(running_url(home)), read_timeout_s=2.0)
    try:
        assert profiles.wait_ready(10.0)
        (blob,) = profiles.fetch([f"u:{user}"], 10.0)
    finally:
        profiles.close()
    return sorted(blob[at : at + RECORD_BYTES] for at in range(0, len(blob), RECORD_BYTES))


def archived(home: Path) -> int:
    return sum(len(table) for table in ParquetArchive(home / "events").tables())


def ranker(client: Client) -> str:
    return str(client.recommend().serving_info.model_versions["ranker"])


def test_what_visitors_do_is_learnt_and_served_without_a_restart(new_home: Callable[[], Path], shop: Shop) -> None:
    """On the deployment's own schedule: a new pattern comes in over gRPC, and the running gateway shows it. No call
    fails meanwhile; what was learnt stands in the card; the outcomes are counted."""
    pair, over, problems, asked = strangers(shop), threading.Event(), list[Exception](), 0
    settings, buyer = PATIENT | QUICK | {"retrain.every_hours": 0.0005}, shop.dataset.users[known_users(shop)[0]]
    with gateway(new_home(), *SERVE["local"], settings=settings) as running, running.client() as client:
        before, home = ranker(client), running.home
        assert pair[1] not in together_with(client, pair[0])

        def ask() -> None:
            nonlocal asked
            with running.client() as mine:
                while not over.is_set():
                    try:
                        assert mine.recommend(user_id=shop.user).results
                        asked += 1
                    except Exception as error:
                        problems.append(error)

        caller = threading.Thread(target=ask)
        caller.start()
        try:
            buy_together(client, shop, pair)
            known = stored(home, buyer)
            awaited(lambda: ranker(client) != before, "the gateway serves another release", 200)
        finally:
            over.set()
            caller.join()
        assert problems == []
        assert asked > 0
        assert together_with(client, pair[0])[0] == pair[1]
        awaited(lambda: running.said.count("of the training history loaded") == 2, "the new history is in the store")
        assert stored(home, buyer) == known  # nothing of it twice
        awaited(lambda: "retraining: promoted" in running.said, "the launcher tells of it", 60)
        (replica,) = running.ready_replicas()
        assert float(metric(replica, 'storegate_retrains_total{outcome="promoted"}')) == 1
        card = json.loads(command(home, "model", "card", "--json").stdout)
        assert card["release"] == live(home).release
        assert card["decision"] == "promoted"
        assert card["comparison"]["candidate"] > card["comparison"]["live"] > 0
        assert "Promoted" in command(home, "model", "card").stdout
        assert "1 promoted" in command(home, "status").stdout


@pytest.fixture(scope="module")
def learnt_from(new_home: Callable[[], Path], shop: Shop) -> Path:
    """A home with events in its archive; no gateway runs on it."""
    with gateway(new_home(), *SERVE["local"], settings=PATIENT | QUICK) as running, running.client() as client:
        count = buy_together(client, shop, strangers(shop))
        awaited(lambda: archived(running.home) == count, "the events are in the archive")
        return running.home


def retraining(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    told = ("--moments", "1", "--customers-min", str(QUICK["retrain.customers_min"]))
    return command(home, "retrain", *told, *arguments)


def test_killed_half_way_it_leaves_what_was_live(learnt_from: Path) -> None:
    """While it trains the release that would have gone live; the next one is not held up by what is left."""
    before = live(learnt_from)
    with subprocess.Popen(
        [STOREGATE, "retrain", "--moments", "1", "--customers-min", "10"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment(learnt_from),
        cwd=learnt_from,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if line.startswith("release: "))
        assert "learning" in said or "training" in said
        os.kill(process.pid, signal.SIGKILL)
    assert live(learnt_from) == before
    assert load(learnt_from, FEATURES).refused == []
    with alone(learnt_from):
        pass
    assert status(learnt_from).last is None


def test_a_dry_run_tells_and_changes_nothing(learnt_from: Path) -> None:
    before = live(learnt_from)
    done = retraining(learnt_from, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert f"it would go live in place of {before.release}" in done.stdout
    assert live(learnt_from) == before


def test_the_exit_code_tells_what_became_of_it(learnt_from: Path) -> None:
    """2: it could not be done, in one line that says how much is missing; 0: promoted, of the same data; 2 again, when
    nothing is new."""
    few = retraining(learnt_from, "--customers-min", "5000")
    assert few.returncode == 2
    assert "5000 or more" in few.stderr
    assert "Traceback" not in few.stderr
    done = retraining(learnt_from)
    assert done.returncode == 0, done.stderr
    assert f"release {live(learnt_from).release} is live" in done.stdout
    again = retraining(learnt_from)
    assert again.returncode == 2
    assert "none after" in again.stderr
    assert status(learnt_from).counts == {"promoted": 1, "kept": 0, "failed": 2}
    assert "retrain" in json.loads(command(learnt_from, "status", "--json").stdout)
