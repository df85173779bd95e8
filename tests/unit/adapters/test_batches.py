"""Batches over files: what they answer is what is answered online; what was done is never done again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from counting import DAY_S, sold, trends_of
from onnx_models import operation, write_model
from pyarrow import fs
from releases import A, B, release
from s3 import S3
from worlds import NOW, blob, few

from model_repo.publish import publish
from serving.adapters.batch_job import BlockWorker, create, drive
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.counter_files import CounterFiles
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.core.batch import BatchSpec, Operation, State
from serving.core.catalogue import Item
from serving.core.clock import NEVER
from serving.core.errors import Conflict, DataError, InvalidInput, NotFound, StoregateError, StoreUnavailable
from serving.core.turn import Turn
from serving.decisions.inference.batch import options_of as score_options
from serving.decisions.recommend.batch import options_of
from serving.decisions.recommend.contract import SOURCE_NAMES, Query

USERS = 150
ASKED = Query(page_size=8, max_per_brand=3, filter="price >= 105")


def profiles_at(url: str) -> RedisProfiles:
    store = RedisProfiles(RedisServer(url), prefix="batch:", read_timeout_s=2, write_timeout_s=2)
    assert store.wait_ready(10)
    return store


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store in which every second user has a history."""
    with closing(EmbeddedRedis(tmp_path_factory.mktemp("redis"))) as server:
        with closing(profiles_at(server.url)) as store:
            known = [
                (f"u:u{n}", blob(("purchase-complete", f"i{n % 40}", 9), ("detail-page-view", f"i{(n + 7) % 40}", 1)))
                for n in range(0, USERS, 2)
            ]
            store.append(known, 2)
        yield server.url


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    publish(home, release(A, "A"), wall_s=1.7e9)
    return home


@pytest.fixture
def around(trained: Path, redis_url: str) -> Surroundings:
    return Surroundings(trained, few(exploration_share=0.2), partial(profiles_at, redis_url), 40, 4096)


@pytest.fixture
def store(trained: Path) -> BatchStore:
    return BatchStore(trained)


@pytest.fixture
def catalogue() -> MemoryCatalogue:
    """An item has been sold out, and another has come, since the release was published."""
    made = MemoryCatalogue()
    made.write([(0, Item("i4", title="A 4", price=200, stock={"north": (0, 0)}))])
    made.write([(0, Item("new", title="New", price=300, currency="GBP"))])
    return made


def users_file(path: Path, first: int = 0, last: int = USERS, **more: Sequence[object]) -> Path:
    path.parent.mkdir(exist_ok=True)
    ids = [f"u{n}" for n in range(first, last)]
    pq.write_table(
        pa.table({"user_id": ids, "segment": [f"s{n % 3}" for n in range(first, last)], **more}),
        path,
        row_group_size=64,
    )
    return path


def here(make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterable[str]:
    """In this process, one block after the other."""
    worker = make()
    return (worker(number) for number in blocks)


def only(count: int, make: Callable[[], BlockWorker], blocks: Sequence[int]) -> Iterator[str]:
    """Ends the program after `count` blocks."""
    worker = make()
    for number in blocks[:count]:
        yield worker(number)
    raise KeyboardInterrupt


def output(place: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(place.glob("part-*.parquet"))])


def begun(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path, query: Query = ASKED
) -> Operation:
    source = users_file(tmp_path / "in" / "users.parquet")
    spec = BatchSpec("recommend", str(source), str(tmp_path / "out"), options_of(query))
    return create(around, store, spec, catalogue)


