"""A server of ours must not outlive this process, even when this process is killed."""

from __future__ import annotations

import contextlib
import subprocess

_SCRIPT = """
read -r _ || { tr '\\0' ' ' < /proc/"$0"/cmdline | grep -q -E "$1" && kill -TERM "$0"; }
"""
"""Reads one line from the launcher; the end of the pipe instead means that the launcher has died."""


class Guard:
    """One `sh`, at work from construction on, that asks a process to end when this one has died."""

    def __init__(self, pid: int, name: str) -> None:
        """name: extended regular expression for its command line, so that a later process with its id is spared."""
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT, str(pid), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Ends the guard; the process it watched is left alone. Idempotent."""
        if self._shell.stdin is None or self._shell.stdin.closed:
            return
        with contextlib.suppress(OSError):
            self._shell.stdin.write(b"done\n")
            self._shell.stdin.flush()
        with contextlib.suppress(OSError):
            self._shell.stdin.close()
        self._shell.wait()
