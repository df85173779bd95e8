"""From what is asked to a result: a gateway of its own, its users, and batches at it."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.table import Table

from loadtests.batch.asked import Asked, Say
from loadtests.batch.beside import beside
from loadtests.batch.gateway import Bench
from loadtests.batch.report import of_run, of_stretches
from loadtests.batch.run import run
from loadtests.bench.report import Result
from loadtests.bench.store import describe, shop
from loadtests.gateway import orderly_end


def measure(home: Path, asked: Asked, say: Say) -> tuple[Result, Table]:
    """What was asked for. The notes of the result are broken promises. Raises StoregateError."""
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-batch-")))
        facts = shop(home, items=asked.items, users=10_000, seed=0, say=say)
        bench = Bench(home, work, asked, stack, say)
        rows, table, notes = of_stretches(*beside(bench)) if asked.beside else of_run(run(bench), asked)
    setup = {
        "workers": asked.workers,
        "block_rows": asked.block_rows,
        "memory_mib": asked.memory_mib,
        "ray": not asked.local,
    }
    command = "python -m loadtests.batch " + " ".join(sys.argv[1:])
    data = describe(facts) | {"batch_users": asked.users}
    return Result(command, data, asked.seed, setup, rows, time.monotonic() - begun, notes), table
