"""The manifest: which releases answer, and which did before. One small file, replaced by one rename.

<home>/live.json            the live release, up to PREVIOUS_MAX before it, up to CANDIDATES_MAX beside it (not live
                            yet, or rolled back), the traffic split and the shadow
<home>/live.previous.json   the manifest before the last change, read only when live.json is damaged
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from serving.adapters import disk
from serving.core.errors import Conflict, InvalidInput, ModelDamaged, NotFound, NotReady, StoregateError
from serving.core.rollout import NO_SPLIT, Listed, Shadowing, Split

MANIFEST: Final = "live.json"
BACKUP: Final = "live.previous.json"
LOCK: Final = "live.lock"
PREVIOUS_MAX: Final = 5
"""Releases kept behind the live one."""
CANDIDATES_MAX: Final = 5
"""Releases kept beside it; those of the split and the shadow are kept above that."""


@dataclass(frozen=True, slots=True)
class Release:
    """One consistent set of versions. models: part -> version, see versions.PARTS."""

    release: str
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What live.json says. Changes give another one and raise where they are impossible; nothing is written here."""

    live: Release
    previous: tuple[Release, ...] = ()
    """Were live, newest first: a rollback, and a damaged live release, go to the first."""
    candidates: tuple[Release, ...] = ()
    """Not live yet, or rolled back, newest first; none of them is fallen back to."""
    split: Split = NO_SPLIT
    shadow: Shadowing | None = None

    @property
    def known(self) -> tuple[Release, ...]:
        """All of them."""
        return (self.live, *self.previous, *self.candidates)

    def find(self, name: str) -> Release:
        """The release of that name. Raises NotFound."""
        found = next((release for release in self.known if release.release == name), None)
        if found is None:
            raise NotFound("model", name)
        return found

    def promoted(self, release: Release) -> Manifest:
        """With `release` live and the live one first of the previous ones; it keeps no share of its own."""
        name = release.release
        shadow = None if self.shadow and self.shadow.release == name else self.shadow
        previous = self.previous if name == self.live.release else (self.live, *self.previous)
        return Manifest(
            release, _but(previous, name), _but(self.candidates, name), self.split.without(name), shadow
        )._bounded()

    def rolled_back(self) -> Manifest:
        """With the first of the previous ones live, and the live one set aside. Raises Conflict without one."""
        if not self.previous:
            raise Conflict(f"there is no release before {self.live.release} to go back to", live=self.live.release)
        back, *older = self.previous
        return replace(self.promoted(back), previous=tuple(older), candidates=(self.live, *self.candidates))._bounded()

    def with_candidate(self, release: Release) -> Manifest:
        """With `release` known but not live. One that is live or was before stays what it is."""
        if release.release in (one.release for one in (self.live, *self.previous)):
            return self
        return replace(self, candidates=(release, *_but(self.candidates, release.release)))._bounded()

    def with_split(self, split: Split) -> Manifest:
        """Raises NotFound for a release that is not known, InvalidInput for the live one: it has what is left."""
        for place, (name, _) in enumerate(split.shares):
            if self.find(name) is self.live:
                raise InvalidInput(f"split.arms[{place}].name", name, "a release other than the live one")
        return replace(self, split=split)

    def with_shadow(self, shadow: Shadowing | None) -> Manifest:
        """Raises NotFound for a release that is not known, InvalidInput for the live one."""
        if shadow is not None and self.find(shadow.release) is self.live:
            raise InvalidInput("name", shadow.release, "a release other than the live one")
        return replace(self, shadow=shadow)

    def listed(self) -> tuple[Listed, ...]:
        """Each release with its state and its share."""
        shares = dict(self.split.shares)
        left = max(0.0, 1.0 - sum(shares.values()))
        shaded = {self.shadow.release: self.shadow.share} if self.shadow else {}
        states = [("LIVE", (self.live,)), ("PREVIOUS", self.previous), ("CANDIDATE", self.candidates)]
        return tuple(
            Listed(
                one.release, state, dict(one.models), left if state == "LIVE" else shares.get(one.release, 0.0),
                shaded.get(one.release, 0.0),
            )
            for state, some in states
            for one in some
        )  # fmt: skip

    def _bounded(self) -> Manifest:
        """Without the oldest beyond the bounds, but for those that answer."""
        needed = {name for name, _ in self.split.shares} | ({self.shadow.release} if self.shadow else set())
        return replace(
            self,
            previous=_newest(self.previous, PREVIOUS_MAX, needed),
            candidates=_newest(self.candidates, CANDIDATES_MAX, needed),
        )


