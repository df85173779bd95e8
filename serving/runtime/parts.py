"""What a runtime runs: the parts are put together above it (serving/app.py) and handed in as functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from serving.engine.remote import Connect
from serving.engine.scaling import Load
from serving.runtime.params import RuntimeParams
from serving.runtime.worker_parts import WorkerSpec

Say = Callable[[str], None]
"""Tells people what is going on."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a replica listens."""

    host: str
    grpc_port: int
    http_port: int
    admin_host: str
    admin_port: int


@dataclass(frozen=True, slots=True)
class Front:
    """Where callers find the gateway. tls: whether they must use it."""

    host: str
    grpc_port: int
    http_port: int
    tls: bool = False


class Gateway(Protocol):
    """One replica: bound when built, accepting when started."""

    @property
    def addresses(self) -> Addresses: ...

    def start(self) -> None:
        """Warms everything and begins to accept calls."""
        ...

    def ready(self) -> tuple[bool, str]:
        """Whether calls should be sent here, and why not."""
        ...

    def healthy(self) -> tuple[bool, str]:
        """Whether the replica works; one that does not should be replaced."""
        ...

    def load(self) -> Load:
        """What it had to do since this was asked last."""
        ...

    def close(self, grace_s: float) -> None:
        """Readiness off, answers what it has for at most `grace_s` seconds, closes. Idempotent."""
        ...


class Backing(Protocol):
    """What outlives replicas: the embedded store, and settings that name it."""

    @property
    def settings(self) -> Any:
        """The settings for replicas; pickled on their way there."""
        ...

    def look(self, say: Say) -> None:
        """Mends what has died and adds what is new; called about once a second. Raises StoregateError."""
        ...

    def close(self) -> None: ...


class Edge(Protocol):
    """What stands in front of the replicas, with a process of its own."""

    @property
    def front(self) -> Front: ...

    def ready_replicas(self) -> int:
        """How many replicas it sends calls to. Raises NotReady when it does not say."""
        ...

    def look(self, say: Say) -> None:
        """Tells what has happened; called about once a second. Raises StoregateError when it is lost for good."""
        ...

    def close(self) -> None:
        """No new calls; those under way are answered. Idempotent."""
        ...


class Batches(Protocol):
    """What works on batches, in processes of its own."""

    def look(self, say: Say) -> None:
        """Starts what is next; called about once a second."""
        ...

    def close(self) -> None:
        """Ends what runs; it goes on with the next start. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a launch needs."""

    params: RuntimeParams
    home: Path
    host: str
    ports: Mapping[str, int]
    """Setting -> port that all replicas share, 0 = any free one."""
    open_backing: Callable[[Say], Backing]
    build: Callable[[Any, bool, Connect | None], Gateway]
    """(settings, whether its ports are shared with other replicas, the way to workers that run elsewhere, None = all
    are in its process) -> a replica. Importable: Ray sends it by name."""
    with_ports: Callable[[Any, Mapping[str, int]], Any]
    """(settings, setting -> port) -> settings with these ports."""
    probe: Callable[[Addresses], None]
    """Asks for the health over gRPC; raises StoregateError until it serves."""
    open_edge: Callable[[Mapping[str, int]], Edge] | None = None
    """Setting -> port that the edge takes: what stands there. None = the replicas listen at these ports themselves."""
    open_batches: Callable[[Any, str], Batches] | None = None
    """(the replicas' settings, Ray's address, "" = without Ray) -> what works on batches; None = nobody here."""
    batch_cpus: float = 0.0
    """What its workers reserve on our own Ray, all together."""
    workers: Sequence[WorkerSpec] = ()
    """Those with deployments of their own on Ray."""
    worker_admin: tuple[str, Sequence[int]] = ("127.0.0.1", (0,))
    """Host and ports of their admin listeners, tried in order."""
