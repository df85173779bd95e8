"""What is computed beside the gateway: the table of workers, and the lanes by which a gateway reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from serving.core.clock import Clock
from serving.core.priority import cores
from serving.engine.batcher import Limits
from serving.engine.remote import Connect, Link, Telling
from serving.engine.remote_lane import RemoteLane, RemoteLimits, Sent
from serving.engine.telemetry import Family
from serving.forecasting import ForecastWorker
from serving.placing import PlaceWorker
from serving.replenishing import ReplenishWorker
from serving.routing import ReplanWorker, RouteWorker
from serving.runtime.worker_params import DEPLOYMENT, IDLE, PlannerParams
from serving.runtime.worker_parts import WorkerSpec
from serving.runtime.worker_thread import ThreadLink
from serving.settings import Settings
from serving.transport import codecs as wire

BUILD_S_MAX: Final = 60.0
"""How long a gateway waits for the workers in its own process; it serves without them."""


def specs(settings: Settings) -> tuple[WorkerSpec, ...]:
    """The table."""
    forecast = {wire.FORECAST_DEMAND: Sent(wire.FORECAST_SIZE, repeatable=True)}
    plans = {
        wire.PLAN_REPLENISHMENT: Sent(wire.PLAN_SIZE, repeatable=True),
        wire.ALLOCATE_STOCK: Sent(wire.PLAN_SIZE, repeatable=True),
    }
    walks = {
        wire.BATCH_ORDERS: Sent(wire.PLACE_SIZE, repeatable=True),
        wire.PLAN_SLOTTING: Sent(wire.PLACE_SIZE, repeatable=True),
    }
    routes = {wire.PLAN_ROUTES: Sent(wire.ROUTES_SIZE)}  # a stream of steps: it repeats those that fail by itself
    changes = {wire.REPLAN_ROUTES: Sent(wire.ROUTES_SIZE, repeatable=True)}
    return (
        WorkerSpec("forecast", ForecastWorker, forecast, settings.workers.forecast),
        WorkerSpec("replenish", ReplenishWorker, plans, settings.workers.replenish),
        WorkerSpec("place", PlaceWorker, walks, settings.workers.place, apart=True),
        WorkerSpec("route", RouteWorker, routes, settings.workers.route),
        WorkerSpec("replan", ReplanWorker, changes, settings.workers.replan),
    )


def deployed(settings: Settings) -> tuple[WorkerSpec, ...]:
    """Those that run in deployments of their own, on Ray."""
    return tuple(spec for spec in specs(settings) if spec.params.where == DEPLOYMENT)


def spare_cores(settings: Settings, on_ray: bool) -> int:
    """How many of the first cores a replica keeps off, like the planners; 0 = none.

    Where all cores are busy, Linux leaves a thread that wakes on the core that it had: it does not look whether others
    have nothing but threads of SCHED_IDLE, which would leave at once. So what computes pages is not to be on a core
    that it shares with the network, stores and callers, nor is who may hold Python's lock. Only where planners leave
    so, and each replica has such a core. Without Ray planners are threads of the replica.
    """
    planners = [spec.params for spec in deployed(settings) if isinstance(spec.params, PlannerParams)]
    if not on_ray or any(params.scheduling != IDLE for params in planners):
        return 0
    spare = min((params.spare_cores for params in planners), default=0)
    return spare if settings.runtime.bounds.most <= len(cores()) - spare else 0


def io_cores(settings: Settings, spare: int) -> tuple[int, ...]:
    """The cores for what reads and writes calls in a replica that keeps off the first `spare`: those, where each
    replica has one of them, or else all; none = where the replica is. To be asked before it keeps off them."""
    if not spare:
        return ()
    return tuple(cores()[:spare] if settings.runtime.bounds.most <= spare else cores())


class Workers:
    """Of one gateway replica: a lane for each, or for each of its methods, and those that compute in this process."""

    def __init__(self, settings: Settings, connect: Connect | None, clock: Clock) -> None:
        """connect: the way to those with deployments of their own; None = all compute here."""
        self.lanes: list[RemoteLane] = []
        self._here: list[ThreadLink] = []
        self._links: list[Link] = []
        for spec in specs(settings):
            link: Link
            if connect is not None and spec.params.where == DEPLOYMENT:
                link = connect(spec.name)
            else:
                link = ThreadLink(spec, settings, clock)
                self._here.append(link)
            self._links.append(link)
            self.lanes += [
                RemoteLane(name, methods, link, limits(settings, spec), clock) for name, methods in lanes_of(spec)
            ]

    @property
    def methods(self) -> list[str]:
        """Full gRPC names."""
        return [method for lane in self.lanes for method in lane.routes]

    def wait_built(self) -> None:
        """Until those in this process are there, or cannot be."""
        for link in self._here:
            link.wait_built(BUILD_S_MAX)

    def families(self) -> list[Family]:
        """Metrics of those in this process, and of the ways to the others, which have admin ports of their own."""
        return merged([family for link in self._links if isinstance(link, Telling) for family in link.families()])

    def close(self) -> None:
        """Ends those in this process, and the ways to the others; the lanes end with the engine. Idempotent."""
        for link in self._links:
            link.close()


def lanes_of(spec: WorkerSpec) -> list[tuple[str, dict[str, Sent]]]:
    """(name, methods) of each."""
    if not spec.apart:
        return [(spec.name, spec.methods)]
    return [(f"{spec.name}.{method.rpartition('/')[2]}", {method: sent}) for method, sent in spec.methods.items()]


def limits(settings: Settings, spec: WorkerSpec) -> RemoteLimits:
    """The bounds of a worker's lane."""
    params = spec.params
    waiting = Limits(
        batch_max=params.batch_max,
        queue_max=params.queue_max,
        queue_seconds_max=params.call_s_max,
        queue_bytes_max=settings.engine.queue_mib_max << 20,
    )
    return RemoteLimits(waiting, params.in_flight_max, params.call_s_max)


def merged(families: Sequence[Family]) -> list[Family]:
    """Families of one name as one."""
    found: dict[str, Family] = {}
    for family in families:
        into = found.setdefault(family.name, Family(family.kind, family.name, family.help, family.labels, []))
        into.rows.extend(family.rows)
    return list(found.values())
