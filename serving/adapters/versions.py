"""Versions on disk: complete or absent, checked when read.

<home>/models/<model>/<version>/   files and SHA256SUMS (the format of `sha256sum -c`)
<home>/{index,catalogue,history,shadow}/<version>/   likewise
Which of them are live is said by the manifest, see releases.py.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from serving.adapters import disk
from serving.adapters.releases import Release, add_candidate, last_manifest, live, releases, set_live
from serving.core.errors import InvalidInput, ModelDamaged

__all__ = [
    "DECISIONS",
    "OPTIONAL",
    "PARTS",
    "SHADOW",
    "Release",
    "live",
    "offer",
    "promote",
    "read_version",
    "releases",
    "rewrite_file",
    "sweep",
    "verified",
    "write_version",
]

MODELS: Final = ("item-item", "transitions", "together", "sessions", "factors", "content", "ranker")
PARTS: Final = (*MODELS, "index", "catalogue", "history")
"""What a release is made of; MODELS live under models/, the others beside it."""
SHADOW: Final = "shadow"
"""A part that a release may have: a model that is compared with what is served, and never served."""
DECISIONS: Final = ("forecast", "price")
"""Models that a release may have, each of a decision that answers without the others; under models/ too."""
OPTIONAL: Final = (*DECISIONS, SHADOW)

SUMS: Final = "SHA256SUMS"
COMING: Final = "SHA256SUMS.coming"
"""The same while a file is being put in the place of another one."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]{0,99})")


def folder(home: Path, model: str, version: str) -> Path:
    """Where a version of a part lies. Raises InvalidInput for names that are no file names."""
    _check_name("version", version)
    return shelf(home, model) / version


def shelf(home: Path, model: str) -> Path:
    """The folder of all versions of a part. Raises InvalidInput for an unknown part."""
    if model not in (*PARTS, *OPTIONAL):
        raise InvalidInput("model", model, f"one of {', '.join((*PARTS, *OPTIONAL))}")
    return home / "models" / model if model in (*MODELS, *DECISIONS) else home / model


def write_version(home: Path, model: str, version: str, files: Mapping[str, bytes | Path]) -> Path:
    """Writes the files (bytes, or a file to copy) as one version, all or nothing; returns its folder.

    The files go to a draft folder beside it, are flushed to the disk, then the folder is renamed. A version that is
    there intact with the same content stays as it is, a damaged one is replaced. Raises InvalidInput when it is there
    with another content.
    """
    target = folder(home, model, version)
    for name in files:
        _check_name(f"{model} file", name)
    if not files or SUMS in files:
        raise InvalidInput(f"{model} files", sorted(files), f"at least one file, none called {SUMS}")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=target.parent))
    try:
        sums = {name: disk.write(draft / name, files[name]) for name in sorted(files)}
        disk.write(draft / SUMS, "".join(f"{sha}  {name}\n" for name, sha in sums.items()).encode())
        draft.chmod(0o755)
        if not target.exists() or _gives_way(home, model, version, sums):
            disk.rename_folder(draft, target)
    finally:
        disk.remove(draft)
    return target


def read_version(home: Path, model: str, version: str) -> Path:
    """The folder of a version after every checksum was verified. Raises ModelDamaged naming the file."""
    return verified(folder(home, model, version), model, version)


def verified(path: Path, model: str, version: str) -> Path:
    """`path`, a version's folder, after every checksum was verified. Raises ModelDamaged naming the file."""
    if not path.is_dir():
        raise _damaged(model, version, path.name, "the version is not there")
    for last in (False, True):
        sums, coming = _read_sums(path, model, version), _coming_sums(path, model, version)
        try:
            _verify(path, model, version, sums, coming)
        except ModelDamaged:
            if last or (sums, coming) == (_read_sums(path, model, version), _coming_sums(path, model, version)):
                raise
            continue  # it was being rewritten
        break
    return path


