"""The keys of attribution tokens: from the settings, or one of our own below home, shared by the replicas there; and
the key by which erasures are proved, which is always of the home.

Gateways with homes of their own need the setting: a token of one is a forgery to the other.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from serving.adapters import disk
from serving.core.attribution import KEY_BYTES_MIN, KEYS_MAX
from serving.core.errors import SettingError

SETTING: Final = "decisions.token_keys"
KEY_FILE: Final = "attribution.key"
ERASURE_FILE: Final = "erasure.key"
KEY_BYTES: Final = 32
TOKEN_HINT: Final = (
    "as a key of attribution tokens: remove it and a new one is made (tokens given out before are then refused), "
    f"or set {SETTING}"
)
ERASURE_HINT: Final = (
    "as the key of erasures: put it back from a copy; if there is none, remove it and a new one is made (proofs from "
    "before can then not be found by who was erased)"
)


def token_keys(home: Path, given: str) -> tuple[bytes, ...]:
    """The keys, the signing one first. given: keys with commas between them, '' = none. Raises SettingError."""
    if not given.strip():
        return (_own_key(home / "keys" / KEY_FILE, TOKEN_HINT),)
    keys = tuple(part.strip().encode() for part in given.split(","))
    if len(keys) > KEYS_MAX or any(len(key) < KEY_BYTES_MIN for key in keys):
        raise SettingError(
            f"{SETTING}: expected 1 to {KEYS_MAX} keys of at least {KEY_BYTES_MIN} bytes with commas between them, the "
            "signing one first: `openssl rand -hex 32` makes one",
            key=SETTING,
        )
    return keys


def erasure_key(home: Path) -> bytes:
    """By which the people and requests of erasures are named; made when there is none. Raises SettingError."""
    return _own_key(home / "keys" / ERASURE_FILE, ERASURE_HINT)


def _own_key(path: Path, hint: str) -> bytes:
    """The key that lies there; made when there is none. Of several replicas that start at once one makes it."""
    folder = path.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = folder / f".{path.name}.{secrets.token_hex(4)}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename it fails when another replica was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        disk.sync(folder)
    return _read(path, hint)


def _read(path: Path, hint: str) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise SettingError(f"{path} cannot be read {hint}", key=SETTING) from error
    if len(key) < KEY_BYTES_MIN:
        raise SettingError(f"{path} cannot be read {hint}", key=SETTING)
    return key
