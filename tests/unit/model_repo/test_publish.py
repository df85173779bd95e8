"""A release on disk: its names, its descriptions, its determinism."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from model_repo.publish import PUBLISH_LOCK, contents, digest, publish, registry
from serving.adapters import disk
from serving.adapters.releases import manifest
from serving.adapters.versions import DECISIONS, MODELS, folder, live, read_version, releases
from serving.core.errors import InvalidInput, NotReady, SettingError

TINY = runpy.run_path(str(Path(__file__).parents[1] / "adapters" / "tiny_release.py"))
FEATURES, tiny_release = TINY["FEATURES"], TINY["tiny_release"]
REPO = Path(__file__).parents[3] / "model_repo"


def test_the_release_is_named_by_time_and_content(tmp_path: Path) -> None:
    """2023-11-14 22:13:20 UTC and eight digits of the digest; the same training gives the same digits."""
    one = publish(tmp_path / "a", tiny_release(), wall_s=1_700_000_000)
    two = publish(tmp_path / "b", tiny_release(), wall_s=1_700_000_100)
    other = publish(tmp_path / "c", tiny_release(1), wall_s=1_700_000_000)
    assert re.fullmatch(r"20231114T221320-[0-9a-f]{8}", one)
    assert one.split("-")[1] == two.split("-")[1] != other.split("-")[1]


def test_same_training_same_bytes() -> None:
    """Every file of every part, byte for byte."""
    assert contents(tiny_release()) == contents(tiny_release())


def test_metrics_do_not_change_the_digest(tmp_path: Path) -> None:
    """They hold seconds; the model is the same. History given as a file counts as its bytes."""
    trained = tiny_release()
    (tmp_path / "records.bin").write_bytes(trained.history["records.bin"])
    slower = dataclasses.replace(
        trained, metrics={"ranker": {"seconds": 9.0}}, history={"records.bin": tmp_path / "records.bin"}
    )
    for part, files in contents(trained).items():
        assert digest(files) == digest(contents(slower)[part])


def test_publishing_the_same_twice_changes_nothing(tmp_path: Path) -> None:
    """Same second, same content: one release."""
    one = publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    assert publish(tmp_path, tiny_release(), wall_s=1_700_000_000) == one
    assert [release.release for release in releases(tmp_path)] == [one]


def test_a_candidate_is_published_and_not_live(tmp_path: Path) -> None:
    """Beside the live release, complete, and kept by the next sweep; the first release goes live all the same."""
    first = publish(tmp_path, tiny_release(), wall_s=1_700_000_000, go_live=False)
    assert live(tmp_path).release == first
    second = publish(tmp_path, tiny_release(1), wall_s=1_700_000_100, go_live=False)
    assert live(tmp_path).release == first
    assert [one.release for one in manifest(tmp_path).candidates] == [second]
    publish(tmp_path, tiny_release(2), wall_s=1_700_000_200)
    candidate = manifest(tmp_path).find(second)
    assert all(read_version(tmp_path, part, version).is_dir() for part, version in candidate.models.items())


def test_each_model_carries_its_description(tmp_path: Path) -> None:
    """model.toml is TOML with the trained facts added, metrics.json what was measured, card.md the card."""
    publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    for model in MODELS:
        path = folder(tmp_path, model, live(tmp_path).models[model])
        description = tomllib.loads((path / "model.toml").read_text())
        assert description["model"] == model
        assert description["trained"]["items"] == 12
        assert all((path / file).is_file() for file in description["files"])
        assert (path / "card.md").read_text().startswith(f"# {model}\n")
    assert description["trained"]["features"] == list(FEATURES)
    assert json.loads((path / "metrics.json").read_text()) == {"ndcg@10": 0.5}


def test_the_registry_names_every_model_and_each_is_described() -> None:
    """models.toml = the models of a release; each package has build.py and tensors with name, dtype, shape and unit.

    The files it names are those that are written.
    """
    assert tuple(registry())[: len(MODELS)] == MODELS
    assert set(registry()) <= {*MODELS, *DECISIONS}
    written = contents(tiny_release())
    for model, entry in registry().items():
        importlib.import_module(f"{entry['package']}.build")
        source = REPO / str(entry["package"]).split(".")[-1]
        description = tomllib.loads((source / "model.toml").read_text())
        assert entry["files"] == description["files"]
        if model in written:
            assert set(entry["files"]) == set(written[model]) - {"model.toml", "metrics.json", "card.md"}
        assert description["batch_limit_rows"] > 0
        for tensor in (*description["inputs"], *description["outputs"], *description.get("arrays", [])):
            assert set(tensor) == {"name", "dtype", "shape", "unit"}, model


def test_a_release_that_cannot_be_written_leaves_nothing_live(tmp_path: Path) -> None:
    """No history, a history file that is not there: the error, and still nothing is live."""
    for history, error in (({}, InvalidInput), ({"records.bin": tmp_path / "absent"}, FileNotFoundError)):
        with pytest.raises(error):
            publish(tmp_path, dataclasses.replace(tiny_release(), history=history), wall_s=1_700_000_000)
        with pytest.raises(NotReady):
            live(tmp_path)


def test_two_publishers_at_once(tmp_path: Path) -> None:
    """The second is told so at once and has touched nothing."""
    with disk.locked(tmp_path / PUBLISH_LOCK), pytest.raises(SettingError, match=PUBLISH_LOCK):
        publish(tmp_path, tiny_release(), wall_s=1_700_000_000)
    assert not (tmp_path / "models").exists()
