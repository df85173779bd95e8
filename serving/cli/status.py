"""`storegate status`: what is live, who serves it, and what they have counted."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click
from rich import box
from rich.table import Table

from serving.cli.common import out, with_settings
from serving.core.errors import StoregateError
from serving.settings import Settings

ANSWER_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """One replica, by its own account. Counters since its start."""

    name: str
    pid: int
    grpc: str
    http: str
    admin: str
    ready: bool
    detail: str
    answered: int
    failed: int
    waiting: int


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@with_settings()
def status(settings: Settings, as_json: bool) -> None:
    """Exit code 0 when every replica is ready, 1 otherwise.

    \b
    storegate status
    storegate status --json
    """
    from serving.adapters.releases import live
    from serving.runtime.home import replicas

    try:
        release = live(settings.home).release
    except StoregateError as error:
        release = f"none ({error.message})"
    told = [_ask(each.name, each.pid, each.addresses) for each in replicas(settings.home)]
    if as_json:
        click.echo(json.dumps({"home": str(settings.home), "release": release, "replicas": [asdict(t) for t in told]}))
    else:
        _show(settings, release, told)
    sys.exit(0 if told and all(each.ready for each in told) else 1)


def _show(settings: Settings, release: str, told: Sequence[Told]) -> None:
    out.print(f"home     {settings.home}\nrelease  {release}", markup=False, highlight=False, soft_wrap=True)
    if not told:
        out.print("no replica runs on this home: start one with `storegate serve`", markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("replica", "process", "gRPC", "HTTP", "admin", "state"):
        table.add_column(name, overflow="fold")
    for name in ("answered", "failed", "waiting"):
        table.add_column(name, justify="right")
    for one in told:
        state = one.detail if one.ready else f"NOT READY: {one.detail}"
        counted = [f"{number:,}" for number in (one.answered, one.failed, one.waiting)]
        table.add_row(one.name, str(one.pid), one.grpc, one.http, one.admin, state, *counted)
    out.print(table)


def _ask(name: str, pid: int, addresses: object) -> Told:
    from serving.runtime.parts import Addresses

    assert isinstance(addresses, Addresses)
    host, port = addresses.admin_host, addresses.admin_port
    status, said = _get(host, port, "/readyz")
    _, metrics = _get(host, port, "/metrics")
    return Told(
        name,
        pid,
        f"{addresses.host}:{addresses.grpc_port}",
        f"{addresses.host}:{addresses.http_port}",
        f"{host}:{port}",
        status == 200,
        _detail(said),
        total(metrics, "storegate_calls_answered_total"),
        total(metrics, "storegate_calls_failed_total") + total(metrics, "storegate_calls_refused_total"),
        total(metrics, "storegate_waiting_calls"),
    )


def _detail(said: str) -> str:
    try:
        return str(json.loads(said)["detail"])
    except (ValueError, KeyError, TypeError):
        return said or "no answer"


def total(metrics: str, name: str) -> int:
    """The sum over all labels of a metric in Prometheus' text format."""
    rows = [line for line in metrics.splitlines() if line.startswith((name + "{", name + " "))]
    return round(sum(float(row.rsplit(" ", 1)[1]) for row in rows))


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and body; (0, cause) when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_S_MAX)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer ({error})"
    finally:
        connection.close()
