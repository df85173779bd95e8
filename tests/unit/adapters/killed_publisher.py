"""A publisher that is killed on purpose. Reads lines "seed step" and answers "died" or "published <release>".

For each line it forks; the child publishes the tiny shop of that seed and is sent SIGKILL by itself at the step-th time
it touches the file system (Python's audit events: open, mkdir, rename, unlink, ...). Usage: killed_publisher.py HOME.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from pathlib import Path

from model_repo.publish import Trained, publish

FILE_EVENTS = ("open", "os.", "shutil.", "tempfile.", "fcntl.")


def kill_at(step: int) -> None:
    """Arms the audit hook; step 0 = never."""
    left = step

    def hook(event: str, _arguments: object) -> None:
        nonlocal left
        if event.startswith(FILE_EVENTS):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def attempt(home: Path, trained: Trained, seed: int, step: int) -> str:
    """Publishes in a child of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            kill_at(step)
            os.write(writer, publish(home, trained, wall_s=1_700_000_000 + seed).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        release = pipe.read()
    _, status = os.waitpid(child, 0)
    return "died" if os.WIFSIGNALED(status) else f"published {release}"


def main() -> None:
    tiny = runpy.run_path(str(Path(__file__).with_name("tiny_release.py")))
    home = Path(sys.argv[1])
    for line in sys.stdin:
        seed, step = (int(word) for word in line.split())
        print(attempt(home, tiny["tiny_release"](seed), seed, step), flush=True)


if __name__ == "__main__":
    main()
