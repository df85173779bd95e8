"""A batch as the commands show it, wherever it runs, with a bar until it is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from serving.cli.common import err, say
from serving.core.batch import Operation

POLL_S: Final = 0.5
LINE_S: Final = 10.0
"""Between two lines, where standard error is no terminal."""
OVER: Final = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass(frozen=True, slots=True)
class View:
    """What there is to show."""

    name: str
    kind: str
    state: str
    rows_done: int
    rows_total: int
    rows_per_second: float
    output_uri: str
    error_reason: str = ""
    error_message: str = ""


def view_of(found: Any) -> View:
    """Of a core.batch.Operation or the contract's."""
    if isinstance(found, Operation):
        progress = found.progress
        return View(
            found.name, found.spec.kind, str(found.state), progress.rows_done, progress.rows_total,
            progress.rows_per_second, found.spec.output_uri, found.reason, found.message,
        )  # fmt: skip
    from storegate.v1 import batch_pb2 as pb

    state = pb.OperationState.Name(found.state).removeprefix("OPERATION_STATE_")
    return View(
        found.name, found.kind, state, found.rows_done, found.rows_total, found.rows_per_second, found.output_uri,
        found.error_reason, found.error_message,
    )  # fmt: skip


def follow(look: Callable[[], View]) -> View:
    """Shows how far it is, until it is over. A terminal has a bar, a log a line now and then."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} of {task.total:,} rows"),
        TextColumn("{task.fields[speed]}"), TimeElapsedColumn(), TimeRemainingColumn(),
        console=err, transient=True, disable=not err.is_terminal,
    ) as bar:  # fmt: skip
        found = look()
        task = bar.add_task(found.name, total=found.rows_total, speed="")
        told = time.monotonic()
        while found.state not in OVER:
            time.sleep(POLL_S)
            found = look()
            speed = f"{found.rows_per_second:,.0f}/s" if found.rows_per_second else found.state.lower()
            bar.update(task, completed=found.rows_done, total=found.rows_total, speed=speed)
            if not err.is_terminal and time.monotonic() - told > LINE_S:
                told = time.monotonic()
                say(f"{found.rows_done:,} of {found.rows_total:,} rows, {speed}")
    return found
