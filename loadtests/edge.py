"""What the edge costs a call: the same gateway asked directly and through HAProxy, in turns.

python -m loadtests.edge
python -m loadtests.edge --seconds 12 --rounds 6 --callers 1,64 --json

One gateway without Ray and its edge, both on the first core, h2load on the other. The rounds of all cases take turns,
so that a drift of the machine hits direct and edge alike. `edge CPU us` is HAProxy's own processor time a call;
`added us` is the p50 through the edge less the p50 of the same calls directly.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench import frames
from loadtests.bench.cli import numbers
from loadtests.bench.figures import Figures, figures
from loadtests.bench.install import check_cores, check_installed
from loadtests.bench.measure import Case, Rig, run_rounds
from loadtests.bench.pin import Cores, pin
from loadtests.bench.process import Tree
from loadtests.bench.report import FOREIGN_PCT, Result, Row, control_row, load_row
from loadtests.bench.store import describe, shop
from loadtests.gateway import OwnGateway, orderly_end
from loadtests.run import SMALL_ITEMS, SMALL_USERS
from loadtests.telling import tell
from serving.core.errors import NotReady, StoregateError
from serving.runtime.home import edge_of

PROCESSES_MAX = 8
SETTINGS = {"edge.haproxy": "own", "edge.replica_grpc_port": "0", "edge.replica_http_port": "0"}
DIRECT, EDGE = "direct", "edge"

Say = Callable[[str], None]


def measure(home: Path, seconds: float, rounds: int, callers: Sequence[int], seed: int, say: Say) -> Result:
    """All cases, both ways. Raises StoregateError; no process of ours is left either way."""
    check_installed()
    check_cores()
    begun = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(orderly_end())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storegate-edge-")))
        facts = shop(home, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=say)
        gateway = stack.enter_context(closing(OwnGateway(home, local=True, folder=work, settings=SETTINGS)))
        cores = Cores.choose()
        pin(gateway.tree.pids(), cores.server)
        bodies = frames.shuffled(frames.even(frames.known(facts.users)), seed)
        cases = cases_for(direct_target(gateway), edge_target(home), bodies, callers)
        rig = Rig(gateway, cores, PROCESSES_MAX, haproxy_of(gateway.tree))
        control = run_rounds(rig, cases, rounds, seconds / rounds, say)
    rows = rows_of(cases)
    return Result(
        command=" ".join(["python", "-m", "loadtests.edge", *sys.argv[1:]]),
        data=describe(facts),
        seed=seed,
        setup={"runtime": "local", "rounds": rounds, "seconds": seconds},
        rows=[*rows, control_row(control)],
        seconds=time.monotonic() - begun,
        notes=notes_on(cases, rows),
    )


def direct_target(gateway: OwnGateway) -> str:
    """Where the replica itself takes gRPC; the gateway's own target is the edge's, where there is one."""
    addresses = gateway.replicas[0].addresses
    return f"{addresses.host}:{addresses.grpc_port}"


def edge_target(home: Path) -> str:
    """Where the edge of the gateway at this home takes gRPC. Raises NotReady."""
    front = edge_of(home)
    if front is None:
        raise NotReady(f"no edge runs on {home}")
    return f"{front.host}:{front.grpc_port}"


def haproxy_of(tree: Tree) -> Tree:
    """HAProxy alone, of a gateway's processes. Raises NotReady."""
    for process in tree.processes():
        if process.name() == "haproxy":
            return Tree(process.pid)
    raise NotReady("the gateway has no haproxy")


def cases_for(direct: str, edge: str, bodies: Sequence[bytes], callers: Sequence[int]) -> list[Case]:
    """Direct and edge side by side, for every question and number of callers."""
    questions = {"ping": (frames.PING, frames.ping()), "recommend": (frames.RECOMMEND, bodies)}
    return [
        Case(f"{name} {way}", method, sent, number, target=target)
        for name, (method, sent) in questions.items()
        for number in callers
        for way, target in ((DIRECT, direct), (EDGE, edge))
    ]


def rows_of(cases: Sequence[Case]) -> list[Row]:
    """A row a case; those through the edge say what it costs more than the one before, which is the same directly."""
    rows: list[Row] = []
    before: Figures | None = None
    for case in cases:
        found = figures(case.rounds)
        row = load_row(case, found)
        if case.name.endswith(EDGE) and before is not None:
            own_s = sum(one.part_s for one in case.rounds)
            row["edge_cpu_us"] = round(1e6 * own_s / found.calls, 1)
            row["added_us"] = round(1000 * (found.p50_ms - before.p50_ms))
            row["of_direct"] = round(found.requests_per_s / before.requests_per_s, 3)
        before = found
        rows.append(row)
    return rows


def notes_on(cases: Sequence[Case], rows: Sequence[Row]) -> list[str]:
    """What makes the figures worthless."""
    notes = [f"{case.name}, {case.callers} callers: {case.problems[0]}" for case in cases if case.problems]
    notes += [f"{row['name']}, {row['callers']} callers: {row['failed']} calls failed" for row in rows if row["failed"]]
    return notes


def table(result: Result) -> Table:
    """For a terminal; --json has more."""
    out = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    columns = {
        "callers": "callers", "requests_per_s": "req/s", "p50_ms": "p50 ms", "p99_ms": "p99 ms",
        "added_us": "added µs", "edge_cpu_us": "edge CPU µs",
    }  # fmt: skip
    out.add_column("case", no_wrap=True)
    for title in columns.values():
        out.add_column(title, justify="right", no_wrap=True)
    for row in result.rows:
        if "callers" in row:
            out.add_row(str(row["name"]), *(_cell(key, row[key]) if key in row else "" for key in columns))
    foreign = max(float(str(row.get("foreign_pct", 0.0))) for row in result.rows)
    if foreign > FOREIGN_PCT:
        out.caption = f"others had up to {foreign:.0f} % of the server's core: believe the CPU time, not the others"
    return out


def _cell(key: str, value: object) -> str:
    return f"{value:,.0f}" if key == "requests_per_s" else f"{value:,}"


@click.command()
@click.option("--seconds", type=click.FloatRange(0.5, 600), default=6.0, show_default=True, help="Per case.")
@click.option("--rounds", type=click.IntRange(1, 50), default=3, show_default=True, help="Short rounds of every case.")
@click.option("--callers", default="1,8,64", show_default=True, help="How many callers ask at once.")
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the table.")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests/home"), show_default=True,
    help="A small demo store is made there when nothing has been trained.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(seconds: float, rounds: int, callers: str, json_: bool, home: Path, seed: int) -> None:
    """Ping and Recommend, directly and through the edge; ends with 1 when a call failed."""
    log = Console(stderr=True, highlight=False)
    try:
        result = measure(
            home.absolute(), seconds, rounds, numbers(callers), seed, lambda line: log.print(line, style="dim")
        )
    except StoregateError as error:
        raise click.ClickException(error.message) from error
    tell(result, table(result), json=json_)


if __name__ == "__main__":
    main()
