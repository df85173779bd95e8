"""A gateway of our own: started as a user starts it, found by what it announces, stopped by its process id."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil  # type: ignore[import-untyped]

from loadtests.bench.process import Tree
from serving.core.errors import NotReady, SettingError
from serving.runtime.home import Replica, edge_of, replicas
from serving.runtime.parts import Front
from serving.setting_sources import ENV_HOME, ENV_PREFIX

PING = "/storegate.v1.GatewayService/Ping"
POLL_S = 0.02
START_S_MAX = 600.0
"""On a busy machine; on a quiet one it is half a minute."""
STOP_S_MAX = 40.0
FREE_PORTS = dict.fromkeys(
    ("server.grpc_port", "server.http_port", "server.admin_port", "edge.replica_grpc_port", "edge.replica_http_port"),
    "0",
)


class OwnGateway:
    """Starts on construction and is ready then; `close()` ends it and everything below it.

    Settings of the surroundings (STOREGATE__...) do not reach it, so that a measurement means the same anywhere.
    """

    def __init__(self, home: Path, *, local: bool, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        """folder: where its log goes. settings: dotted key -> value. Raises SettingError or NotReady with its words."""
        self.home = home.absolute()
        self.log = folder / "gateway.log"
        values = FREE_PORTS | {"runtime.start_s_max": str(START_S_MAX)} | dict(settings or {})
        self._wanted = 1 if local else int(values.get("runtime.replicas", "1"))
        command = [str(Path(sys.executable).with_name("storegate")), "serve", *(["--local"] if local else [])]
        begun = time.monotonic()
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(self.home, values),
                cwd=folder,
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )
        try:
            self.tree = Tree(self._process.pid)
            self.replicas = self._ready(begun + START_S_MAX)
            self.edge = self._edge(begun + START_S_MAX) if values.get("edge.haproxy") == "own" else None
            self.start_s = time.monotonic() - begun
        except BaseException:
            self.close()
            raise

    @property
    def grpc_target(self) -> str:
        """Of the edge, where there is one."""
        addresses = self.edge or self.replicas[0].addresses
        return f"{addresses.host}:{addresses.grpc_port}"

    @property
    def http_target(self) -> str:
        addresses = self.replicas[0].addresses
        return f"{addresses.host}:{addresses.http_port}"

    @property
    def http_url(self) -> str:
        return f"http://{self.http_target}"

    @property
    def pid(self) -> int:
        """Of `storegate serve`."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def ready_replicas(self) -> list[Replica]:
        """Those that say so at this moment; they come and go."""
        return [replica for replica in replicas(self.home) if _says_ready(replica)]

    def metrics(self) -> list[str]:
        """/metrics of every replica."""
        return [admin(replica, "/metrics")[1] for replica in self.replicas]

    def close(self) -> int:
        """Asks it to leave and waits; kills what ignores that, by process id; how many had to be killed."""
        family = self.tree.processes() if hasattr(self, "tree") else []
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _, left = psutil.wait_procs(family, timeout=5)
        for process in left:
            process.kill()
        return len(left)

    def _ready(self, until: float) -> list[Replica]:
        """The replicas, once all of them say that they are ready and one has answered over gRPC."""
        while True:
            if self._process.poll() is not None:
                raise SettingError(f"the gateway ended with code {self._process.returncode}: {self._last_words()}")
            found = [replica for replica in replicas(self.home) if psutil.pid_exists(replica.pid)]
            mine = set(self.tree.pids())
            found = [replica for replica in found if replica.pid in mine]
            if len(found) >= self._wanted and all(map(_says_ready, found)):
                addresses = found[0].addresses
                if answers_ping(f"{addresses.host}:{addresses.grpc_port}"):
                    return found
            if time.monotonic() > until:
                raise NotReady(f"the gateway was not ready within {START_S_MAX:.0f} s: {self._last_words()}")
            time.sleep(POLL_S)

    def _edge(self, until: float) -> Front:
        while (found := edge_of(self.home)) is None or not answers_ping(f"{found.host}:{found.grpc_port}"):
            if self.ended:
                raise SettingError(f"the gateway ended with code {self._process.returncode}: {self._last_words()}")
            if time.monotonic() > until:
                raise NotReady(f"the edge was not ready within {START_S_MAX:.0f} s: {self._last_words()}")
            time.sleep(POLL_S)
        return found

    def _last_words(self) -> str:
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-5:]) or "(it said nothing)"


@contextmanager
def orderly_end() -> Iterator[None]:
    """Inside, SIGTERM unwinds as Ctrl-C does, so that a gateway of ours is stopped. Main thread only."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def environment(home: Path, values: Mapping[str, str]) -> dict[str, str]:
    """What the gateway is started with: ours without its settings, and `values` (dotted key -> value) instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    ours = {ENV_PREFIX + key.upper().replace(".", "__"): value for key, value in values.items()}
    return kept | {ENV_HOME: str(home)} | ours


def answers_ping(target: str, timeout_s: float = 2.0) -> bool:
    """Whether a gateway answers Ping over gRPC at "host:port"."""
    with grpc.insecure_channel(target) as channel:
        try:
            channel.unary_unary(PING)(b"", timeout=timeout_s)
        except grpc.RpcError:
            return False
    return True


def _says_ready(replica: Replica) -> bool:
    return admin(replica, "/readyz")[0] == 200


def admin(replica: Replica, path: str, timeout_s: float = 5.0) -> tuple[int, str]:
    """Status and body of a page of the replica's admin port; (0, "") when nobody answers."""
    addresses = replica.addresses
    connection = http.client.HTTPConnection(addresses.admin_host, addresses.admin_port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()
