"""URIs of object stores, and what of them people may see: access keys and tokens can stand in them."""

from __future__ import annotations

from typing import Final

HIDDEN_PARTS: Final = "***"
AZURE: Final = ("abfs", "abfss")
"""Their user part names the container: abfs://CONTAINER:KEY@ACCOUNT.dfs.core.windows.net/path."""
SECRET_CHARS_MIN: Final = 8
"""Shorter parts of a URI are no keys, and replacing them would make messages unreadable."""
PLAIN_OPTIONS: Final = ("endpoint_override", "region", "scheme")
"""Their values are no keys, and help to understand an error."""


def is_uri(place: str) -> bool:
    """Whether it is no path."""
    return "://" in place


def scheme_of(uri: str) -> str:
    """ "s3" of s3://bucket/path; "" of a path."""
    return uri.partition("://")[0].lower() if is_uri(uri) else ""


def address(uri: str) -> str:
    """The URI without access keys, query and fragment; a path as it is."""
    if not is_uri(uri):
        return uri
    scheme, _, rest = uri.partition("://")
    place, slash, path = rest.partition("?")[0].partition("#")[0].partition("/")
    user, _, host = place.rpartition("@")
    container = user.partition(":")[0] if scheme.lower() in AZURE else ""
    return f"{scheme.lower()}://{container}{'@' if container else ''}{host}{slash}{path}"


def visible(uri: str) -> str:
    """`address`, fit for logs and messages however the URI may be broken: a key that is not percent-encoded may hold
    a slash."""
    shown = address(uri)
    host, _, path = shown.partition("://")[2].partition("/")
    if is_uri(uri) and "@" in path and "@" not in host:
        return f"{scheme_of(uri)}://{HIDDEN_PARTS}@{path.rpartition('@')[2]}"
    return shown


def without_secrets(text: str, uri: str) -> str:
    """`text`, which may quote the URI or parts of it, fit for logs and messages."""
    if not is_uri(uri):
        return text
    text = text.replace(uri, visible(uri))
    before, _, query = uri.partition("://")[2].partition("?")
    user = before.rpartition("@")[0]
    options = [pair.partition("=") for pair in query.split("&")]
    values = [value for name, _, value in options if name not in PLAIN_OPTIONS]
    for part in (query, user, *user.split(":"), *values):
        if len(part) >= SECRET_CHARS_MIN:
            text = text.replace(part, HIDDEN_PARTS)
    return text
