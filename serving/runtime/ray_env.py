"""What Ray reads from the environment when it is imported. Must be called before that; imports no ray itself."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from serving.core.errors import SettingError
from serving.runtime.home import ray_token

AUTH_MODE = "RAY_AUTH_MODE"
TOKEN, TOKEN_PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"

QUIET = {
    # Our replicas listen for themselves and await nothing on Ray's data path: no second thread, no router loop.
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_SERVE_LOG_TO_STDERR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # silences a warning on machines without accelerators
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    # What Ray's processes do while nothing happens is taken from the core that answers: the controller looks four times
    # a second instead of ten; nobody reads the events and metrics that they collect of themselves.
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.25",
    "RAY_event_stats": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
    # Ray's workers stand back behind every other process (niceness 15): ours are those that are waited for.
    "RAY_worker_niceness": "0",
}


def prepare(environ: MutableMapping[str, str], home: Path, *, own_cluster: bool) -> None:
    """Sets what Ray needs; what the user has set stays. Raises SettingError when token authentication is off.

    Ray's internal ports unpickle what they are sent, on all interfaces; its token is what protects them.
    """
    if environ.get(AUTH_MODE, "token").lower() != "token":
        raise SettingError(
            f"{AUTH_MODE}={environ[AUTH_MODE]}: Ray's token authentication is off, so anyone who reaches its ports "
            f"could run code here: unset {AUTH_MODE} (or set it to 'token'), or use `storegate serve --local`",
            key=AUTH_MODE,
        )
    environ[AUTH_MODE] = "token"
    if own_cluster and not environ.get(TOKEN) and not environ.get(TOKEN_PATH):
        environ[TOKEN_PATH] = str(ray_token(home))
    for name, value in QUIET.items():
        environ.setdefault(name, value)
