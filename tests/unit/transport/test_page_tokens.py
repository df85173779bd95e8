"""Page tokens go out and come back; anything else is refused."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from serving.core.errors import InvalidInput
from serving.decisions.recommend.contract import PAGED_ITEMS_MAX
from serving.transport.page_tokens import offset_of, page_token


def made(text: bytes) -> str:
    """A token with other things in it."""
    return urlsafe_b64encode(text).decode().rstrip("=")


def test_every_page_that_can_be_reached_has_a_token_of_its_own() -> None:
    """Without a token it is the first page, and the first page has none."""
    tokens = [page_token(offset) for offset in range(PAGED_ITEMS_MAX)]
    assert [offset_of(token) for token in tokens] == list(range(PAGED_ITEMS_MAX))
    assert len(set(tokens)) == PAGED_ITEMS_MAX
    assert tokens[0] == ""


@pytest.mark.parametrize(
    "token",
    ["10", "cDE6MTA=", "cDE6MTA ", "é", "\x00", "A" * 5000]
    + [
        made(text)
        for text in (b"p1:0", b"p1:-5", b"p1:200", b"p1:010", b"p1: 10", b"p1:1_0", b"p2:10", b"p1:x", b"p1:")
    ],
)
def test_a_forged_token_is_refused_by_name(token: str) -> None:
    """Other spellings of a right offset too: there is one token for each page."""
    with pytest.raises(InvalidInput, match="the next_page_token of an answer") as caught:
        offset_of(token)
    assert (caught.value.field, caught.value.reason) == ("page_token", "INVALID_PAGE_TOKEN")


def test_a_digit_of_another_script_is_no_digit() -> None:
    """int() would read it."""
    with pytest.raises(InvalidInput):
        offset_of(made("p1:١٠".encode()))
