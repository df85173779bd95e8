"""What can be tuned about routes; settings.py only composes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from serving.core.config import setting
from serving.core.errors import InvalidInput

URL_EXPECTED: Final = "http:// or https:// and a host, without query, for example http://127.0.0.1:5000; or nothing"


@dataclass(frozen=True, slots=True)
class TableParams:
    """The server of travel times, which answers as OSRM's table service does. Raises InvalidInput."""

    url: str = setting(
        "",
        "Where it answers, for example http://127.0.0.1:5000; empty = there is none, and requests give a matrix, or "
        "coordinates and speeds.",
    )
    profile: str = setting("driving", "Profile that is asked for where a request names none.")
    timeout_s: float = setting(5.0, "Time for one of its answers.", low=0.01, high=120, unit="s")
    retries: int = setting(2, "How often a question that failed is asked again.", low=0, high=10)
    block: int = setting(
        100, "Most rows, and most columns, of one question; osrm-routed refuses more than 100 by itself.",
        low=2, high=10_000, unit="places",
    )  # fmt: skip
    connections: int = setting(4, "Questions asked at the same time.", low=1, high=64)
    kept: int = setting(8, "Most tables kept, so that the same places are asked for once.", low=0, high=1024)

    def __post_init__(self) -> None:
        if not self.url:
            return
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if not usable or parts.query or parts.fragment or parts.username:
            raise InvalidInput("url", self.url, URL_EXPECTED)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be asked for at once, and for how long. Raises InvalidInput."""

    stops_max: int = setting(1000, "Most stops of one request.", low=1, high=5000, unit="stops")
    vehicles_max: int = setting(500, "Most vehicles of one request.", low=1, high=1000, unit="vehicles")
    seconds: float = setting(5.0, "Time that a plan is improved for where its request does not say.", low=0.05,
        high=3600, unit="s")  # fmt: skip
    seconds_max: float = setting(120.0, "Most that a request may ask for.", low=0.05, high=3600, unit="s")
    threads: int = setting(2, "Engines that improve one plan at the same time.", low=1, high=16)
    slice_s: float = setting(
        1.0, "Longest piece of work on one plan before the next one has its turn; where several plans are made at "
        "once, so long for all of them together.", low=0.02, high=10, unit="s",
    )  # fmt: skip
    spare_s: float = setting(
        0.15, "Kept of a call's deadline for the last plan to arrive in.", low=0.0, high=10, unit="s"
    )

    def __post_init__(self) -> None:
        if self.seconds > self.seconds_max:
            raise InvalidInput("seconds", self.seconds, f"at most seconds_max ({self.seconds_max:g})")


@dataclass(frozen=True, slots=True)
class Params:
    """The section `route` of the settings."""

    limits: Limits = field(default_factory=Limits)
    table: TableParams = field(default_factory=TableParams)
