"""What was published is what is loaded; what is damaged is refused by name, and the release before it serves."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_repo.publish import publish
from serving.adapters.model_files import FACTORS, dump_arrays, fingerprint
from serving.adapters.model_loader import load
from serving.adapters.releases import MANIFEST
from serving.adapters.versions import PARTS, Release, folder, live, promote, releases, write_version
from serving.core.errors import ModelDamaged, NotReady

HERE = Path(__file__).parent
TINY = runpy.run_path(str(HERE / "tiny_release.py"))
FEATURES, tiny_release = TINY["FEATURES"], TINY["tiny_release"]
KILLS, KILL_SEED = 20, 7


def flip(path: Path, at: int) -> bytes:
    """Flips one bit of the file; returns what it was."""
    good = path.read_bytes()
    path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    return good


def test_what_is_published_is_loaded(tmp_path: Path) -> None:
    """Every array, item, version and score comes back as it was."""
    trained = tiny_release(3)
    release = publish(tmp_path, trained, wall_s=1_700_000_000)
    found = load(tmp_path, FEATURES)
    assert (found.release, found.refused) == (release, [])
    assert set(found.models.versions) == {"item-item", "factors", "ranker", "index"}
    assert found.models.versions.items() <= dict(live(tmp_path).models).items()
    assert found.catalogue_items == trained.items
    assert (found.history_dir / "records.bin").read_bytes() == trained.history["records.bin"]
    for name in ("item_ids", "fold_alpha", "trained_through_s"):
        assert getattr(found.models, name) == getattr(trained.models, name)
    for name in ("vectors", "gram", "item_stats", "trending"):
        np.testing.assert_array_equal(getattr(found.models, name), getattr(trained.models, name), strict=True)
    for name in ("indptr", "cols", "vals"):
        one, other = getattr(found.models.item_item, name), getattr(trained.models.item_item, name)
        np.testing.assert_array_equal(one, other, strict=True)
    features = np.random.default_rng(0).standard_normal((9, 3)).astype(np.float32)
    np.testing.assert_allclose(found.models.scorer.score(features), trained.ranker.score(features), rtol=1e-5)
    scores, rows = found.models.index.search(trained.models.vectors[:2], 20)
    assert rows[:, 12:].tolist() == [[-1] * 8] * 2
    np.testing.assert_allclose(scores[0, 0], (trained.models.vectors @ trained.models.vectors[0]).max(), rtol=1e-5)


def test_nothing_trained_says_what_to_run(tmp_path: Path) -> None:
    """NotReady naming the two commands, for a home that is empty and one that is not there."""
    for home in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NotReady, match=r"storegate train.*storegate demo"):
            load(home, FEATURES)


def test_every_damaged_file_is_refused_by_name_and_the_previous_release_serves(tmp_path: Path) -> None:
    """One flipped bit in each file of each part of the live release, and in the manifest, in turn."""
    first = publish(tmp_path, tiny_release(0), wall_s=1_700_000_000)
    second = publish(tmp_path, tiny_release(1), wall_s=1_700_000_100)
    release = live(tmp_path)
    files = [path for part in PARTS for path in sorted(folder(tmp_path, part, release.models[part]).iterdir())]
    assert {path.name for path in files} >= {"model.onnx", "model.toml", "metrics.json", "card.md", "index.faiss"}
    random_at = random.Random(0)
    for path in (*files, tmp_path / MANIFEST):
        good = flip(path, random_at.randrange(path.stat().st_size))
        found = load(tmp_path, FEATURES)
        assert found.release == first
        assert len(found.refused) == 1
        assert path.name in found.refused[0] or (path.name == "SHA256SUMS" and path.parent.name in found.refused[0])
        path.write_bytes(good)
        assert load(tmp_path, FEATURES).release == second


def test_nothing_whole_left_lists_what_was_tried(tmp_path: Path) -> None:
    """Both releases damaged: ModelDamaged with a line on each."""
    names = [publish(tmp_path, tiny_release(seed), wall_s=1_700_000_000 + seed) for seed in (0, 1)]
    for release in releases(tmp_path):
        flip(folder(tmp_path, "ranker", release.models["ranker"]) / "model.onnx", 20)
    with pytest.raises(ModelDamaged) as caught:
        load(tmp_path, FEATURES)
    assert all(f"release {name}: ranker" in caught.value.message for name in names)
    assert caught.value.message.count("model.onnx") == 2


def test_a_ranker_for_other_features_is_refused(tmp_path: Path) -> None:
    """A program that computes other features does not serve it: it says what differs."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    with pytest.raises(ModelDamaged, match=r"lacks \['colour'\]"):
        load(tmp_path, ("price", "age", "colour"))


