"""The manifest: what changes make of it, and that it is bounded, checked and read back as it was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serving.adapters.releases import (
    CANDIDATES_MAX,
    MANIFEST,
    PREVIOUS_MAX,
    Manifest,
    Release,
    add_candidate,
    change,
    last_manifest,
    manifest,
    releases,
    set_live,
)
from serving.core.errors import Conflict, InvalidInput, ModelDamaged, NotFound, NotReady
from serving.core.rollout import Shadowing, Split


def release(name: str) -> Release:
    return Release(name, {"ranker": name})


def names(found: Manifest) -> tuple[str, list[str], list[str]]:
    return (
        found.live.release,
        [one.release for one in found.previous],
        [one.release for one in found.candidates],
    )


ABC = Manifest(release("a"), (release("b"), release("c")), (release("d"),))


def test_promoting_moves_to_the_front_and_rolling_back_sets_aside() -> None:
    """A rolled back release is a candidate: the next rollback goes further back, and nothing falls back to it."""
    assert names(ABC.promoted(release("d"))) == ("d", ["a", "b", "c"], [])
    assert names(ABC.promoted(release("c"))) == ("c", ["a", "b"], ["d"])
    assert names(ABC.promoted(release("a"))) == ("a", ["b", "c"], ["d"])
    back = ABC.rolled_back()
    assert names(back) == ("b", ["c"], ["a", "d"])
    assert names(back.rolled_back()) == ("c", [], ["b", "a", "d"])
    with pytest.raises(Conflict, match="no release before c"):
        back.rolled_back().rolled_back()
    assert names(back.promoted(release("a"))) == ("a", ["b", "c"], ["d"])


def test_a_release_that_goes_live_has_no_share_and_no_shadow_of_its_own() -> None:
    found = ABC.with_split(Split((("b", 0.1), ("d", 0.2)), 5)).with_shadow(Shadowing("d", 0.5))
    after = found.promoted(release("d"))
    assert after.split == Split((("b", 0.1),), 5)
    assert after.shadow is None
    told = {one.name: (one.state, round(one.share, 9), one.shadow_share) for one in found.listed()}
    assert told == {
        "a": ("LIVE", 0.7, 0.0),
        "b": ("PREVIOUS", 0.1, 0.0),
        "c": ("PREVIOUS", 0.0, 0.0),
        "d": ("CANDIDATE", 0.2, 0.5),
    }


def test_unknown_and_live_releases_get_no_share() -> None:
    for name, error in (("x", NotFound), ("a", InvalidInput)):
        with pytest.raises(error):
            ABC.with_split(Split(((name, 0.5),)))
        with pytest.raises(error):
            ABC.with_shadow(Shadowing(name, 0.5))


def test_what_answers_is_kept_and_the_oldest_of_the_rest_go(tmp_path: Path) -> None:
    """However many releases come after those of the split and the shadow; candidates are bounded likewise."""
    set_live(tmp_path, release("arm"))
    add_candidate(tmp_path, release("shadow"))
    set_live(tmp_path, release("first"))
    change(
        tmp_path, lambda found: found.with_split(Split((("arm", 0.1),))).with_shadow(Shadowing("shadow", 0.1))
    )  # fmt: skip
    for number in range(12):
        set_live(tmp_path, release(f"r{number}"))
        add_candidate(tmp_path, release(f"c{number}"))
    found = manifest(tmp_path)
    assert found.live.release == "r11"
    assert [one.release for one in found.previous] == ["r10", "r9", "r8", "r7", "r6", "arm"]
    assert [one.release for one in found.candidates] == ["c11", "c10", "c9", "c8", "c7", "shadow"]
    assert (len(found.previous), len(found.candidates)) == (PREVIOUS_MAX + 1, CANDIDATES_MAX + 1)
    assert [one.release for one in releases(tmp_path)] == ["r11", "r10", "r9", "r8", "r7", "r6", "arm"]
    assert found.split == Split((("arm", 0.1),))
    assert found.shadow == Shadowing("shadow", 0.1)


def test_the_first_release_goes_live_whatever_is_asked(tmp_path: Path) -> None:
    """Else nothing could be served."""
    with pytest.raises(NotReady):
        manifest(tmp_path)
    assert last_manifest(tmp_path) is None
    add_candidate(tmp_path, release("a"))
    add_candidate(tmp_path, release("a"))
    assert names(manifest(tmp_path)) == ("a", [], [])


def test_a_manifest_of_the_version_before_is_read(tmp_path: Path) -> None:
    """It has neither candidates nor split nor shadow: one that needs none of them is still written like it."""
    set_live(tmp_path, release("a"))
    body = json.loads((tmp_path / MANIFEST).read_text())
    assert set(body) == {"release", "models", "previous", "sha256"}


def test_what_is_no_split_makes_no_manifest(tmp_path: Path) -> None:
    set_live(tmp_path, release("a"))
    add_candidate(tmp_path, release("b"))
    change(tmp_path, lambda found: found.with_split(Split((("b", 0.5),))))
    text = (tmp_path / MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(text.replace("0.5", "1.5"))
    with pytest.raises(ModelDamaged, match=r"live\.json"):
        manifest(tmp_path)
    found = last_manifest(tmp_path)
    assert found is not None
    assert not found.split
