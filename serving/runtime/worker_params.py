"""Where a worker runs, in how many processes, and how much of it may be asked for at once."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

from serving.core.config import setting
from serving.core.errors import InvalidInput
from serving.engine.scaling import Bounds

DEPLOYMENT: Final = "deployment"
GATEWAY: Final = "gateway"
NICE: Final = "nice"
IDLE: Final = "idle"
SCHEDULING: Final = (
    "How its threads yield in a deployment of its own: nice = nice 10; idle = SCHED_IDLE, a core only while nobody "
    "else wants it. In a gateway's process always nice."
)
SPARE_CORES: Final = (
    "Cores that its threads keep off in a deployment of its own: so many of those its process may use, the first ones; "
    "one is left to it however few there are."
)


@dataclass(frozen=True, slots=True)
class WorkerParams:
    """One worker's section. Raises InvalidInput when two of them do not fit together."""

    where: str = setting(
        DEPLOYMENT,
        "Where it computes: in a Serve deployment of its own, or on a thread of each gateway replica; with "
        "`serve --local` always there.",
        choices=(DEPLOYMENT, GATEWAY),
    )
    replicas: int = setting(
        1, "Processes of its deployment, each with models of its own; the fewest, where they follow the calls.",
        low=1, high=256,
    )  # fmt: skip
    replicas_max: int = setting(
        0, "Most processes: their number follows the batches under way; 0 = always `replicas`.", low=0, high=256
    )
    cpus: float = setting(
        0.1, "CPUs Ray reserves for each; 1 where Ray shall spread them over nodes.", low=0, high=64, unit="cores"
    )
    gpus: float = setting(0.0, "GPUs Ray reserves for each.", low=0, high=8)
    batch_max: int = setting(8, "Most calls sent and computed together.", low=1, high=1024, unit="calls")
    in_flight_max: int = setting(
        2, "Most batches that a gateway replica has at its workers; more calls wait.", low=1, high=64, unit="batches"
    )
    queue_max: int = setting(
        256, "Most calls of one caller that may wait in a gateway replica.", low=1, high=1_000_000, unit="calls"
    )
    call_s_max: float = setting(
        60.0,
        "After so long nobody waits for a batch any more; a worker that computes on is replaced.",
        low=1,
        high=3600,
        unit="s",
    )
    scheduling: str = setting(NICE, SCHEDULING, choices=(NICE, IDLE))
    spare_cores: int = setting(0, SPARE_CORES, low=0, high=1024, unit="cores")

    def __post_init__(self) -> None:
        if 0 < self.replicas_max < self.replicas:
            raise InvalidInput(
                "replicas_max", self.replicas_max, f"replicas ({self.replicas}) or more, or 0 for the same number"
            )

    @property
    def bounds(self) -> Bounds:
        """Of the number of processes."""
        return Bounds(self.replicas, max(self.replicas, self.replicas_max))

    @property
    def elastic(self) -> bool:
        """Whether their number follows the calls."""
        return self.bounds.least < self.bounds.most


@dataclass(frozen=True, slots=True)
class PlannerParams(WorkerParams):
    """Of a worker that searches for as long as a call allows: one call after another, and few that wait."""

    batch_max: int = setting(
        1, "Most calls sent and computed together; of searches each then waits for all.", low=1, high=1024, unit="calls"
    )
    queue_max: int = setting(
        16, "Most calls of one caller that may wait in a gateway replica.", low=1, high=1_000_000, unit="calls"
    )
    call_s_max: float = setting(
        240.0,
        "Most time for a call, its search included, which is cut short; a worker that computes on is replaced.",
        low=1,
        high=3600,
        unit="s",
    )
    scheduling: str = setting(IDLE, SCHEDULING, choices=(NICE, IDLE))
    spare_cores: int = setting(1, SPARE_CORES, low=0, high=1024, unit="cores")


@dataclass(frozen=True, slots=True)
class InsideParams(WorkerParams):
    """Of a worker whose calls take less than the way to another process."""

    where: str = setting(
        GATEWAY,
        "Where it computes: on a thread of each gateway replica, or in a Serve deployment of its own; with "
        "`serve --local` always on a thread.",
        choices=(DEPLOYMENT, GATEWAY),
    )


@dataclass(frozen=True, slots=True)
class WorkersParams:
    """The section `workers` of the settings: one below it for each."""

    forecast: WorkerParams = field(default_factory=WorkerParams)
    replenish: WorkerParams = field(default_factory=WorkerParams)
    place: PlannerParams = field(default_factory=PlannerParams)
    route: PlannerParams = field(default_factory=PlannerParams)
    replan: InsideParams = field(default_factory=InsideParams)

    @property
    def deployed(self) -> list[str]:
        """Names of those with deployments of their own, on Ray."""
        return [each.name for each in fields(self) if getattr(self, each.name).where == DEPLOYMENT]
