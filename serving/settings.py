"""One frozen tree of settings: defaults, then a TOML file, then the environment, then the command line.

setting_sources.py says where values come from.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from serving.setting_sections import CatalogueSection, Decisions, EngineSection, Events, Inference, Redis, Server
from serving.setting_sources import ENV_PREFIX, environment, gathered
from serving.transport.edge_params import EdgeParams


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
        return environment(self)


def load(
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings. overrides: dotted key -> value, None = not given. Raises SettingError."""
    values, origins = gathered(config, os.environ if environ is None else environ, overrides or {})
    return make(Settings, values, origins=origins)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a listener on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
