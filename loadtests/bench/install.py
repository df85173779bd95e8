"""What the bench needs from the operating system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from serving.core.errors import SettingError

PACKAGES = {"h2load": "nghttp2-client"}
"""Program -> Debian package."""
COMMAND = "apt-get install " + " ".join(PACKAGES.values())
CORES_MIN = 2


def check_installed(path: str | None = None) -> None:
    """Raises SettingError naming every missing program and the command that installs them. path: as in $PATH."""
    missing = [program for program in PACKAGES if shutil.which(program, path=path) is None]
    if missing:
        raise SettingError(
            f"storegate bench needs {' and '.join(missing)}, not found on the PATH: on Debian or Ubuntu run "
            f"`{COMMAND}` as root"
        )


def check_cores() -> None:
    """Raises SettingError on a machine where server and load cannot have a core each."""
    cores = len(os.sched_getaffinity(0))
    if cores < CORES_MIN:
        raise SettingError(
            f"storegate bench needs {CORES_MIN} cores (server, load generator); this process has {cores}"
        )


def h2load_version() -> str:
    """For the report: "h2load nghttp2/1.52.0"."""
    said = subprocess.run(["h2load", "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"h2load\s+\S+", said)
    return found[0] if found else "h2load"
