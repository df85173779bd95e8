"""A release goes without what cannot be built, and keeps what it had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_repo import decisions
from model_repo.datasets.demo_store import generate
from model_repo.datasets.tables import Dataset
from serving.core.errors import InvalidInput


@pytest.fixture(scope="module")
def shop() -> Dataset:
    """The smallest that all can be learnt from."""
    return generate(60, 150, 90, seed=0)


def test_a_model_that_cannot_be_built_is_missed_alone(
    shop: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A defect is logged with its trace and told; bad data is told in its own words; the other models are built."""

    def defective(dataset: Dataset, seed: int, report: decisions.Report) -> tuple[object, str]:
        raise ZeroDivisionError("singular")

    def refused(dataset: Dataset, seed: int, report: decisions.Report) -> tuple[object, str]:
        raise InvalidInput("panel.units", "all zero", "at least one sale")

    monkeypatch.setitem(decisions.BUILDERS, "forecast", defective)
    monkeypatch.setitem(decisions.BUILDERS, "broken", refused)
    told: list[str] = []
    made = decisions.build_decisions(shop, seed=0, report=lambda what, done, total: told.append(what))
    assert set(made.files) == {"price"}
    assert made.absent["forecast"] == decisions.DEFECT
    assert "at least one sale" in made.absent["broken"]
    assert f"no model for forecast: {decisions.DEFECT}" in told
    assert "singular" in caplog.text


def test_a_price_model_that_has_seen_prices_change_goes_on_where_none_did(
    shop: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events do not tell prices: a retraining without a file of transactions sees every item at one."""

    def told(message: str, done: int, total: int) -> None:
        pass

    monkeypatch.delitem(decisions.BUILDERS, "forecast")
    events = replace(shop.events, price=np.array([item.price for item in shop.items])[shop.events.item])
    flat = replace(shop, events=events)
    for before, absent in (
        ({"price": {"prior_only": 0.0}}, True),
        ({"price": {"prior_only": 1.0}}, False),
        ({}, False),
    ):
        made = decisions.build_decisions(flat, seed=0, report=told, before=before)
        assert (made.absent.get("price") == decisions.UNTAUGHT) is absent
        assert ("price" in made.files) is not absent
    seen = decisions.build_decisions(shop, seed=0, report=told, before={"price": {"prior_only": 0.0}})
    assert seen.metrics["price"]["prior_only"] == 0
    assert "price" in seen.files


def test_what_cannot_be_built_now_goes_on(shop: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that the release before had is part of the new one, and stays on disk."""
    from model_repo.train import train
    from serving.adapters.releases import live
    from serving.adapters.versions import folder

    try:
        train(tmp_path, shop, wall_s=1.0)
    except InvalidInput:
        pytest.fail("the shop is too small to learn from: give the test a larger one")
    before = live(tmp_path).models

    def defective(dataset: Dataset, seed: int, report: decisions.Report) -> tuple[object, str]:
        raise ZeroDivisionError

    monkeypatch.setitem(decisions.BUILDERS, "price", defective)
    made = train(tmp_path, shop, seed=1, wall_s=2.0, carried={part: before[part] for part in ("forecast", "price")})
    assert (made.absent, made.carried) == ({"price": decisions.DEFECT}, {"price": before["price"]})
    assert made.told == [f"no new price: {decisions.DEFECT} (version {before['price']} goes on)"]
    now = live(tmp_path).models
    assert made.release == live(tmp_path).release
    assert now["price"] == before["price"]
    assert now["forecast"] != before["forecast"]
    assert folder(tmp_path, "price", now["price"]).is_dir()

    train(tmp_path, shop, seed=1, wall_s=3.0, decisions=False)
    assert not {"forecast", "price"} & live(tmp_path).models.keys()
