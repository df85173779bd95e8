"""An environment of its own for each peer: its packages would not stand beside ours, nor beside each other's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from serving.core.errors import SettingError

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements" / "peers"
STAMP = "requirements.sha256"
INSTALL_S_MAX = 900.0


def python_of(name: str, folder: Path, say: Callable[[str], None]) -> Path:
    """The interpreter of the environment below `folder`, made when it is not there or its requirements have changed.

    name: of requirements/peers/NAME.txt; "" = the environment that runs this. Raises SettingError with pip's words.
    """
    if not name:
        return Path(sys.executable)
    requirements, place = REQUIREMENTS / f"{name}.txt", folder / name
    python, stamp = place / "bin" / "python", place / STAMP
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    say(f"{name}: making its environment (a minute or two, once)")
    shutil.rmtree(place, ignore_errors=True)
    _checked(name, [sys.executable, "-m", "venv", str(place)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    _checked(name, [*pip, "-r", str(requirements)])
    stamp.write_text(wanted)
    return python


def _checked(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise SettingError(f"the environment of {name} was not made within {INSTALL_S_MAX:.0f} s") from None
    if done.returncode:
        raise SettingError(f"the environment of {name} could not be made: {done.stderr.strip()[-500:]}")
