"""Bearer tokens: the gateway knows only their SHA-256 digests."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

from serving.core.errors import Unauthenticated

MISSING = "a bearer token is needed: send the header `authorization: Bearer TOKEN` with a token of the settings"


def token_digest(token: str) -> bytes:
    """The digest to put into the settings of a front."""
    return sha256(token.encode()).digest()


def check_bearer(authorization: str | None, digests: Sequence[bytes]) -> None:
    """Raises Unauthenticated unless `authorization` carries a token of `digests`; without digests all may pass."""
    if not digests:
        return
    scheme, _, token = (authorization or "").partition(" ")
    digest = sha256(token.strip().encode("utf-8", "surrogateescape")).digest()
    # Every digest is compared, in constant time, so that the time taken says nothing about the tokens.
    known = sum(hmac.compare_digest(digest, other) for other in digests)
    if scheme.lower() != "bearer" or not known:
        raise Unauthenticated(MISSING)
