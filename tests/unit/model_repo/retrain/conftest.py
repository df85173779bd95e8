from __future__ import annotations

import pytest
from retraining import Shop, trained


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Nobody changes it: each test has a copy."""
    return trained(tmp_path_factory.mktemp("retrain"))
