"""Counters on the disk: damaged, full, shared, old; and replicas that take them up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from counting import TODAY, batch, event
from releases import NEIGHBOURS_ONLY, A, release

from model_repo.publish import publish
from serving.adapters import counter_files
from serving.adapters.counter_files import LIVE, PAST, CounterFiles, version_of
from serving.adapters.counting import Counting, recounted
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.event_mover import Moving
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_event_log import RedisEventLog
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.clock import NEVER
from serving.core.turn import Turn
from serving.decisions.recommend.contract import Query
from serving.events.log import LoggedEvent, encode_logged
from serving.events.moving import Moved

_numbers = itertools.count(1)
AHEAD = 60
"""Days after TODAY: later than the newest event that the models of worlds.py have seen."""


class Shop:
    """An archive and what is counted of it."""

    def __init__(self, root: Path, retention_days: int = 60) -> None:
        self.archive = ParquetArchive(root / "events")
        self.files = CounterFiles(root / "counters")
        self.today = TODAY
        self.counting = Counting(
            self.archive, self.files, retention_days=retention_days, half_life_days=14.0, today=lambda: self.today
        )

    def keep(self, *events: LoggedEvent) -> None:
        self.archive.put(*batch(events, next(_numbers) * 1000))

    def agrees(self) -> bool:
        assert self.files.live is not None
        return self.files.live.version == version_of(recounted(self.archive, self.today, 60, 14.0)[0])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def view(number: int, who: str = "v:a", item: str = "mug", back: int = 0) -> LoggedEvent:
    return event(number, "detail-page-view", who, item, back=back)


def test_a_damaged_file_of_the_archive_counts_for_nothing(shop: Shop) -> None:
    """It is told, the others count; once it is whole again, it does too."""
    shop.keep(view(1))
    shop.keep(view(2, "v:b"))
    file = shop.archive.files(TODAY)[0]
    path = Path(shop.archive.place) / file.path
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    shop.counting.run()
    assert shop.agrees()
    assert shop.files.live is not None
    assert shop.files.live.trends.views.sum() == 1 << 20


def test_counters_that_cannot_be_read_are_counted_anew(shop: Shop, tmp_path: Path) -> None:
    """A day's file that was cut, and a published one that does not hold together."""
    shop.keep(view(1), view(2, "v:b"))
    shop.counting.run()
    shop.counting.close()
    day = tmp_path / "counters" / f"day={TODAY}.npz"
    day.write_bytes(day.read_bytes()[:-30])
    again = Shop(tmp_path)
    again.counting.run()
    assert again.agrees()
    (tmp_path / "counters" / LIVE).write_bytes(b"nothing of the kind")
    reader = CounterFiles(tmp_path / "counters")
    assert not reader.look()
    assert reader.live is None


def test_a_reader_goes_on_with_what_it_has(shop: Shop, tmp_path: Path) -> None:
    """A damaged file changes nothing, and one that is taken away ends it."""
    shop.keep(view(1))
    shop.counting.run()
    reader = CounterFiles(tmp_path / "counters")
    assert reader.look()
    before = reader.live
    assert not reader.look()
    live = tmp_path / "counters" / LIVE
    live.write_bytes(b"cut")
    assert not reader.look()
    assert reader.live is before
    live.unlink()
    assert reader.look()
    assert reader.live is None


def test_days_out_of_the_retention_are_dropped(shop: Shop, tmp_path: Path) -> None:
    shop = Shop(tmp_path, retention_days=2)
    shop.keep(view(1, back=0), view(2, back=2), view(3, back=3))
    shop.counting.run()
    shop.counting.close()
    assert shop.files.days() == [TODAY - timedelta(days=2), TODAY]
    shop.today += timedelta(days=1)
    shop.counting.run()
    assert shop.files.days() == [TODAY]