def test_parts_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    """Whole files with right checksums, but over other items or of another size: kernels trust their bounds."""
    models = tiny_release().models
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    base = live(tmp_path)
    arrays = {name: getattr(models, name, None) for name in FACTORS}
    cases = {
        "other items": {**arrays, "items": fingerprint(["x"])},
        "gram": {**arrays, "items": fingerprint(models.item_ids), "gram": np.zeros((2, 2))},
        "one an item": {**arrays, "items": fingerprint(models.item_ids), "vectors": np.zeros((5, 4))},
        "index": {**arrays, "items": fingerprint(models.item_ids), "vectors": np.zeros((12, 2)), "gram": np.eye(2)},
    }
    for number, (problem, content) in enumerate(cases.items()):
        version = f"bad-{number}"
        write_version(tmp_path, "factors", version, {"factors.npz": dump_arrays(content, FACTORS)})
        promote(tmp_path, Release(version, {**base.models, "factors": version}))
        found = load(tmp_path, FEATURES)
        assert found.release == base.release
        assert problem in found.refused[0]
        promote(tmp_path, base)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cols", np.array([12] * 12, np.int32)),
        ("cols", np.arange(11, dtype=np.int32)),
        ("indptr", np.arange(12, dtype=np.int64)),
        ("indptr", np.array([0, 5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], np.int64)),
    ],
)
def test_rows_beyond_their_bounds_are_refused(tmp_path: Path, name: str, value: np.ndarray) -> None:
    """A matrix that would let a kernel read outside its arrays never reaches one."""
    trained = tiny_release()
    rows = dataclasses.replace(trained.models.item_item, **{name: value})
    publish(
        tmp_path,
        dataclasses.replace(trained, models=dataclasses.replace(trained.models, item_item=rows)),
        wall_s=1_700_000_000,
    )
    with pytest.raises(ModelDamaged, match="not a CSR matrix"):
        load(tmp_path, FEATURES)


def test_a_publisher_killed_at_any_moment_leaves_a_release_that_loads(tmp_path: Path) -> None:
    """SIGKILL at seeded points of the file system work: the live release is always whole, and training goes on."""
    command = [sys.executable, str(HERE / "killed_publisher.py"), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as publisher:
        assert publisher.stdin is not None
        assert publisher.stdout is not None

        def ask(seed: int, step: int) -> str:
            print(seed, step, file=publisher.stdin, flush=True)
            return publisher.stdout.readline().strip()

        assert ask(0, 5) == "died"
        with pytest.raises(NotReady):
            load(tmp_path, FEATURES)
        assert ask(1, 0) == f"published {live(tmp_path).release}"
        steps, died = random.Random(KILL_SEED), 0
        for seed in range(2, 2 + KILLS):
            before = live(tmp_path).release
            answer = ask(seed, steps.randrange(1, 170))
            found = load(tmp_path, FEATURES)
            assert found.refused == []
            assert answer in ("died", f"published {found.release}")
            died += answer == "died"
            if found.release != before:  # it got as far as the promotion, alive or not
                assert found.models.trained_through_s == 1_700_000_000 + seed
        assert died >= KILLS // 2
        publisher.stdin.close()
        assert publisher.wait(timeout=20) == 0
    last = publish(tmp_path, tiny_release(99), wall_s=1_700_001_000)
    assert load(tmp_path, FEATURES).release == last
    for part in PARTS:
        kept = {release.models[part] for release in releases(tmp_path)}
        assert {path.name for path in folder(tmp_path, part, "x").parent.iterdir()} == kept


def test_the_manifest_is_what_the_layout_says(tmp_path: Path) -> None:
    """live.json: release, models with a version of each part, previous."""
    release = publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    body = json.loads((tmp_path / MANIFEST).read_text())
    assert body["release"] == release
    assert set(body["models"]) == set(PARTS)
    assert body["previous"] == []
