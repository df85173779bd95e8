"""A version is complete or absent, a damaged one is refused by the name of its file, promotion is one rename."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from serving.adapters import disk
from serving.adapters.releases import BACKUP, LOCK, MANIFEST
from serving.adapters.versions import (
    DECISIONS,
    PARTS,
    Release,
    live,
    promote,
    read_version,
    releases,
    sweep,
    write_version,
)
from serving.core.errors import InvalidInput, ModelDamaged, NotReady, SettingError


def whole(home: Path, name: str) -> Release:
    """Writes a version of every part and returns them as a release, not yet live."""
    for part in PARTS:
        write_version(home, part, name, {"data.bin": f"{part} {name}".encode(), "card.md": b"text\n"})
    return Release(name, dict.fromkeys(PARTS, name))


def test_a_version_lies_where_the_layout_says_and_coreutils_agree(tmp_path: Path) -> None:
    """models/<model>/<version> and index/<version>; `sha256sum -c SHA256SUMS` passes."""
    source = tmp_path / "big.bin"
    source.write_bytes(b"x" * 3_000_000)
    path = write_version(tmp_path, "ranker", "v1", {"model.onnx": source, "card.md": b"card"})
    assert path == tmp_path / "models" / "ranker" / "v1"
    assert read_version(tmp_path, "ranker", "v1") == path
    assert write_version(tmp_path, "index", "v1", {"index.faiss": b"i"}) == tmp_path / "index" / "v1"
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=path, check=True, capture_output=True)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["v1"]


def test_every_damaged_file_is_named(tmp_path: Path) -> None:
    """One flipped byte in any file, a file gone, a file too many: refused, with model, version and file."""
    path = write_version(tmp_path, "factors", "v1", {"factors.npz": b"0123456789", "card.md": b"card"})
    for name in ("factors.npz", "card.md", "SHA256SUMS"):
        good = (path / name).read_bytes()
        for at in range(len(good)):
            (path / name).write_bytes(good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1 :])
            with pytest.raises(ModelDamaged, match="factors v1: ") as caught:
                read_version(tmp_path, "factors", "v1")
            assert name == "SHA256SUMS" or caught.value.facts["file"] == name
        (path / name).unlink()
        with pytest.raises(ModelDamaged, match="missing") as caught:
            read_version(tmp_path, "factors", "v1")
        assert caught.value.facts["file"] == name
        (path / name).write_bytes(good)
    (path / "extra").write_bytes(b"")
    with pytest.raises(ModelDamaged, match="extra: not listed"):
        read_version(tmp_path, "factors", "v1")
    with pytest.raises(ModelDamaged, match="v2: the version is not there"):
        read_version(tmp_path, "factors", "v2")


def test_a_failing_write_leaves_nothing(tmp_path: Path) -> None:
    """A source that cannot be read: the error, no version, no draft."""
    with pytest.raises(FileNotFoundError):
        write_version(tmp_path, "index", "v1", {"a": b"1", "b": tmp_path / "absent"})
    assert list((tmp_path / "index").iterdir()) == []


def test_writing_a_version_again(tmp_path: Path) -> None:
    """The same content changes nothing, a damaged version is repaired, another content is refused."""
    path = write_version(tmp_path, "index", "v1", {"a": b"1"})
    inode = path.stat().st_ino
    write_version(tmp_path, "index", "v1", {"a": b"1"})
    assert path.stat().st_ino == inode
    (path / "a").write_bytes(b"2")
    write_version(tmp_path, "index", "v1", {"a": b"1"})
    assert (read_version(tmp_path, "index", "v1") / "a").read_bytes() == b"1"
    with pytest.raises(InvalidInput, match="another content"):
        write_version(tmp_path, "index", "v1", {"a": b"3"})
    assert (read_version(tmp_path, "index", "v1") / "a").read_bytes() == b"1"


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "a\n", "x" * 101])
def test_names_cannot_leave_their_folder(tmp_path: Path, name: str) -> None:
    """Versions and files are plain names."""
    with pytest.raises(InvalidInput, match="version"):
        write_version(tmp_path, "index", name, {"a": b"1"})
    with pytest.raises(InvalidInput, match="index file"):
        write_version(tmp_path, "index", "v1", {name: b"1"})


def test_unknown_parts_and_reserved_files_are_refused(tmp_path: Path) -> None:
    """The error says which parts there are."""
    with pytest.raises(InvalidInput, match="one of item-item"):
        write_version(tmp_path, "item_item", "v1", {"a": b"1"})
    for files in ({}, {"SHA256SUMS": b""}):
        with pytest.raises(InvalidInput, match="at least one file"):
            write_version(tmp_path, "index", "v1", files)


def test_promotion_keeps_five_behind_and_rolls_back(tmp_path: Path) -> None:
    """Newest first, at most five previous; promoting an old one again brings it to the front."""
    with pytest.raises(NotReady, match="storegate train"):
        live(tmp_path)
    assert releases(tmp_path) == []
    for number in range(8):
        promote(tmp_path, whole(tmp_path, f"r{number}"))
    assert [r.release for r in releases(tmp_path)] == ["r7", "r6", "r5", "r4", "r3", "r2"]
    promote(tmp_path, releases(tmp_path)[1])
    assert live(tmp_path).release == "r6"
    assert [r.release for r in releases(tmp_path)] == ["r6", "r7", "r5", "r4", "r3", "r2"]
    body = json.loads((tmp_path / MANIFEST).read_text())
    assert body["models"]["catalogue"] == "r6"
    assert [r["release"] for r in body["previous"]] == ["r7", "r5", "r4", "r3", "r2"]


def test_only_what_is_on_disk_goes_live(tmp_path: Path) -> None:
    """A release with a part missing changes nothing."""
    first = whole(tmp_path, "r0")
    promote(tmp_path, first)
    with pytest.raises(InvalidInput, match=r"release\.models\[index\]: got 'gone'"):
        promote(tmp_path, Release("r1", {**first.models, "index": "gone"}))
    with pytest.raises(InvalidInput, match="history"):
        promote(tmp_path, Release("r1", {part: "r0" for part in PARTS if part != "history"}))
    assert live(tmp_path).release == "r0"


@pytest.mark.parametrize("part", DECISIONS)
def test_a_release_may_have_the_model_of_a_decision(tmp_path: Path, part: str) -> None:
    """It lies with the models and is kept as long as a known release names it; one that is not there is refused."""
    promote(tmp_path, whole(tmp_path, "r1"))
    path = write_version(tmp_path, part, "d1", {"data.bin": b"learnt"})
    assert path == tmp_path / "models" / part / "d1"
    parts = whole(tmp_path, "r2").models
    with pytest.raises(InvalidInput, match=rf"release.models\[{part}\]"):
        promote(tmp_path, Release("r2", {**parts, part: "never-written"}))
    promote(tmp_path, Release("r2", {**parts, part: "d1"}))
    write_version(tmp_path, part, "d2", {"data.bin": b"nobody names it"})
    assert sweep(tmp_path) == [path.with_name("d2")]
    assert read_version(tmp_path, part, live(tmp_path).models[part]) == path


def test_a_damaged_manifest_is_refused_and_the_backup_knows_the_previous_ones(tmp_path: Path) -> None:
    """Any flipped byte of live.json: refused by name; the releases before it are still known, and training goes on."""
    promote(tmp_path, whole(tmp_path, "r0"))
    promote(tmp_path, whole(tmp_path, "r1"))
    good = (tmp_path / MANIFEST).read_bytes()
    for at in range(len(good)):
        (tmp_path / MANIFEST).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(ModelDamaged, match=MANIFEST):
            live(tmp_path)
        assert [r.release for r in releases(tmp_path)] == ["r0"]
    (tmp_path / MANIFEST).write_bytes(good[: len(good) // 2])
    promote(tmp_path, whole(tmp_path, "r2"))
    assert [r.release for r in releases(tmp_path)] == ["r2", "r0"]
    assert (tmp_path / BACKUP).exists()


def test_sweep_removes_drafts_and_what_fell_out_of_the_window(tmp_path: Path) -> None:
    """What a release of the window names stays; without any release nothing is touched."""
    write_version(tmp_path, "index", "lonely", {"a": b"1"})
    assert sweep(tmp_path) == []
    for number in range(7):
        promote(tmp_path, whole(tmp_path, f"r{number}"))
    (tmp_path / "models" / "ranker" / ".draft-dead").mkdir()
    gone = {str(path.relative_to(tmp_path)) for path in sweep(tmp_path)}
    assert {"index/lonely", "models/ranker/.draft-dead", "models/ranker/r0", "history/r0"} <= gone
    for release in releases(tmp_path):
        for part in PARTS:
            read_version(tmp_path, part, release.models[part])
    assert sweep(tmp_path) == []


def test_two_promotions_at_once_are_refused_at_once(tmp_path: Path) -> None:
    """The second one is told who holds the lock; when the holder is gone it works."""
    release = whole(tmp_path, "r0")
    with disk.locked(tmp_path / LOCK), pytest.raises(SettingError, match=LOCK):
        promote(tmp_path, release)
    promote(tmp_path, release)
    assert live(tmp_path).release == "r0"