def test_a_batch_answers_what_is_answered_online(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path, redis_url: str
) -> None:
    """Item by item, score by score, in order, places left to chance included; and it tells what it was made with."""
    made = begun(around, store, catalogue, tmp_path)
    done = drive(around, store, made.name, here)
    assert (done.state, done.message) == (State.SUCCEEDED, "")
    assert (done.progress.rows_done, done.progress.blocks_done) == (USERS, 4)
    found = output(tmp_path / "out")
    assert found.column("user_id").to_pylist() == [f"u{n}" for n in range(USERS)]
    assert found.column("segment").to_pylist() == [f"s{n % 3}" for n in range(USERS)]
    with closing(profiles_at(redis_url)) as profiles:
        params = replace(around.params, profile_timeout_ms=1000)
        live = LiveModels(around.home, params, profiles, catalogue)
        live.catalogue.load()
        online = Turn(0.0, float(made.pins["wall_s"]), NEVER)
        ids = _decision_ids(made.name)
        queries = [replace(ASKED, user_id=f"u{n}", decision_id=next(ids)) for n in range(USERS)]
        answers = live.run(queries, online)
        live.close()
    assert len({tuple(answer.rows) for answer in answers}) > 20, "everybody gets the same: the test shows nothing"
    for row, answer in zip(found.column("results").to_pylist(), answers, strict=True):
        assert [one["item_id"] for one in row] == [answer.catalogue.items[at].item_id for at in answer.rows]
        assert [one["score"] for one in row] == pytest.approx(answer.scores.tolist(), rel=1e-5, abs=1e-5)
        assert [one["price"] for one in row] == answer.prices.tolist()
        assert [one["source"] for one in row] == [SOURCE_NAMES[at] for at in answer.sources]
    shown = {one["item_id"] for row in found.column("results").to_pylist() for one in row}
    assert "new" in shown
    assert "i4" not in shown, "it is sold out"
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert manifest["rows"] == USERS
    assert manifest["release"] == made.pins["release"]
    assert manifest["catalogue_version"] == 2
    assert sum(part["rows"] for part in manifest["parts"]) == USERS
    assert manifest["refused_rows"] == manifest["degraded_rows"] == 0


