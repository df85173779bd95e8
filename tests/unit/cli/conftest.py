"""A gateway that reads files of events, and the store behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from event_imports import LeavingStore, importing_gateway

from storegate.client import Client


@pytest.fixture
def store() -> LeavingStore:
    return LeavingStore(records_max=4096)


@pytest.fixture
def client(store: LeavingStore, tmp_path: Path) -> Iterator[Client]:
    """It reads files below tmp_path."""
    with importing_gateway(store, tmp_path) as made:
        yield made
