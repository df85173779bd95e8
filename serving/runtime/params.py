"""How the gateway is run: on Ray Serve or in this process, how many replicas, how it starts and leaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from serving.core.config import setting
from serving.core.errors import InvalidInput
from serving.engine.scaling import Bounds, ScalingParams


@dataclass(frozen=True, slots=True)
class RuntimeParams:
    """The section `runtime` of the settings. Raises InvalidInput when two of them do not fit together."""

    replicas: int = setting(
        1, "Gateway replicas; each is a process that listens for itself. The fewest, where they follow the load.",
        low=1, high=64,
    )  # fmt: skip
    replicas_max: int = setting(
        0, "Most replicas: their number follows the load (see `runtime.scaling`); 0 = always `runtime.replicas`.",
        low=0, high=64,
    )  # fmt: skip
    ray_address: str = setting(
        "",
        "Address of a running Ray cluster whose nodes share this home folder; empty = one of our own, on this machine.",
    )
    ray_replica_cpus: float = setting(
        0.1,
        "CPUs Ray reserves for a replica; 1 where Ray shall spread replicas over nodes.",
        low=0,
        high=64,
        unit="cores",
    )
    ray_replica_gpus: float = setting(
        0.0, "GPUs Ray reserves for a replica, so that it is placed on a node that has some.", low=0, high=8
    )
    ray_object_store_mib: int = setting(
        96, "Size of the object store of our own Ray; the gateway keeps nothing in it.", low=80, high=65536, unit="MiB"
    )
    start_s_max: float = setting(180.0, "How long a start may take until it is given up.", low=5, high=3600, unit="s")
    grace_s: float = setting(
        5.0, "How long calls that have been accepted get to be answered on the way out.", low=0, high=300, unit="s"
    )
    gil_switch_s: float = setting(
        0.0002,
        "How long a thread may keep Python's lock while another waits for it (sys.setswitchinterval).",
        low=0.00001,
        high=0.1,
        unit="s",
    )
    scaling: ScalingParams = field(default_factory=ScalingParams)

    def __post_init__(self) -> None:
        if 0 < self.replicas_max < self.replicas:
            raise InvalidInput(
                "replicas_max",
                self.replicas_max,
                f"runtime.replicas ({self.replicas}) or more, or 0 for the same number",
            )

    @property
    def bounds(self) -> Bounds:
        """Of the number of replicas."""
        return Bounds(self.replicas, max(self.replicas, self.replicas_max))

    @property
    def elastic(self) -> bool:
        """Whether the number of replicas follows the load."""
        return self.bounds.least < self.bounds.most
