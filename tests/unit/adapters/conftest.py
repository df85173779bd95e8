"""What tests of several adapters share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from s3 import PYTHON, S3, s3_server


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A real S3 API."""
    if not PYTHON.exists():
        pytest.skip(f"no S3 server in {PYTHON.parents[1]}: `make test` installs moto there")
    with s3_server() as server:
        yield server
