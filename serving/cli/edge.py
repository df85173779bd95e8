"""`storegate edge config`: what HAProxy is to be told, for those who run it themselves."""

from __future__ import annotations

from pathlib import Path

import click

from serving.cli.common import with_settings
from serving.core.errors import SettingError
from serving.settings import Settings


@click.group()
def edge() -> None:
    """HAProxy in front of the replicas. `storegate serve --edge` runs it."""


@edge.command()
@click.option(
    "--admin-socket",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Unix socket that commands it. [HOME/run/edge/admin.sock]",
)
@with_settings()
def config(settings: Settings, admin_socket: Path | None) -> None:
    """Prints the configuration that belongs to the settings; the gateway then needs edge.haproxy = "external".

    \b
    storegate edge config > haproxy.cfg
    STOREGATE__EDGE__HAPROXY=external storegate serve --replicas 2
    """
    from serving.adapters.haproxy import admin_socket as socket_in
    from serving.edge import configuration, edge_folder
    from serving.runtime.parts import Front

    server = settings.server
    for key in ("grpc_port", "http_port"):
        if not getattr(server, key):
            raise SettingError(f"server.{key}: 0 lets the gateway choose; name the port that HAProxy is to listen at")
    front = Front(server.host, server.grpc_port, server.http_port, bool(settings.edge.tls_certificate))
    socket = admin_socket or socket_in(edge_folder(settings))
    click.echo(configuration(settings, front, socket.absolute()), nl=False)
