"""Page tokens: opaque to callers; inside stands how many results came before."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from serving.core.errors import InvalidInput
from serving.decisions.recommend.contract import PAGED_ITEMS_MAX

_PREFIX: Final = b"p1:"


def page_token(offset: int) -> str:
    """The token of the page that begins at `offset`; '' for 0."""
    return urlsafe_b64encode(_PREFIX + str(offset).encode()).decode().rstrip("=") if offset else ""


def offset_of(token: str) -> int:
    """The offset in a token that `page_token` made. Raises InvalidInput for any other."""
    if not token:
        return 0
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        offset = int(data.removeprefix(_PREFIX)) if data.startswith(_PREFIX) else 0
    except ValueError:
        offset = 0
    if not 1 <= offset < PAGED_ITEMS_MAX or page_token(offset) != token:
        raise InvalidInput("page_token", token, "the next_page_token of an answer", reason="INVALID_PAGE_TOKEN")
    return offset
