"""`make loadtest`: Locust, headless and bounded in time, against the running gateway, or one started for it.

python -m loadtests.run
python -m loadtests.run --seconds 120 --users 100
python -m loadtests.run --host 127.0.0.1 --grpc-port 6000 --http-port 6001
"""

from __future__ import annotations

import http.client
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from loadtests.bench.store import shop
from loadtests.gateway import OwnGateway, answers_ping, orderly_end
from loadtests.ids import Ids, of_home
from loadtests.loopback import check_loopback
from serving.adapters.releases import releases
from serving.core.errors import SettingError, StoregateError
from serving.settings import load as load_settings

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
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
@click.option("--seconds", type=click.IntRange(1, 3600), default=30, show_default=True)
@click.option("--users", type=click.IntRange(2, 1000), default=20, show_default=True, help="Half gRPC, half HTTP.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("var/loadtests"), show_default=True
)
def main(
    host: str, grpc_port: int | None, http_port: int | None, home: Path | None, seconds: int, users: int, seed: int,
    out: Path,
) -> None:  # fmt: skip
    """Known users, anonymous visitors, item pages and events over gRPC and HTTP; ends with 1 if anything failed."""
    try:
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
            ids = out / "ids.json"
            _ids(home).write(ids)
            code = _locust(url, grpc_port, ids, out / "report.html", seconds, users, seed)
    except StoregateError as error:
        raise click.ClickException(error.message) from error
    _say(f"report: {out / 'report.html'}")
    sys.exit(code)


def _locust(url: str, grpc_port: int, ids: Path, report: Path, seconds: int, users: int, seed: int) -> int:
    """Runs Locust in a process of its own (it patches the standard library) and returns its exit code."""
    command = [
        sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary", "--host", url,
        "--grpc-port", str(grpc_port), "--ids-file", str(ids), "--seed", str(seed),
        "--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s", "--stop-timeout", "5",
        "--html", str(report), "--exit-code-on-error", "1",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        return process.wait(seconds + SPARE_S)
    except subprocess.TimeoutExpired:
        raise SettingError(f"locust did not end within {seconds + SPARE_S} s") from None
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


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
