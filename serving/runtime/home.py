"""The folder `run` below home: who runs the gateway of this home, and where its replicas listen."""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import psutil  # type: ignore[import-untyped]

from serving.core.errors import SettingError
from serving.core.process_lock import process_lock
from serving.runtime.parts import Addresses, Front

LOCAL = "local"
"""Name of the one replica of a gateway without Ray."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One running replica, as it announced itself."""

    name: str
    pid: int
    addresses: Addresses
    here: bool = True
    """Whether it is on this machine."""


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """One process of a worker, as it announced itself."""

    worker: str
    name: str
    pid: int
    admin_host: str
    admin_port: int
    here: bool = True
    """Whether it is on this machine."""
    door: str = ""
    """Name of a socket below `run`, by which gateways of this machine bring bundles; empty = it has none."""
    replicas: int = 1
    """Processes that the worker is told to have."""


KNOWN: Final = frozenset(field.name for field in fields(RunningWorker)) - {"here"}


def run_folder(home: Path) -> Path:
    """`<home>/run`, private to its user."""
    folder = home / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """One gateway a home. Raises SettingError naming the process that has it; the lock ends with the process."""
    with process_lock(
        run_folder(home) / "lock",
        lambda owner: SettingError(
            f"home: a gateway ({owner}) already runs on {home}: stop it, or set another home", key="home"
        ),
    ):
        folder = run_folder(home)
        for stale in (
            *folder.glob("replica-*.json"), *folder.glob("worker-*.json"), *folder.glob("*.sock"), _edge_file(home)
        ):  # fmt: skip
            stale.unlink(missing_ok=True)
        yield


def announce(home: Path, name: str, addresses: Addresses) -> Path:
    """Writes where this process listens; the file is removed by `withdraw`."""
    return _announced(home, f"replica-{name}", {"name": name, "addresses": asdict(addresses)})


def announce_worker(
    home: Path, worker: str, name: str, admin_host: str, admin_port: int, door: str = "", replicas: int = 1
) -> Path:
    """The same for a process of a worker; door, replicas: as in RunningWorker."""
    said = {"worker": worker, "name": name, "admin_host": admin_host, "admin_port": admin_port}
    return _announced(home, f"worker-{worker}-{name}", said | {"door": door, "replicas": replicas})


def _announced(home: Path, file: str, said: dict[str, Any]) -> Path:
    path = run_folder(home) / f"{file}.json"
    aside = path.with_suffix(f".{secrets.token_hex(4)}")
    aside.write_text(json.dumps(said | {"node": socket.gethostname(), "pid": os.getpid()}))
    aside.rename(path)
    return path


@contextmanager
def announced_edge(home: Path, front: Front) -> Iterator[None]:
    """Inside, others on this machine can find the edge."""
    _edge_file(home).write_text(json.dumps(asdict(front)))
    try:
        yield
    finally:
        withdraw(_edge_file(home))


def edge_of(home: Path) -> Front | None:
    """Where the edge of this home listens; None = there is none."""
    try:
        return Front(**json.loads(_edge_file(home).read_text()))
    except (OSError, ValueError):
        return None


def _edge_file(home: Path) -> Path:
    return run_folder(home) / "edge.json"


def withdraw(path: Path) -> None:
    """Removes the announcement. Idempotent."""
    path.unlink(missing_ok=True)


def replicas(home: Path) -> list[Replica]:
    """The replicas that announced themselves, by name. One that was killed could not withdraw: it is withdrawn here,
    when it was on this machine."""
    return [
        Replica(said["name"], said["pid"], Addresses(**said["addresses"]), here)
        for said, here in _announcements(home, "replica-*.json")
    ]


def workers(home: Path) -> list[RunningWorker]:
    """The same for the processes of workers."""
    return [
        RunningWorker(here=here, **{key: said[key] for key in said if key in KNOWN})  # a newer version may say more
        for said, here in _announcements(home, "worker-*.json")
    ]


def _announcements(home: Path, pattern: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """(what was announced, whether on this machine)."""
    here = socket.gethostname()
    for path in sorted((home / "run").glob(pattern)):
        try:
            said = json.loads(path.read_text())
        except (OSError, ValueError):  # withdrawn this moment
            continue
        if said.get("node") == here and not psutil.pid_exists(said["pid"]):
            withdraw(path)
            if said.get("door"):
                withdraw(path.parent / said["door"])
            continue
        yield said, said.get("node") == here


def ray_token(home: Path) -> Path:
    """The file with the token of our own Ray, made when it is not there; readable by its user alone."""
    return _secret(home, "ray-token")


def home_mark(home: Path) -> str:
    """What tells this home from all others, made when it is not there."""
    return _secret(home, "mark").read_text()[:16]


def _secret(home: Path, name: str) -> Path:
    path = run_folder(home) / name
    if not path.exists():
        aside = path.with_suffix(f".{secrets.token_hex(4)}")
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        aside.rename(path)
    return path
