"""Gateways as a user starts them: `storegate serve` in a process of its own, found by what it announces."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from serving.runtime.home import Replica, replicas
from serving.setting_sources import ENV_HOME, ENV_PREFIX
from storegate.client import Client

STOREGATE = Path(sys.executable).with_name("storegate")
AMONG_OTHERS = {f"workers.{planner}.scheduling": "nice" for planner in ("place", "route")}
"""Other tests take all cores, in the same session: of what they leave, an idle planner would make no plan in time."""
FREE_PORTS = ("--grpc-port", "0", "--http-port", "0", "--admin-port", "0")
START_S_MAX = 300.0
"""The first one compiles all kernels, while other tests compile theirs."""
STOP_S_MAX = 100.0
ASK_S_MAX = 40.0
"""Deadline of a question: far above any answer time, so that a busy machine fails no test."""
DIALS_MAX = 100
PINGS = 'storegate_calls_answered_total{method="/storegate.v1.GatewayService/Ping"}'

T = TypeVar("T")


def awaited(look: Callable[[], T], what: str, within_s: float = 30.0) -> T:
    """The first true thing that `look` sees; fails, naming `what`, when there is none in time."""
    until = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < until, f"not within {within_s:g} s: {what}"
        time.sleep(0.02)
    return seen


def environment(home: Path, settings: Mapping[str, object] | None = None, **variables: str) -> dict[str, str]:
    """Ours without its settings and Ray's, and `settings` (dotted key -> value) and `variables` instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith((ENV_PREFIX, "RAY_"))}
    told = {ENV_PREFIX + key.upper().replace(".", "__"): str(value) for key, value in (settings or {}).items()}
    return kept | {ENV_HOME: str(home)} | told | variables


def command(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs `storegate ...` to its end on `home`."""
    return subprocess.run(
        [STOREGATE, *arguments],
        env=environment(home, **variables),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


class Gateway:
    """`storegate serve OPTIONS`, on free ports where the options name none."""

    def __init__(self, home: Path, *options: str, settings: Mapping[str, object] | None = None) -> None:
        self.home = home
        self._log = home / "gateway.log"
        free = zip(FREE_PORTS[::2], FREE_PORTS[1::2], strict=True)
        ports = [word for option, zero in free if option not in options for word in (option, zero)]
        self.wanted = int(options[options.index("--replicas") + 1]) if "--replicas" in options else 1
        with open(self._log, "wb") as log:
            self.process = subprocess.Popen(
                [STOREGATE, "serve", *options, *ports],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(home, AMONG_OTHERS | dict(settings or {})),
                cwd=home,
            )

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_ready(self) -> Gateway:
        """Waits until it says that it serves and every replica's admin port agrees."""

        def serves() -> bool:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}"
            return "Ctrl-C ends it" in self.said and len(self.ready_replicas()) >= self.wanted

        awaited(serves, "the gateway is ready", START_S_MAX)
        return self

    def ready_replicas(self) -> list[Replica]:
        """The replicas whose /readyz says yes."""
        return [replica for replica in replicas(self.home) if readiness(replica) == 200]

    @property
    def target(self) -> str:
        """host:port of gRPC; all replicas share it."""
        addresses = replicas(self.home)[0].addresses
        return f"{addresses.host}:{addresses.grpc_port}"

    @property
    def url(self) -> str:
        addresses = replicas(self.home)[0].addresses
        return f"http://{addresses.host}:{addresses.http_port}"

    def family(self) -> list[psutil.Process]:
        """Every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def redis(self) -> psutil.Process | None:
        """The embedded Redis, as long as it lives."""
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                alive = process.status() != psutil.STATUS_ZOMBIE
                if alive and process.name().startswith(("redis-server", "valkey-server")):
                    return process
        return None

    def client(self) -> Client:
        return Client(self.target, timeout_s=ASK_S_MAX, connections=1, redial_s=1e6)

    @contextmanager
    def each_replica(self) -> Iterator[list[Client]]:
        """One client for every replica, each on a connection that was seen to end there."""
        found: dict[str, Client] = {}
        with ExitStack() as stack:
            for _ in range(DIALS_MAX):
                before = self._pings()
                client = stack.enter_context(self.client())
                client.ping()
                name = awaited(lambda before=before: self._pinged(before), "a replica counts the ping")
                found.setdefault(name, client)
                if len(found) == len(before):
                    break
            assert len(found) >= self.wanted, f"{DIALS_MAX} connections reached only {sorted(found)}"
            yield list(found.values())

    def _pings(self) -> dict[str, float]:
        """Replica -> pings it has answered."""
        return {replica.name: float(metric(replica, PINGS)) for replica in self.ready_replicas()}

    def _pinged(self, before: Mapping[str, float]) -> str:
        return next((name for name, count in self._pings().items() if count > before.get(name, count)), "")

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit code; one that does not end is killed and fails the test."""
        try:
            return self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {STOP_S_MAX:g} s: {self.said}") from None

    def kill(self) -> None:
        # The launcher first: it would start the edge or the store again.
        for process in (psutil.Process(self.process.pid), *self.family()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Asks it to leave; it must end in order and leave no process behind."""
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}: {self.said}")
        family = self.family()
        self.signal()
        assert self.wait() == 0, self.said
        assert gone(family) == []


@contextmanager
def gateway(home: Path, *options: str, settings: Mapping[str, object] | None = None) -> Iterator[Gateway]:
    """One that is ready, stopped in order at the end."""
    running = Gateway(home, *options, settings=settings)
    try:
        yield running.wait_ready()
        running.stop()
    finally:
        if running.process.poll() is None:
            running.kill()


def gone(family: list[psutil.Process]) -> list[str]:
    """The command lines of those that are still there, after a moment for the kernel to collect the dead."""
    _, left = psutil.wait_procs(family, timeout=10)
    lines = []
    for process in left:
        with suppress(psutil.NoSuchProcess):
            lines.append(" ".join(process.cmdline())[:200])
            process.kill()
    return lines


def admin(replica: Replica, path: str) -> httpx.Response:
    """A page of the replica's admin port."""
    addresses = replica.addresses
    return httpx.get(f"http://{addresses.admin_host}:{addresses.admin_port}{path}", timeout=ASK_S_MAX, trust_env=False)


def metric(replica: Replica, name: str) -> str:
    """The value of one line of /metrics; "0" when it is not there."""
    lines = admin(replica, "/metrics").text.splitlines()
    return next((line.rpartition(" ")[2] for line in lines if line.startswith(name + " ")), "0")


def readiness(replica: Replica) -> int:
    """The status of its /readyz; 0 when nobody answers."""
    try:
        return admin(replica, "/readyz").status_code
    except httpx.TransportError:
        return 0


def degraded(answer: Any) -> dict[str, str]:
    """Stage -> cause."""
    return {each.stage: each.cause for each in answer.serving_info.degraded}
