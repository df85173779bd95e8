"""Hooks into Locust: options, the shape of the load, what workers report, and the judgement at the end."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import gevent  # type: ignore[import-untyped]
import grpc.experimental.gevent
import psutil  # type: ignore[import-untyped]
from locust import LoadTestShape, events
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtests.scenarios.judge import judge
from loadtests.scenarios.setup import Setup, setup_of
from loadtests.scenarios.shapes import SCENARIOS
from loadtests.scenarios.tally import Tally
from serving.core.errors import SettingError

LOOPBACK = "127.0.0.1"
BUSY_S = 0.5
"""How often a process looks at its own processor time."""
IMPORTER = os.getpid()
"""A process with another number was forked from the one that has imported this."""
KEY = "storegate"
"""Of our part in what a worker reports."""


class ScenarioShape(LoadTestShape):
    """Asks the scenario how many users there are now, all of them at once."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._setup = setup

    def tick(self) -> tuple[int, float] | None:
        setup = self._setup
        assert setup.scenario is not None
        at_s = float(self.get_run_time())  # type: ignore[no-untyped-call]
        users = setup.scenario.users_at(at_s, setup.seconds, setup.peak)
        return None if users is None else (users + setup.bulk_users, float(setup.peak + setup.bulk_users))


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _options(parser: Any) -> None:
    """Ours, and Locust's own listeners on loopback unless somebody wants them elsewhere."""
    names = "; ".join(f"{one.name}: {one.text}" for one in SCENARIOS.values())

    def add(name: str, **told: Any) -> None:  # not in the page's form: what a run is, is known when Locust starts
        parser.add_argument(name, include_in_web_ui=False, **told)

    add("--scenario", default="", choices=["", *SCENARIOS], help=f"{names} [none: --users, all the time]")
    add("--length", type=float, default=0.0, help="Seconds that a scenario lasts [its own]")
    add("--loop", default="", choices=["", "open", "closed"], help="[open with a scenario, else closed]")
    add("--rate", type=float, default=10.0, help="Open loop: arrivals a second of each user")
    add("--bulk-users", type=int, default=2, help="Scenario bulk: users that make heavy calls")
    add("--bulk-rate", type=float, default=5.0, help="Scenario bulk, open loop: arrivals a second of each")
    add("--expect", action="append", help="Threshold: [SCENARIO/][REQUEST NAME:]METRIC<=LIMIT; repeatable")
    add("--report-dir", default="", help="Folder for load.svg, verdict.json, three .csv")
    add("--grpc-port", type=int, default=50051, help="Port of the gateway's gRPC listener")
    add("--ids-file", default="", help="JSON of users and items; without it those of the demo store")
    add("--seed", type=int, default=0, help="The same seed draws the same questions and arrivals")
    parser.set_defaults(web_host=LOOPBACK, master_bind_host=LOOPBACK)


@events.init.add_listener  # type: ignore[untyped-decorator]
def _start(environment: Any, runner: Any, **_: Any) -> None:
    """Refuses targets elsewhere and thresholds that cannot be read, before anything is sent."""
    try:
        setup = setup_of(environment.host, environment.parsed_options)
    except SettingError as error:
        raise SystemExit(error.message) from None  # Locust would log anything else and go on
    environment.storegate = setup
    grpc.experimental.gevent.init_gevent()  # here, because --processes has forked by now
    _exchange(environment)
    if not isinstance(runner, WorkerRunner):
        _choose(environment, setup)
        if setup.scenario is not None:
            environment.shape_class = ScenarioShape(setup)
            environment.shape_class.runner = runner
    gevent.get_hub().loop.update_now()  # what was imported has taken seconds, by which --run-time would be too short


def _choose(environment: Any, setup: Setup) -> None:
    """Bulk users are so many as the scenario wants, as even as can be over their classes; usually none."""
    bulk = [one for one in environment.user_classes if one.bulk]
    for at, one in enumerate(bulk):
        one.fixed_count = setup.bulk_users // len(bulk) + (at < setup.bulk_users % len(bulk))
    environment.user_classes[:] = [one for one in environment.user_classes if not one.bulk or one.fixed_count]


def _exchange(environment: Any) -> None:
    """What workers have tallied travels with what they report to their master anyway."""

    def report(client_id: str, data: dict[str, Any]) -> None:
        data[KEY] = environment.storegate.tally.drained(os.getpid())

    def reported(client_id: str, data: dict[str, Any]) -> None:
        environment.storegate.tally.merge(data[KEY])

    environment.events.report_to_master.add_listener(report)
    environment.events.worker_report.add_listener(reported)


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _begin(environment: Any, **_: Any) -> None:
    """A run begins, the first or a further one. A worker is told the options by its master, with the call to begin."""
    if isinstance(environment.runner, WorkerRunner):
        environment.storegate = setup_of(environment.host, environment.parsed_options)
    setup: Setup = environment.storegate
    setup.begun_s, setup.users, setup.tally = time.time(), 0, Tally(setup.tally.width_s)
    if not isinstance(environment.runner, MasterRunner):
        gevent.spawn(_watch_busy, environment, setup)


@events.quit.add_listener  # type: ignore[untyped-decorator]
def _leave(exit_code: int, **_: Any) -> None:
    """A worker that --processes has forked ends here: gRPC's destructors would miss threads that no fork inherits."""
    if os.getpid() != IMPORTER:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _end(environment: Any, **_: Any) -> None:
    """Where all is known: judges, writes, and decides the exit code. A run of workers is judged by its master."""
    setup: Setup = environment.storegate
    if isinstance(environment.runner, LocalRunner | MasterRunner) and setup.begun_s:
        errors = [f"{one.occurrences} x {one.name}: {one.error}" for one in environment.runner.errors.values()]
        environment.process_exit_code = 0 if judge(setup, time.time(), errors) else 1


def _watch_busy(environment: Any, setup: Setup) -> None:
    """Notes this process's CPU share while this run lasts."""
    process = psutil.Process()
    begun_s, tally = setup.begun_s, setup.tally
    before_s, before = time.time(), process.cpu_times()
    while setup.begun_s == begun_s and environment.runner.state != "stopped":
        gevent.sleep(BUSY_S)
        now_s, now = time.time(), process.cpu_times()
        used_s = now.user + now.system - before.user - before.system
        tally.add_busy(before_s, used_s / max(now_s - before_s, 1e-9))
        before_s, before = now_s, now
