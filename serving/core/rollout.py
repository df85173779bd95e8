"""Which releases answer whom: the live one, those that get a share of the visitors, and one that is only compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from serving.core.config import setting
from serving.core.errors import InvalidInput

ARMS_MAX: Final = 3
"""Releases beside the live one that may get a share: each is held in memory whole."""
SEED_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ModelParams:
    """How a release gets to serve."""

    slower_max: float = setting(
        4.0,
        "A ranker that takes more than so many times the live one's time is refused, unless its model.toml names a "
        "budget of its own.",
        low=1,
        high=1000,
    )
    recorded_max: int = setting(
        128,
        "Recent requests kept below home, without who asked; a release must answer them before it serves; 0 = none.",
        low=0,
        high=10_000,
        unit="requests",
    )


@dataclass(frozen=True, slots=True)
class Split:
    """A traffic split: each release's share of the visitors; what is left is the live release's.

    shares: (release, share above 0), shares adding up to at most 1. seed: another one deals the visitors anew. Raises
    InvalidInput.
    """

    shares: tuple[tuple[str, float], ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.shares) > ARMS_MAX:
            raise InvalidInput("split.arms", f"{len(self.shares)} releases", f"at most {ARMS_MAX} beside the live one")
        if not 0 <= self.seed <= SEED_MAX:
            raise InvalidInput("split.seed", self.seed, f"a whole number from 0 to {SEED_MAX}")
        for place, (release, share) in enumerate(self.shares):
            if not 0 < share <= 1:  # false for NaN too
                raise InvalidInput(f"split.arms[{place}].share", share, "a share above 0, at most 1")
            if release in (name for name, _ in self.shares[:place]):
                raise InvalidInput(f"split.arms[{place}].name", release, "each release once")
        total = math.fsum(share for _, share in self.shares)
        if total > 1 + 1e-9:
            raise InvalidInput("split.arms", f"shares that add up to {total:g}", "at most 1 in all")

    def __bool__(self) -> bool:
        return bool(self.shares)

    def arm_of(self, visitor: str) -> str:
        """The release that answers this visitor, '' = the live one; always the same while the split stands.

        visitor: the key of the profile, see events/types.py; '' = nobody that could be known again, so the live one.
        """
        if not visitor:
            return ""
        drawn = draw(visitor, self.seed)
        for release, share in self.shares:
            if drawn < share:
                return release
            drawn -= share
        return ""

    def without(self, release: str) -> Split:
        """The split when that release gets no share of its own any more."""
        return Split(tuple(one for one in self.shares if one[0] != release), self.seed)


NO_SPLIT: Final = Split()


@dataclass(frozen=True, slots=True)
class Shadowing:
    """A release whose answers are compared with the served ones, never served. share: of the requests, above 0 to 1.

    Raises InvalidInput.
    """

    release: str
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InvalidInput("share", self.share, "a share above 0, at most 1")


def draw(visitor: str, seed: int) -> float:
    """A number in [0, 1) that belongs to the visitor: BLAKE2b, keyed by the seed, so that splits are independent."""
    digest = blake2b(visitor.encode(), digest_size=8, key=seed.to_bytes(8, "little")).digest()
    return (int.from_bytes(digest, "little") >> 11) / 2**53


@dataclass(frozen=True, slots=True)
class Listed:
    """One release as ListModels tells of it."""

    name: str
    state: str
    """LIVE, PREVIOUS (was live before: a rollback goes to the first) or CANDIDATE (never live, or rolled back)."""
    versions: dict[str, str]
    """part -> version."""
    share: float = 0.0
    """Of the visitors."""
    shadow_share: float = 0.0
    """Of the requests that it answers too, to be compared."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the manifest says, and what the replica that was asked makes of it."""

    releases: tuple[Listed, ...]
    """The live one first, then those before it, then the candidates; each newest first."""
    split: Split
    shadow: Shadowing | None
    served: str
    """The release that the replica serves: another than the live one while it loads, or when it has refused it."""
    refused: tuple[str, ...] = ()
    """What the replica has refused of the manifest, and why."""


@dataclass(frozen=True, slots=True)
class ListReleases:
    """Asks for all of them."""


@dataclass(frozen=True, slots=True)
class GetRelease:
    name: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Makes a release live. validate_only: checks all that a promotion checks and changes nothing."""

    name: str
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class RollBack:
    """Makes the release before live again. expected_live: '' = whichever is live, else refused when it is another."""

    expected_live: str = ""


@dataclass(frozen=True, slots=True)
class Shade:
    """Compares with a release. shadow: None = with none any more."""

    shadow: Shadowing | None


@dataclass(frozen=True, slots=True)
class Deal:
    """Splits the traffic. split: an empty one ends it."""

    split: Split


RolloutQuery = ListReleases | GetRelease | Promote | RollBack | Shade | Deal


def listed(rollout: Rollout, name: str) -> Listed | None:
    """The release of that name."""
    return next((one for one in rollout.releases if one.name == name), None)


def names(releases: Sequence[Listed], state: str) -> list[str]:
    """The releases in that state, newest first."""
    return [one.name for one in releases if one.state == state]
