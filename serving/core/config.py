"""Frozen parameter trees from plain mappings: every key with a sentence, a range and an error that names it.

A section is a frozen dataclass. Its fields are made with `setting`, or carry an attribute docstring and check
themselves in `__post_init__` (raising InvalidInput), as the `Params` of the decisions do.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import textwrap
import typing
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from serving.core.errors import InvalidInput, SettingError
from serving.core.uris import visible

T = TypeVar("T")
HIDDEN = "(set, not shown)"


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: tuple[str, ...] = (),
    secret: bool = False,
    uri: bool = False,
) -> Any:
    """A field of a section. doc: one sentence; low, high: the range, both included. uri: keys and options that stand in
    it are not shown."""
    facts = {"doc": doc, "low": low, "high": high, "unit": unit, "choices": choices, "secret": secret, "uri": uri}
    return field(default=default, metadata=facts, repr=not (secret or uri))


@dataclass(frozen=True, slots=True)
class Described:
    """One key of a tree, for people. value: as in a TOML file, secrets hidden."""

    key: str
    value: str
    default: str
    expected: str
    doc: str


def make(section: type[T], values: Mapping[str, Any], prefix: str = "", origins: Mapping[str, str] | None = None) -> T:
    """The section with `values` (nested mappings for nested sections) over its defaults.

    origins: key -> where its value came from, for the error. Raises SettingError.
    """
    hints = typing.get_type_hints(section)
    known = {f.name: f for f in fields(section)}  # type: ignore[arg-type]
    made: dict[str, Any] = {}
    for name, value in values.items():
        key = prefix + name
        if name not in known:
            raise _unknown(key, prefix, list(known), (origins or {}).get(key, ""))
        kind = hints[name]
        if is_dataclass(kind):
            if not isinstance(value, Mapping):
                raise _bad(key, value, "a table of settings", origins)
            made[name] = make(typing.cast("type[Any]", kind), value, key + ".", origins)
        else:
            made[name] = _checked(key, value, kind, known[name], origins)
    try:
        return section(**made)
    except InvalidInput as error:
        key = prefix + error.field.removeprefix(prefix)
        raise _bad(
            key, made.get(error.field.removeprefix(prefix), error.facts["value"]), error.expected, origins
        ) from None


def describe(tree: object, prefix: str = "") -> Iterator[Described]:
    """Every key of the tree in order, nested sections with dots."""
    hints = typing.get_type_hints(type(tree))
    docs = _attribute_docs(type(tree))
    for f in fields(tree):  # type: ignore[arg-type]
        value = getattr(tree, f.name)
        if is_dataclass(value):
            yield from describe(value, f"{prefix}{f.name}.")
            continue
        doc = f.metadata.get("doc") or docs.get(f.name, "")
        secret = bool(f.metadata.get("secret"))
        shown = HIDDEN if secret and value else _shown(_visible(value) if f.metadata.get("uri") else value)
        yield Described(prefix + f.name, shown, _shown(_default(f)), _expected(hints[f.name], f), doc)


def _checked(key: str, value: Any, kind: Any, f: Field[Any], origins: Mapping[str, str] | None) -> Any:
    """`value` as the field's type, within its range. Text (from the environment) is converted."""
    expected = _expected(kind, f)
    try:
        made = _converted(value, kind)
    except (TypeError, ValueError, KeyError):
        hidden = f.metadata.get("secret") or f.metadata.get("uri")
        raise _bad(key, HIDDEN if hidden else value, expected, origins) from None
    low, high = f.metadata.get("low"), f.metadata.get("high")
    inside = (low is None or made >= low) and (high is None or made <= high)
    if not inside or (f.metadata.get("choices") and made not in f.metadata["choices"]):
        raise _bad(key, value, expected, origins)
    return made


def _converted(value: Any, kind: Any) -> Any:
    """`value` as `kind`; text stands for any of them. Raises TypeError or ValueError."""
    if kind is bool:
        return value if isinstance(value, bool) else {"true": True, "false": False}[_text(value).lower()]
    if isinstance(value, bool):
        raise TypeError
    if kind is int:
        if isinstance(value, float):
            raise TypeError
        return int(value)
    if kind is float:
        number = float(value)
        if number != number:
            raise ValueError
        return number
    if kind is Path:
        return Path(_text(value)).expanduser()
    if typing.get_origin(kind) is tuple:
        parts = value.split(",") if isinstance(value, str) else list(value)
        return tuple(_converted(part, typing.get_args(kind)[0]) for part in parts if part)
    return _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, (str, Path)):
        raise TypeError
    return str(value)


def _expected(kind: Any, f: Field[Any]) -> str:
    """What the field takes, in words: 'a whole number from 1 to 4096 (calls)'."""
    facts = f.metadata
    if facts.get("choices"):
        return "one of " + ", ".join(facts["choices"])
    words = {int: "a whole number", float: "a number", bool: "true or false", Path: "a path"}.get(kind, "text")
    if typing.get_origin(kind) is tuple:
        words = "a list"
    low, high = facts.get("low"), facts.get("high")
    if low is not None and high is not None:
        words += f" from {low} to {high}"
    elif low is not None:
        words += f" from {low}"
    return words + (f" ({facts['unit']})" if facts.get("unit") else "")


def _bad(key: str, value: Any, expected: str, origins: Mapping[str, str] | None) -> SettingError:
    origin = (origins or {}).get(key, "")
    shown = value if value == HIDDEN else repr(value)
    return SettingError(
        f"{key}{f' (from {origin})' if origin else ''}: got {shown}, expected {expected}", key=key, expected=expected
    )


def _unknown(key: str, prefix: str, known: list[str], origin: str) -> SettingError:
    near = difflib.get_close_matches(key.removeprefix(prefix), known, n=1, cutoff=0.5)
    hint = f"did you mean {prefix}{near[0]}?" if near else f"known here: {', '.join(prefix + name for name in known)}"
    return SettingError(f"{key}{f' (from {origin})' if origin else ''}: no such setting; {hint}", key=key)


def _default(f: Field[Any]) -> Any:
    if f.default is not MISSING:
        return f.default
    return f.default_factory() if f.default_factory is not MISSING else ""


def _visible(value: Any) -> Any:
    """Of one URI or path, or of several."""
    return tuple(map(visible, value)) if isinstance(value, tuple) else visible(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_shown(part) for part in value) + "]"
    return f'"{value}"' if isinstance(value, (str, Path)) else str(value)


def _attribute_docs(section: type) -> dict[str, str]:
    """Field name -> the string literal that follows it in the class body (its first paragraph, on one line)."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(section))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    docs: dict[str, str] = {}
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for one, after in pairwise(statements):
        if (
            isinstance(one, ast.AnnAssign)
            and isinstance(one.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            docs[one.target.id] = " ".join(after.value.value.split())
    return docs
