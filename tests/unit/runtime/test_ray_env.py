"""What Ray is told through the environment before it is imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.core.errors import SettingError
from serving.runtime.ray_env import prepare


@pytest.mark.parametrize("mode", ["disabled", "DISABLED", "k8s", ""])
def test_without_token_authentication_the_start_is_refused(mode: str, tmp_path: Path) -> None:
    """The error names the variable, its value and what to do."""
    with pytest.raises(SettingError, match=r"RAY_AUTH_MODE.*unset RAY_AUTH_MODE.*--local"):
        prepare({"RAY_AUTH_MODE": mode}, tmp_path, own_cluster=True)


def test_our_own_ray_gets_a_token_of_this_home(tmp_path: Path) -> None:
    """Not one that other programs of the user know."""
    environ: dict[str, str] = {}
    prepare(environ, tmp_path, own_cluster=True)
    assert environ["RAY_AUTH_MODE"] == "token"
    assert Path(environ["RAY_AUTH_TOKEN_PATH"]).is_relative_to(tmp_path)
    assert environ["RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD"] == "0"


@pytest.mark.parametrize("given", [{"RAY_AUTH_TOKEN": "t"}, {"RAY_AUTH_TOKEN_PATH": "/etc/token"}])
def test_a_token_of_the_users_stays(given: dict[str, str], tmp_path: Path) -> None:
    """Nothing the user has set is replaced."""
    environ = given | {"RAY_AUTH_MODE": "Token", "RAY_USAGE_STATS_ENABLED": "1"}
    prepare(environ, tmp_path, own_cluster=True)
    assert given.items() <= environ.items()
    assert environ["RAY_USAGE_STATS_ENABLED"] == "1"
    assert not (tmp_path / "run").exists()


def test_a_cluster_that_is_not_ours_has_its_own_token(tmp_path: Path) -> None:
    """We make none up."""
    environ: dict[str, str] = {}
    prepare(environ, tmp_path, own_cluster=False)
    assert "RAY_AUTH_TOKEN_PATH" not in environ
