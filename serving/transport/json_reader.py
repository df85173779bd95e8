"""JSON bodies to messages (protobuf's JSON mapping), with errors that say where and what."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NoReturn

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as Field

from serving.core.errors import InvalidInput
from serving.transport.http_errors import MalformedJson

_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|NaN|-?Infinity', re.DOTALL)
_AT: Final = re.compile(r" at \w+\.([\w.\[\]]+?)\.*$")
_FIELD: Final = re.compile(r"Failed to parse (\w+) field: ")
_PLAIN: Final[dict[int, type]] = {Field.TYPE_STRING: str, Field.TYPE_INT32: int, Field.TYPE_BOOL: bool}
_TOLD_CHARS_MAX: Final = 2000
"""Of json_format's words, which may repeat the whole value: fields stand at both ends."""


def from_json(body: bytes, message: Any) -> Any:
    """A new message of the class `message`. Raises MalformedJson, or InvalidInput naming the field."""
    return filled(json_object(body), message())


def wire_of(body: bytes, message: Any) -> bytes:
    """The body as a message of the class, in protobuf's wire format. Raises as `from_json`."""
    values = json_object(body)
    plain = _plain_fields(message)
    try:
        fields = {plain[name, type(value)]: value for name, value in values.items()}
        if len(fields) == len(values):
            usual: bytes = message(**fields).SerializeToString()
            return usual
    except (KeyError, TypeError, ValueError):  # unusual or wrong: the long way knows which, and says so
        pass
    found: bytes = filled(values, message()).SerializeToString()
    return found


def filled(values: Mapping[str, Any], message: Any) -> Any:
    """`message` with the JSON `values` put in. Raises InvalidInput naming the field."""
    try:
        return json_format.ParseDict(values, message)
    except json_format.ParseError as error:
        _name_unknown(values, message.DESCRIPTOR, "")
        raise _misfit(str(error)) from error
    except RecursionError as error:
        raise InvalidInput("body", "...", "less nesting") from error
    except SystemError as error:  # of protobuf, for a name with half a surrogate pair
        _name_unknown(values, message.DESCRIPTOR, "")
        raise InvalidInput("body", "...", "names in UTF-8") from error


@cache
def _plain_fields(message: Any) -> dict[tuple[str, type], str]:
    """(name in JSON, Python's type of the value) -> field, where the message's constructor takes the value as it is."""
    return {
        (name, list if field.is_repeated else _PLAIN[field.type]): field.name
        for field in message.DESCRIPTOR.fields
        if field.type in _PLAIN and (not field.is_repeated or field.type == Field.TYPE_STRING)
        for name in (field.json_name, field.name)
    }


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, {} for an empty one. Raises MalformedJson saying where."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        before = body[: error.start].decode()
        raise MalformedJson("not UTF-8", *_place(before, len(before))) from error
    try:
        parsed = _DECODER.decode(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise MalformedJson(error.msg, error.lineno, error.colno) from error
    except _Constant as error:
        where = next(found.start() for found in _TOKENS.finditer(text) if found.group() == str(error))
        raise MalformedJson(f"{error} is no JSON number", *_place(text, where)) from error
    except RecursionError as error:
        raise MalformedJson("nested too deeply", 1, 1) from error
    except ValueError as error:
        raise MalformedJson("a number of too many digits", 1, 1) from error
    if not isinstance(parsed, dict):
        raise MalformedJson(f"a {type(parsed).__name__}, not an object", 1, 1)
    return parsed


class _Constant(Exception):
    """NaN or an infinity, which Python's parser takes and JSON does not have."""


def _refuse(name: str) -> NoReturn:
    raise _Constant(name)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise InvalidInput(twice, "two values", "every field once", reason="DUPLICATE_FIELD")
    return found


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_once)


def _place(text: str, position: int) -> tuple[int, int]:
    """Line and column, from 1."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _name_unknown(values: Any, descriptor: Any, path: str) -> None:
    """Raises InvalidInput for the first field that the message does not have; paths are written as in the JSON."""
    if not isinstance(values, dict) or descriptor.full_name.startswith("google.protobuf."):
        return
    known = {name: field for field in descriptor.fields for name in (field.json_name, field.name)}
    for name, value in values.items():
        field = known.get(name)
        if field is None:
            allowed = "one of " + ", ".join(field.json_name for field in descriptor.fields)
            raise InvalidInput(path + name, value, allowed, reason="UNKNOWN_FIELD")
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if not field.is_repeated:
            _name_unknown(value, field.message_type, f"{path}{name}.")
        elif isinstance(value, list):
            for position, one in enumerate(value):
                _name_unknown(one, field.message_type, f"{path}{name}[{position}].")


def _misfit(told: str) -> InvalidInput:
    """json_format's words as an error of ours: the field it names, and what it says of the value."""
    if len(told) > _TOLD_CHARS_MAX:
        told = f"{told[: _TOLD_CHARS_MAX // 2]}...{told[-_TOLD_CHARS_MAX // 2 :]}"
    at, fields = _AT.search(told), _FIELD.findall(told)
    field = at.group(1) if at else ".".join(fields) or "body"
    problem = _AT.sub("", _FIELD.sub("", told)).strip()
    error = InvalidInput(field, problem, "a value of protobuf's JSON mapping")
    error.message = f"{field}: {problem}"
    error.args = (error.message,)
    error.facts = {"field": field, "problem": problem}
    return error
