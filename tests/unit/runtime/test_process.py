"""Ending processes: by patience first, then by force, and never others than those given."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import MutableMapping

import psutil

from serving.runtime.process import THREADS, children, end, pin

STUBBORN = "import signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\nsignal.pause()"
PLAIN = "import signal\nprint('on', flush=True)\nsignal.pause()"


def started(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    return process


def test_a_process_that_ignores_sigterm_is_killed_and_others_live() -> None:
    """All of those given are gone at the end; one that had ended by itself does not count."""
    plain, stubborn, other = started(PLAIN), started(STUBBORN), started(PLAIN)
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    try:
        given = [psutil.Process(plain.pid), psutil.Process(stubborn.pid)]
        assert {process.pid for process in children()} >= {plain.pid, stubborn.pid, other.pid}
        assert end(given, patience_s=0.2) == 2
        assert not any(process.is_running() for process in given)
        assert other.poll() is None
    finally:
        for process in (plain, stubborn, other):
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def test_nothing_to_end_is_fine() -> None:
    """No process, no wait."""
    assert end([]) == 0


def test_every_numeric_library_gets_one_thread() -> None:
    """Whatever the surroundings said."""
    environ: MutableMapping[str, str] = {"OMP_NUM_THREADS": "8"}
    pin(environ)
    assert dict(environ) == dict.fromkeys(THREADS, "1")


def test_garbage_does_not_pile_up_beside_what_was_frozen() -> None:
    """600,000 objects live for ever; of 140,000 cycles that grow old, a full collection frees some before the end."""
    code = (
        "import collections, gc\n"
        "from serving.runtime.process import settle\n"
        "keep = [[] for _ in range(600_000)]\n"
        "settle()\n"
        "before, ring = gc.get_stats()[2]['collections'], collections.deque(maxlen=3000)\n"
        "for _ in range(140_000):\n"
        "    cycle = []\n"
        "    cycle.append(cycle)\n"
        "    ring.append(cycle)\n"
        "print(gc.get_stats()[2]['collections'] - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 1
