"""What people see of a URI: never a key."""

from __future__ import annotations

import pytest

from serving.core.config import describe, make
from serving.core.errors import SettingError
from serving.core.uris import address, visible, without_secrets
from serving.settings import Settings

SECRET = "wJalrXUtnFEMIK7MDENG"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("events", "events"),
        ("/data/a@b", "/data/a@b"),
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        (f"s3://AKIA:{SECRET}@bucket/a?region=eu-west-2", "s3://bucket/a"),
        (f"s3://bucket/a?token={SECRET}", "s3://bucket/a"),
        (f"s3://bucket/a#{SECRET}", "s3://bucket/a"),
        (f"s3://AKIA:{SECRET[:5]}/{SECRET[5:]}@bucket/a", "s3://***@bucket/a"),
        (f"abfs://box:{SECRET}@shop.dfs.core.windows.net/a", "abfs://box@shop.dfs.core.windows.net/a"),
        (f"abfs://:{SECRET}@shop.dfs.core.windows.net/box/a", "abfs://shop.dfs.core.windows.net/box/a"),
    ],
)
def test_keys_and_options_are_not_shown(uri: str, shown: str) -> None:
    assert visible(uri) == shown
    assert SECRET not in without_secrets(f"Cannot parse URI: '{uri}' of {uri.partition('?')[2]}", uri)


def test_an_address_is_what_is_compared() -> None:
    assert address("S3://bucket/a@b?x=1") == "s3://bucket/a@b"
    assert address("abfs://box:key@shop/a") == "abfs://box@shop/a"


def test_settings_do_not_show_them() -> None:
    """Neither where they are listed nor in an error."""
    uri = f"s3://AKIA:{SECRET}@bucket/events?region=x"
    settings = make(Settings, {"events": {"archive": uri, "import_uris": [uri, "gs://other/in"]}})
    shown = {one.key: one.value for one in describe(settings)}
    assert shown["events.archive"] == '"s3://bucket/events"'
    assert shown["events.import_uris"] == '["s3://bucket/events", "gs://other/in"]'
    assert SECRET not in repr(settings)
    with pytest.raises(SettingError) as caught:
        make(Settings, {"events": {"import_uris": {uri: 1}}} | {"events": {"archive": [uri]}})
    assert SECRET not in caught.value.message
