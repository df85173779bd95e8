"""Real transactions in, recommendations out: UCI Online Retail as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.conftest import PATIENT, SERVE
from e2e.gateways import Gateway, command, gateway

DATA = Path(os.environ.get("STOREGATE_DATA") or Path(__file__).parents[3] / "shared" / "data")
FILE = DATA / "online_retail" / "online_retail.csv.gz"
USER = "17850"

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"{FILE} is not there; STOREGATE_DATA says where data is")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home = tmp_path_factory.mktemp("online-retail")
    done = command(home, "train", "--transactions", str(FILE))
    assert done.returncode == 0, done.stderr
    assert "is live" in done.stdout
    assert "dropped" in done.stdout
    with gateway(home, *SERVE["local"], settings=PATIENT) as started:
        yield started


def test_a_customer_gets_ten_results_with_titles(running: Gateway) -> None:
    """By the customer's own history: reasons name what was bought."""
    with running.client() as client:
        answer = client.recommend(USER, page_size=10)
    assert len({result.item_id for result in answer.results}) == 10
    assert all(result.title and result.price.currency_code == "GBP" for result in answer.results)
    codes = {reason.code for result in answer.results for reason in result.reasons}
    assert codes & {"BECAUSE_YOU_BOUGHT", "BUY_AGAIN"}
    assert answer.serving_info.HasField("events_applied_through")
    assert not answer.serving_info.degraded


def test_the_command_prints_them(running: Gateway) -> None:
    """`storegate recommend --user 17850 -k 10` finds the gateway by its home."""
    done = command(running.home, "recommend", "--user", USER, "-k", "10")
    assert done.returncode == 0, done.stderr
    assert f"for user {USER}" in done.stdout
    assert done.stdout.count(" GBP") == 10


def test_an_item_page_and_an_event(running: Gateway) -> None:
    """What goes with the white hanging heart; putting it into the cart changes the next answer."""
    with running.client() as client:
        page = client.recommend(item_ids=["85123A"], placement="others-you-may-like", page_size=5)
        assert len(page.results) == 5
        assert not page.missing_item_ids
        before = [result.item_id for result in client.recommend(visitor_id="v").results]
        assert client.write_event("add-to-cart", visitor_id="v", items=["85123A"]).stored
        assert [result.item_id for result in client.recommend(visitor_id="v").results] != before
