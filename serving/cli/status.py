"""`storegate status`: what is live, who serves it, and what they have counted."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich import box
from rich.table import Table

from serving.cli.common import out, with_settings
from serving.core.errors import StoregateError
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.adapters.retrain_files import Status

ANSWER_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Compared:
    """Answers beside those of the release's shadow. overlap, agreement: means, 0..1; see the metrics' help."""

    compared: int
    overlap: float
    agreement: float
    failed: int
    dropped: int


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
    shadow: Compared | None = None
    """None = nothing is compared there."""


@dataclass(frozen=True, slots=True)
class ToldByWorker:
    """One process of a worker, by its own account; name "" = there is none. Counters since its start."""

    worker: str
    name: str
    pid: int
    admin: str
    ready: bool
    detail: str
    answered: int
    failed: int


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@with_settings()
def status(settings: Settings, as_json: bool) -> None:
    """Exit code 0 when every replica of the gateway is ready, 1 otherwise; it serves without its workers.

    \b
    storegate status
    storegate status --json
    """
    from serving.adapters.releases import live
    from serving.adapters.retrain_files import status as retrainings
    from serving.runtime.home import LOCAL, replicas

    try:
        release = live(settings.home).release
    except StoregateError as error:
        release = f"none ({error.message})"
    counters = _counters(settings)
    told = [_ask(each.name, each.pid, each.addresses) for each in replicas(settings.home)]
    beside = _workers(settings, on_ray=any(each.name != LOCAL for each in told))
    trained = retrainings(settings.home)
    if as_json:
        facts = {
            "home": str(settings.home),
            "release": release,
            "counters": counters,
            "replicas": [asdict(t) for t in told],
            "workers": [asdict(each) for each in beside],
        }
        click.echo(json.dumps(facts | ({"retrain": asdict(trained)} if trained.last else {})))
    else:
        _show(settings, release, counters, told, trained)
        _show_workers(beside)
    sys.exit(0 if told and all(each.ready for each in told) else 1)


def _show(settings: Settings, release: str, counters: dict[str, object], told: Sequence[Told], trained: Status) -> None:
    out.print(f"home     {settings.home}\nrelease  {release}", markup=False, highlight=False, soft_wrap=True)
    if counters:
        out.print(
            f"counters {counters['version']}, changed {counters['age_s']:,.0f} s ago", markup=False, highlight=False
        )
    if (last := trained.last) is not None:
        ended = datetime.fromtimestamp(last.ended_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in trained.counts.items())
        said = f"retrain  {last.outcome} {ended}: {last.reason} (in all {counts})"
        out.print(said, markup=False, highlight=False, soft_wrap=True)
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
    for one in told:
        if (shadow := one.shadow) is not None:
            out.print(
                f"{one.name}: {shadow.compared:,} answers compared with the shadow: "
                f"{shadow.overlap:.1%} of the page is the same, {shadow.agreement:.1%} by rank; "
                f"{shadow.failed:,} failed, {shadow.dropped:,} dropped",
                markup=False, highlight=False, soft_wrap=True,
            )  # fmt: skip


def _workers(settings: Settings, on_ray: bool) -> list[ToldByWorker]:
    """Every process of a worker, and a line for each worker that should have some and has none."""
    from serving.runtime.home import workers

    found = []
    for each in workers(settings.home):
        status, said = _get(each.admin_host, each.admin_port, "/readyz")
        _, metrics = _get(each.admin_host, each.admin_port, "/metrics")
        found.append(
            ToldByWorker(
                each.worker,
                each.name,
                each.pid,
                f"{each.admin_host}:{each.admin_port}",
                status == 200,
                _detail(said),
                total(metrics, "storegate_worker_calls_answered_total"),
                total(metrics, "storegate_worker_calls_failed_total"),
            )
        )
    up = {each.worker for each in found}
    missing = [name for name in settings.workers.deployed if on_ray and name not in up]
    return found + [ToldByWorker(name, "", 0, "", False, "no process is up", 0, 0) for name in missing]


def _show_workers(told: Sequence[ToldByWorker]) -> None:
    if not told:
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("worker", "replica", "process", "admin", "state"):
        table.add_column(name, overflow="fold")
    for name in ("answered", "failed"):
        table.add_column(name, justify="right")
    for one in told:
        state = one.detail if one.ready else f"NOT READY: {one.detail}"
        pid = str(one.pid) if one.pid else "-"
        table.add_row(one.worker, one.name or "-", pid, one.admin or "-", state, f"{one.answered:,}", f"{one.failed:,}")
    out.print(table)


def _counters(settings: Settings) -> dict[str, object]:
    """Version and age of what is counted of the event log; {} = nothing is."""
    from serving.stores import counter_files

    files = counter_files(settings)
    if files is None or not files.look() or files.live is None:
        return {}
    return {"version": files.live.version, "age_s": round(files.age_s(), 1)}


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
        compared(metrics),
    )


def compared(metrics: str) -> Compared | None:
    """What a replica's metrics say of its shadow; None = it has none, or its share is 0."""
    if "storegate_shadow_compared_total{" not in metrics:
        return None
    names = ("compared", "overlap", "agreement", "failed", "dropped")
    count, same, alike, failed, dropped = (summed(metrics, f"storegate_shadow_{name}_total") for name in names)
    return Compared(int(count), same / max(count, 1.0), alike / max(count, 1.0), int(failed), int(dropped))


def _detail(said: str) -> str:
    try:
        return str(json.loads(said)["detail"])
    except (ValueError, KeyError, TypeError):
        return said or "no answer"


def total(metrics: str, name: str) -> int:
    """The sum over all labels of a metric in Prometheus' text format."""
    return round(summed(metrics, name))


def summed(metrics: str, name: str) -> float:
    """The same, of what is no count."""
    rows = [line for line in metrics.splitlines() if line.startswith((name + "{", name + " "))]
    return sum(float(row.rsplit(" ", 1)[1]) for row in rows)


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
