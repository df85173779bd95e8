"""Batches that cannot be: refused before anything is begun where that can be known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batch_runs import ASKED, USERS, begun, here, users_file
from onnx_models import operation, write_model

from serving.adapters.batch_job import create, drive
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_store import BatchStore
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.core.batch import BatchSpec, State
from serving.core.errors import DataError, InvalidInput, NotFound, StoregateError
from serving.decisions.inference.batch import options_of as score_options
from serving.decisions.recommend.batch import options_of


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
