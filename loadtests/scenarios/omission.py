"""Coordinated omission, shown: one server that stalls once, asked in a closed loop and in an open one.

python -m loadtests.scenarios.omission
python -m loadtests.scenarios.omission --rate 200 --seconds 10 --stall 2

While the server stalls, the closed loop's only caller waits: it makes the one bad measurement, and none of those that
others would have made meanwhile. The open loop sends when requests arrive, and measures from then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import click
import grpc
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.scenarios.arrivals import poisson

METHOD = "/storegate.loadtests.Stalling/Ask"
WORK_S = 0.001
TIMEOUT_S = 60.0
SLOW_SHARE = 0.1
"""A call is slow when it takes more than this share of the stall."""


class StallingServer:
    """Answers one call after another, each in a millisecond, but none during the stall. On a free port of loopback."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self._from_s = float("inf")
        self._server = grpc.server(ThreadPoolExecutor(1), handlers=[_Handler(self._answer)])
        self.target = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stall_at(self, at_s: float) -> None:
        """Of time.monotonic()."""
        self._from_s = at_s

    def close(self) -> None:
        self._server.stop(None).wait()

    def _answer(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        time.sleep(WORK_S)
        now = time.monotonic()
        if self._from_s <= now < self._from_s + self._stall_s:
            time.sleep(self._from_s + self._stall_s - now)
        return request


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    def __init__(self, answer: Callable[[bytes, grpc.ServicerContext], bytes]) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(answer)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return self._handler if handler_call_details.method == METHOD else None


@dataclass(frozen=True, slots=True)
class Seen:
    """What one loop has measured. took_s: of each call."""

    loop: str
    took_s: tuple[float, ...]

    def slow(self, stall_s: float) -> int:
        """Calls that took a good part of the stall."""
        return sum(took > SLOW_SHARE * stall_s for took in self.took_s)

    def percentile_ms(self, share: float) -> float:
        return 1000 * float(np.percentile(self.took_s, share))


def closed(target: str, rate: float, seconds: float) -> Seen:
    """One caller that wants to ask `rate` times a second, and waits for each answer before it asks again."""
    took = []
    with grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = channel.unary_unary(METHOD)
        until = time.monotonic() + seconds
        while (begun := time.monotonic()) < until:
            call(b"", timeout=TIMEOUT_S)
            took.append(time.monotonic() - begun)
            time.sleep(max(0.0, 1 / rate - took[-1]))
    return Seen("closed", tuple(took))


def open_(target: str, rate: float, seconds: float, seed: int) -> Seen:
    """Requests that arrive `rate` times a second whatever the server does, measured from their arrival."""
    took: list[float] = []
    done = threading.Semaphore(0)

    def answered(arrived: float) -> None:
        took.append(time.monotonic() - arrived)
        done.release()

    sent = 0
    with grpc.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        call, begun = channel.unary_unary(METHOD), time.monotonic()
        for at_s in poisson(rate, f"omission-{seed}"):
            if at_s >= seconds:
                break
            arrival = begun + at_s
            time.sleep(max(0.0, arrival - time.monotonic()))
            future = call.future(b"", timeout=TIMEOUT_S)
            future.add_done_callback(lambda _, arrived=arrival: answered(arrived))
            sent += 1
        for _ in range(sent):
            done.acquire()
    return Seen("open", tuple(took))


def shown(rate: float, seconds: float, stall_s: float, seed: int) -> list[Seen]:
    """Both loops in turn; each sees the stall once, in the middle."""
    seen = []
    with closing(StallingServer(stall_s)) as server:
        server.stall_at(time.monotonic() + (seconds - stall_s) / 2)
        seen.append(closed(server.target, rate, seconds))
        server.stall_at(time.monotonic() + (seconds - stall_s) / 2)
        seen.append(open_(server.target, rate, seconds, seed))
    return seen


def table(seen: Sequence[Seen], stall_s: float) -> Table:
    """A line a loop."""
    shown_ = Table(box=box.SIMPLE, title=f"one server, one stall of {stall_s:g} s, seen by two loops")
    for column in ("loop", "calls", "p50 ms", "p95 ms", "p99 ms", "slow calls", "of all"):
        shown_.add_column(column, justify="right")
    for one in seen:
        figures = [f"{one.percentile_ms(share):,.1f}" for share in (50, 95, 99)]
        slow = one.slow(stall_s)
        shown_.add_row(one.loop, str(len(one.took_s)), *figures, str(slow), f"{slow / len(one.took_s):.1%}")
    return shown_


@click.command()
@click.option("--rate", type=click.FloatRange(1, 1000), default=100.0, show_default=True, help="Requests a second.")
@click.option("--seconds", type=click.FloatRange(1, 120), default=5.0, show_default=True, help="Each loop.")
@click.option("--stall", type=click.FloatRange(0.1, 60), default=1.0, show_default=True, help="Seconds.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(rate: float, seconds: float, stall: float, seed: int) -> None:
    """What a closed loop does not see of a stall, and an open one does."""
    if stall >= seconds:
        raise click.UsageError(f"--stall: got {stall:g}, expected less than --seconds, {seconds:g}")
    Console().print(table(shown(rate, seconds, stall, seed), stall))


if __name__ == "__main__":
    main()
