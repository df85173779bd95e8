"""A proxy before a Redis that delays its answers, in a process of its own, so that it takes no time from the callers.

The process (`python -m loadtests.slow_redis SOCKET`) prints its port, then reads delays in seconds, one a line, and
repeats each when it is in force. It ends with its standard input, so never later than the one who started it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from serving.core.errors import SettingError

HELD_MAX = 256
"""Chunks of answers held back a connection; then the server is read no more."""
CHUNK_BYTES = 1 << 16
END_S_MAX = 5.0


class SlowRedis:
    """The proxy as its user sees it; no delay at first. `close()` ends it."""

    def __init__(self, socket: Path) -> None:
        """socket: the Unix socket of the Redis."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loadtests.slow_redis", str(socket)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for us
        )
        port = self._line()
        self.url = f"redis://127.0.0.1:{port}/0"

    def delay(self, seconds: float) -> None:
        """From now on every answer that the server gives arrives `seconds` later."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self._line()

    def close(self) -> None:
        """Idempotent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SettingError(f"the proxy before redis ended with code {self._process.wait()}")
        return line.strip()


class _Proxy:
    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._delay_s = 0.0

    async def run(self) -> None:
        """Until standard input ends."""
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            self._delay_s = float(line)
            print(self._delay_s, flush=True)
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client: a connection of its own to the server, both ways until either hangs up."""
        try:
            from_server, to_server = await asyncio.open_unix_connection(self._socket)
        except OSError:
            writer.close()
            return
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_MAX)
        ways = [
            asyncio.ensure_future(_pass_on(reader, to_server)),
            asyncio.ensure_future(self._hold(from_server, held)),
            asyncio.ensure_future(_let_go(held, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_server.close()
            writer.close()

    async def _hold(self, reader: asyncio.StreamReader, held: asyncio.Queue[tuple[float, bytes]]) -> None:
        """Takes the server's answers and notes when each is due. After its last one the way out decides the end."""
        clock = asyncio.get_running_loop().time
        while chunk := await reader.read(CHUNK_BYTES):
            await held.put((clock() + self._delay_s, chunk))
        await held.put((clock() + self._delay_s, b""))
        await asyncio.get_running_loop().create_future()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()


async def _let_go(held: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    """Sends each chunk when it is due; they stay in order. Ends with the empty one."""
    clock = asyncio.get_running_loop().time
    while True:
        due_s, chunk = await held.get()
        await asyncio.sleep(max(0.0, due_s - clock()))
        if not chunk:
            return
        writer.write(chunk)
        await writer.drain()


if __name__ == "__main__":
    asyncio.run(_Proxy(sys.argv[1]).run())
