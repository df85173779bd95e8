"""Which models are in memory: live ones by themselves, others when asked for, never more than the bound."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest
from onnx_models import echo, write_model

from model_repo.publish import publish
from serving.adapters import onnx_choice
from serving.adapters.onnx_shelf import OnnxShelf
from serving.adapters.releases import live
from serving.core.errors import ModelDamaged, NoRoom, NotFound, NotReady

TINY = runpy.run_path(str(Path(__file__).with_name("tiny_release.py")))


def held(shelf: OnnxShelf) -> list[str]:
    return [f"{name}:{version}" for name, version in shelf.held()]


def states(shelf: OnnxShelf) -> dict[str, str]:
    """ "name:version" -> why it is not ready."""
    return {f"{one.name}:{one.version}": one.reason for one in shelf.index()}


def spoil(folder: Path) -> None:
    """One byte more than its checksum knows."""
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")


def test_files_of_a_release_are_models_and_a_new_release_takes_over(tmp_path: Path) -> None:
    """Each file of a part is a model; the version that the manifest names is live, the one before is still there."""
    first = publish(tmp_path, TINY["tiny_release"](0), wall_s=1_700_000_000)
    shelf = OnnxShelf(tmp_path, 8)
    version = live(tmp_path).models["ranker"]
    names = [f"ranker.{name}" for name in ("basket", "click", "purchase")]
    assert held(shelf) == [f"{name}:{version}" for name in names]
    assert shelf.find("ranker.click") == (version, shelf.find("ranker.click", version)[1])
    assert shelf.find("ranker.click")[1].rows_max == 16384, "as its model.toml says"
    second = publish(tmp_path, TINY["tiny_release"](1), wall_s=1_700_000_060)
    shelf.refresh()
    newer = live(tmp_path).models["ranker"]
    assert (first, version) < (second, newer)
    assert held(shelf) == [f"{name}:{newer}" for name in names]
    assert states(shelf)[f"ranker.click:{version}"] == "not loaded"


def test_a_folder_that_no_release_knows_is_live_in_its_last_version(tmp_path: Path) -> None:
    """Numbers count as numbers; drafts are nobody's versions."""
    for version in ("2", "10", "9", "candidate"):
        write_model(tmp_path, "echo", version, echo("FP32"))
    (tmp_path / "models" / "echo" / ".draft-1").mkdir()
    shelf = OnnxShelf(tmp_path, 8)
    assert held(shelf) == ["echo:10"]
    assert sorted(states(shelf)) == ["echo:10", "echo:2", "echo:9", "echo:candidate"]


def test_what_is_asked_for_by_name_is_there_until_it_is_unloaded(tmp_path: Path) -> None:
    for version in ("1", "2"):
        write_model(tmp_path, "echo", version, echo("FP32"))
    shelf = OnnxShelf(tmp_path, 8)
    with pytest.raises(NotReady, match=r"echo version 1 is not ready \(not loaded\): load it"):
        shelf.find("echo", "1")
    shelf.load("echo", ["1"])
    assert held(shelf) == ["echo:1", "echo:2"]
    model = shelf.find("echo", "1")[1]
    shelf.refresh()
    assert shelf.find("echo", "1")[1] is model, "what is in memory is not loaded anew"
    shelf.unload("echo")
    shelf.refresh()
    assert held(shelf) == []
    assert shelf.ready(), "nothing is missing that anybody wants"
    with pytest.raises(NotReady, match="no live version in memory"):
        shelf.find("echo")
    shelf.load("echo")
    assert shelf.find("echo")[0] == "2"


def test_all_replicas_of_a_home_come_to_hold_the_same(tmp_path: Path) -> None:
    """Those that run see it when they look next; one that starts later knows it."""
    for version in ("1", "2"):
        write_model(tmp_path, "echo", version, echo("FP32"))
    write_model(tmp_path, "other", "1", echo("FP32"))
    first, second = OnnxShelf(tmp_path, 8), OnnxShelf(tmp_path, 8)
    first.load("echo", ["1"])
    first.unload("other")
    second.refresh()
    assert held(first) == held(second) == held(OnnxShelf(tmp_path, 8)) == ["echo:1", "echo:2"]
    second.load("other")
    second.unload("echo")
    first.refresh()
    assert held(first) == held(second) == ["other:1"]


def test_two_replicas_do_not_change_the_choice_at_once(tmp_path: Path) -> None:
    """The second is asked to retry; what the first writes is never lost."""
    write_model(tmp_path, "echo", "1", echo("FP32"))
    shelf = OnnxShelf(tmp_path, 8)
    with onnx_choice.changing(tmp_path), pytest.raises(NotReady, match="another replica is loading"):
        shelf.unload("echo")
    assert held(shelf) == ["echo:1"]


