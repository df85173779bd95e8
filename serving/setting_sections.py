"""The sections of the settings that belong to the gateway as a whole; those of its parts stand beside the parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serving.core.config import setting


@dataclass(frozen=True, slots=True)
class Server:
    """The listeners."""

    host: str = setting("127.0.0.1", "Address for gRPC and HTTP; one beyond loopback needs a bearer token.")
    admin_host: str = setting(
        "127.0.0.1",
        "Address of the admin listeners, which answer without a token; beyond loopback for probes and scrapes.",
    )
    grpc_port: int = setting(50051, "Port of the gRPC listener; 0 = any free one.", low=0, high=65535)
    http_port: int = setting(8080, "Port of the HTTP listener; 0 = any free one.", low=0, high=65535)
    admin_port: int = setting(
        9090,
        "First port of the admin listeners (/metrics, /readyz); replicas take the next free ones; 0 = any.",
        low=0,
        high=65535,
    )
    front: str = setting("native", "Which gRPC server listens.", choices=("native", "grpc.aio"))
    bearer_token: str = setting("", "Token that callers must send; empty = none needed, on loopback only.", secret=True)
    realtime: bool = setting(
        True,
        "Whether the thread that computes a replica's pages on the planners' cores asks for SCHED_FIFO there.",
    )
    payload_bytes_max: int = setting(
        4 << 20, "Larger requests are refused before they are decoded.", low=1024, high=64 << 20, unit="bytes"
    )


@dataclass(frozen=True, slots=True)
class EngineSection:
    """Admission and batching."""

    batch_max: int = setting(64, "Most calls computed together.", low=1, high=1024, unit="calls")
    queue_max: int = setting(
        512,
        "Most calls of one caller that may wait in a replica; of all callers together three times as many.",
        low=1,
        high=1_000_000,
        unit="calls",
    )
    queue_seconds_max: float = setting(
        2.0, "Most work that may wait in a replica, by the measured cost of calls.", low=0.001, high=600, unit="s"
    )
    wait_ms_target: float = setting(
        10.0,
        "How long an interactive call may wait for the batches before its own: in a flood as many may wait as keep to "
        "it, batch_max at least and queue_max at most.",
        low=0.1,
        high=10_000,
        unit="ms",
    )
    queue_mib_max: int = setting(
        64,
        "Most bytes of requests of one caller that may wait in a replica; of all callers together three times as many.",
        low=1,
        high=65_536,
        unit="MiB",
    )
    bulk_queue_max: int = setting(256, "As queue_max, for bulk calls.", low=1, high=1_000_000, unit="calls")
    writes_queue_max: int = setting(
        2048, "Most writes that may wait in a replica.", low=1, high=1_000_000, unit="calls"
    )
    writes_batch_max: int = setting(256, "Most writes committed together.", low=1, high=4096, unit="calls")
    stalled_s_max: float = setting(
        10.0, "A batch that runs longer than this makes the replica unhealthy.", low=0.1, high=600, unit="s"
    )


@dataclass(frozen=True, slots=True)
class Redis:
    """The store of users' events and of catalogue changes."""

    url: str = setting(
        "", "URL of a Redis or Valkey server (6.2 or newer); empty = one of our own below home.", secret=True
    )
    prefix: str = setting("storegate:", "What the keys of this gateway begin with.")
    connect_timeout_s: float = setting(0.5, "Time to connect.", low=0.001, high=10, unit="s")
    write_timeout_s: float = setting(0.25, "Time for a write to be stored; then it fails.", low=0.01, high=60, unit="s")
    embedded_fsync: str = setting(
        "everysec",
        "How our own server writes to the disk: every second, or before each answer, which makes every write durable.",
        choices=("everysec", "always"),
    )
    profile_cache_mib: int = setting(
        64,
        "Profiles that a replica keeps until the server says that they have changed; 0 = none.",
        low=0,
        high=65_536,
        unit="MiB",
    )


@dataclass(frozen=True, slots=True)
class Events:
    """Users' profiles, and the log of all events."""

    profile_records_max: int = setting(
        512, "Newest event records kept of a user; 24 bytes each.", low=1, high=4096, unit="records"
    )
    ttl_days: int = setting(
        730, "A profile is forgotten when nothing was added for so long.", low=1, high=36500, unit="days"
    )
    acknowledgement: str = setting(
        "fast",
        "When a write is answered that does not say: when the store has it, or when it is on the store's disk.",
        choices=("fast", "durable"),
    )
    archive: str = setting(
        "events",
        "Where the event log goes: a folder, relative to home, or an s3://, gs:// or abfs:// URI, with options of the "
        "store as its query (`?region=eu-west-2`); gs and abfs are not yet tested.",
        uri=True,
    )
    move_s: float = setting(
        10.0,
        "How often the launcher moves the event log to the archive; 0 = it does not, `storegate events move` does.",
        low=0,
        high=3600,
        unit="s",
    )
    move_rows_max: int = setting(20_000, "Most events moved at once.", low=1, high=1_000_000, unit="events")
    counters: str = setting(
        "counters",
        "Folder, relative to home, of what is counted of the archive for the pipelines (what trends, what is viewed "
        "together, stock-outs seen); replicas elsewhere read it where they share it; empty = nothing is counted.",
    )
    counters_days: int = setting(60, "Days back that are counted.", low=1, high=3650, unit="days")
    counters_half_life_days: float = setting(
        14.0, "Age at which a counted event counts half, day by day.", low=0.1, high=10_000, unit="days"
    )
    waiting_max: int = setting(
        1_000_000,
        "Most events that may wait for the archive; then writes fail.",
        low=1,
        high=100_000_000,
        unit="events",
    )
    import_uris: tuple[str, ...] = setting(
        (),
        "Places of object stores (s3://, gs:// or abfs://, options as in events.archive) below which ImportUserEvents "
        "may read, beside catalogue.import_dir.",
        uri=True,
    )


@dataclass(frozen=True, slots=True)
class CatalogueSection:
    """Items, prices, stock."""

    import_dir: Path = setting(Path("imports"), "Folder below which imports may read files; relative to home.")  # noqa: RUF009


@dataclass(frozen=True, slots=True)
class Decisions:
    """The log of decisions, which can be read, replayed and learned from."""

    share: float = setting(
        0.01,
        "Share of the answers that are logged; those that were traced or left to chance always are.",
        low=0,
        high=1,
    )
    retention_days: int = setting(30, "A logged decision is forgotten after this.", low=1, high=3650, unit="days")
    kept_max: int = setting(
        100_000, "Most decisions kept; the oldest give way.", low=1, high=100_000_000, unit="decisions"
    )
    user_max: int = setting(
        1000, "Most decisions kept of one user or visitor.", low=1, high=1_000_000, unit="decisions"
    )
    queue_max: int = setting(
        4096, "Most decisions that may wait to be logged in a replica; more are dropped and counted.", low=1,
        high=1_000_000, unit="decisions",
    )  # fmt: skip
    token_keys: str = setting(
        "",
        "Keys that sign attribution tokens, with commas between them, the signing one first; empty = one of our own "
        "below home, which only replicas with the same home share.",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class Inference:
    """The Open Inference Protocol: ONNX models by name."""

    models_max: int = setting(
        32,
        "Most versions of ONNX models held in memory for the Open Inference Protocol, live ones first; 0 = the "
        "protocol is not served.",
        low=0,
        high=4096,
        unit="versions",
    )
