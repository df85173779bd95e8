"""`make loadtest`: Locust, headless and bounded in time, against the running gateway, or one started for it.

python -m loadtests.run
python -m loadtests.run --seconds 120 --users 100
python -m loadtests.run --scenario spike --users 40 --expect 'p99_ms<=100' --expect 'event:failures<=0'
python -m loadtests.run --host 127.0.0.1 --grpc-port 6000 --http-port 6001
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from loadtests.bench.store import shop
from loadtests.gateway import OwnGateway, answers_ping, orderly_end
from loadtests.ids import Ids, of_home
from loadtests.loopback import check_loopback
from loadtests.scenarios.shapes import SCENARIOS
from loadtests.scenarios.thresholds import parse
from serving.adapters.releases import releases
from serving.core.errors import SettingError, StoregateError
from serving.settings import load as load_settings

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
SECONDS = 30
"""Without a scenario."""
USER_CLASSES = {"both": [], "grpc": ["GatewayGrpcUser", "BulkGrpcUser"], "http": ["GatewayHttpUser", "BulkHttpUser"]}
SPARE_S = 60
"""What Locust may take beyond its time, for start and report, before it is ended."""
SMALL_ITEMS, SMALL_USERS = 1000, 2000
"""Of the shop that is made when nothing has been trained yet."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="This machine, by any of its loopback names.")
@click.option("--grpc-port", type=click.IntRange(1, 65535), help="[the settings' one, 50051]")
@click.option("--http-port", type=click.IntRange(1, 65535), help="[the settings' one, 8080]")
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The gateway's home. [the settings' one]"
)
@click.option("--seconds", type=click.IntRange(1, 86_400), help="[30, or the scenario's own]")
@click.option("--users", type=click.IntRange(2, 1000), default=20, show_default=True, help="Half gRPC, half HTTP.")
@click.option(
    "--scenario", "name", type=click.Choice(list(SCENARIOS)), help="Load over time. [all users, all the time]"
)
@click.option("--loop", type=click.Choice(["open", "closed"]), help="[open with a scenario, else closed]")
@click.option("--rate", type=click.FloatRange(0.01, 1000), default=10.0, show_default=True, help="Open: /s and user.")
@click.option("--bulk-users", type=click.IntRange(0, 100), default=2, show_default=True, help="In the scenario bulk.")
@click.option("--bulk-rate", type=click.FloatRange(0.01, 1000), default=5.0, show_default=True, help="/s and user.")
@click.option("--protocol", type=click.Choice(["both", "grpc", "http"]), default="both", show_default=True)
@click.option("--processes", type=click.IntRange(0, 64), default=0, show_default=True, help="Workers beside a master.")
@click.option("--expect", multiple=True, metavar="THRESHOLD", help="[SCENARIO/][NAME:]METRIC<=LIMIT; repeatable.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests"), show_default=True
)
def main(
    host: str, grpc_port: int | None, http_port: int | None, home: Path | None, seed: int, out: Path, **load: Any
) -> None:
    """Known users, anonymous visitors, item pages and events over gRPC and HTTP; ends with 1 if anything failed.

    With --scenario or --expect it ends with 1 if a threshold did not hold.
    """
    try:
        asked = Asked(**load)
        for text in asked.expect:
            parse(text, SCENARIOS)
        host = check_loopback(host)
        settings = load_settings(overrides={"home": home})
        grpc_port, http_port = grpc_port or settings.server.grpc_port, http_port or settings.server.http_port
        out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(orderly_end())
            home, url = settings.home, f"http://{_bracketed(host)}:{http_port}"
            if _answers(host, grpc_port, http_port):
                _say(f"the gateway at {host}, ports {grpc_port} (gRPC) and {http_port} (HTTP)")
            else:
                home = _trained_home(home, out, seed)
                _say(f"no gateway answers at {host}:{grpc_port}: starting one on {home}, without Ray")
                gateway = OwnGateway(home, local=True, folder=out)
                stack.callback(gateway.close)
                url, grpc_port = gateway.http_url, int(gateway.grpc_target.rsplit(":", 1)[1])
            _ids(home).write(out / "ids.json")
            code = _locust(asked, url, grpc_port, out, seed)
    except StoregateError as error:
        raise click.ClickException(error.message) from error
    _say(f"report: {out / 'report.html'}, {out / 'load.svg'}, {out / 'verdict.json'}")
    sys.exit(code)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options about load. seconds, name, loop: None = Locust's side decides."""

    seconds: int | None
    users: int
    name: str | None
    loop: str | None
    rate: float
    bulk_users: int
    bulk_rate: float
    protocol: str
    processes: int
    expect: tuple[str, ...]

    @property
    def length_s(self) -> float:
        return self.seconds or (SCENARIOS[self.name].seconds if self.name else SECONDS)

    def arguments(self) -> list[str]:
        """Locust's. With a scenario its end is the scenario's, else a time limit."""
        told = ["--users", str(self.users), "--spawn-rate", str(self.users)]
        told += ["--rate", str(self.rate), "--bulk-users", str(self.bulk_users), "--bulk-rate", str(self.bulk_rate)]
        told += ["--scenario", self.name] if self.name else ["--run-time", f"{self.length_s:g}s"]
        told += ["--length", str(self.length_s)]
        told += ["--loop", self.loop] if self.loop else []
        if self.processes:
            port = str(_free_port())
            told += ["--processes", str(self.processes), "--master-bind-port", port, "--master-port", port]
        for text in self.expect:
            told += ["--expect", text]
        return [*told, *USER_CLASSES[self.protocol]]


def _locust(asked: Asked, url: str, grpc_port: int, out: Path, seed: int) -> int:
    """Runs Locust in a process of its own (it patches the standard library) and returns its exit code."""
    command = [
        sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", "--host", url,
        "--grpc-port", str(grpc_port), "--ids-file", str(out / "ids.json"), "--seed", str(seed),
        "--stop-timeout", "5", "--html", str(out / "report.html"),
        "--report-dir", str(out), *asked.arguments(),
    ]  # fmt: skip
    most_s = asked.length_s + SPARE_S
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        return process.wait(most_s)
    except subprocess.TimeoutExpired:
        raise SettingError(f"locust did not end within {most_s:.0f} s") from None
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _free_port() -> int:
    """For the master: nobody else's workers, and none of another run, find it."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _trained_home(home: Path, out: Path, seed: int) -> Path:
    """`home` when something is live there, else a small demo store of our own, made once below `out`."""
    if releases(home):
        return home
    small = (out / "home").absolute()
    shop(small, items=SMALL_ITEMS, users=SMALL_USERS, seed=seed, say=_say)
    return small


def _ids(home: Path) -> Ids:
    """The ids that the gateway of this home knows; those of the demo store when its home is not here."""
    try:
        return of_home(home)
    except StoregateError as error:
        _say(f"{error.message}: asking with ids of the demo store")
        return Ids.demo()


def _answers(host: str, grpc_port: int, http_port: int) -> bool:
    """Whether a gateway answers on both ports. Raises SettingError when only one does: then it is not ours."""
    grpc_port_answers = answers_ping(f"{_bracketed(host)}:{grpc_port}")
    http_port_answers = _healthy(host, http_port)
    if grpc_port_answers != http_port_answers:
        there, absent = (grpc_port, http_port) if grpc_port_answers else (http_port, grpc_port)
        raise SettingError(f"port {there} answers, {absent} does not: give --grpc-port and --http-port of one gateway")
    return grpc_port_answers


def _healthy(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
