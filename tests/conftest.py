"""Shared ground, before anything is imported: one thread per library, and compiled kernels kept between test runs."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

from serving.cli.common import use_numba_cache  # noqa: E402  # numeric libraries read what is set above on import

use_numba_cache(ROOT / "var")

from hypothesis import settings  # noqa: E402

from serving.kernels import direct  # noqa: E402  # numba has its cache

direct.checked = True
settings.register_profile("no clock", deadline=None)  # no test is about wall-clock time
settings.load_profile("no clock")