def rewrite_file(path: Path, model: str, version: str, name: str, data: bytes) -> None:
    """Puts `data` in the place of a file of a whole version that cannot be given up: people are erased from it.

    Whenever this process dies the version is whole, with the old content or the new: until the file is there its
    checksum stands in a list of its own. One writer at a time. Raises ModelDamaged, OSError.
    """
    sums = _read_sums(verified(path, model, version), model, version)
    draft = path / f".{name}{disk.DRAFT}"
    sums[name] = disk.write(draft, data)
    lines = "".join(f"{sha}  {each}\n" for each, sha in sums.items()).encode()
    disk.replace(path / COMING, lines)
    os.replace(draft, path / name)
    disk.sync(path)
    os.replace(path / COMING, path / SUMS)
    disk.sync(path)


def _verify(path: Path, model: str, version: str, sums: Mapping[str, str], coming: Mapping[str, str]) -> None:
    present = {name for name in os.listdir(path) if name not in (SUMS, COMING) and not _is_draft(name)}
    for name in sorted(present ^ set(sums)):
        raise _damaged(model, version, name, "missing" if name in sums else f"not listed in {SUMS}")
    for name, expected in sums.items():
        found = disk.digest(path / name)
        if found not in (expected, coming.get(name)):
            raise _damaged(model, version, name, f"the checksum does not match ({found[:8]}.., not {expected[:8]}..)")


def promote(home: Path, release: Release) -> None:
    """Makes `release` live by one atomic rename; the live one becomes the first of the previous ones.

    Promoting one of the previous ones (a rollback) moves it to the front. Raises InvalidInput when a part lacks a
    version or the version is not on disk, SettingError when another process is promoting.
    """
    _check_whole(home, release)
    set_live(home, release)


def offer(home: Path, release: Release) -> None:
    """Makes `release` known without making it live; where nothing is live yet, it becomes it. Raises as `promote`."""
    _check_whole(home, release)
    add_candidate(home, release)


def sweep(home: Path) -> list[Path]:
    """Removes what no known release names: drafts of killed writers, versions that fell out of the window.

    Returns what was removed. Call it only under the publisher's lock, so that no draft is somebody's work.
    """
    found = last_manifest(home)
    kept = found.known if found else ()
    removed = []
    for part in (*PARTS, *OPTIONAL) if kept else ():
        wanted = {release.models.get(part) for release in kept}
        place = shelf(home, part)
        for path in sorted(place.iterdir() if place.is_dir() else ()):
            if path.name not in wanted:
                disk.remove(path)
                removed.append(path)
    return removed


def _check_whole(home: Path, release: Release) -> None:
    _check_name("release", release.release)
    for part in (*PARTS, *(part for part in OPTIONAL if part in release.models)):
        if part not in release.models or not folder(home, part, release.models[part]).is_dir():
            raise InvalidInput(f"release.models[{part}]", release.models.get(part), "a version that is on disk")


def _gives_way(home: Path, model: str, version: str, sums: Mapping[str, str]) -> bool:
    """Whether the version that is there was removed for being damaged. Raises InvalidInput when it is another one."""
    try:
        path = read_version(home, model, version)
    except ModelDamaged:
        disk.remove(folder(home, model, version))
        return True
    if _read_sums(path, model, version) != sums:
        raise InvalidInput("version", version, f"a version of {model} that is not there yet with another content")
    return False


def _is_draft(name: str) -> bool:
    return name.startswith(".") and name.endswith(disk.DRAFT)


def _coming_sums(path: Path, model: str, version: str) -> dict[str, str]:
    return _read_sums(path, model, version, COMING) if (path / COMING).exists() else {}


def _read_sums(path: Path, model: str, version: str, file: str = SUMS) -> dict[str, str]:
    try:
        text = (path / file).read_bytes().decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(model, version, file, "missing or unreadable") from error
    matches = [_LINE.fullmatch(line) for line in text.split("\n")[:-1]]
    if not matches or not text.endswith("\n") or None in matches:
        raise _damaged(model, version, file, "not a list of checksums")
    return {match[2]: match[1] for match in matches if match is not None}


def _check_name(field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidInput(field, name, "letters, digits, dot, dash and underscore, at most 100")


def _damaged(model: str, version: str, file: str, problem: str) -> ModelDamaged:
    return ModelDamaged(f"{model} {version}: {file}: {problem}", model=model, version=version, file=file)
