"""What commands share: settings from options, the console, the cache of compiled code, the client."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from serving.core.errors import NotReady, SettingError, StoregateError
from serving.settings import Settings, load

COMPILED = ("serving", "retrieval", "model_repo")
CACHES_KEPT = 3
ASK_S_MAX = 5.0

WIDTH = None if sys.stdout.isatty() else 130
"""Columns of what is written into a file or a pipe."""

out = Console(width=WIDTH)
"""Answers: tables."""
err = Console(stderr=True)
"""What is going on."""

F = TypeVar("F", bound=Callable[..., Any])


def say(text: str) -> None:
    """One line about what is going on."""
    err.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


def with_settings(*options: tuple[str, str], compiles: bool = False) -> Callable[[F], F]:
    """A command that takes --home, --config and, by (option's name, key), other settings; it gets `settings`.

    compiles: it runs kernels in this process.
    """

    def decorate(command: F) -> F:
        @click.option(
            "--home", type=click.Path(path_type=Path), help="Folder of models and data. [STOREGATE_HOME, ./var]"
        )
        @click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings. [./storegate.toml]")
        @wraps(command)
        def run(home: Path | None, config: Path | None, **values: Any) -> Any:
            overrides = {key: values.pop(name) for name, key in options}
            settings = load(config, overrides={"home": home} | overrides)
            if compiles:
                use_numba_cache(settings.home)
            return command(settings=settings, **values)

        return run  # type: ignore[return-value]

    return decorate


def use_numba_cache(home: Path) -> None:
    """Compiled kernels are kept below home, apart for every state of our sources; before numba is imported.

    Numba notices a change of the file it has compiled, not of another file whose function is called from there.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    root = Path(__file__).parents[2]
    digest = blake2b(digest_size=8)
    for folder in COMPILED:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    caches = home / "numba"
    mine = caches / digest.hexdigest()
    try:
        mine.mkdir(parents=True, exist_ok=True)
        os.utime(mine)
    except OSError as error:
        raise SettingError(f"home: {home} cannot be written ({error.strerror}): set another", key="home") from None
    old = sorted((path for path in caches.iterdir() if path != mine), key=lambda path: path.stat().st_mtime)
    for path in old[: len(old) + 1 - CACHES_KEPT] if len(old) >= CACHES_KEPT else ():
        shutil.rmtree(path, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(mine)


def target_of(settings: Settings, target: str | None) -> str:
    """Where to ask: the target given, else what runs on this home, else what the settings say. Raises NotReady where
    they leave the port to chance."""
    from serving.runtime.home import replicas

    if target:
        return target
    running = replicas(settings.home)
    host, port = settings.server.host, settings.server.grpc_port
    if running:
        host, port = running[0].addresses.host, running[0].addresses.grpc_port
    if not port:
        raise NotReady(f"no gateway runs on {settings.home}: start one with `storegate serve`, or name one by --target")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextmanager
def client_of(settings: Settings, target: str) -> Iterator[Any]:
    """A connected storegate.client.Client; what the gateway refuses becomes one clear line."""
    import grpc

    from storegate.client import Client, reason

    try:
        with Client(target, settings.server.bearer_token or None, ASK_S_MAX, connections=1) as client:
            client.ping()
            yield client
    except grpc.RpcError as error:
        raise Refused(target, error.code().name, error.details() or "", reason(error)) from None


class Refused(StoregateError):
    """The gateway's answer was an error, or there was none."""

    def __init__(self, target: str, code: str, details: str, reason: str) -> None:
        absent = code in ("UNAVAILABLE", "DEADLINE_EXCEEDED") and not reason
        hint = "; is it running? start it with `storegate serve`" if absent else ""
        super().__init__(f"the gateway at {target} says {reason or code}: {details}{hint}")
        self.reason = reason or NotReady.reason
