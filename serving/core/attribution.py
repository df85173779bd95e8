"""Attribution tokens: what an answer gives out, and an event brings back, to say which decision led to it.

52 characters of base64url over 39 bytes: version (1), key (1), decision (16), epoch seconds big-endian (4), placement
(1), the first 16 bytes of HMAC-SHA256 [1] over all of these. Whoever has no key can make none; nobody is named in it.

[1] RFC 2104; section 4 on hashing the key in advance, section 5 on truncation.
"""

from __future__ import annotations

import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from serving.core.errors import InvalidInput

KEY_BYTES_MIN: Final = 16
KEYS_MAX: Final = 4
VERSION: Final = 1
SHOWN_CHARS: Final = 8
"""Of a refused token, so much stands in the error: enough to find it, too little to use it."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{52}", re.ASCII)
_BODY: Final = struct.Struct(">BB16sIB")
_MAC_BYTES: Final = 16
_BLOCK_BYTES: Final = 64
"""Of SHA-256."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a verified token says."""

    decision_id: str
    """32 hexadecimal digits."""
    made_s: int
    """Epoch seconds of the answer."""
    placement: int
    """The code that was signed."""


class TokenSigner:
    """Signs with the first key and takes tokens of all of them: to rotate, put a new key in front, and drop the old one
    when its tokens have been used up."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """keys: 1 to KEYS_MAX, of at least KEY_BYTES_MIN bytes. Raises InvalidInput, without the keys."""
        if not 1 <= len(keys) <= KEYS_MAX or any(len(key) < KEY_BYTES_MIN for key in keys):
            raise InvalidInput("keys", f"{len(keys)} keys", f"1 to {KEYS_MAX} of at least {KEY_BYTES_MIN} bytes")
        self._macs = tuple(_Mac(key) for key in keys)

    def sign(self, decision_id: str, made_s: int, placement: int) -> str:
        """The token. decision_id: 32 hexadecimal digits; made_s: epoch seconds before 2106; placement: 0 to 255."""
        mac = self._macs[0]
        body = _BODY.pack(VERSION, mac.code, bytes.fromhex(decision_id), made_s, placement)
        return urlsafe_b64encode(body + mac.of(body)).decode()

    def verify(self, token: str, field: str = "attribution_token") -> Attribution:
        """What the token says. Raises InvalidInput, naming `field`, for one that no key of ours has signed."""
        if not _TOKEN.fullmatch(token):
            raise _refused(field, token)
        data = urlsafe_b64decode(token)
        body, mac = data[: _BODY.size], data[_BODY.size :]
        version, code, decision, made_s, placement = _BODY.unpack(body)
        # Two keys may have one code; of those all are tried, in constant time each.
        known = [compare_digest(mac, own.of(body)) for own in self._macs if own.code == code]
        if version != VERSION or not any(known):
            raise _refused(field, token)
        return Attribution(decision.hex(), made_s, placement)


class _Mac:
    """HMAC-SHA256 of one key, its two padded blocks hashed in advance: a signature stands in every answer, and
    OpenSSL's own one-shot costs several times as much for so short a message."""

    __slots__ = ("_inner", "_outer", "code")

    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in block))
        self.code = sha256(b"attribution key code" + key).digest()[0]
        """Tells keys apart and nothing of the key."""

    def of(self, body: bytes) -> bytes:
        """Its first _MAC_BYTES bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(body)
        outer.update(inner.digest())
        return outer.digest()[:_MAC_BYTES]


def _refused(field: str, token: str) -> InvalidInput:
    shown = token if len(token) <= SHOWN_CHARS else token[:SHOWN_CHARS] + "..."
    return InvalidInput(
        field, shown, "the attribution_token of an answer, unchanged", reason="INVALID_ATTRIBUTION_TOKEN"
    )