def test_a_choice_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    for version in ("1", "2"):
        write_model(tmp_path, "echo", version, echo("FP32"))
    for text in ("{", "[]", '{"asked": [1], "unloaded": []}', '{"asked": [["echo", "1"]]}'):
        (tmp_path / onnx_choice.FILE).write_text(text)
        shelf = OnnxShelf(tmp_path, 8)
        assert held(shelf) == ["echo:2"]
        shelf.load("echo", ["1"])
        assert held(OnnxShelf(tmp_path, 8)) == ["echo:1", "echo:2"], "it is written anew"


def test_a_version_that_cannot_be_loaded_is_not_chosen(tmp_path: Path) -> None:
    """Nobody tries it again, and nothing gives way to it."""
    for version in ("1", "2", "3"):
        write_model(tmp_path, "echo", version, echo("FP32"))
    shelf = OnnxShelf(tmp_path, 2)
    shelf.load("echo", ["1"])
    spoil(tmp_path / "models" / "echo" / "2")
    with pytest.raises(ModelDamaged, match="echo 2"):
        shelf.load("echo", ["2"])
    assert held(shelf) == held(OnnxShelf(tmp_path, 2)) == ["echo:1", "echo:3"]


def test_unknown_names_are_told(tmp_path: Path) -> None:
    write_model(tmp_path, "echo", "1", echo("FP32"))
    shelf = OnnxShelf(tmp_path, 8)
    for act in (shelf.find, shelf.held, shelf.load, shelf.unload):
        with pytest.raises(NotFound, match="model 'nothing' is not known"):
            act("nothing")
    for ask in (lambda: shelf.find("echo", "7"), lambda: shelf.load("echo", ["7"])):
        with pytest.raises(NotFound, match="version of model echo '7'"):
            ask()


def test_the_bound_holds_and_the_oldest_gives_way(tmp_path: Path) -> None:
    for version in "1234":
        write_model(tmp_path, "echo", version, echo("FP32"))
    shelf = OnnxShelf(tmp_path, 3)
    shelf.load("echo", ["1"])
    shelf.load("echo", ["2"])
    shelf.load("echo", ["1"])
    shelf.load("echo", ["3"])
    assert held(shelf) == ["echo:1", "echo:3", "echo:4"]
    with pytest.raises(NoRoom, match="at most 3 versions"):
        shelf.load("echo", ["1", "2", "3"])
    assert held(shelf) == ["echo:1", "echo:3", "echo:4"]


def test_live_versions_beyond_the_bound_are_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_model(tmp_path, name, "1", echo("FP32"))
    shelf = OnnxShelf(tmp_path, 1)
    assert states(shelf) == {"a:1": "", "b:1": "no room: inference.models_max"}
    assert not shelf.ready()


def test_a_damaged_version_is_refused_and_the_one_before_goes_on(tmp_path: Path) -> None:
    """It is not tried again by itself; a load says what is wrong with it, and takes it once it is whole."""
    write_model(tmp_path, "echo", "1", echo("FP32"))
    shelf = OnnxShelf(tmp_path, 8)
    model = shelf.find("echo")[1]
    folder = write_model(tmp_path, "echo", "2", echo("FP32"))
    whole = (folder / "model.onnx").read_bytes()
    spoil(folder)
    shelf.refresh()
    assert shelf.find("echo") == ("1", model)
    assert "model.onnx: the checksum does not match" in states(shelf)["echo:2"]
    assert not shelf.ready()
    with pytest.raises(ModelDamaged, match=r"echo 2: model\.onnx"):
        shelf.load("echo")
    (folder / "model.onnx").write_bytes(whole)
    shelf.refresh()
    assert shelf.find("echo")[0] == "1"
    shelf.load("echo")
    assert shelf.find("echo")[0] == "2"
    assert shelf.ready()


@pytest.mark.parametrize("text", ["batch_limit_rows = 'all'", "batch_limit_rows = -1", "not TOML"])
def test_a_description_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    write_model(tmp_path, "echo", "1", echo("FP32"), description=text)
    shelf = OnnxShelf(tmp_path, 8)
    assert "model.toml" in states(shelf)["echo:1"]


def test_what_is_gone_from_the_disk_is_forgotten(tmp_path: Path) -> None:
    """Who runs it at that moment keeps it until the end of the run."""
    folder = write_model(tmp_path, "echo", "1", echo("FP32"))
    shelf = OnnxShelf(tmp_path, 8)
    model = shelf.find("echo")[1]
    shutil.rmtree(folder)
    shelf.refresh()
    assert states(shelf) == {}
    values = np.ones((1, 2), np.float32)
    assert model.run({"x": values}, ["y"])[0].tolist() == values.tolist()


def test_an_empty_home_has_no_models(tmp_path: Path) -> None:
    shelf = OnnxShelf(tmp_path / "nowhere", 8)
    assert (shelf.index(), shelf.held(), shelf.ready()) == ([], [], True)
