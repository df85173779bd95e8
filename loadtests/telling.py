"""How a load test that keeps promises ends: what it found, and 1 when one of them was broken."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from loadtests.bench.report import Result, as_json

PIPED_COLUMNS = 140
"""As wide as tables are where there is no terminal, so that nothing of them is cut."""


def tell(result: Result, table: Table, *, json: bool) -> None:
    """Prints the result, its notes being the broken promises, and exits."""
    if json:
        sys.stdout.write(as_json(result) + "\n")
    else:
        console = Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS)
        console.print(table)
        for note in result.notes:
            console.print(f"broken: {note}", highlight=False)
    sys.exit(1 if result.notes else 0)
