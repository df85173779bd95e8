"""Documents keep their promises: the table of settings is true, the deployed file loads, links lead to files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from serving.cli.settings import settings
from serving.settings import load

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("*/README.md"), ROOT / "loadtests" / "RESULTS.md"]
)


def test_the_table_of_settings_is_what_the_command_prints() -> None:
    """Change a setting, and this asks for the documentation: paste `storegate settings --markdown`."""
    printed = CliRunner().invoke(settings, ["--markdown"], catch_exceptions=False).output.strip()
    page = (ROOT / "serving" / "README.md").read_text()
    (shown,) = re.findall(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", page, re.DOTALL)
    assert shown.strip() == printed


def test_the_deployed_settings_load() -> None:
    """Every key of deploy/storegate.toml is known and in range."""
    found = load(ROOT / "deploy" / "storegate.toml", environ={})
    assert found.runtime.replicas == 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    """No link of a document points to a file that is not there."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
