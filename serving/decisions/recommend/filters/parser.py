"""Tokens to nodes, by recursive descent along AIP-160's grammar, in which OR binds tighter than AND."""

from __future__ import annotations

from typing import Final

from serving.decisions.recommend.filters.lexer import Kind, Token, tokens
from serving.decisions.recommend.filters.nodes import And, Compare, Node, Not, Or, Value, refused

TERMS_MAX: Final = 100
NESTING_MAX: Final = 32

_BEGINS_TERM: Final = (Kind.WORD, Kind.STRING, Kind.OPEN, Kind.MINUS, Kind.NOT)


def parse(text: str) -> Node:
    """The node of the whole text; And of nothing where it is blank. Raises InvalidInput with the column."""
    parser = _Parser(tokens(text))
    if parser.sees(Kind.END):
        return And((), 1, 0)
    node = parser.expression()
    if not parser.sees(Kind.END):
        raise parser.unexpected("AND, OR, another comparison or the end of the filter")
    return node


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens, self._at, self._terms, self._depth = found, 0, 0, 0

    def sees(self, *kinds: Kind) -> bool:
        """Whether the next token is of one of these kinds."""
        return self._tokens[self._at].kind in kinds

    def expression(self) -> Node:
        """sequence {AND sequence}; a sequence is factors side by side, which are joined by AND too."""
        parts = [self._factor()]
        while self._taken(Kind.AND) or self.sees(*_BEGINS_TERM):
            parts.append(self._factor())
        return And(tuple(parts), parts[0].column, parts[-1].end) if len(parts) > 1 else parts[0]

    def unexpected(self, expected: str) -> Exception:
        """The error for the next token."""
        token = self._tokens[self._at]
        return refused(token.text or token.kind.value, expected, token.column)

    def _factor(self) -> Node:
        """term {OR term}."""
        parts = [self._term()]
        while self._taken(Kind.OR):
            parts.append(self._term())
        return Or(tuple(parts), parts[0].column, parts[-1].end) if len(parts) > 1 else parts[0]

    def _term(self) -> Node:
        """[NOT | -] (comparison | parenthesis)."""
        column = self._tokens[self._at].column
        negated = self._taken(Kind.NOT) or self._taken(Kind.MINUS)
        part = self._composite() if self.sees(Kind.OPEN) else self._comparison()
        return Not(part, column, part.end) if negated else part

    def _composite(self) -> Node:
        opened = self._next()
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise refused("(", f"at most {NESTING_MAX} parentheses inside each other", opened.column)
        node = self.expression()
        if not self.sees(Kind.CLOSE):
            raise self.unexpected(f"AND, OR or the ) for the ( in column {opened.column}")
        self._next()
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        if not self.sees(Kind.WORD) or self._tokens[self._at].starred:
            raise self.unexpected('a comparison, for example price < 5000 or title:"mug"')
        field = self._next()
        self._terms += 1
        if self._terms > TERMS_MAX:
            raise refused(field.text, f"at most {TERMS_MAX} comparisons", field.column)
        if not self.sees(Kind.COMPARATOR):
            return Compare(field.text, "", Value("", column=field.column), field.column, field.end)
        op = self._next()
        if not self.sees(Kind.WORD, Kind.STRING):
            raise self.unexpected(f"a value to compare {field.text} with")
        value = self._next()
        read = Value(value.text, value.starred, value.kind is Kind.STRING, value.column)
        return Compare(field.text, op.text, read, field.column, value.end, op.column)

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, kind: Kind) -> bool:
        found = self.sees(kind)
        self._at += found
        return found
