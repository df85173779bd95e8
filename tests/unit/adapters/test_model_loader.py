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
from serving.adapters.model_loader import RANKERS, load, load_release
from serving.adapters.releases import MANIFEST
from serving.adapters.versions import MODELS, PARTS, folder, live, releases
from serving.core.errors import ModelDamaged, NotReady

HERE = Path(__file__).parent
TINY = runpy.run_path(str(HERE / "tiny_release.py"))
FEATURES, tiny_release, tiny_rankers = TINY["FEATURES"], TINY["tiny_release"], TINY["tiny_rankers"]
MATRICES = ("item_item", "transitions", "together", "coview")
KILLS, KILL_SEED = 20, 7
STEPS = 190
"""About as many times as one publishing touches the file system."""


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
    assert set(found.models.versions) == {*MODELS, "index"}
    assert found.models.versions.items() <= dict(live(tmp_path).models).items()
    assert found.catalogue_items == trained.items
    assert (found.history_dir / "records.bin").read_bytes() == trained.history["records.bin"]
    for name in ("item_ids", "fold_alpha", "trained_through_s"):
        assert getattr(found.models, name) == getattr(trained.models, name)
    for name in ("vectors", "gram", "item_stats", "trending", "content"):
        np.testing.assert_array_equal(getattr(found.models, name), getattr(trained.models, name), strict=True)
    for part in (*MATRICES, "content_model", "sessions"):
        one, other = (fields_of(getattr(models, part)) for models in (found.models, trained.models))
        assert one.keys() == other.keys()
        for name, array in other.items():
            np.testing.assert_array_equal(one[name], array, strict=True, err_msg=f"{part}.{name}")
    features = np.random.default_rng(0).standard_normal((9, 3)).astype(np.float32)
    for name, ranker in tiny_rankers(3).items():
        scores = getattr(found.models.rankers, name).score(features)
        np.testing.assert_allclose(scores, ranker.score(features), rtol=1e-5, err_msg=name)
    scores, rows = found.models.index.search(trained.models.vectors[:2], 20)
    assert rows[:, 12:].tolist() == [[-1] * 8] * 2
    np.testing.assert_allclose(scores[0, 0], (trained.models.vectors @ trained.models.vectors[0]).max(), rtol=1e-5)
    likeness, _ = found.models.content_index.search(trained.models.content[:2], 1)
    np.testing.assert_allclose(likeness, 1.0, rtol=1e-5)


def fields_of(part: object) -> dict[str, np.ndarray]:
    """The arrays of a dataclass or of a named tuple."""
    return (
        part._asdict() if isinstance(part, tuple) else {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}
    )


def test_one_release_can_be_loaded_though_another_is_live(tmp_path: Path) -> None:
    """As a replay does; a damaged one is refused and nothing takes its place."""
    first = publish(tmp_path, tiny_release(0), wall_s=1_700_000_000)
    publish(tmp_path, tiny_release(1), wall_s=1_700_000_100)
    older = releases(tmp_path)[1]
    assert load_release(tmp_path, older, FEATURES).release == older.release == first
    flip(folder(tmp_path, "together", older.models["together"]) / "coview.npz", 60)
    with pytest.raises(ModelDamaged, match="coview"):
        load_release(tmp_path, older, FEATURES)


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
    assert {path.name for path in files} >= {
        "model.toml", "metrics.json", "card.md", "index.faiss", "content.faiss", "items.parquet",
        "transitions.npz", "together.npz", "coview.npz", "sessions.npz", "content.npz", "factors.npz",
        *(f"{name}.onnx" for name in RANKERS),
    }  # fmt: skip
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
        flip(folder(tmp_path, "ranker", release.models["ranker"]) / "basket.onnx", 20)
    with pytest.raises(ModelDamaged) as caught:
        load(tmp_path, FEATURES)
    assert all(f"release {name}: ranker" in caught.value.message for name in names)
    assert caught.value.message.count("basket.onnx") == 2


def test_a_ranker_for_other_features_is_refused(tmp_path: Path) -> None:
    """A program that computes other features does not serve it: it says what differs."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    with pytest.raises(ModelDamaged, match=r"lacks \['colour'\]"):
        load(tmp_path, ("price", "age", "colour"))


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
            answer = ask(seed, steps.randrange(1, STEPS))
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
