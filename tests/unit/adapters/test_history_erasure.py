"""Erased users leave the files of training history, which stay whole, and no release brings them back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from erasures import World
from histories_of_people import blob, history, whole

from serving.adapters import disk
from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.history_erasure import HISTORY_FILE, LOCK, PUBLISHING, erase_history, find_history, sweep_drafts
from serving.adapters.redis_connection import RedisServer
from serving.core.errors import ModelDamaged
from serving.events.records import RECORD_BYTES

TIME_S = 1_700_000_000
CUT_MS = (TIME_S + 50) * 1000
LATER_S = TIME_S + 10_000


def test_the_erased_leave_every_version_and_others_stay(tmp_path: Path) -> None:
    """Records of after the cut too; a version without them is not written anew."""
    for version in ("v1", "v2"):
        history(tmp_path, version, {"u:ada": [TIME_S, TIME_S + 1, LATER_S], "u:bob": [TIME_S]})
    untouched = history(tmp_path, "v3", {"u:bob": [TIME_S]})
    before = (untouched / HISTORY_FILE).stat().st_ino
    cuts = {"u:ada": CUT_MS}
    found = find_history(tmp_path, cuts.get)
    assert (found.records, found.files) == ({"u:ada": 4}, {"u:ada": 2})
    assert [folder.name for folder in found.versions] == ["v1", "v2"]
    assert [erase_history(tmp_path, folder, cuts.get) for folder in found.versions] == [2, 2]
    assert whole(tmp_path, "v1") == whole(tmp_path, "v2") == {"u:ada": blob(LATER_S), "u:bob": blob(TIME_S)}
    assert erase_history(tmp_path, untouched, cuts.get) == 0
    assert (untouched / HISTORY_FILE).stat().st_ino == before


def test_nobody_may_be_left(tmp_path: Path) -> None:
    folder = history(tmp_path, "v1", {"u:ada": [TIME_S]})
    assert erase_history(tmp_path, folder, {"u:ada": CUT_MS}.get) == 1
    assert whole(tmp_path, "v1") == {}


@pytest.mark.parametrize("step", range(3))
def test_a_version_is_whole_whenever_its_writer_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """With the old content or the new; and it can be done again."""
    old = {"u:ada": blob(TIME_S), "u:bob": blob(TIME_S)}
    folder = history(tmp_path, "v1", {"u:ada": [TIME_S], "u:bob": [TIME_S]})
    renamed = 0

    def dying(source: Path, target: Path) -> None:
        nonlocal renamed
        if renamed == step:
            raise KeyboardInterrupt
        renamed += 1
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dying)
        with pytest.raises(KeyboardInterrupt):
            erase_history(tmp_path, folder, {"u:ada": CUT_MS}.get)
    assert whole(tmp_path, "v1") in (old, {"u:bob": blob(TIME_S)})
    erase_history(tmp_path, folder, {"u:ada": CUT_MS}.get)
    assert whole(tmp_path, "v1") == {"u:bob": blob(TIME_S)}
    assert sweep_drafts(tmp_path) == ""
    assert {path.name for path in folder.iterdir()} - {"SHA256SUMS.coming"} == {
        HISTORY_FILE, "notes.txt", "SHA256SUMS",
    }  # fmt: skip


def test_a_damaged_version_is_told_and_not_made_good(tmp_path: Path) -> None:
    """Its checksum must go on telling that it is damaged."""
    folder = history(tmp_path, "v1", {"u:ada": [TIME_S]})
    (folder / "notes.txt").write_text("changed")
    found = find_history(tmp_path, {"u:ada": CUT_MS}.get)
    assert (len(found.left), found.versions) == (1, [])
    with pytest.raises(ModelDamaged):
        erase_history(tmp_path, folder, {"u:ada": CUT_MS}.get)


def test_drafts_of_killed_writers_go_unless_one_is_at_work(tmp_path: Path) -> None:
    folder = history(tmp_path, "v1", {"u:bob": [TIME_S]})
    drafts = [folder.parent / ".draft-x1", folder / f".{HISTORY_FILE}{disk.DRAFT}"]
    drafts[0].mkdir()
    drafts[1].write_bytes(b"half")
    with disk.locked(tmp_path / PUBLISHING):
        assert "published" in sweep_drafts(tmp_path)
        assert drafts[0].exists()
    assert sweep_drafts(tmp_path) == ""
    assert not any(draft.exists() for draft in drafts)
    assert (tmp_path / LOCK).exists()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    yield RedisServer(embedded.url)
    embedded.close()


def test_a_history_that_was_read_before_brings_nobody_back(server: RedisServer, tmp_path: Path) -> None:
    """A seeding under way knows at each profile who was erased; what came after the cut is a new life."""
    world = World(tmp_path, server, "seeding:")
    try:
        read = iter([("u:ada", blob(TIME_S, TIME_S + 1)), ("u:bob", blob(TIME_S)), ("u:eve", blob(TIME_S))])

        def erasing_meanwhile() -> Iterator[tuple[str, bytes]]:
            yield next(read)
            world.erase("bob")
            cut_s = world.erase("eve").requested_ms // 1000
            yield next(read)
            key, old = next(read)
            yield key, old + blob(cut_s + 301)

        assert world.store.seed("v1", erasing_meanwhile(), subject=world.names.subject) == 3
        sizes = [len(each) // RECORD_BYTES for each in world.store.fetch(["u:ada", "u:bob", "u:eve"], 5.0)]
        assert sizes == [2, 0, 1]
    finally:
        world.close()
