"""What batches over files answer is what is answered online."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import ASKED, USERS, begun, here, only, output, profiles_at, users_file
from counting import DAY_S, sold, trends_of
from onnx_models import operation, write_model
from pyarrow import fs
from s3 import S3
from worlds import NOW

from serving.adapters.batch_job import create, drive
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.counter_files import CounterFiles
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.core.batch import BatchSpec, State
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput
from serving.core.turn import Turn
from serving.decisions.inference.batch import options_of as score_options
from serving.decisions.recommend.batch import options_of
from serving.decisions.recommend.contract import SOURCE_NAMES, Query


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
