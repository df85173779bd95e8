"""What a run is told, and what all its parts share: one object a process, made when Locust starts."""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from loadtests.ids import Ids
from loadtests.loopback import check_loopback
from loadtests.scenarios.shapes import SCENARIOS, Scenario, Span, Stage, scenario
from loadtests.scenarios.tally import Tally, window_s
from loadtests.scenarios.thresholds import Threshold, chosen, parse
from serving.core.errors import SettingError

HOST_DEFAULT = "http://127.0.0.1:8080"
USERS_DEFAULT = 20
OPEN_END_S = 600.0
"""Without a scenario nobody knows how long it will be: windows as for a run of this length."""
NO_FAILURES = "failures<=0"
"""What is expected without a scenario."""


@dataclass(slots=True)
class Setup:
    """rate: arrivals a second of each user; None = a closed loop. begun_s: since the epoch; 0 = not yet."""

    host: str
    http_port: int
    grpc_port: int
    ids: Ids
    seed: int
    scenario: Scenario | None
    seconds: float
    peak: int
    rate: float | None
    bulk_users: int
    bulk_rate: float
    thresholds: list[Threshold]
    folder: Path | None
    tally: Tally
    begun_s: float = 0.0
    users: int = field(default=0)
    """Made so far in this process."""

    def spans(self, ended_s: float) -> list[Span]:
        """The stages, or one for everything until the end (since the epoch) where there is no scenario."""
        if self.scenario is not None:
            return self.scenario.spans(self.seconds)
        return [Span(0.0, max(ended_s - self.begun_s, 0.0), Stage(1.0, 1.0))]

    def bulky_at(self, at_s: float) -> bool:
        """Whether bulk users make their calls at this time, since the epoch."""
        stage = self.scenario and self.scenario.stage_at(at_s - self.begun_s, self.seconds)
        return bool(stage and stage.bulk)

    def next_user(self) -> int:
        self.users += 1
        return self.users - 1


def setup_of(host: str | None, options: Namespace) -> Setup:
    """From Locust's host and options. Raises SettingError."""
    url = host or HOST_DEFAULT
    bare = check_loopback(url)
    found = scenario(options.scenario) if options.scenario else None
    seconds = float(options.length or (found.seconds if found else OPEN_END_S))
    given = [parse(text, SCENARIOS) for text in options.expect or ()]
    defaults = [parse(text) for text in (found.expect if found else (NO_FAILURES,))]
    return Setup(
        host=bare,
        http_port=_port(url),
        grpc_port=options.grpc_port,
        ids=Ids.read(Path(options.ids_file)) if options.ids_file else Ids.demo(),
        seed=options.seed,
        scenario=found,
        seconds=seconds,
        peak=options.num_users or USERS_DEFAULT,
        rate=_positive("--rate", options.rate) if _is_open(options) else None,
        bulk_users=options.bulk_users if found and found.bulky else 0,
        bulk_rate=_positive("--bulk-rate", options.bulk_rate),
        thresholds=chosen(given, defaults, options.scenario),
        folder=Path(options.report_dir) if options.report_dir else None,
        tally=Tally(window_s(seconds)),
    )


def epoch_s(at_s: float) -> float:
    """A time of time.perf_counter() as seconds since the epoch."""
    return at_s + _EPOCH_S


_EPOCH_S = time.time() - time.perf_counter()


def _is_open(options: Namespace) -> bool:
    """A scenario is an open loop unless it is told otherwise; without one it is closed."""
    return bool(options.loop == "open" or (not options.loop and options.scenario))


def _positive(option: str, value: float) -> float:
    if not 0 < value < float("inf"):
        raise SettingError(f"{option}: got {value}, expected a number above 0", key=option)
    return value


def _port(url: str) -> int:
    return urlsplit(url if "://" in url else f"http://{url}").port or 80
