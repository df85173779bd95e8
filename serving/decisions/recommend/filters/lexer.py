"""A filter's text as a list of tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from serving.decisions.recommend.filters.nodes import refused

BYTES_MAX: Final = 2048


class Kind(Enum):
    """The value is what an error message calls it."""

    WORD = "a word"
    STRING = "a quoted text"
    COMPARATOR = "one of = != < <= > >= :"
    OPEN = "("
    CLOSE = ")"
    MINUS = "-"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    END = "the end of the filter"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    """Without quotes, escapes and the final star."""
    column: int
    end: int
    """Column of the last character."""
    starred: bool = False


_SPACE: Final = re.compile(r"\s+")
_COMPARATOR: Final = re.compile(r"<=|>=|!=|[=<>:]")
_WORD: Final = re.compile(r"""[^\s()<>=!:"'\\]+""")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt][\d:.]+(?:[Zz]|[+-]\d\d:\d\d)?")
_MARKS: Final = {"(": Kind.OPEN, ")": Kind.CLOSE}
_KEYWORDS: Final = {"AND": Kind.AND, "OR": Kind.OR, "NOT": Kind.NOT}
_ESCAPED: Final = "\\\"'*"


def tokens(text: str) -> list[Token]:
    """The tokens, END at the end. Raises InvalidInput with the column."""
    size = len(text.encode(errors="replace"))
    if size > BYTES_MAX:
        raise refused(f"{size} bytes", f"at most {BYTES_MAX} bytes", 1)
    out: list[Token] = []
    at = 0
    while True:
        if space := _SPACE.match(text, at):
            at = space.end()
        if at == len(text):
            out.append(Token(Kind.END, "", at + 1, at + 1))
            return out
        out.append(_token(text, at, after_comparator=bool(out) and out[-1].kind is Kind.COMPARATOR))
        at = out[-1].end


def _token(text: str, at: int, *, after_comparator: bool) -> Token:
    if text[at] in _MARKS:
        return Token(_MARKS[text[at]], text[at], at + 1, at + 1)
    if text[at] == "-" and not after_comparator:
        return Token(Kind.MINUS, "-", at + 1, at + 1)
    if found := _COMPARATOR.match(text, at):
        return Token(Kind.COMPARATOR, found.group(), at + 1, found.end())
    if text[at] in "\"'":
        content, starred, end = _string(text, at)
        return Token(Kind.STRING, content, at + 1, end, starred)
    if after_comparator and (found := _TIME.match(text, at)):  # its colons are no comparators
        return Token(Kind.WORD, found.group(), at + 1, found.end())
    return _word(text, at)


def _word(text: str, at: int) -> Token:
    """A word; after a dot in it a part may stand in quotes, as in stock."north hall"."""
    content, end = "", at
    while found := _WORD.match(text, end):
        content, end = content + found.group(), found.end()
        if content[-1] != "." or text[end : end + 1] not in ('"', "'"):
            break
        quoted, starred, end = _string(text, end)
        content += quoted + "*" * starred
    if end == at:
        raise refused(text[at], "a field, a value, a comparator or a parenthesis", at + 1)
    if content in _KEYWORDS:
        return Token(_KEYWORDS[content], content, at + 1, end)
    if "*" in content[:-1]:
        raise refused(content, "a star only at the end, or escaped within quotes", at + 1)
    return Token(Kind.WORD, content.removesuffix("*"), at + 1, end, content.endswith("*"))


def _string(text: str, at: int) -> tuple[str, bool, int]:
    """The text in quotes that begins at `at`, whether an unescaped star ends it, and where it ends."""
    quote, content, starred = text[at], "", False
    here = at + 1
    while here < len(text):
        letter = text[here]
        if letter == quote:
            return content, starred, here + 1
        if starred:
            raise refused(text[at : here + 1], "a star only at the end (\\* is the sign itself)", at + 1)
        if letter == "\\":
            here += 1
            letter = text[here : here + 1]
            if not letter or letter not in _ESCAPED:
                raise refused("\\" + letter, "one of \\\\ \\\" \\' \\*", here)
            content += letter
        elif letter == "*":
            starred = True
        else:
            content += letter
        here += 1
    raise refused(text[at:], f"a closing {quote}", at + 1)
