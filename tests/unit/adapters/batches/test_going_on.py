"""What a batch has done is never done again, whatever ends it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from batch_runs import USERS, begun, here, only, output, users_file
from releases import B, release

from model_repo.publish import publish
from serving.adapters.batch_job import BlockWorker, drive
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.core.batch import State
from serving.core.errors import Conflict, NotFound, StoreUnavailable


def test_what_was_cut_short_goes_on_where_it_stopped(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """Only blocks without a part are computed; a part that is damaged, or half written, is made anew; all of it with
    the release of the beginning, whatever is live meanwhile."""
    made = begun(around, store, catalogue, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        drive(around, store, made.name, partial(only, 3))
    assert store.get(made.name).state is State.PENDING
    out = tmp_path / "out"
    parts = sorted(out.glob("part-*"))
    assert len(parts) == 3
    untouched = parts[0].stat().st_mtime_ns
    parts[1].unlink()
    (out / f".{parts[1].name}.77.draft").write_bytes(b"half")
    (store.path(made.name) / "receipts").unlink()  # the driver was killed before it could note them
    parts[2].write_bytes(b"damaged")
    publish(around.home, release(B, "B"), wall_s=1.7e9 + 1)
    computed: list[int] = []

    def noting(make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterable[str]:
        computed.extend(blocks)
        return here(make, blocks)

    done = drive(around, store, made.name, noting)
    assert (done.state, computed) == (State.SUCCEEDED, [1, 2, 3]), done.message
    assert parts[0].stat().st_mtime_ns == untouched
    assert not list(out.glob(".*"))
    assert output(out).column("user_id").to_pylist() == [f"u{n}" for n in range(USERS)]
    assert json.loads((out / "_manifest.json").read_text())["release"] == made.pins["release"]


def test_the_same_batch_gives_the_same_parts(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """A block that is computed twice, because its worker was killed after it had written it, is one part."""
    made = begun(around, store, catalogue, tmp_path)
    one, other = (BlockWorker(around, around.home, made.name) for _ in range(2))
    first, second = json.loads(one(2)), json.loads(other(2))
    assert first["file"] == second["file"]
    assert len(list((tmp_path / "out").glob("part-000002_*"))) == 1


def test_a_cancelled_batch_keeps_what_is_done_and_can_be_resumed(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    made = begun(around, store, catalogue, tmp_path)

    def cancelled_meanwhile(make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterator[str]:
        worker = make()
        for number in blocks:
            if number == 1:
                assert store.cancel(made.name).cancelling
                with pytest.raises(Conflict, match="being cancelled"):
                    store.resume(made.name)
            yield worker(number)

    done = drive(around, store, made.name, cancelled_meanwhile)
    assert (done.state, done.progress.blocks_done) == (State.CANCELLED, 2)
    assert not (tmp_path / "out" / "_manifest.json").exists()
    assert store.resume(made.name).state is State.PENDING
    assert drive(around, store, made.name, here).state is State.SUCCEEDED
    with pytest.raises(Conflict, match="nothing to resume"):
        store.resume(made.name)


def test_a_store_that_is_away_fails_the_batch_and_costs_nothing(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer without the profile is written; when the store is back it goes on."""
    monkeypatch.setattr("serving.adapters.batch_recommend.PAUSE_S", 0.0)
    made = begun(around, store, catalogue, tmp_path)
    done = drive(replace(around, open_profiles=Away), store, made.name, here)
    assert (done.state, done.reason) == (State.FAILED, "STORE_UNAVAILABLE")
    assert not list((tmp_path / "out").glob("part-*"))
    store.resume(made.name)
    assert drive(around, store, made.name, here).state is State.SUCCEEDED


class Away:
    """A store that does not answer."""

    def fetch(self, keys: Sequence[str], timeout_s: float) -> list[bytes]:
        raise StoreUnavailable("redis: connection refused")


def test_memory_beyond_the_setting_ends_the_batch(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """And says which settings would help."""
    made = begun(around, store, catalogue, tmp_path)
    done = drive(replace(around, memory_mib=1), store, made.name, here)
    assert (done.state, done.reason) == (State.FAILED, "NO_ROOM")
    assert "batch.block_rows" in done.message


def test_a_block_that_kills_its_workers_is_given_up(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """The batch fails, and says so; resumed, it is tried anew."""
    made = begun(around, store, catalogue, tmp_path)

    def killed(make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterable[str]:
        for _ in range(3):
            store.begun(made.name, 2)
        return here(make, blocks)

    done = drive(around, store, made.name, killed)
    assert (done.state, done.reason, done.progress.blocks_done) == (State.FAILED, "WORKER_LOST", 2)
    assert "block 2: 3 workers" in done.message
    store.resume(made.name)
    assert drive(around, store, made.name, here).state is State.SUCCEEDED


def test_one_process_works_on_a_batch(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.adapters.batch_store.LOOK_S_MAX", 0.0)
    made = begun(around, store, catalogue, tmp_path)
    with store.working(made.name):
        assert store.get(made.name).state is State.RUNNING
        with pytest.raises(Conflict, match="another process"):
            drive(around, store, made.name, here)
    assert store.get(made.name).state is State.PENDING


def test_an_input_that_shrinks_meanwhile_is_noticed(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    made = begun(around, store, catalogue, tmp_path)
    users_file(tmp_path / "in" / "users.parquet", 0, 100)
    done = drive(around, store, made.name, here)
    assert (done.state, done.reason) == (State.FAILED, "BAD_DATA")
    assert "users.parquet" in done.message


def test_files_of_operations_are_private(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """URIs may hold keys."""
    made = begun(around, store, catalogue, tmp_path)
    assert os.stat(store.path(made.name)).st_mode & 0o077 == 0
    with pytest.raises(NotFound):
        store.get("../" + made.name)