def test_versions_of_before_are_found_while_they_are_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest give way; a name that is no version finds nothing."""
    monkeypatch.setattr(counter_files, "PAST_MAX", 2)
    versions = []
    for number in range(3):
        shop.keep(view(number, f"v:{number}"))
        shop.counting.run()
        assert shop.files.live is not None
        versions.append(shop.files.live.version)
    assert len(set(versions)) == 3
    found = [shop.files.find(version) for version in versions]
    assert found[0] is None
    assert [one and one.version for one in found[1:]] == versions[1:]
    assert shop.files.find(f"../{PAST}/{versions[1]}") is None


def test_the_same_counts_are_not_published_again(shop: Shop, tmp_path: Path) -> None:
    """A replica has nothing to do then."""
    shop.keep(view(1))
    shop.counting.run()
    stamp = (tmp_path / "counters" / LIVE).stat().st_mtime_ns
    shop.keep(event(2, "search", "v:a", "mug"))
    shop.counting.run()
    assert (tmp_path / "counters" / LIVE).stat().st_mtime_ns == stamp


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("home"))
    yield server
    server.close()


@pytest.fixture
def open_log(embedded: EmbeddedRedis) -> Iterator[Callable[..., RedisEventLog]]:
    """A log with these events in it."""
    made: list[RedisEventLog] = []

    def make(*events: LoggedEvent) -> RedisEventLog:
        prefix = f"c{next(_numbers)}:"
        with closing(RedisProfiles(RedisServer(embedded.url), prefix=prefix, write_timeout_s=5)) as store:
            assert store.wait_ready(5)
            store.append([(one.event.profile_key, b"") for one in events], 5.0, [encode_logged(one) for one in events])
        log = RedisEventLog(RedisServer(embedded.url), prefix=prefix)
        made.append(log)
        assert log.wait_ready(5)
        return log

    yield make
    for log in made:
        log.close()


def test_the_mover_counts_what_it_moves(shop: Shop, open_log: Callable[..., RedisEventLog]) -> None:
    events = [view(number, f"v:{number}") for number in range(30)]
    moving = Moving(open_log(*events), shop.archive, 7, counting=shop.counting)
    assert moving.run() == Moved(entries=30, events=30)
    assert shop.agrees()
    assert shop.files.live is not None
    assert shop.files.live.trends.views.tolist() == [30 << 20]
    moving.close()
    found = shop.files.read_day(TODAY)
    assert found is not None
    assert found[0] == {file.name for file in shop.archive.files(TODAY)}


def test_counters_that_cannot_be_written_keep_no_event_waiting(
    tmp_path: Path, open_log: Callable[..., RedisEventLog]
) -> None:
    """Where their folder should be is a file, as on a disk that is full; when that is mended they are brought up."""
    shop = Shop(tmp_path)
    (tmp_path / "counters").write_text("in the way")
    moving = Moving(open_log(view(1), view(2)), shop.archive, 10, counting=shop.counting)
    assert moving.run() == Moved(entries=2, events=2)
    assert shop.files.live is None
    (tmp_path / "counters").unlink()
    assert moving.run() == Moved()
    assert shop.agrees()


def test_files_that_are_put_together_are_not_counted_again(
    shop: Shop, open_log: Callable[..., RedisEventLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.adapters.parquet_archive.SMALL_FILES_MAX", 2)
    events = [view(number, f"v:{number}") for number in range(20)]
    moving = Moving(open_log(*events), shop.archive, 5, today=lambda: TODAY, counting=shop.counting)
    moving.run()
    (whole,) = shop.archive.files(TODAY)
    found = shop.files.read_day(TODAY)
    assert found is not None
    assert found[0] == {whole.name}
    monkeypatch.setattr(shop.archive, "read", lambda file: pytest.fail(f"{file.name} is read again"))
    shop.counting.run()


def test_replicas_take_up_what_is_published(tmp_path: Path) -> None:
    """Without a restart; and go back to the models alone when it is gone."""
    publish(tmp_path, release(A, "A"), wall_s=1.7e9)
    shop = Shop(tmp_path)
    shop.today += timedelta(days=AHEAD)
    live = LiveModels(tmp_path, NEIGHBOURS_ONLY, None, MemoryCatalogue(), counters=CounterFiles(tmp_path / "counters"))

    def first() -> tuple[str, str]:
        (answer,) = live.run([Query("trending", page_size=1)], Turn(0.0, 1.8e9, NEVER))
        return answer.catalogue.items[answer.rows[0]].item_id, answer.versions.get("counters", "")

    with closing(live):
        before, version = first()
        assert version == ""
        other = next(item for item in live.loaded.models.item_ids if item != before)
        shop.keep(*[event(n, "purchase-complete", f"v:{n}", other, back=-AHEAD) for n in range(50)])
        shop.counting.run()
        assert live.take_counters()
        assert not live.take_counters()
        assert shop.files.live is not None
        assert first() == (other, shop.files.live.version)
        publish(tmp_path, release(A, "A2"), wall_s=1.7e9 + 1)
        assert live.refresh()
        assert first() == (other, shop.files.live.version), "a new release has them from its first answer on"
        (tmp_path / "counters" / LIVE).unlink()
        assert live.take_counters()
        assert first() == (before, "")


def test_a_defect_in_the_counters_keeps_nothing_from_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A replica starts and answers by its models; that is told."""
    publish(tmp_path, release(A, "A"), wall_s=1.7e9)
    shop = Shop(tmp_path)
    shop.keep(view(1))
    shop.counting.run()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("serving.adapters.live_models.live_of", broken)
    files = CounterFiles(tmp_path / "counters")
    with closing(LiveModels(tmp_path, NEIGHBOURS_ONLY, None, MemoryCatalogue(), counters=files)) as live:
        (answer,) = live.run([Query("trending")], Turn(0.0, 1.8e9, NEVER))
        assert len(answer.rows) == 10
        assert "counters" not in answer.versions
        live.take_counters()
    assert caplog.text.count("are not taken up") == 1


def test_what_is_no_file_of_ours_is_left_alone(shop: Shop, tmp_path: Path) -> None:
    """In the folder of the counters; what a killed writer has begun is swept."""
    (tmp_path / "counters" / PAST).mkdir(parents=True)
    stray, draft = tmp_path / "counters" / "day=soon.npz", tmp_path / "counters" / PAST / ".abc.npz.draft"
    stray.write_bytes(b"x")
    draft.write_bytes(b"x")
    shop.keep(view(1))
    shop.counting.run()
    assert shop.agrees()
    assert stray.exists()
    assert not draft.exists()
