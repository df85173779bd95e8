"""Load goes to this machine alone: a target elsewhere is refused before anything is sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from serving.core.errors import SettingError
from serving.settings import is_loopback


def check_loopback(host: str, option: str = "--host") -> str:
    """`host` (a name, an address or a URL) without scheme and port. Raises SettingError if others could be hit."""
    bare = urlsplit(host).hostname if "://" in host else host.strip("[]")
    if not bare or not is_loopback(bare):
        raise SettingError(
            f"{option}: {host!r} is not this machine: load tests send to 127.0.0.1, ::1 or localhost only, so that "
            "nobody floods somebody else's gateway by mistake",
            key=option,
        )
    return bare
