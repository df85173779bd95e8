"""Settings: where they come from, who wins, what is refused and how clearly, and that every one is documented."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from serving.core.errors import SettingError
from serving.settings import Settings, load


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No storegate.toml of the machine's takes part."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults_listen_on_loopback_without_a_token() -> None:
    """The defaults work as they are, and nothing outside the machine can reach them."""
    settings = load(environ={})
    assert settings.server.host == "127.0.0.1"
    assert settings.home == Path("var").absolute()
    assert settings.import_dir == settings.home / "imports"


def test_command_line_beats_environment_beats_file(empty_folder: Path) -> None:
    """Each source overrides the one before it, key by key."""
    (empty_folder / "storegate.toml").write_text(
        'home = "store"\n[server]\ngrpc_port = 1111\nhttp_port = 1112\nadmin_port = 1113\n'
    )
    environ = {"STOREGATE__SERVER__HTTP_PORT": "2222", "STOREGATE__SERVER__ADMIN_PORT": "2223"}
    settings = load(environ=environ, overrides={"server.admin_port": 3333, "server.grpc_port": None})
    assert (settings.server.grpc_port, settings.server.http_port, settings.server.admin_port) == (1111, 2222, 3333)
    assert settings.home == empty_folder / "store"


def test_storegate_home_is_the_home() -> None:
    """The short variable stands for the key `home`."""
    assert load(environ={"STOREGATE_HOME": "/data/shop"}).home == Path("/data/shop")


def test_every_kind_of_value_can_come_from_the_environment() -> None:
    """Text is converted to the type of the field."""
    environ = {
        "STOREGATE__ENGINE__QUEUE_SECONDS_MAX": "0.5",
        "STOREGATE__RECOMMEND__PERSONALIZATION": "false",
        "STOREGATE__CATALOGUE__IMPORT_DIR": "/srv/in",
        "STOREGATE__SERVER__FRONT": "grpc.aio",
    }
    settings = load(environ=environ)
    assert settings.engine.queue_seconds_max == 0.5
    assert settings.recommend.personalization is False
    assert settings.import_dir == Path("/srv/in")
    assert settings.server.front == "grpc.aio"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("STOREGATE__SERVER__GRPC_PORT", "70000", "server.grpc_port.*'70000'.*from 0 to 65535"),
        ("STOREGATE__SERVER__GRPC_PORT", "many", "STOREGATE__SERVER__GRPC_PORT.*'many'.*whole number"),
        ("STOREGATE__ENGINE__QUEUE_SECONDS_MAX", "nan", "queue_seconds_max.*'nan'.*number from"),
        ("STOREGATE__ENGINE__BATCH_MAX", "0", "engine.batch_max.*'0'.*from 1 to 1024"),
        ("STOREGATE__SERVER__FRONT", "http", "server.front.*'http'.*native, grpc.aio"),
        ("STOREGATE__RECOMMEND__PERSONALIZATION", "maybe", "recommend.personalization.*'maybe'.*true or false"),
        ("STOREGATE__RECOMMEND__DIVERSITY", "7", r"^recommend.diversity .*7.*from 0 to 1"),
        ("STOREGATE__SERVER__GRPC_PROT", "1", "server.grpc_prot.*did you mean server.grpc_port"),
        ("STOREGATE__SEVER__GRPC_PORT", "1", "sever.*did you mean server"),
        ("STOREGATE__SERVER", "1", "server.*a table of settings"),
    ],
)
def test_a_bad_value_is_refused_by_key_value_and_range(variable: str, value: str, says: str) -> None:
    """The error says which key, from where, what it got and what is right; unknown keys get the nearest known name."""
    with pytest.raises(SettingError) as caught:
        load(environ={variable: value})
    assert re.search(says, caught.value.message), caught.value.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server]\ngrpc_port = 1.5\n", r"server.grpc_port \(from .*bad.toml\): got 1.5"),
        ("[server]\ngrpc_port = true\n", "server.grpc_port .*got True"),
        ("[server\n", "bad.toml: not a TOML file: .*line 1"),
        ("[engine]\nqueue_maxx = 3\n", "bad.toml.*did you mean engine.queue_max"),
        ("server = 3\n", "server .*got 3, expected a table"),
    ],
)
def test_a_bad_file_is_refused_with_its_name(empty_folder: Path, text: str, says: str) -> None:
    """Wrong types, wrong TOML, wrong names."""
    path = empty_folder / "bad.toml"
    path.write_text(text)
    with pytest.raises(SettingError) as caught:
        load(path, environ={})
    assert re.search(says, caught.value.message), caught.value.message


def test_a_named_file_that_is_not_there_is_an_error(empty_folder: Path) -> None:
    """--config never falls back to defaults silently."""
    with pytest.raises(SettingError, match=r"none\.toml.*cannot be read"):
        load(empty_folder / "none.toml", environ={})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "shop.example"])
def test_a_listener_beyond_loopback_needs_a_token(host: str) -> None:
    """Refused without a token, accepted with one."""
    with pytest.raises(SettingError, match=r"server\.host.*bearer_token"):
        load(environ={"STOREGATE__SERVER__HOST": host})
    environ = {"STOREGATE__SERVER__HOST": host, "STOREGATE__SERVER__BEARER_TOKEN": "s3cret-s3cret-s3cret"}
    assert load(environ=environ).server.host == host


@pytest.mark.parametrize("host", ["localhost", "::1", "127.0.0.2"])
def test_loopback_has_many_names(host: str) -> None:
    """All of them are safe without a token."""
    assert load(environ={"STOREGATE__SERVER__HOST": host}).server.host == host


def test_secrets_are_never_shown() -> None:
    """Neither the token nor a URL with a password appears in the description; that they are set does."""
    settings = load(
        environ={
            "STOREGATE__SERVER__BEARER_TOKEN": "hunter2hunter2hunter2",
            "STOREGATE__REDIS__URL": "redis://:pa55@10.0.0.1/0",
        }
    )
    shown = {one.key: one.value for one in settings.describe()}
    assert "hunter2" not in str(shown)
    assert "pa55" not in str(shown)
    assert "hunter2" not in repr(settings)
    assert "pa55" not in repr(settings)
    assert shown["server.bearer_token"] == shown["redis.url"] == "(set, not shown)"


def test_a_bad_secret_is_not_repeated_in_the_error(empty_folder: Path) -> None:
    """An error message ends up in logs."""
    path = empty_folder / "s.toml"
    path.write_text("[server]\nbearer_token = 123456789\n")
    with pytest.raises(SettingError) as caught:
        load(path, environ={})
    assert "123456789" not in caught.value.message


@pytest.mark.parametrize("token", ["hunter2\n", "hunter 2", "hünter2"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(token: str) -> None:
    """Read from a file with its line end, it would lock everybody out."""
    with pytest.raises(SettingError, match=r"server\.bearer_token") as caught:
        load(environ={"STOREGATE__SERVER__BEARER_TOKEN": token})
    assert "nter" not in caught.value.message


def test_every_setting_is_documented() -> None:
    """Each key has a sentence that ends in a full stop, and says what it takes."""
    described = Settings().describe()
    assert len(described) >= 25
    for one in described:
        assert re.search(r"\w.*\.$", one.doc), f"{one.key} has no sentence"
        assert one.expected, one.key
        assert one.value == one.default or one.key == "home"


def test_settings_are_frozen() -> None:
    """Nothing changes a setting after the start."""
    with pytest.raises(FrozenInstanceError):
        load(environ={}).server.grpc_port = 1  # type: ignore[misc]


def test_a_process_of_ours_gets_the_same_settings(tmp_path: Path) -> None:
    """Through the environment alone, secrets and lists too, whatever a file says there."""
    given = {
        "home": str(tmp_path), "server.bearer_token": "secret", "retrain.columns": ("item=sku", "customer=buyer"),
        "recommend.personalization": False, "runtime.scaling.busy_target": 0.35, "redis.url": "redis://:pw@shop:6379/1",
    }  # fmt: skip
    settings = load(environ={}, overrides=given)
    (tmp_path / "storegate.toml").write_text("[redis]\nurl = 'redis://other'\n[retrain]\ncolumns = ['item=x']\n")
    assert load(environ=settings.environment()) == settings
    defaults = load(environ={"STOREGATE_HOME": str(tmp_path)}, config=Path("/dev/null"))
    assert load(environ=defaults.environment()) == defaults
