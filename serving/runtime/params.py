"""How the gateway is run: on Ray Serve or in this process, how many replicas, how it starts and leaves."""

from __future__ import annotations

from dataclasses import dataclass

from serving.core.config import setting


@dataclass(frozen=True, slots=True)
class RuntimeParams:
    """The section `runtime` of the settings."""

    replicas: int = setting(1, "Gateway replicas; each is a process that listens for itself.", low=1, high=64)
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
