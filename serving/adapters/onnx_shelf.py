"""core.ports.ModelShelf over the ONNX files below the home folder: live versions come into memory by themselves.

Once a second the disk is looked at: a version that has become live is loaded aside and takes over when it can be used;
one that is no longer live, or gone from the disk, is forgotten unless it was asked for by name. What was asked for
stands in a file, so that all replicas of a home come to hold the same, new ones too. The models that the decisions use
are others: nothing here changes what is recommended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from serving.adapters import onnx_choice
from serving.adapters.onnx_choice import Choice
from serving.adapters.onnx_files import Key, OnnxFiles, find, open_model
from serving.adapters.onnx_model import OnnxModel
from serving.core.errors import ModelDamaged, NoRoom, NotFound, NotReady
from serving.core.ports import ModelState

POLL_S: Final = 1.0
NOT_LOADED: Final = "not loaded"
NO_ROOM: Final = "no room: inference.models_max"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What readers see: replaced as a whole, never changed."""

    files: dict[Key, Path]
    names: frozenset[str]
    wanted: frozenset[Key]
    """Live versions that should be in memory."""
    live: dict[str, str]
    """Model -> the version that stands for it: the live one, or the one before where that cannot be loaded."""
    held: dict[Key, OnnxModel]


class OnnxShelf:
    """Loads the live versions when constructed; one that cannot be loaded keeps no other from being served."""

    def __init__(self, home: Path, models_max: int) -> None:
        """models_max: most versions in memory, 0 = none; live ones first, then those asked for last."""
        self._home, self._models_max = home, models_max
        self._shelf = _Shelf({}, frozenset(), frozenset(), {}, {})
        self._problems: dict[Key, str] = {}
        self._choice_problem = ""
        self._changing = threading.Lock()
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="onnx-shelf", daemon=True)
        self.refresh()

    def start(self) -> None:
        """Begins to look at the disk, once a second."""
        self._watcher.start()

    def close(self) -> None:
        """Ends the looking. Idempotent."""
        self._closing.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def find(self, name: str, version: str = "") -> tuple[str, OnnxModel]:
        """See ModelShelf."""
        shelf = self._known(name)
        version = version or shelf.live.get(name, "")
        model = shelf.held.get((name, version))
        if model is None:
            if not version:
                raise NotReady(f"model {name} has no live version in memory: load it, or ask for a version by name")
            if (name, version) not in shelf.files:
                raise NotFound(f"version of model {name}", version)
            why = self._why(shelf, (name, version))
            raise NotReady(f"model {name} version {version} is not ready ({why}): load it", model=name)
        return version, model

    def ready(self) -> bool:
        """See ModelShelf."""
        shelf = self._shelf
        return shelf.wanted <= shelf.held.keys()

    def held(self, name: str = "") -> list[Key]:
        """See ModelShelf."""
        shelf = self._known(name) if name else self._shelf
        return sorted(key for key in shelf.held if name in ("", key[0]))

    def index(self) -> list[ModelState]:
        """See ModelShelf."""
        shelf = self._shelf
        return [
            ModelState(*key, key in shelf.held, "" if key in shelf.held else self._why(shelf, key))
            for key in sorted(shelf.files)
        ]

    def refresh(self) -> None:
        """Looks at the disk, and makes memory what it should be."""
        with self._changing:
            self._settle(find(self._home), self._choice())

    def load(self, name: str, versions: Sequence[str] = ()) -> None:
        """See ModelShelf. What was refused before is tried anew; where the bound is reached the oldest gives way."""
        with self._changing, onnx_choice.changing(self._home):
            found, before = find(self._home), self._choice()
            keys = _keys(found, name, versions)
            chosen = self._with(before, found, keys, by_name=bool(versions))
            for key in keys:
                self._problems.pop(key, None)
            self._settle(found, chosen)
            for key in keys:
                if key in self._problems:
                    self._settle(found, before)
                    raise ModelDamaged(self._problems[key], model=name, version=key[1])
            onnx_choice.write(self._home, chosen)

    def unload(self, name: str) -> None:
        """See ModelShelf."""
        with self._changing, onnx_choice.changing(self._home):
            found, before = find(self._home), self._choice()
            names = {known for known, _ in found.files}
            if name not in names:
                raise NotFound("model", name)
            asked = tuple(key for key in before.asked if key[0] != name)
            chosen = Choice(asked, (before.unloaded & names) | {name})
            self._settle(found, chosen)
            onnx_choice.write(self._home, chosen)

    def _choice(self) -> Choice:
        """What callers asked for; nothing while the file is damaged, until the next load or unload writes it anew."""
        try:
            chosen, problem = onnx_choice.read(self._home), ""
        except ModelDamaged as error:
            chosen, problem = Choice(), error.message
        if problem != self._choice_problem:
            log.error("%s", problem or f"{onnx_choice.FILE} is whole again")
        self._choice_problem = problem
        return chosen

    def _with(self, before: Choice, found: OnnxFiles, keys: Sequence[Key], *, by_name: bool) -> Choice:
        """The choice with these in it as well. Raises NoRoom when not even they fit beside the live versions."""
        unloaded = before.unloaded - {name for name, version in keys if found.live.get(name) == version}
        live = {key for key in found.live.items() if key[0] not in unloaded}
        room = self._models_max - len(live | set(keys))
        if room < 0:
            raise NoRoom(
                f"at most {self._models_max} versions are held in memory (inference.models_max), and {len(live)} are "
                "live: unload a model, or raise the setting"
            )
        others = [key for key in before.asked if key in found.files and key not in keys]
        kept = others[len(others) - min(len(others), room) :]
        return replace(before, asked=(*kept, *(keys if by_name else ())), unloaded=unloaded)

    def _settle(self, found: OnnxFiles, choice: Choice) -> None:
        """Loads what is wanted and not there, then puts the new shelf in the place of the old. Needs the lock."""
        old, files = self._shelf, found.files
        self._problems = {key: problem for key, problem in self._problems.items() if key in files}
        live = [(name, version) for name, version in found.live.items() if name not in choice.unloaded]
        asked = [key for key in reversed(choice.asked) if key in files and key not in live]
        wanted = [*live, *asked][: self._models_max]
        held = {key: model for key in wanted if (model := old.held.get(key) or self._opened(key, files[key]))}
        standing = {name: version for name, version in live if (name, version) in held}
        for name in {name for name, _ in set(live) & set(wanted) - held.keys()}:
            before = (name, old.live.get(name, ""))
            if before in old.held and before in files:
                held[before], standing[name] = old.held[before], before[1]
        self._shelf = _Shelf(files, frozenset(name for name, _ in files), frozenset(live), standing, held)

    def _opened(self, key: Key, path: Path) -> OnnxModel | None:
        """The model, or None and a problem; what has one is not tried again until it is asked for."""
        if key in self._problems:
            return None
        try:
            return open_model(path, *key)
        except ModelDamaged as error:
            self._problems[key] = error.message
        except OSError as error:
            self._problems[key] = f"{path.name}: {error.strerror}"
        log.error("model %s version %s is not served: %s", *key, self._problems[key])
        return None

    def _why(self, shelf: _Shelf, key: Key) -> str:
        """Why a version is not in memory."""
        return self._problems.get(key) or (NO_ROOM if key in shelf.wanted else NOT_LOADED)

    def _known(self, name: str) -> _Shelf:
        shelf = self._shelf
        if name not in shelf.names:
            raise NotFound("model", name)
        return shelf

    def _watch(self) -> None:
        while not self._closing.wait(POLL_S):
            try:
                self.refresh()
            except Exception:  # a defect here must not end the watching
                log.exception("looking for models failed; those in memory go on")


def _keys(found: OnnxFiles, name: str, versions: Sequence[str]) -> list[Key]:
    """The versions that are meant, () = the live one. Raises NotFound."""
    if name not in {known for known, _ in found.files}:
        raise NotFound("model", name)
    if not versions and name not in found.live:
        raise NotFound("live version of model", name)
    keys = [(name, version) for version in versions or (found.live[name],)]
    for key in keys:
        if key not in found.files:
            raise NotFound(f"version of model {name}", key[1])
    return keys
