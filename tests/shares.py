"""How `pytest -n` shares out the tests: a file stays in one process, and so do all that ask the session's gateways."""

from __future__ import annotations

from typing import Any, Final

from xdist.scheduler import LoadScopeScheduling

E2E: Final = "tests/e2e/"
OWN: Final = frozenset(
    f"{E2E}test_{name}.py"
    for name in (
        "bench",
        "client_example",
        "counters",
        "elastic",
        "evaluate",
        "flood",
        "object_store",
        "online_retail",
        "peers",
        "retrain",
    )
)
"""End-to-end files that start what they need. Any other is taken to ask the session's gateways."""
COMPILE_LITTLE: Final = (
    "tests/unit/transport/",
    "tests/unit/runtime/",
    "tests/unit/core/",
    "tests/unit/cli/",
    "tests/unit/test_",
)
"""What else can be done while the first process compiles the kernels that all need: it keeps them for the others."""


def share(nodeid: str) -> str:
    """The share that a test is part of; one share is run in one process, in the order of its tests."""
    file = nodeid.partition("::")[0]
    return E2E if file.startswith(E2E) and file not in OWN else file


def turn(nodeid: str) -> int:
    """When its share is handed out: the long one first, small ones last."""
    name = share(nodeid)
    if name == E2E:
        return 0
    if name.startswith(COMPILE_LITTLE):
        return 1
    return 2 if name in OWN else 3


class Shares(LoadScopeScheduling):
    """A process that has done its share gets the next one, in the order in which they were collected."""

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)
