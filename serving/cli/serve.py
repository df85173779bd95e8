"""`storegate serve`: the gateway, until it is asked to leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click
from rich import box
from rich.table import Table

from serving.cli.common import F, out, say, with_settings
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.runtime.leaving import Departure
    from serving.runtime.parts import Addresses, Front

OPTIONS = (
    ("replicas", "runtime.replicas"),
    ("replicas_max", "runtime.replicas_max"),
    ("host", "server.host"),
    ("grpc_port", "server.grpc_port"),
    ("http_port", "server.http_port"),
    ("admin_port", "server.admin_port"),
    ("front", "server.front"),
)
EDGE = click.option(
    "--edge",
    "haproxy",
    flag_value="own",
    default=None,
    help="HAProxy in front: TLS, limits, each call to the least busy replica.",
)


def serving_options(command: F) -> F:
    """The settings that people want at hand, and --local."""
    for option in (
        click.option("--front", help="native | grpc.aio"),
        click.option("--admin-port", type=int, help="First port for /metrics and /readyz, 0 = any. [9090]"),
        click.option("--http-port", type=int, help="0 = any. [8080]"),
        click.option("--grpc-port", type=int, help="0 = any. [50051]"),
        click.option("--host", help="Address to listen on; beyond loopback a token is needed. [127.0.0.1]"),
        click.option(
            "--replicas-max", type=int, help="As many as the load needs, up to so many. [0: always --replicas]"
        ),
        click.option("--replicas", type=int, help="Gateway processes on Ray. [1]"),
        click.option("--local", is_flag=True, help="In this process, without Ray."),
    ):
        command = option(command)
    return command


@click.command()
@serving_options
@EDGE
@with_settings(*OPTIONS, ("haproxy", "edge.haproxy"), compiles=True)
def serve(settings: Settings, local: bool) -> None:
    """On Ray Serve by default: replicas that listen for themselves, watched and replaced. Ctrl-C ends it all.
    SIGUSR2 (`kill -USR2`) replaces every replica, one by one, with the code that lies on disk then.

    \b
    storegate serve
    storegate serve --replicas 2 --grpc-port 6000
    storegate serve --replicas 2 --edge
    storegate serve --replicas-max 4 --edge    as many as the load needs
    storegate serve --local
    """
    from serving.runtime.home import edge_of

    run(settings, local, lambda addresses, leave: show(addresses, edge_of(settings.home)))


def run(settings: Settings, local: bool, on_ready: Callable[[list[Addresses], Departure], None]) -> None:
    """Serves until a signal. Raises StoregateError when it cannot start."""
    from serving.runtime.process import pin

    pin()
    from serving import app

    if local:
        from serving.runtime.local import serve_local as start
    else:
        from serving.runtime.launch import launch as start
    start(app.plan(settings), say, on_ready)


def show(addresses: Sequence[Addresses], edge: Front | None = None) -> None:
    """Where the gateway listens: the edge, or the replicas themselves."""
    front = edge or addresses[0]
    tls = edge is not None and edge.tls
    table = Table(title="storegate serves", title_justify="left", box=box.SIMPLE_HEAD, show_header=False)
    table.add_row("gRPC", f"{front.host}:{front.grpc_port}" + (" with TLS" if tls else ""))
    table.add_row("HTTP", f"{'https' if tls else 'http'}://{front.host}:{front.http_port}/docs")
    for number, each in enumerate(addresses, 1):
        table.add_row(f"admin of replica {number}", f"http://{each.admin_host}:{each.admin_port}/metrics")
    out.print(table)
    say("Ctrl-C ends it")
