"""Recommend with and without a batch on the other core, in turn.

The gateway has one core; the batch and the callers have the other. The batch is stopped (SIGSTOP) and let go on, so
that whatever else the machine does touches both kinds of stretches.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import psutil  # type: ignore[import-untyped]

from loadtests.batch.gateway import POLL_S, STALL_S, Bench
from loadtests.bench.pin import Cores, only_on, pin
from loadtests.callers import Callers
from loadtests.ids import of_home
from serving.adapters.batch_store import BatchStore
from serving.core.errors import NotReady

STRETCHES = 12
Stretches = list[tuple[bool, list[float]]]
"""(whether a batch ran, milliseconds of the answers) of each"""


def beside(bench: Bench) -> tuple[Stretches, list[str], float]:
    """The stretches; problems; rows a second of the batch meanwhile. Raises NotReady."""
    cores = Cores.choose()
    ids = of_home(bench.home)
    stretches: Stretches = []
    problems: list[str] = []
    name = bench.begin()
    store = BatchStore(bench.home)
    until = time.monotonic() + STALL_S
    while not (found := store.get(name)).progress.blocks_done:
        if found.state.over or time.monotonic() > until:
            raise NotReady(f"the batch has not done its first block: {found.state.lower()} {found.message}")
        time.sleep(POLL_S)
    rows = ran_s = 0.0
    with only_on(cores.load):
        for number in range(2 * STRETCHES + 1):
            busy = number % 2 == 1
            mine = bench.processes()
            pin([process.pid for process in mine], cores.load)
            pin(set(bench.gateway.tree.pids()) - {process.pid for process in mine}, cores.server)
            _signal(bench.standing_back(drivers=True), signal.SIGCONT if busy else signal.SIGSTOP)
            first, began = store.get(name), time.monotonic()
            if busy and first.state.over:
                raise NotReady("the batch was over before the stretches were: ask for more --users")
            with Callers(bench.gateway.grpc_target, ids, callers=bench.asked.callers, seed=number) as callers:
                time.sleep(bench.asked.stretch_s)
            if busy:
                rows += store.get(name).progress.rows_done - first.progress.rows_done
                ran_s += time.monotonic() - began
            problems += [call.problem for call in callers.recommends if call.told == "failed"]
            if number:  # the first one warms up
                took = [1000 * (call.ended_s - call.begun_s) for call in callers.recommends]
                stretches.append((busy, took))
                bench.say(f"{'beside' if busy else 'alone'}: p99 {np.percentile(took, 99):.2f} ms of {len(took):,}")
    _signal(bench.standing_back(drivers=True), signal.SIGCONT)
    bench.client.cancel_operation(name)
    return stretches, problems, rows / ran_s


def _signal(processes: Sequence[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
