"""The keys of attribution tokens: from the settings, or one of our own below home, shared by the replicas there.

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
KEY_BYTES: Final = 32


def token_keys(home: Path, given: str) -> tuple[bytes, ...]:
    """The keys, the signing one first. given: keys with commas between them, '' = none. Raises SettingError."""
    if not given.strip():
        return (_own_key(home / "keys"),)
    keys = tuple(part.strip().encode() for part in given.split(","))
    if len(keys) > KEYS_MAX or any(len(key) < KEY_BYTES_MIN for key in keys):
        raise SettingError(
            f"{SETTING}: expected 1 to {KEYS_MAX} keys of at least {KEY_BYTES_MIN} bytes with commas between them, the "
            "signing one first: `openssl rand -hex 32` makes one",
            key=SETTING,
        )
    return keys


def _own_key(folder: Path) -> bytes:
    """The key that lies there; made when there is none. Of several replicas that start at once one makes it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / KEY_FILE
    if not path.exists():
        draft = folder / f".{KEY_FILE}.{secrets.token_hex(4)}"
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
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise _unusable(path) from error
    if len(key) < KEY_BYTES_MIN:
        raise _unusable(path)
    return key


def _unusable(path: Path) -> SettingError:
    return SettingError(
        f"{path} cannot be read as a key of attribution tokens: remove it and a new one is made (tokens given out "
        f"before are then refused), or set {SETTING}",
        key=SETTING,
    )
