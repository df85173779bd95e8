"""Which ONNX models lie below the home folder, in which versions, and which of these are live.

<home>/models/<folder>/<version>/<file>.onnx is version <version> of the model "<folder>.<file>"; of "<folder>" where
the file is called model.onnx or as the folder. So is <home>/shadow/<version>/shadow.onnx.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serving.adapters.onnx_model import OnnxModel
from serving.adapters.releases import releases
from serving.adapters.versions import OPTIONAL, PARTS, SHADOW, verified
from serving.core.errors import ModelDamaged

SUFFIX: Final = ".onnx"
DESCRIPTION: Final = "model.toml"
ROWS_MAX: Final = 1_000_000

Key = tuple[str, str]
"""(model, version)."""


@dataclass(frozen=True, slots=True)
class OnnxFiles:
    """files: where each version's file is. live: model -> its live version; a model may have none."""

    files: dict[Key, Path]
    live: dict[str, str]


def find(home: Path) -> OnnxFiles:
    """What is there now. A version is live when the manifest says so; of a folder that no release knows the last by
    name is, numbers counted as numbers."""
    known = releases(home)
    told = known[0].models if known else {}
    files: dict[Key, Path] = {}
    live: dict[str, str] = {}
    for folder in (*sorted(_folders(home / "models")), home / SHADOW):
        for version in sorted(_folders(folder), key=_age):
            for path in sorted(version.glob(f"*{SUFFIX}")):
                name = _name(folder.name, path.stem)
                files[name, version.name] = path
                if told.get(folder.name, "" if folder.name in (*PARTS, *OPTIONAL) else version.name) == version.name:
                    live[name] = version.name
    return OnnxFiles(files, live)


def open_model(path: Path, name: str, version: str) -> OnnxModel:
    """The model in memory, after its checksums were verified. Raises ModelDamaged, naming the file."""
    folder = verified(path.parent, name, version)
    return OnnxModel(path.read_bytes(), f"{name} {version}", _batch_limit(folder / DESCRIPTION, name))


def _folders(path: Path) -> Iterator[Path]:
    """The folders in a folder; drafts begin with a dot."""
    try:
        with os.scandir(path) as entries:
            yield from (Path(entry) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return


def _age(version: Path) -> tuple[int, str]:
    return (int(version.name) if version.name.isdecimal() else -1, version.name)


def _name(folder: str, stem: str) -> str:
    return folder if stem in ("model", folder) else f"{folder}.{stem}"


def _batch_limit(path: Path, name: str) -> int:
    """batch_limit_rows of the description, 0 = it says nothing. Raises ModelDamaged."""
    try:
        described: dict[str, Any] = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return 0
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelDamaged(f"{name}: {path.name}: {error}", model=name, file=path.name) from error
    rows = described.get("batch_limit_rows", 0)
    if type(rows) is not int or not 0 <= rows <= ROWS_MAX:
        problem = f"batch_limit_rows is {rows!r}, expected 0 to {ROWS_MAX}"
        raise ModelDamaged(f"{name}: {path.name}: {problem}", model=name, file=path.name)
    return rows
