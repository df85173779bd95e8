"""ModelService: reads and changes the manifest.

What becomes live was loaded, checked and warmed by this replica first; the others notice the manifest within a second
and do the same for themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from serving.adapters.live_models import NICE, LiveModels
from serving.adapters.releases import Manifest, Release, change, manifest
from serving.core.errors import Conflict, ModelDamaged, ModelRefused, NotFound, SettingError, StoregateError
from serving.core.priority import yield_to_others
from serving.core.rollout import (
    Deal,
    GetRelease,
    Listed,
    Promote,
    RollBack,
    Rollout,
    RolloutQuery,
    Shade,
    listed,
)
from serving.core.turn import Turn

BUSY_S_MAX: Final = 5.0
"""How long a change waits for another process that changes the manifest: it takes milliseconds."""
BUSY_PAUSE_S: Final = 0.05
CHECKSUM: Final = "whole"
"""ModelRefused.check of what the loader refuses: damaged files, other shapes, other features."""


class ModelService:
    """The methods behind the routes; all belong on a thread of their own, for they load releases."""

    def __init__(self, home: Path, models: LiveModels) -> None:
        self._home, self._models = home, models

    def run_list(self, queries: Sequence[object], turn: Turn) -> list[Rollout | StoregateError]:
        """ListModels."""
        return [self._told() for _ in queries]

    def run_get(self, queries: Sequence[GetRelease], turn: Turn) -> list[Listed | StoregateError]:
        """GetModel."""
        return [self._found(query.name) for query in queries]

    def run_change(self, queries: Sequence[RolloutQuery], turn: Turn) -> list[Rollout | StoregateError]:
        """PromoteModel, RollbackModel, SetShadow, SetTrafficSplit: in order, each as a whole or not at all."""
        yield_to_others(NICE)
        return [self._changed(query) for query in queries]

    def _told(self) -> Rollout | StoregateError:
        try:
            found = manifest(self._home)
        except StoregateError as error:
            return error
        return Rollout(found.listed(), found.split, found.shadow, self._models.release, tuple(self._models.refused))

    def _found(self, name: str) -> Listed | StoregateError:
        rollout = self._told()
        if isinstance(rollout, StoregateError):
            return rollout
        return listed(rollout, name) or NotFound("model", name)

    def _changed(self, query: RolloutQuery) -> Rollout | StoregateError:
        how = _how(query)
        try:
            before = manifest(self._home)
            after = how(before)
            with self._models.tried(_newcomers(before, after)):
                if not (isinstance(query, Promote) and query.validate_only):
                    self._write(how)
                    self._models.refresh()
        except ModelRefused as error:
            return error
        except ModelDamaged as error:
            return ModelRefused("the release", CHECKSUM, error.message)
        except StoregateError as error:
            return error
        return self._told()

    def _write(self, how: Callable[[Manifest], Manifest]) -> None:
        """Raises what `how` raises of the manifest as it is now; Conflict when others keep it busy."""
        until = time.monotonic() + BUSY_S_MAX
        while True:
            try:
                change(self._home, how)
                return
            except SettingError as error:
                if time.monotonic() > until:
                    raise Conflict("another process is changing what is live: try again later") from error
                time.sleep(BUSY_PAUSE_S)


def _how(query: RolloutQuery) -> Callable[[Manifest], Manifest]:
    """What the query makes of a manifest."""
    match query:
        case Promote():
            return lambda found: found.promoted(found.find(query.name))
        case RollBack():
            return lambda found: _rolled_back(found, query.expected_live)
        case Shade():
            return lambda found: found.with_shadow(query.shadow)
        case Deal():
            return lambda found: found.with_split(query.split)
        case _:
            raise TypeError(f"{query!r} changes nothing")


def _rolled_back(found: Manifest, expected_live: str) -> Manifest:
    if expected_live and found.live.release != expected_live:
        problem = f"{found.live.release} is live, not {expected_live}: somebody else has changed it"
        raise Conflict(problem, live=found.live.release)
    return found.rolled_back()


def _newcomers(before: Manifest, after: Manifest) -> list[Release]:
    """The releases that answer after the change and did not before."""

    def answering(found: Manifest) -> list[str]:
        names = [found.live.release, *(name for name, _ in found.split.shares)]
        return [*names, found.shadow.release] if found.shadow else names

    known = answering(before)
    return [after.find(name) for name in answering(after) if name not in known]
