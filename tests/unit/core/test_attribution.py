"""Tokens: only what was signed is taken, keys rotate, and no error shows a key or a whole token."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.attribution import Attribution, TokenSigner
from serving.core.errors import InvalidInput

OLD, NEW, STRANGE = b"old key of sixteen", b"new key of sixteen", b"another shop's key"
DECISION = "0123456789abcdef" * 2
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(
    st.binary(min_size=16, max_size=100),
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
)
def test_what_was_signed_is_read_back(key: bytes, decision: bytes, made_s: int, placement: int) -> None:
    """For every key, longer ones than a block of the hash too; the signature is the standard's, cut to 16 bytes."""
    token = TokenSigner([key]).sign(decision.hex(), made_s, placement)
    assert TokenSigner([key]).verify(token) == Attribution(decision.hex(), made_s, placement)
    data = urlsafe_b64decode(token)
    assert data[23:] == hmac.digest(key, data[:23], "sha256")[:16]
    assert len(token) == 52


def test_keys_rotate_with_two_valid_at_once() -> None:
    """The new key signs while tokens of the old one are still taken; then the old one goes, and its tokens with it."""
    before, during, after = TokenSigner([OLD]), TokenSigner([NEW, OLD]), TokenSigner([NEW])
    old, new = before.sign(DECISION, 5, 1), during.sign(DECISION, 5, 1)
    assert old != new
    assert during.verify(old) == during.verify(new) == after.verify(new) == Attribution(DECISION, 5, 1)
    for refusing, token in ((before, new), (after, old)):
        with pytest.raises(InvalidInput):
            refusing.verify(token)


def test_two_keys_with_one_code_are_both_tried() -> None:
    """The code is a byte: of 300 keys some share it."""
    keys = [b"key number %10d" % number for number in range(300)]
    by_code: dict[int, list[bytes]] = {}
    for key in keys:
        by_code.setdefault(urlsafe_b64decode(TokenSigner([key]).sign(DECISION, 5, 1))[1], []).append(key)
    one, other = next(pair for pair in by_code.values() if len(pair) >= 2)[:2]
    signer = TokenSigner([one, other])
    assert signer.verify(TokenSigner([other]).sign(DECISION, 5, 1)).decision_id == DECISION


def test_no_bit_of_a_token_can_be_changed() -> None:
    """Every character, replaced by every other one."""
    signer = TokenSigner([NEW, OLD])
    token = signer.sign(DECISION, 1_800_000_000, 3)
    for place, was in enumerate(token):
        for char in ALPHABET.replace(was, ""):
            with pytest.raises(InvalidInput):
                signer.verify(token[:place] + char + token[place + 1 :])


@pytest.mark.parametrize(
    "token", ["", "x", "A" * 51, "A" * 52, "A" * 53, "+" * 52, "é" * 52, "A" * 51 + "\n", " " + "A" * 52, "A" * 5000]
)
def test_what_is_no_token_is_refused_by_name(token: str) -> None:
    """With its beginning only, and under the field's name in the request."""
    with pytest.raises(InvalidInput) as caught:
        TokenSigner([NEW]).verify(token, "event.attribution_token")
    assert caught.value.reason == "INVALID_ATTRIBUTION_TOKEN"
    assert caught.value.field == "event.attribution_token"
    assert len(caught.value.facts["value"]) < 30


def test_a_forged_token_is_not_repeated_and_no_key_is_shown() -> None:
    token = TokenSigner([STRANGE]).sign(DECISION, 5, 1)
    with pytest.raises(InvalidInput) as caught:
        TokenSigner([NEW]).verify(token)
    assert token not in caught.value.message
    assert "new key" not in caught.value.message
    assert "new key" not in repr(TokenSigner([NEW]))


@pytest.mark.parametrize("keys", [[], [b"short"], [NEW, b"short"], [NEW] * 5])
def test_keys_that_cannot_be_used_are_refused_without_showing_them(keys: list[bytes]) -> None:
    with pytest.raises(InvalidInput) as caught:
        TokenSigner(keys)
    assert "short" not in caught.value.message
