"""Shared ground, before anything is imported: one thread per library, and compiled kernels kept between test runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("RAY_AUTH_MODE", "token")  # as our gateways have it: what imports Ray here may ask theirs

from serving.cli.common import use_numba_cache  # noqa: E402  # numeric libraries read what is set above on import

use_numba_cache(ROOT / "var")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from s3 import PYTHON, S3, s3_server  # noqa: E402

from serving.kernels import direct  # noqa: E402  # numba has its cache
from serving.runtime.process import settle  # noqa: E402

direct.checked = True
settings.register_profile("no clock", deadline=None)  # no test is about wall-clock time
settings.load_profile("no clock")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In several processes (`-n`), each of them puts what takes long first; see shares.py."""
    if hasattr(config, "workerinput"):
        from shares import turn

        items.sort(key=lambda item: turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from shares import Shares

    return Shares(config, log)


def pytest_collection_finish() -> None:
    """Tests that collect garbage, as gateways and measurements do, need not look through all modules and tests."""
    settle()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3]:
    """A real S3 API."""
    if not PYTHON.exists():
        pytest.skip(f"no S3 server in {PYTHON.parents[1]}: `make test` installs moto there")
    with s3_server() as server:
        yield server
