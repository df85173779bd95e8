"""The README keeps its word: its commands run, its flags exist, its program prints, its links lead somewhere."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from e2e import readme
from e2e.conftest import PATIENT, SERVE, Shop
from e2e.gateways import STOREGATE, Gateway, command, environment, gateway

from serving.events.types import PURCHASE

USER, ITEM, FILE = "17850", "85123A", "online_retail.csv.gz"
"""The names that the README's console block uses."""


def spoken_of(name: str) -> list[str]:
    """The words of the one console command `storegate NAME`, without the program."""
    (words,) = [words for words in readme.console() if words[:2] == [readme.STOREGATE, name]]
    return words[1:]


@pytest.fixture(scope="module")
def sales(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo store's purchases as a file like Online Retail, with the README's customer and item in it."""
    events = shop.dataset.events.where(shop.dataset.events.type == PURCHASE)
    path = tmp_path_factory.mktemp("sales") / FILE.removesuffix(".gz")
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
        )
        for user, item, time_s, quantity, price, basket in zip(
            events.user, events.item, events.time_s, events.quantity, events.price, events.basket, strict=True
        ):
            found = shop.dataset.items[item]
            rows.writerow(
                [
                    500_000 + basket,
                    ITEM if found.item_id == shop.item else found.item_id,
                    found.title,
                    quantity,
                    datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d %H:%M:%S"),
                    price / 100,
                    USER if shop.dataset.users[user] == shop.user else shop.dataset.users[user],
                    "United Kingdom",
                ]
            )
    return path


@pytest.fixture(scope="module")
def trained_as_told(sales: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after the README's `storegate train`."""
    home = tmp_path_factory.mktemp("readme")
    words = [str(sales) if word == FILE else word for word in spoken_of("train")]
    assert str(sales) in words
    done = command(home, *words)
    assert done.returncode == 0, done.stderr
    assert "kept" in done.stdout
    return home


@pytest.fixture(scope="module")
def served_as_told(trained_as_told: Path) -> Iterator[Gateway]:
    """The README's `storegate serve`, without Ray (the suite's other gateway is started with it) and on free ports."""
    assert spoken_of("serve") == ["serve"]
    with gateway(trained_as_told, *SERVE["local"], settings=PATIENT) as running:
        yield running


def test_recommend_prints_a_table(served_as_told: Gateway) -> None:
    """Ten rows with titles and prices for the README's customer."""
    done = command(served_as_told.home, *spoken_of("recommend"))
    assert done.returncode == 0, done.stderr
    assert f"for user {USER}" in done.stdout
    assert done.stdout.count(" GBP ") == 10


def test_event_is_stored(served_as_told: Gateway) -> None:
    """As the README writes it, and the item is known."""
    done = command(served_as_told.home, *spoken_of("event"))
    assert (done.returncode, done.stdout.strip()) == (0, "stored"), done.stderr


def test_forecast_prints_a_table(trained_as_told: Path) -> None:
    """The README's item over four weeks, without a gateway."""
    done = command(trained_as_told, *spoken_of("forecast"))
    assert done.returncode == 0, done.stderr
    assert "28 days from" in done.stdout
    assert ITEM in done.stdout


def test_replenish_prints_a_table(trained_as_told: Path) -> None:
    """What to order of the README's item, without a gateway, in packs of six."""
    done = command(trained_as_told, *spoken_of("replenish"))
    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if line.split()[:1] == [ITEM]]
    assert int(row[1].replace(",", "")) % 6 == 0


def test_a_quote_is_printed(served_as_told: Gateway) -> None:
    """The price of the README's item at the running gateway, within its band."""
    done = command(served_as_told.home, *spoken_of("price"))
    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if line.split()[:1] == [ITEM]]
    price, _now, low, high = (float(text) for text in re.findall(r"(\d+\.\d+) GBP", " ".join(row))[:4])
    assert low <= price <= high


