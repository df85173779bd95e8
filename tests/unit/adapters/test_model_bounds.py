"""Parts that are whole but do not fit together are refused by name: the kernels trust their bounds."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path

import numpy as np
import pytest

from model_repo.publish import Trained, publish
from serving.adapters.model_files import CONTENT, FACTORS, ROWS, SESSIONS, Spec, dump_arrays, fingerprint, load_arrays
from serving.adapters.model_loader import RANKERS, load, load_release
from serving.adapters.versions import Release, folder, live, promote, write_version
from serving.core.errors import ModelDamaged

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_release.py")))
FEATURES, tiny_release = TINY["FEATURES"], TINY["tiny_release"]
MATRICES = ("item_item", "transitions", "together", "coview")
FILES: dict[str, tuple[str, Spec]] = {
    "factors.npz": ("factors", FACTORS),
    "transitions.npz": ("transitions", ROWS),
    "together.npz": ("together", ROWS),
    "coview.npz": ("together", ROWS),
    "sessions.npz": ("sessions", SESSIONS),
    "content.npz": ("content", CONTENT),
}
UNFIT = [
    ("factors.npz", "gram", np.zeros((2, 2)), "factors: gram is not"),
    ("factors.npz", "vectors", np.zeros((5, 4)), "factors: the vectors are not one an item"),
    ("content.npz", "vectors", np.zeros((12, 99)), "content: the vectors are not one an item"),
    ("content.npz", "vectors", np.zeros((5, 2)), "content: the vectors are not one an item"),
    ("content.npz", "idf", np.zeros(1), "content: the vectors are not one an item"),
    ("content.npz", "terms", np.zeros(1), "content: the vectors are not one an item"),
    ("transitions.npz", "cols", np.full(12, 12), "transitions: the rows are not a CSR matrix"),
    ("transitions.npz", "cols", np.full(12, -1), "transitions: the rows are not a CSR matrix"),
    ("transitions.npz", "indptr", np.array([0] + [12] * 12), "transitions: the rows are not a CSR matrix"),
    ("together.npz", "vals", np.zeros(11), "together: the rows are not a CSR matrix"),
    ("coview.npz", "indptr", np.arange(12), "together: coview: the rows are not a CSR matrix"),
    ("sessions.npz", "item_ptr", np.arange(12), "sessions: they are not visits of the items"),
    ("sessions.npz", "item_sessions", np.full(12, 6), "sessions: they are not visits of the items"),
    ("sessions.npz", "session_ptr", np.arange(7), "sessions: they are not visits of the items"),
    ("sessions.npz", "session_items", np.full(12, 12), "sessions: they are not visits of the items"),
    ("sessions.npz", "session_time_s", np.zeros(5), "sessions: they are not visits of the items"),
]


def damaged(home: Path, base: Release, file: str, name: str, value: np.ndarray) -> str:
    """Makes a release live that differs from `base` in one array of one file, and says why it was refused."""
    part, spec = FILES[file]
    good = folder(home, part, base.models[part])
    content = dump_arrays({**load_arrays(good / file, spec), name: value}, spec)
    kept = {path.name: path for path in good.iterdir() if path.suffix == ".npz"}
    write_version(home, part, "bad", {**kept, file: content})
    promote(home, Release("bad", {**base.models, part: "bad"}))
    found = load(home, FEATURES)
    assert found.release == base.release
    (refused,) = found.refused
    return refused


@pytest.mark.parametrize(
    ("file", "name", "value", "problem"), UNFIT, ids=[f"{file}-{name}-{n}" for n, (file, name, *_) in enumerate(UNFIT)]
)
def test_parts_that_do_not_fit_together_are_refused(
    tmp_path: Path, file: str, name: str, value: np.ndarray, problem: str
) -> None:
    """Whole files with right checksums, but of another size or beyond their bounds: kernels trust them."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    assert problem in damaged(tmp_path, live(tmp_path), file, name, value)


@pytest.mark.parametrize("file", FILES)
def test_parts_over_other_items_are_refused(tmp_path: Path, file: str) -> None:
    """The same size, another order: the fingerprint says so, and the part and the file are named."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    mark = fingerprint(tiny_release().models.item_ids[::-1])
    assert f"{FILES[file][0]}: {file}: built over other items" in damaged(tmp_path, live(tmp_path), file, "items", mark)


def test_an_index_over_other_vectors_is_refused(tmp_path: Path) -> None:
    """The content index in the place of the factors', and the other way round."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    base = live(tmp_path)
    good = folder(tmp_path, "index", base.models["index"])
    swapped = {"index.faiss": good / "content.faiss", "content.faiss": good / "index.faiss"}
    for number, (file, problem) in enumerate(
        (("index.faiss", "index: its vectors"), ("content.faiss", "index: content.faiss does not hold"))
    ):
        files = {name: good / name for name in swapped} | {file: swapped[file]}
        write_version(tmp_path, "index", f"bad-{number}", files)
        promote(tmp_path, Release(f"bad-{number}", {**base.models, "index": f"bad-{number}"}))
        found = load(tmp_path, FEATURES)
        assert (found.release, problem in found.refused[0]) == (base.release, True)
        promote(tmp_path, base)


@pytest.mark.parametrize("name", RANKERS)
def test_a_release_without_one_of_its_rankers_is_refused(tmp_path: Path, name: str) -> None:
    """Each is asked by some placement or objective."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    base = live(tmp_path)
    good = folder(tmp_path, "ranker", base.models["ranker"])
    write_version(tmp_path, "ranker", "bad", {f"{one}.onnx": good / f"{one}.onnx" for one in RANKERS if one != name})
    promote(tmp_path, Release("bad", {**base.models, "ranker": "bad"}))
    found = load(tmp_path, FEATURES)
    assert found.release == base.release
    assert f"{name}.onnx" in found.refused[0]


def test_a_release_of_before_there_were_more_parts_is_refused(tmp_path: Path) -> None:
    """Its manifest names none of the new ones: what is missing is said, and nothing breaks."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    old = {part: version for part, version in live(tmp_path).models.items() if part not in ("together", "content")}
    with pytest.raises(ModelDamaged, match="the manifest names no version of together, content"):
        load_release(tmp_path, Release("old", old), FEATURES)


def test_statistics_of_another_program_are_refused(tmp_path: Path) -> None:
    """Features are read from them by position."""
    publish(tmp_path, with_models(tiny_release(), item_stats=np.zeros((12, 3), np.float32)), wall_s=1_700_000_000)
    with pytest.raises(ModelDamaged, match="item-item: the statistics"):
        load(tmp_path, FEATURES)


def with_models(trained: Trained, **changed: object) -> Trained:
    models = dataclasses.replace(trained.models, **changed)  # type: ignore[arg-type]
    return dataclasses.replace(trained, models=models)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cols", np.array([12] * 12, np.int32)),
        ("cols", np.arange(11, dtype=np.int32)),
        ("indptr", np.arange(12, dtype=np.int64)),
        ("indptr", np.array([0, 5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], np.int64)),
    ],
)
def test_rows_beyond_their_bounds_are_refused(tmp_path: Path, matrix: str, name: str, value: np.ndarray) -> None:
    """A matrix that would let a kernel read outside its arrays never reaches one."""
    trained = tiny_release()
    rows = dataclasses.replace(getattr(trained.models, matrix), **{name: value})
    publish(tmp_path, with_models(trained, **{matrix: rows}), wall_s=1_700_000_000)
    with pytest.raises(ModelDamaged, match="not a CSR matrix"):
        load(tmp_path, FEATURES)
