"""Keys from the settings, and one of our own that all replicas of a home share."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from serving.adapters.token_keys import token_keys
from serving.core.attribution import TokenSigner
from serving.core.errors import SettingError

DECISION = "ab" * 16


def test_given_keys_are_taken_in_their_order(tmp_path: Path) -> None:
    """And nothing is written."""
    assert token_keys(tmp_path, "first key of many, second key of many") == (
        b"first key of many",
        b"second key of many",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["secret", "a key of sixteen,,", "a key of sixteen,short", ",".join(["k" * 20] * 5)])
def test_keys_that_cannot_be_used_are_refused_without_showing_them(tmp_path: Path, given: str) -> None:
    with pytest.raises(SettingError, match=r"decisions\.token_keys") as caught:
        token_keys(tmp_path, given)
    assert not any(part and part in caught.value.message for part in given.split(","))


def test_a_key_of_our_own_is_made_once_and_private(tmp_path: Path) -> None:
    (key,) = token_keys(tmp_path, "")
    assert len(key) == 32
    assert token_keys(tmp_path, " ") == (key,)
    (file,) = (tmp_path / "keys").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert token_keys(tmp_path / "other", "") != (key,)


def test_replicas_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    """Each takes what another signed, and no draft is left behind."""
    found: list[tuple[bytes, ...]] = []
    barrier = threading.Barrier(16)

    def start() -> None:
        barrier.wait()
        found.append(token_keys(tmp_path, ""))

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1
    assert len(list((tmp_path / "keys").iterdir())) == 1
    assert TokenSigner(found[0]).verify(TokenSigner(found[-1]).sign(DECISION, 1, 1)).decision_id == DECISION


@pytest.mark.parametrize("content", [b"", b"abcd", b"not hexadecimal at all, is it?", b"\xff\xfe"])
def test_a_damaged_key_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    """It is not replaced in silence: that would make forgeries of all tokens that are out."""
    token_keys(tmp_path, "")
    (tmp_path / "keys" / "attribution.key").write_bytes(content)
    with pytest.raises(SettingError, match=r"attribution\.key cannot be read.*remove it"):
        token_keys(tmp_path, "")