def manifest(home: Path) -> Manifest:
    """What is live. Raises NotReady when nothing was ever trained, ModelDamaged when the manifest is damaged."""
    try:
        return _read(home / MANIFEST)
    except FileNotFoundError as error:
        message = f"nothing has been trained in {home} yet: run `storegate train` or `storegate demo`"
        raise NotReady(message, home=str(home)) from error


def last_manifest(home: Path) -> Manifest | None:
    """The manifest, or its backup when it is damaged; None when there is neither."""
    for name in (MANIFEST, BACKUP):
        try:
            return _read(home / name)
        except (FileNotFoundError, ModelDamaged):
            continue
    return None


def stamp(home: Path) -> tuple[int, int]:
    """(mtime in ns, inode) of the manifest, which is replaced by a rename: another one, another stamp."""
    try:
        found = (home / MANIFEST).stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def live(home: Path) -> Release:
    """The live release. Raises as `manifest`."""
    return manifest(home).live


def releases(home: Path) -> list[Release]:
    """The live release and the previous ones, newest first; those of the backup when live.json is damaged."""
    found = last_manifest(home)
    return [found.live, *found.previous] if found else []


def set_live(home: Path, release: Release) -> None:
    """Puts `release` in front of the others, the oldest out. Raises SettingError when another process is doing so."""
    with disk.locked(home / LOCK):
        found = last_manifest(home)
        _write(home, found.promoted(release) if found else Manifest(release))


def add_candidate(home: Path, release: Release) -> None:
    """Makes `release` known; live where nothing is yet. Raises SettingError when another process is promoting."""
    with disk.locked(home / LOCK):
        found = last_manifest(home)
        _write(home, found.with_candidate(release) if found else Manifest(release))


def change(home: Path, how: Callable[[Manifest], Manifest]) -> Manifest:
    """Replaces the manifest by what `how` makes of it. Raises what `how` raises, and as `manifest`; SettingError when
    another process is at it."""
    with disk.locked(home / LOCK):
        made = how(manifest(home))
        _write(home, made)
        return made


def _but(some: Sequence[Release], name: str) -> tuple[Release, ...]:
    return tuple(release for release in some if release.release != name)


def _newest(some: Sequence[Release], count: int, needed: set[str]) -> tuple[Release, ...]:
    return tuple(release for place, release in enumerate(some) if place < count or release.release in needed)


def _write(home: Path, made: Manifest) -> None:
    _back_up(home)
    disk.replace(home / MANIFEST, _dump(made))


def _back_up(home: Path) -> None:
    """Keeps a good manifest as the backup; a damaged one must not overwrite the last good one."""
    try:
        _read(home / MANIFEST)
    except (FileNotFoundError, ModelDamaged):
        return
    disk.replace(home / BACKUP, (home / MANIFEST).read_bytes())


def _dump(made: Manifest) -> bytes:
    """The manifest's bytes, the live release first, with a checksum over all the rest."""

    def plain(release: Release) -> dict[str, Any]:
        return {"release": release.release, "models": dict(release.models)}

    body: dict[str, Any] = {**plain(made.live), "previous": [plain(release) for release in made.previous]}
    if made.candidates:
        body["candidates"] = [plain(release) for release in made.candidates]
    if made.split:
        body["split"] = {"shares": [list(one) for one in made.split.shares], "seed": made.split.seed}
    if made.shadow:
        body["shadow"] = {"release": made.shadow.release, "share": made.shadow.share}
    return (json.dumps({**body, "sha256": _checksum(body)}, indent=2) + "\n").encode()


def _read(path: Path) -> Manifest:
    data = path.read_bytes()
    try:
        body = json.loads(data)
        expected = body.pop("sha256")
        split, shadow = body.get("split"), body.get("shadow")
        found = Manifest(
            _release(body),
            tuple(map(_release, body["previous"])),
            tuple(map(_release, body.get("candidates", ()))),
            Split(tuple((name, share) for name, share in split["shares"]), split["seed"]) if split else NO_SPLIT,
            Shadowing(shadow["release"], shadow["share"]) if shadow else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, StoregateError) as error:
        raise ModelDamaged(f"{path.name}: not a manifest of releases", file=path.name) from error
    if _checksum(body) != expected:
        raise ModelDamaged(f"{path.name}: the checksum does not match", file=path.name)
    return found


def _release(body: Mapping[str, Any]) -> Release:
    return Release(body["release"], body["models"])


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
