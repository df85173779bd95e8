"""The listeners of a replica: gRPC, HTTP and admin. Opened together, closed side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from serving.core.clock import Clock
from serving.core.errors import SettingError
from serving.engine.calls import Intake
from serving.runtime.parts import Addresses
from serving.transport.aio_front import AioFront
from serving.transport.front_params import FrontParams
from serving.transport.http_face import HttpParams, http_app
from serving.transport.http_server import HttpServer
from serving.transport.native_front import NativeFront

FRONTS: dict[str, type[NativeFront] | type[AioFront]] = {"native": NativeFront, "grpc.aio": AioFront}

ADMIN_CLOSE_S = 0.5
C = TypeVar("C")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DoorParams:
    """grpc: its reuse_port, tokens and limits hold for HTTP too. admin_ports: tried in order, 0 = any free one.
    http_idle_s: after so long without a request an HTTP connection is closed."""

    front: str
    grpc: FrontParams
    http_port: int
    admin_host: str
    admin_ports: Sequence[int]
    http_idle_s: float = 5.0


class Doors:
    """Binds everything when constructed: a taken port fails before anything is accepted. Raises SettingError."""

    def __init__(
        self,
        params: DoorParams,
        methods: Sequence[str],
        intake: Intake,
        admin: Callable[[], Any],
        clock: Clock,
    ) -> None:
        grpc = params.grpc
        self._intake = intake
        self._servers: list[HttpServer] = []
        services = list(dict.fromkeys(method.split("/")[1] for method in methods))
        self._front = FRONTS[params.front](grpc, methods, services, clock)
        try:
            face = http_app(
                intake,
                HttpParams(grpc.payload_bytes_max, grpc.token_sha256, plans=grpc.plans),
                frozenset(methods),
                clock,
            )
            http = HttpServer(face, grpc.host, params.http_port, reuse_port=grpc.reuse_port, idle_s=params.http_idle_s)
            self._servers.append(http)
            self._admin = first_free(admin(), params.admin_host, params.admin_ports)
        except BaseException:
            self.close(0.0)
            raise
        self.addresses = Addresses(grpc.host, self._front.port, http.port, params.admin_host, self._admin.port)

    def open(self) -> None:
        """Begins to accept, the admin port first."""
        for server in (self._admin, *self._servers):
            server.start()
        self._front.start(self._intake)
        self._front.set_serving(True)

    def close(self, grace_s: float) -> None:
        """Stops accepting; what was accepted gets `grace_s` seconds. The admin port goes on telling. Idempotent."""
        doors: list[NativeFront | AioFront | HttpServer] = [self._front, *self._servers]
        with ThreadPoolExecutor(len(doors)) as pool:
            list(pool.map(lambda door: door.close(grace_s), doors))

    def close_admin(self) -> None:
        self._admin.close(ADMIN_CLOSE_S)


def first_open(choices: Sequence[C], make: Callable[[C], T]) -> T:
    """What is made of the first choice that can be bound as a whole. Raises SettingError when there is none."""
    for params in choices[:-1]:
        try:
            return make(params)
        except SettingError:
            continue
    return make(choices[-1])


def first_free(app: Any, host: str, ports: Sequence[int]) -> HttpServer:
    """A server on the first of the ports that can be bound. Raises SettingError when none can."""
    for port in ports[:-1]:
        try:
            return HttpServer(app, host, port)
        except SettingError:
            continue
    return HttpServer(app, host, ports[-1], setting="--admin-port")
