"""A server of the comparison as a process of its own: started, found ready by a right answer, ended by process id."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from loadtests.bench.process import Tree
from loadtests.peers.ask import Asker, NoAnswer, difference
from loadtests.peers.environments import ROOT
from loadtests.peers.pipeline import Page, Query
from loadtests.peers.registry import Peer
from loadtests.peers.servers.ports import HOST, free_port
from serving.core.errors import NotReady, SettingError
from serving.runtime.process import THREADS

POLL_S = 0.02
START_S_MAX = 240.0
STOP_S_MAX = 40.0


class Server:
    """Starts on construction and has answered `question` rightly then; `close()` ends it and all below it."""

    def __init__(self, peer: Peer, python: Path, folder: Path, work: Path, question: tuple[Query, Page]) -> None:
        """folder: the pipeline's. work: for its log and whatever it leaves. Raises SettingError with its last words."""
        self.peer, self.port, self.log = peer, free_port(), work / "log"
        work.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                [str(python), "-m", "loadtests.peers.serve", peer.name, str(folder), str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(peer, self.port, work, folder.parent),
                cwd=work,
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )
        self._seen: set[psutil.Process] = set()
        try:
            self.tree = Tree(self._process.pid)
            self._ready(begun + START_S_MAX, *question)
            self.start_s = time.monotonic() - begun
        except BaseException:
            self.close()
            raise

    def look(self) -> None:
        """Remembers its processes: those of one that has died are no longer below it."""
        if hasattr(self, "tree"):
            self._seen.update(self.tree.processes())

    def close(self) -> int:
        """Asks it to end and waits; kills what ignores that, by process id; how many had to be killed."""
        self.look()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _, left = psutil.wait_procs(self._seen, timeout=5)
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=5)
        return len(left)

    def last_words(self) -> str:
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-5:]) or "(it said nothing)"

    def _ready(self, until: float, query: Query, wanted: Page) -> None:
        said = ""
        while True:
            if self._process.poll() is not None:
                raise SettingError(f"{self.peer.name} ended with code {self._process.returncode}: {self.last_words()}")
            self.look()
            if _listens(self.port):
                try:
                    with Asker(self.peer.wire, HOST, self.port) as asker:
                        page, _ = asker.ask(query)
                except NoAnswer as error:
                    said = str(error)
                else:
                    if wrong := difference(page, wanted):
                        raise SettingError(f"{self.peer.name} answers otherwise than the pipeline: {wrong}")
                    return
            if time.monotonic() > until:
                raise NotReady(f"{self.peer.name} was not ready within {START_S_MAX:.0f} s: {said} {self.last_words()}")
            time.sleep(POLL_S)


def environment(peer: Peer, port: int, work: Path, caches: Path) -> dict[str, str]:
    """Ours without what would steer a server, one thread a library, and the peer's own."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STOREGATE", "RAY_", "BENTOML_", "MLSERVER_", "MOSEC_", "PYTHON"))
    }
    ours: Mapping[str, str] = {
        **dict.fromkeys(THREADS, "1"),
        "NUMBA_CACHE_DIR": str(caches / f"numba-{peer.environment or 'own'}"),
        "PYTHONPATH": str(ROOT),
        "HOME": str(work),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "BENTOML_DO_NOT_TRACK": "True",
    }
    known = {"port": port, "next": port + 1, "libraries": sysconfig.get_config_var("LIBDIR")}
    return kept | ours | {name: value.format(**known) for name, value in peer.environ.items()}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
