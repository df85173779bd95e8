"""A Ray of its own on this machine with one application on it, until the process is told to end."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

import ray
from ray import serve

CALLS_MAX = 256
"""Requests a replica may have under way: more than there are callers."""
CPUS = {"num_cpus": 0.1}
OBJECT_STORE_BYTES = 96 << 20


def run(application: Any, port: int) -> None:
    """Serves `application` at "/" of the proxy's port; main thread only."""
    ray.init(
        address="local", num_cpus=4, object_store_memory=OBJECT_STORE_BYTES, include_dashboard=False,
        logging_level=logging.ERROR,
    )  # fmt: skip
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())  # after Ray has installed its own
    quiet = {"log_level": "ERROR", "enable_access_log": False}
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=quiet)
    serve.run(application, logging_config=quiet)
    ended.wait()
    serve.shutdown()
    ray.shutdown()