def test_a_batch_counts_what_was_counted_when_it_was_made(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """What trends by the event log comes first, as online, also when the counters have changed meanwhile."""
    files, today = CounterFiles(tmp_path / "counters"), date.fromtimestamp(int(NOW) // DAY_S * DAY_S)
    first = files.publish(trends_of(sold("i33", 50, int(NOW)), today))
    around = replace(around, counters=files.folder)
    made = begun(around, store, catalogue, tmp_path, Query("trending", page_size=3))
    assert files.publish(trends_of(sold("i21", 90, int(NOW)), today)).version != first.version
    done = drive(around, store, made.name, here)
    assert (done.state, done.message) == (State.SUCCEEDED, "")
    rows = output(tmp_path / "out").column("results").to_pylist()
    assert {row[0]["item_id"] for row in rows} == {"i33"}


def _decision_ids(name: str) -> Iterator[str]:
    """As the batch makes them: blocks of 40 rows."""
    from hashlib import blake2b

    seed = blake2b(name.encode(), digest_size=8).hexdigest()
    for n in range(USERS):
        yield f"{seed}{(n // 40 << 32) + n % 40:016x}"


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


def test_a_batch_over_an_object_store(
    s3: S3, around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """Read from there and written there, cut short and gone on with; the same parts as on the disk."""
    files = s3.bucket("batches")
    local = users_file(tmp_path / "in" / "users.parquet")
    with files.open_output_stream("batches/in/users.parquet") as stream:
        stream.write(local.read_bytes())
    spec = BatchSpec("recommend", s3.uri("batches/in"), s3.uri("batches/out"), options_of(ASKED))
    made = create(around, store, spec, catalogue)
    with pytest.raises(KeyboardInterrupt):
        drive(around, store, made.name, partial(only, 2))
    done = drive(around, store, made.name, here)
    assert (done.state, done.message, done.progress.rows_done) == (State.SUCCEEDED, "", USERS)
    names = [info.base_name for info in files.get_file_info(fs.FileSelector("batches/out"))]
    parts = sorted(name for name in names if name.startswith("part-"))
    assert len(parts) == 4
    with files.open_input_stream("batches/out/_manifest.json") as stream:
        manifest = json.loads(stream.read())
    assert [part["file"] for part in manifest["parts"]] == parts
    assert "AKIA" not in json.dumps(manifest)
    assert sum(len(pq.read_table(f"batches/out/{name}", filesystem=files)) for name in parts) == USERS
    with pytest.raises(InvalidInput, match="output_uri"):
        create(around, store, spec, catalogue)


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


def test_rows_that_cannot_be_answered_are_told_and_spoil_no_other(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """An id that is none, items that are missing where the placement needs them; somebody unknown is a new visitor."""
    query = Query(placement="similar-items", page_size=3)
    path = tmp_path / "in.parquet"
    rows = {"visitor_id": ["v", "a\nb", None, "w"], "item_id": ["i2", "i2", "i6", None]}
    pq.write_table(pa.table(rows), path)
    made = create(around, store, BatchSpec("recommend", str(path), str(tmp_path / "out"), options_of(query)), catalogue)
    assert drive(around, store, made.name, here).state is State.SUCCEEDED
    found = output(tmp_path / "out").to_pylist()
    assert [bool(row["results"]) for row in found] == [True, False, True, False]
    assert "visitor_id" in found[1]["error"]
    assert "similar-items" in found[3]["error"]
    assert json.loads((tmp_path / "out" / "_manifest.json").read_text())["refused_rows"] == 2


def test_scores_are_those_of_the_open_inference_protocol(
    around: Surroundings, store: BatchStore, tmp_path: Path
) -> None:
    """Vectors, single values and strings go in by name; what is no input is passed on; the version stays the same."""
    adder = operation("Add", {"x": ("FP32", ("n", 3)), "y": ("FP32", ("n", 1))}, {"z": ("FP32", ("n", 3))})
    write_model(around.home, "adder", "1", adder, 16)
    write_model(around.home, "adder", "2", adder, 16)
    rows = 100
    x = np.arange(3 * rows, dtype=np.float32).reshape(rows, 3)
    table = pa.table(
        {
            "key": [f"k{n}" for n in range(rows)],
            "x": pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), 3),
            "y": np.arange(rows),  # whole numbers, which the model takes as float32
        }
    )
    pq.write_table(table, tmp_path / "in.parquet")
    spec = BatchSpec("score", str(tmp_path / "in.parquet"), str(tmp_path / "out"), score_options("adder"))
    made = create(around, store, spec, MemoryCatalogue())
    write_model(around.home, "adder", "3", adder, 16)
    assert made.pins["version"] == "2"
    done = drive(around, store, made.name, here)
    assert (done.state, done.message) == (State.SUCCEEDED, "")
    found = output(tmp_path / "out")
    assert found.column_names == ["key", "z"]
    assert found.column("key").to_pylist() == [f"k{n}" for n in range(rows)]
    np.testing.assert_array_equal(
        np.array(found.column("z").to_pylist()), x + np.arange(rows, dtype=np.float32)[:, None]
    )


def truncated(path: Path) -> None:
    data = users_file(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])


def other_schema(folder: Path) -> None:
    users_file(folder / "a.parquet", 0, 10)
    pq.write_table(pa.table({"user_id": [1, 2], "segment": ["a", "b"]}), folder / "b.parquet")


def lacks_column(folder: Path) -> None:
    users_file(folder / "a.parquet", 0, 10)
    pq.write_table(pa.table({"user_id": ["x"]}), folder / "b.parquet")


BAD = {
    "nothing there": (lambda path: None, InvalidInput, "NOT_FOUND", "that is there"),
    "half-written": (truncated, DataError, "BAD_DATA", "users.parquet: not a whole Parquet file"),
    "another type": (other_schema, DataError, "BAD_DATA", "b.parquet, column 'user_id': it is int64, and string"),
    "a column less": (lacks_column, DataError, "BAD_DATA", "b.parquet, column 'segment': the column is missing"),
    "an empty folder": (lambda path: path.mkdir(), InvalidInput, "INVALID_FIELD", "end in .parquet"),
    "nobody in it": (
        lambda path: pq.write_table(pa.table({"customer": ["a"]}), path), InvalidInput, "MISSING_COLUMN", "user_id",
    ),
    "numbers for ids": (
        lambda path: pq.write_table(pa.table({"user_id": [1]}), path), InvalidInput, "WRONG_COLUMN", "strings",
    ),
    "a column in the way": (
        lambda path: users_file(path, results=[1] * USERS), InvalidInput, "INVALID_FIELD", "another name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_before_anything_is_begun(
    name: str, around: Surroundings, store: BatchStore, tmp_path: Path
) -> None:
    """Each with a typed error that names the file, the column and what would be right; no output is touched."""
    make, kind, reason, told = BAD[name]
    path = tmp_path / "users.parquet" if name != "another type" and name != "a column less" else tmp_path / "many"
    path.mkdir() if path.name == "many" else None
    make(path)
    spec = BatchSpec("recommend", str(path), str(tmp_path / "out"), options_of(ASKED))
    with pytest.raises(kind) as caught:
        create(around, store, spec, MemoryCatalogue())
    assert caught.value.reason == reason
    assert told in caught.value.message
    assert not (tmp_path / "out").exists()


def test_an_output_that_exists_is_never_overwritten(
    around: Surroundings, store: BatchStore, catalogue: MemoryCatalogue, tmp_path: Path
) -> None:
    """Nor is the output of another batch, nor one that has become another's while the batch was away."""
    made = begun(around, store, catalogue, tmp_path)
    before = len(store.names())
    with pytest.raises(InvalidInput, match="nothing is overwritten") as caught:
        begun(around, store, catalogue, tmp_path)
    assert caught.value.reason == "OUTPUT_EXISTS"
    assert len(store.names()) == before
    (tmp_path / "out" / "_operation.json").write_text('{"operation": "another"}')
    done = drive(around, store, made.name, here)
    assert (done.state, done.reason) == (State.FAILED, "OUTPUT_EXISTS")


@pytest.mark.parametrize(
    ("uri", "reason", "told"),
    [
        ("sftp://host/users.parquet", "MISSING_EXTRA", "pip install fsspec paramiko"),
        ("nosuch://host/users", "UNKNOWN_URI", "s3://"),
        ("", "INVALID_FIELD", "a path"),
    ],
)
def test_a_uri_that_cannot_be_opened_says_what_to_do(
    uri: str, reason: str, told: str, around: Surroundings, store: BatchStore, tmp_path: Path
) -> None:
    """Which pieces to install, or which kinds of URI there are."""
    spec = BatchSpec("recommend", uri, str(tmp_path / "out"), options_of(ASKED))
    with pytest.raises(InvalidInput) as caught:
        create(around, store, spec, MemoryCatalogue())
    assert caught.value.reason == reason
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (score_options("absent"), NotFound),
        (score_options("one", "9"), NotFound),
        (score_options("one", outputs=["nothing"]), InvalidInput),
    ],
)
def test_a_model_that_is_not_there(
    options: dict[str, object], kind: type[StoregateError], around: Surroundings, store: BatchStore, tmp_path: Path
) -> None:
    """Neither a model, nor a version, nor an output; and no release of that name."""
    if not (around.home / "models" / "one").exists():
        write_model(around.home, "one", "1", operation("Neg", {"x": ("FP32", ("n",))}, {"y": ("FP32", ("n",))}), 8)
    pq.write_table(pa.table({"x": np.zeros(3, np.float32), "user_id": ["a"] * 3}), tmp_path / "in.parquet")
    with pytest.raises(kind):
        create(
            around,
            store,
            BatchSpec("score", str(tmp_path / "in.parquet"), str(tmp_path / "o"), options),
            MemoryCatalogue(),
        )
    spec = BatchSpec("recommend", str(tmp_path / "in.parquet"), str(tmp_path / "o"), options_of(ASKED, "absent"))
    with pytest.raises(NotFound):
        create(around, store, spec, MemoryCatalogue())


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"w": [1.0]}, "a column for each input"),
        ({"x": ["a"]}, "values of FP32"),
        ({"x": [[1.0, 2.0]]}, "input_uri.x"),
        ({"x": [1.0], "y": [1.0]}, "another name"),
    ],
)
def test_columns_that_a_model_does_not_take(
    columns: dict[str, list[object]], told: str, around: Surroundings, store: BatchStore, tmp_path: Path
) -> None:
    """Named, with what the model takes: at once where the type shows it, else when the block is computed."""
    if not (around.home / "models" / "neg").exists():
        write_model(around.home, "neg", "1", operation("Neg", {"x": ("FP32", ("n",))}, {"y": ("FP32", ("n",))}), 8)
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    spec = BatchSpec("score", str(tmp_path / "in.parquet"), str(tmp_path / "out"), score_options("neg"))
    assert told in refusal(around, store, spec)


def refusal(around: Surroundings, store: BatchStore, spec: BatchSpec) -> str:
    """Why the batch is not made, or fails."""
    try:
        made = create(around, store, spec, MemoryCatalogue())
    except InvalidInput as error:
        return error.message
    done = drive(around, store, made.name, here)
    assert done.state is State.FAILED
    return done.message


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