def test_walks_and_routes_are_planned_from_the_examples(local_gateway: Gateway, tmp_path: Path) -> None:
    """The README's lines one after the other, at a gateway: the second one of routes reads what the first has kept."""
    planned = [words[1:] for words in readme.console() if words[1:2] in (["place"], ["route"])]
    assert [words[:2] for words in planned] == [["place", "batch"], ["place", "slotting"], ["route", "plan"],
                                                ["route", "replan"]]  # fmt: skip
    shutil.copytree(readme.ROOT / "deploy/examples", tmp_path / "deploy/examples")
    for words, said in zip(planned, ("walks", "moves", "routes", "changed"), strict=True):
        done = subprocess.run(
            [STOREGATE, *words, "--target", local_gateway.target], env=environment(local_gateway.home), cwd=tmp_path,
            capture_output=True, text=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
    assert "<svg" in (tmp_path / "town.html").read_text()


def test_curl_gets_an_answer(local_gateway: Gateway) -> None:
    """The README's curl lines, at this gateway's address: a page of five, a stream of plans, a shop page of two
    placements."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    answers = []
    for words in [words for words in readme.console() if words[0] == "curl"]:
        told = [word.replace("localhost:8080", local_gateway.url.removeprefix("http://")) for word in words]
        assert told != words
        done = subprocess.run(
            [*told, "--noproxy", "*"], cwd=readme.ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    alone, plan, page = answers
    assert len(alone["results"]) == 5
    assert plan["final"]
    assert sum(len(route["visits"]) for route in plan["plan"]["routes"]) == 12
    assert [section["placement"] for section in page["sections"]] == ["trending", "on-sale"]
    assert len(page["sections"][0]["response"]["results"]) == 10


def test_the_program_prints_what_it_shows(local_gateway: Gateway, tmp_path: Path) -> None:
    """The README's Python block, at this gateway's address: a title, a price and a reason a line."""
    (program,) = readme.blocks("python")
    told = program.replace("127.0.0.1:50051", local_gateway.target)
    assert told != program
    # A busy machine may need longer than the client's usual deadline.
    patient = told.replace('")', '", timeout_s=20.0)', 1)
    path = tmp_path / "readme_block.py"
    path.write_text(patient)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^.+ \d+ \S.*$", done.stdout, re.MULTILINE)) == 5


@pytest.mark.parametrize("words", readme.commands(), ids=" ".join)
def test_commands_and_options_exist(words: list[str], tmp_path: Path) -> None:
    """Every `storegate ...` of the README names a command, and options that its help knows."""
    environ = os.environ | {"COLUMNS": "200", "STOREGATE_HOME": str(tmp_path)}
    name, *rest = words
    deeper = (
        [word for word in rest if word.isalpha() and word.islower()][:1]
        if name in ("evaluate", "batch", "place", "price", "route")
        else []
    )
    helped = subprocess.run(
        [Path(sys.executable).with_name("storegate"), name, *deeper, "--help"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert helped.returncode == 0, helped.stderr
    for word in rest:
        if word.startswith("-"):
            assert re.search(rf"(^|[\s,]){re.escape(word)}\b", helped.stdout), word


def test_make_targets_exist() -> None:
    makefile = (readme.ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert readme.make_targets()
    assert readme.make_targets() <= targets


@pytest.mark.parametrize("link", readme.links())
def test_links_lead_somewhere(link: str) -> None:
    assert (readme.ROOT / link).exists()


def test_methods_exist() -> None:
    """The table of services names methods of the contract, all of them."""
    from serving.transport.contract import methods, streams

    rows = re.findall(r"^\| `(\w+Service)` \| (.*) \|$", readme.TEXT, re.MULTILINE)
    told = {(service, name) for service, text in rows for name in re.findall(r"`([A-Z]\w+)`", text)}
    names = [*(method.full_name for method in methods()), *streams()]
    assert told == {(service.rpartition(".")[2], name) for _, service, name in (each.split("/") for each in names)}
