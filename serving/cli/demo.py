"""`storegate demo`: from nothing to answers, and what an event changes, in one go."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich._export_format import CONSOLE_SVG_FORMAT

from serving.cli.common import client_of, out, say, with_settings
from serving.cli.forecast_tables import forecast_table
from serving.cli.price import quotes_table
from serving.cli.replenish import plans_table
from serving.cli.serve import OPTIONS, run, serving_options, show
from serving.cli.tables import Shown, footer_of, from_json, from_proto, results_table
from serving.core.errors import NotReady, StoregateError
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.runtime.leaving import Departure
    from serving.runtime.parts import Addresses

PAGE = 5
PLANNED = 3
"""Items that the supply chain asks about."""
LEAD_TIME_DAYS = 7
KNOWN_RECORDS_MIN = 20
HTTP_S_MAX = 5.0
_PICTURE = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Rich's frame without its fonts, which a reader's browser would have to fetch from elsewhere."""


@click.command()
@click.option("--once", is_flag=True, help="Show everything, then end, leaving no process behind.")
@click.option("--picture", type=click.Path(path_type=Path), help="Also write what is shown to this SVG file.")
@click.option("--items", type=int, help="Of the demo store, when there is nothing to serve yet. [4000]")
@click.option("--customers", type=int, help="Likewise. [8000]")
@click.option("--days", type=int, help="Likewise. [180]")
@click.option("--seed", type=int, help="Likewise. [0]")
@serving_options
@with_settings(*OPTIONS, compiles=True)
def demo(
    settings: Settings,
    once: bool,
    picture: Path | None,
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
    out.record = picture is not None

    def on_ready(addresses: list[Addresses], leave: Departure) -> None:
        try:
            tour(settings, addresses[0])
            show(addresses)
            if picture is not None:
                out.save_svg(str(picture), title="storegate demo", code_format=_PICTURE)
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
    """Asks as a storefront would, each question over gRPC and HTTP; then an event, and again; last, as a planner."""
    from serving.adapters.releases import live

    visitor = f"demo-{uuid.uuid4().hex[:8]}"
    user = known_user(settings.home)
    with client_of(settings, f"{addresses.host}:{addresses.grpc_port}") as client:
        ask = partial(_ask_both, settings, addresses, client)
        page = ask(f"A known customer, {user}", {"user_id": user})[0]
        ask(f"On the page of {page}", {"item_ids": [page], "placement": "others-you-may-like"})
        before = ask(f"An anonymous visitor, {visitor}", {"visitor_id": visitor})
        client.write_event("add-to-cart", visitor_id=visitor, items=[page])
        out.print(f"The visitor puts {page} into the cart.\n", markup=False)
        after = ask("The same visitor, a moment later", {"visitor_id": visitor}, before)
        supply(client, live(settings.home).models, after[:PLANNED])


def supply(client: Any, parts: Mapping[str, str], items: list[str]) -> None:
    """Asks as a supply chain would about `items`: how much will sell, what to order, at which price. parts: of the live
    release, which may have been trained without a forecast or prices."""
    from storegate.v1.inventory_pb2 import ReplenishItem

    if "forecast" in parts:
        out.print("How much of these will sell, and what to order now:\n", markup=False)
        out.print(forecast_table(client.forecast_demand(items)))
        wanted = [ReplenishItem(item_id=item, lead_time_days=LEAD_TIME_DAYS) for item in items]
        out.print(plans_table(client.plan_replenishment(wanted)))
    if "price" in parts:
        out.print("At which price, within the rules:\n", markup=False)
        answer = client.quote_prices(items)
        out.print(quotes_table(answer.quotes, answer.info))


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


def _ask_both(
    settings: Settings,
    addresses: Addresses,
    client: Any,
    title: str,
    fields: dict[str, Any],
    before: list[str] | None = None,
) -> list[str]:
    """Asks over gRPC and over HTTP, prints the answer with both times; its item ids. Raises NotReady if they differ."""
    began = time.perf_counter()
    answer = client.recommend(page_size=PAGE, **fields)
    grpc_s = time.perf_counter() - began
    shown = from_proto(answer.results)
    by_http, http_s = _ask_http(settings, addresses, title, {**fields, "page_size": PAGE})
    if not shown or by_http != shown:
        raise NotReady(f"{title}: gRPC answers {shown}, HTTP {by_http}")
    times = f"gRPC {grpc_s * 1000:.2f} ms, HTTP {http_s * 1000:.2f} ms, the same answer"
    out.print(results_table(title, shown, footer_of(times, answer.serving_info), before))
    return [one.item_id for one in shown]


def _ask_http(
    settings: Settings, addresses: Addresses, title: str, fields: dict[str, Any]
) -> tuple[list[Shown], float]:
    """The results over HTTP, and the seconds they took."""
    headers = {"content-type": "application/json"}
    if settings.server.bearer_token:
        headers["authorization"] = f"Bearer {settings.server.bearer_token}"
    connection = http.client.HTTPConnection(addresses.host, addresses.http_port, timeout=HTTP_S_MAX)
    try:
        connection.connect()
        began = time.perf_counter()
        connection.request("POST", "/v1/recommend", json.dumps(fields), headers)
        response = connection.getresponse()
        said = json.loads(response.read())
        took = time.perf_counter() - began
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotReady(f"{title}: no answer over HTTP ({error})") from error
    finally:
        connection.close()
    if response.status != 200:
        raise NotReady(f"{title}: HTTP {response.status}: {said.get('detail', said)}")
    return from_json(said["results"]), took
