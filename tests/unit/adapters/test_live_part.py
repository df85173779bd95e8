"""An optional part of a release: taken up, swapped and given up as the manifest says; damage replaces nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from forecasters import FILE, dumped, opened, weekday_rates
from link_laws import awaited

from serving.adapters.forecast_live import ForecastService
from serving.adapters.releases import Release
from serving.adapters.versions import PARTS, folder, promote, write_version
from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.errors import ModelDamaged, NotReady, StoregateError
from serving.core.turn import Turn
from serving.decisions.forecast.contract import Answer, Query


def go_live(home: Path, release: str, items: int = 0) -> None:
    """A release that differs in its forecast alone: `items` items, 0 = it has none."""
    for part in PARTS:
        if not folder(home, part, "1").exists():
            write_version(home, part, "1", {"x": b"x"})
    versions = dict.fromkeys(PARTS, "1")
    if items:
        versions["forecast"] = release
        write_version(home, "forecast", release, dumped(weekday_rates(items)))
    promote(home, Release(release, versions))


def answered(service: ForecastService) -> Answer | StoregateError:
    (answer,) = service.run_forecast([Query(("i4",))], Turn(0.0, 0.0, NEVER))
    return answer


def served(home: Path) -> ForecastService:
    return ForecastService(home, lambda: Catalogue.build([]), opened)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ForecastService]:
    go_live(tmp_path, "r1", 5)
    made = served(tmp_path)
    yield made
    made.close()


def test_a_new_release_is_taken_over(service: ForecastService, tmp_path: Path) -> None:
    """Without a change nothing happens."""
    first = answered(service)
    assert isinstance(first, Answer)
    assert (first.version, first.item_ids) == ("r1", ("i4",))
    assert not service.refresh()
    go_live(tmp_path, "r2", 3)
    assert service.refresh()
    second = answered(service)
    assert isinstance(second, Answer)
    assert (second.version, second.missing_items) == ("r2", ("i4",))


def test_a_release_without_one_is_not_ready_until_one_brings_it(service: ForecastService, tmp_path: Path) -> None:
    go_live(tmp_path, "r2")
    assert service.refresh()
    refused = answered(service)
    assert isinstance(refused, NotReady)
    assert "release r2 has none" in refused.message
    go_live(tmp_path, "r3", 5)
    assert service.refresh()
    assert service.version == "r3"


def test_nothing_trained_is_not_ready(tmp_path: Path) -> None:
    service = served(tmp_path)
    assert isinstance(answered(service), NotReady)
    go_live(tmp_path, "r1", 5)
    assert service.refresh()
    assert isinstance(answered(service), Answer)


def test_a_damaged_one_changes_nothing(service: ForecastService, tmp_path: Path) -> None:
    go_live(tmp_path, "r2", 3)
    (folder(tmp_path, "forecast", "r2") / FILE).write_bytes(b"torn")
    assert not service.refresh()
    assert service.version == "r1"


def test_one_that_cannot_be_read_is_passed_over_at_a_start(tmp_path: Path) -> None:
    """Whole by its checksums, and no model: the one before serves. Where none is left that is said."""
    go_live(tmp_path, "r1", 5)
    go_live(tmp_path, "r2", 3)
    (folder(tmp_path, "forecast", "r2") / FILE).write_bytes(b"torn")
    assert served(tmp_path).version == "r1"
    (folder(tmp_path, "forecast", "r1") / FILE).unlink()
    refused = answered(served(tmp_path))
    assert isinstance(refused, ModelDamaged)
    assert "r1" in refused.message
    assert "r2" in refused.message


def test_the_manifest_is_followed(service: ForecastService, tmp_path: Path) -> None:
    """By a thread of its own; answers meanwhile are of one version or the other."""
    service.start()
    go_live(tmp_path, "r2", 6)
    seen = set()

    def gone_over() -> bool:
        found = answered(service)
        assert isinstance(found, Answer)
        seen.add(found.version)
        return "r2" in seen

    awaited(gone_over, "r2 answers")
    assert seen <= {"r1", "r2"}
