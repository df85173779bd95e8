"""What a filter's text is read as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from serving.core.errors import InvalidInput

INVALID: Final = "INVALID_FILTER"
UNKNOWN_FIELD: Final = "UNKNOWN_FIELD_IN_FILTER"


@dataclass(frozen=True, slots=True)
class Value:
    """The right side of a comparison."""

    text: str
    """Without quotes and escapes, and without the star."""
    starred: bool = False
    """Whether an unescaped star ends it: the text is the beginning of what is looked for."""
    quoted: bool = True
    column: int = 0
    """1-based, of its first character; likewise everywhere."""

    @property
    def anything(self) -> bool:
        """Whether it is a star alone: whatever is known."""
        return self.starred and not self.text


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`; op '' = the field alone, which must be a flag."""

    field: str
    op: str
    value: Value
    column: int
    end: int
    """Of its last character."""
    op_column: int = 0


@dataclass(frozen=True, slots=True)
class Not:
    part: Node
    column: int
    end: int


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; () holds always."""

    parts: tuple[Node, ...]
    column: int
    end: int


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds."""

    parts: tuple[Node, ...]
    column: int
    end: int


Node: TypeAlias = Compare | Not | And | Or


def refused(found: str, expected: str, column: int, reason: str = INVALID) -> InvalidInput:
    """The error for what stands at `column`."""
    return InvalidInput("filter", found, f"{expected} (column {column})", reason=reason)
