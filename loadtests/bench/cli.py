"""The command `storegate bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from serving.core.errors import StoregateError

CALLERS = (1, 8, 64)


@click.command()
@click.option("--json", "json_", is_flag=True, help="One JSON object on standard output instead of the tables.")
@click.option("--markdown", is_flag=True, help="Lines for loadtests/RESULTS.md instead of the tables.")
@click.option(
    "--seconds", type=click.FloatRange(0.5, 600), default=6.0, show_default=True, help="Per case, over all its rounds."
)
@click.option("--rounds", type=click.IntRange(1, 50), default=3, show_default=True, help="Short rounds of every case.")
@click.option("--callers", default="1,8,64", show_default=True, help="How many callers ask at once.")
@click.option("--processes", type=click.IntRange(1, 256), default=16, show_default=True, help="Load processes at most.")
@click.option("--items", type=click.IntRange(100, 10**6), default=4000, show_default=True, help="Of the demo store.")
@click.option("--users", type=click.IntRange(100, 10**7), default=10_000, show_default=True, help="With events.")
@click.option("--replicas", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--cores", type=click.IntRange(1, 255), default=1, show_default=True, help="Cores for the server.")
@click.option("--local", is_flag=True, help="The gateway without Ray, in one process.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the gateway; repeatable.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="A home to use and keep; made when it is not there. [a new one, removed afterwards]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def bench(
    json_: bool, markdown: bool, seconds: float, rounds: int, callers: str, processes: int, items: int, users: int,
    replicas: int, cores: int, local: bool, settings: tuple[str, ...], home: Path | None, seed: int,
) -> None:  # fmt: skip
    """How fast is it? A gateway of its own, its server on one core, h2load on the other; and the same work in process.

    \b
    storegate bench
    storegate bench --json > bench.json
    storegate bench --home var/bench --seconds 20 --markdown >> loadtests/RESULTS.md
    storegate bench --local --callers 1,64
    storegate bench --set server.front=grpc.aio
    """
    from loadtests.bench.flow import Ask, run  # heavy: only when it runs
    from loadtests.bench.report import as_json, as_markdown, report

    log = Console(stderr=True, highlight=False)
    try:
        result = run(
            Ask(
                seconds=seconds, rounds=rounds, callers=numbers(callers), processes=processes, items=items, users=users,
                replicas=replicas, cores=cores, local=local, settings=pairs(settings), home=home, seed=seed,
            ),
            command=" ".join(["storegate", *sys.argv[1:]]),
            say=lambda line: log.print(line, style="dim"),
        )  # fmt: skip
    except StoregateError as error:
        raise click.ClickException(error.message) from error
    if json_:
        sys.stdout.write(as_json(result) + "\n")
    elif markdown:
        sys.stdout.write(as_markdown(result) + "\n")
    else:
        report(result, Console())
    failed = sum(int(str(row.get("failed", 0))) for row in result.rows)
    if failed:
        raise click.ClickException(f"{failed} calls failed or were answered wrongly: the figures mean nothing")


def numbers(text: str) -> tuple[int, ...]:
    """ "1,8,64" as numbers. Raises click.BadParameter."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 1024 for part in parts):
        raise click.BadParameter(
            f"got {text!r}, expected numbers from 1 to 1024 such as 1,8,64", param_hint="--callers"
        )
    return tuple(dict.fromkeys(int(part) for part in parts))


def pairs(settings: tuple[str, ...]) -> dict[str, str]:
    """ "key=value" as a dictionary. Raises click.BadParameter."""
    found = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or "." not in key:
            raise click.BadParameter(
                f"got {text!r}, expected KEY=VALUE such as server.front=grpc.aio", param_hint="--set"
            )
        found[key.strip()] = value.strip()
    return found


if __name__ == "__main__":
    bench()
