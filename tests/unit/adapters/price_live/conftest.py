"""A release without a price model."""

from __future__ import annotations

from pathlib import Path

import pytest
from priced_pages import priced
from releases import A

from model_repo.publish import publish


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nobody publishes there."""
    home = tmp_path_factory.mktemp("priced")
    publish(home, priced(A, "A"), wall_s=1.7e9)
    return home
