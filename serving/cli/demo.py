"""`storegate demo`: from nothing to answers, and what an event changes, in one go."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from serving.cli.common import client_of, out, say, with_settings
from serving.cli.serve import OPTIONS, run, serving_options, show
from serving.cli.tables import footer_of, from_json, from_proto, results_table
from serving.core.errors import NotReady, StoregateError
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.runtime.leaving import Departure
    from serving.runtime.parts import Addresses

PAGE = 5
KNOWN_RECORDS_MIN = 20
HTTP_S_MAX = 5.0


@click.command()
@click.option("--once", is_flag=True, help="Show everything, then end, leaving no process behind.")
@click.option("--items", type=int, help="Of the demo store, when there is nothing to serve yet. [4000]")
@click.option("--customers", type=int, help="Likewise. [8000]")
@click.option("--days", type=int, help="Likewise. [180]")
@click.option("--seed", type=int, help="Likewise. [0]")
@serving_options
@with_settings(*OPTIONS, compiles=True)
def demo(
    settings: Settings,
    once: bool,
    local: bool,
    items: int | None,
    customers: int | None,
    days: int | None,
    seed: int | None,
) -> None:
    """Trains on the demo store when nothing is live yet, starts the gateway, asks it, and serves until Ctrl-C.

    \b
    storegate demo
    storegate demo --once --local
    """
    _train_if_needed(settings, {"--items": items, "--customers": customers, "--days": days, "--seed": seed})
    failures: list[BaseException] = []

    def on_ready(addresses: list[Addresses], leave: Departure) -> None:
        try:
            tour(settings, addresses[0])
            show(addresses)
        except StoregateError as error:  # the gateway is to be closed in order before anybody hears of it
            failures.append(error)
        if once or failures:
            leave.ask()

    run(settings, local, on_ready)
    if failures:
        raise failures[0]


def _train_if_needed(settings: Settings, options: dict[str, int | None]) -> None:
    """In a process of its own, so that what training needs of memory and threads is gone when serving begins."""
    from serving.adapters.releases import live

    try:
        say(f"release {live(settings.home).release} is there already")
        return
    except NotReady:
        say("nothing to serve yet: training on the demo store")
    chosen = [part for name, value in options.items() if value is not None for part in (name, str(value))]
    command = [sys.executable, "-m", "serving.cli", "train", "--home", str(settings.home), *chosen]
    code = subprocess.run(command, check=False).returncode
    if code:
        raise NotReady(f"the training ended with code {code}")


def tour(settings: Settings, addresses: Addresses) -> None:
    """Asks as a storefront would: a known user, an anonymous visitor, an item page; then an event, and again."""
    user = known_user(settings.home)
    visitor = f"demo-{uuid.uuid4().hex[:8]}"
    with client_of(settings, f"{addresses.host}:{addresses.grpc_port}") as client:
        known = _ask(client, f"gRPC: for the known user {user}", user_id=user)
        seen = known[0]
        _ask(client, f"gRPC: on the page of {seen}", item_ids=[seen], placement="others-you-may-like")
        body = {"visitorId": visitor, "pageSize": PAGE}
        before = _ask_http(settings, addresses, f"HTTP: for an anonymous visitor ({visitor})", body)
        client.write_event("add-to-cart", visitor_id=visitor, items=[seen])
        out.print(f"The visitor puts {seen} into the cart.\n", markup=False)
        _ask_http(settings, addresses, "HTTP: the same visitor a moment later", body, before)
        _ask(client, "gRPC: the same visitor, the same answer", visitor_id=visitor)


def known_user(home: Path) -> str:
    """A customer of the training history who has done a few things; deterministic."""
    from serving.adapters.releases import live
    from serving.adapters.shop_store import HISTORY_FILE
    from serving.adapters.versions import read_version
    from serving.events.history import read_history
    from serving.events.records import RECORD_BYTES

    best, most = "", 0
    for key, records in read_history(read_version(home, "history", live(home).models["history"]) / HISTORY_FILE):
        if len(records) > most:
            best, most = key, len(records)
        if most >= KNOWN_RECORDS_MIN * RECORD_BYTES:
            break
    return best.removeprefix("u:")


def _ask(client: Any, title: str, **fields: Any) -> list[str]:
    """Asks over gRPC, prints the answer; its item ids."""
    began = time.perf_counter()
    answer = client.recommend(page_size=PAGE, **fields)
    micros = (time.perf_counter() - began) * 1e6
    shown = from_proto(answer.results)
    out.print(results_table(title, shown, footer_of(micros, answer.serving_info)))
    if not shown:
        raise NotReady(f"{title}: the answer has no results")
    return [one.item_id for one in shown]


def _ask_http(
    settings: Settings, addresses: Addresses, title: str, body: dict[str, Any], before: list[str] | None = None
) -> list[str]:
    """The same over HTTP."""
    headers = {"content-type": "application/json"}
    if settings.server.bearer_token:
        headers["authorization"] = f"Bearer {settings.server.bearer_token}"
    connection = http.client.HTTPConnection(addresses.host, addresses.http_port, timeout=HTTP_S_MAX)
    try:
        connection.connect()
        began = time.perf_counter()
        connection.request("POST", "/v1/recommend", json.dumps(body), headers)
        response = connection.getresponse()
        said = json.loads(response.read())
        micros = (time.perf_counter() - began) * 1e6
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotReady(f"{title}: no answer over HTTP ({error})") from error
    finally:
        connection.close()
    if response.status != 200:
        raise NotReady(f"{title}: HTTP {response.status}: {said.get('detail', said)}")
    shown = from_json(said["results"])
    out.print(results_table(title, shown, f"{micros / 1000:.2f} ms", before))
    return [one.item_id for one in shown]
