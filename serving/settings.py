"""One frozen tree of settings: defaults, then a TOML file, then the environment, then the command line.

The file is `--config FILE`, else `storegate.toml` in the working folder when there is one. The environment spells a key
as STOREGATE__SECTION__KEY (`STOREGATE__SERVER__GRPC_PORT=6000`); STOREGATE_HOME stands for `home`.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from serving.core.config import Described, describe, make, setting
from serving.core.errors import SettingError
from serving.core.retraining import RetrainParams
from serving.core.rollout import ModelParams
from serving.decisions.price.rules import Params as PriceParams
from serving.decisions.recommend.params import Params as RecommendParams
from serving.decisions.replenish.params import Params as ReplenishParams
from serving.decisions.route.params import Params as RouteParams
from serving.runtime.batch_params import BatchParams
from serving.runtime.params import RuntimeParams
from serving.runtime.worker_params import WorkersParams
from serving.transport.edge_params import EdgeParams

FILE_DEFAULT = "storegate.toml"
ENV_PREFIX = "STOREGATE__"
ENV_HOME = "STOREGATE_HOME"


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


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree. Raises SettingError when its parts do not fit together."""

    home: Path = setting(Path("var"), "Folder of models, catalogue, and the embedded store.")  # noqa: RUF009
    server: Server = field(default_factory=Server)
    engine: EngineSection = field(default_factory=EngineSection)
    redis: Redis = field(default_factory=Redis)
    events: Events = field(default_factory=Events)
    catalogue: CatalogueSection = field(default_factory=CatalogueSection)
    recommend: RecommendParams = field(default_factory=RecommendParams)
    price: PriceParams = field(default_factory=PriceParams)
    decisions: Decisions = field(default_factory=Decisions)
    inference: Inference = field(default_factory=Inference)
    models: ModelParams = field(default_factory=ModelParams)
    retrain: RetrainParams = field(default_factory=RetrainParams)
    runtime: RuntimeParams = field(default_factory=RuntimeParams)
    batch: BatchParams = field(default_factory=BatchParams)
    replenish: ReplenishParams = field(default_factory=ReplenishParams)
    route: RouteParams = field(default_factory=RouteParams)
    workers: WorkersParams = field(default_factory=WorkersParams)
    edge: EdgeParams = field(default_factory=EdgeParams)

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", Path(os.path.abspath(self.home)))
        for key in ("host", "admin_host"):
            self._check_host(key)
        if "://" in self.events.counters:
            raise SettingError(
                f"events.counters: {self.events.counters!r} is no folder: replicas look at it every second; mount it, "
                "or leave it empty",
                key="events.counters",
            )
        self._check_tls()
        token = self.server.bearer_token
        if not (token.isascii() and token.isprintable() and " " not in token):
            raise SettingError(
                "server.bearer_token: no header can carry it: letters, digits and punctuation of ASCII, without spaces "
                "or line ends",
                key="server.bearer_token",
            )

    def _check_host(self, key: str) -> None:
        host = getattr(self.server, key)
        certified = key == "host" and self.edge.stands and self.edge.tls_client_ca
        if not is_loopback(host) and not self.server.bearer_token and not certified:
            raise SettingError(
                f"server.{key}: {host!r} can be reached from outside, and no token protects it: set "
                f"server.bearer_token (or {ENV_PREFIX}SERVER__BEARER_TOKEN), or listen on 127.0.0.1",
                key=f"server.{key}",
            )

    def _check_tls(self) -> None:
        edge = self.edge
        if edge.tls_client_ca and not edge.tls_certificate:
            raise SettingError(
                "edge.tls_client_ca: callers can show certificates over TLS alone: set edge.tls_certificate as well",
                key="edge.tls_client_ca",
            )
        for key in ("tls_certificate", "tls_client_ca"):
            path = getattr(edge, key)
            if edge.stands and path and not os.access(path, os.R_OK):
                raise SettingError(f"edge.{key}: {path!r} is not a file that can be read", key=f"edge.{key}")

    @property
    def import_dir(self) -> Path:
        """The folder of ImportItems and ImportUserEvents, absolute."""
        return self.home / self.catalogue.import_dir

    def describe(self) -> list[Described]:
        """Every key with its value (secrets hidden), default, range and sentence."""
        return list(describe(self))

    def environment(self) -> dict[str, str]:
        """Variables by which a process of ours gets all of these settings, secrets too."""
        return {
            ENV_HOME if key == "home" else ENV_PREFIX + key.upper().replace(".", "__"): _spelt(value)
            for key, value in _leaves(self)
        }


def load(
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings. overrides: dotted key -> value, None = not given. Raises SettingError."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    path = config or (Path(FILE_DEFAULT) if Path(FILE_DEFAULT).is_file() else None)
    if path is not None:
        for key, value in _flat(_read(path)):
            _put(values, origins, key, value, str(path))
    for key, value, name in _from_environment(os.environ if environ is None else environ):
        _put(values, origins, key, value, name)
    for key, value in (overrides or {}).items():
        if value is not None:
            _put(values, origins, key, value, "the command line")
    return make(Settings, values, origins=origins)


def _leaves(tree: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """(dotted key, value) of every setting."""
    found: list[tuple[str, Any]] = []
    for f in fields(tree):
        value = getattr(tree, f.name)
        found += _leaves(value, f"{prefix}{f.name}.") if is_dataclass(value) else [(prefix + f.name, value)]
    return found


def _spelt(value: Any) -> str:
    """As `load` reads it from the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingError(f"{path}: the settings file cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: not a TOML file: {error}") from None


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(dotted key, text, variable) of every variable of ours."""
    found = [("home", environ[ENV_HOME], ENV_HOME)] if environ.get(ENV_HOME) else []
    for name in sorted(environ):
        if name.startswith(ENV_PREFIX):
            found.append((name.removeprefix(ENV_PREFIX).lower().replace("__", "."), environ[name], name))
    return found


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Dotted keys of a nested mapping; empty tables vanish."""
    flat: list[tuple[str, Any]] = []
    for name, value in table.items():
        flat += _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(prefix + name, value)]
    return flat


def _put(values: dict[str, Any], origins: dict[str, str], key: str, value: Any, origin: str) -> None:
    """Sets a dotted key in nested dictionaries."""
    *parents, name = key.split(".")
    table = values
    for depth, parent in enumerate(parents):
        below = table.setdefault(parent, {})
        if not isinstance(below, dict):
            raise SettingError(f"{'.'.join(parents[: depth + 1])} (from {origin}): it is a value, not a table")
        table = below
    table[name] = value
    origins[key] = origin
