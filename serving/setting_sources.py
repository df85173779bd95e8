"""Where settings come from: a TOML file, the environment, the command line; later ones win.

The file is `--config FILE`, else `storegate.toml` in the working folder when there is one. The environment spells a key
as STOREGATE__SECTION__KEY (`STOREGATE__SERVER__GRPC_PORT=6000`); STOREGATE_HOME stands for `home`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from serving.core.errors import SettingError

FILE_DEFAULT = "storegate.toml"
ENV_PREFIX = "STOREGATE__"
ENV_HOME = "STOREGATE_HOME"


def gathered(
    config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Nested values, and dotted key -> where it is from. overrides: dotted key -> value, None = not given. Raises
    SettingError."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    path = config or (Path(FILE_DEFAULT) if Path(FILE_DEFAULT).is_file() else None)
    if path is not None:
        for key, value in _flat(_read(path)):
            _put(values, origins, key, value, str(path))
    for key, value, name in _from_environment(environ):
        _put(values, origins, key, value, name)
    for key, value in overrides.items():
        if value is not None:
            _put(values, origins, key, value, "the command line")
    return values, origins


def environment(tree: Any) -> dict[str, str]:
    """Variables by which a process of ours gets all settings of the tree."""
    return {
        ENV_HOME if key == "home" else ENV_PREFIX + key.upper().replace(".", "__"): _spelt(value)
        for key, value in _leaves(tree)
    }


def _leaves(tree: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """(dotted key, value) of every setting."""
    found: list[tuple[str, Any]] = []
    for f in fields(tree):
        value = getattr(tree, f.name)
        found += _leaves(value, f"{prefix}{f.name}.") if is_dataclass(value) else [(prefix + f.name, value)]
    return found


def _spelt(value: Any) -> str:
    """As `load` reads it from the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingError(f"{path}: the settings file cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: not a TOML file: {error}") from None


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(dotted key, text, variable) of every variable of ours."""
    found = [("home", environ[ENV_HOME], ENV_HOME)] if environ.get(ENV_HOME) else []
    for name in sorted(environ):
        if name.startswith(ENV_PREFIX):
            found.append((name.removeprefix(ENV_PREFIX).lower().replace("__", "."), environ[name], name))
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted keys of a nested mapping; empty tables vanish."""
    flat: list[tuple[str, Any]] = []
    for name, value in table.items():
        flat += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return flat


def _put(values: dict[str, Any], origins: dict[str, str], key: str, value: Any, origin: str) -> None:
    """Sets a dotted key in nested dictionaries."""
    *parents, name = key.split(".")
    table = values
    for depth, parent in enumerate(parents):
        below = table.setdefault(parent, {})
        if not isinstance(below, dict):
            raise SettingError(f"{'.'.join(parents[: depth + 1])} (from {origin}): it is a value, not a table")
        table = below
    table[name] = value
    origins[key] = origin
