"""What a defect of prices costs: the last prices stay, and a gateway starts all the same."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from priced_pages import QUERIES, WALL_S, new_price, priced, quoted, serving, shown
from releases import A, B

from model_repo.publish import publish
from serving.adapters.live_part import DEFECT_PAUSE_S
from serving.adapters.price_live import LOOK_S
from serving.core.errors import NotReady
from serving.decisions.price.contract import AllQuery
from serving.decisions.price.table import PriceTable, Pricing


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
