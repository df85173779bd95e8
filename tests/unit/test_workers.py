"""The table of workers: what it says fits the settings, the contract and the edge."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from small_worker import small

from serving.core.errors import SettingError
from serving.listening import door_params, worker_admin
from serving.runtime.ray_cluster import check_worker_gpus
from serving.runtime.worker_params import WorkersParams
from serving.settings import Settings, load
from serving.transport.contract import methods
from serving.transport.edge_config import PACKAGE, REPEATABLE
from serving.workers import deployed, limits, spare_cores, specs


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(environ={"STOREGATE_HOME": str(tmp_path)})


def test_every_worker_has_its_settings_and_none_else(settings: Settings) -> None:
    """By name, and those of its own."""
    assert [spec.name for spec in specs(settings)] == [each.name for each in dataclasses.fields(WorkersParams)]
    changed = load(environ={"STOREGATE__WORKERS__FORECAST__BATCH_MAX": "3"})
    by_name = {spec.name: spec for spec in specs(changed)}
    assert by_name["forecast"].params.batch_max == 3
    assert by_name["replenish"].params.batch_max != 3
    assert limits(changed, by_name["forecast"]).waiting.batch_max == 3


def test_every_method_is_known_and_computed_once(settings: Settings) -> None:
    """What the edge may give to another replica, another worker may compute; nothing else."""
    known = {method.full_name for method in methods()}
    mine = [(name, how) for spec in specs(settings) for name, how in spec.methods.items()]
    assert len({name for name, _ in mine}) == len(mine)
    for name, how in mine:
        assert name in known
        assert how.repeatable == (name.removeprefix("/" + PACKAGE) in REPEATABLE), name


def test_deployments_are_those_that_the_settings_say(settings: Settings) -> None:
    names = [spec.name for spec in deployed(settings)]
    assert names == settings.workers.deployed
    assert [spec.name for spec in specs(settings) if spec.name not in names] == ["replan"], "it waits for no plan"
    inside = load(environ={"STOREGATE__WORKERS__FORECAST__WHERE": "gateway"})
    assert [spec.name for spec in deployed(inside)] == inside.workers.deployed == names[1:]


@pytest.mark.parametrize(
    ("cores", "changed", "spare"),
    [
        pytest.param(2, {}, 1, id="as planners do"),
        pytest.param(1, {}, 0, id="there is no other core"),
        pytest.param(4, {"RUNTIME__REPLICAS": "3"}, 1, id="each replica has one"),
        pytest.param(4, {"RUNTIME__REPLICAS_MAX": "4"}, 0, id="too few for as many as there may be"),
        pytest.param(8, {"WORKERS__PLACE__SPARE_CORES": "3", "WORKERS__ROUTE__SPARE_CORES": "2"}, 2, id="the least"),
        pytest.param(2, {"WORKERS__ROUTE__SPARE_CORES": "0"}, 0, id="one takes all"),
        pytest.param(2, {"WORKERS__PLACE__SCHEDULING": "nice"}, 0, id="one keeps its core to the end of a slice"),
        pytest.param(
            2, {"WORKERS__PLACE__WHERE": "gateway", "WORKERS__ROUTE__WHERE": "gateway"}, 0, id="threads of it"
        ),
    ],
)
def test_pages_are_computed_where_planners_leave_at_once(
    monkeypatch: pytest.MonkeyPatch, cores: int, changed: dict[str, str], spare: int
) -> None:
    monkeypatch.setattr("serving.workers.cores", lambda: list(range(cores)))
    settings = load(environ={f"STOREGATE__{key}": value for key, value in changed.items()})
    assert spare_cores(settings, on_ray=True) == spare
    assert spare_cores(settings, on_ray=False) == 0, "planners are threads of the replica's process"


@pytest.mark.parametrize(
    ("changed", "spare", "cores"),
    [
        pytest.param({}, 0, (), id="where the replica is"),
        pytest.param({}, 1, (0,), id="the spare core"),
        pytest.param({"RUNTIME__REPLICAS": "2"}, 1, (0, 1, 2, 3), id="too few for two replicas"),
        pytest.param({"RUNTIME__REPLICAS": "2"}, 2, (0, 1), id="one for each"),
    ],
)
def test_what_reads_and_writes_calls_keeps_to_the_spare_cores(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], spare: int, cores: tuple[int, ...]
) -> None:
    """And what computes pages goes first on the others, unless it is told otherwise."""
    monkeypatch.setattr("serving.workers.cores", lambda: [0, 1, 2, 3])
    environ = {f"STOREGATE__{key}": value for key, value in changed.items()}
    (door,) = door_params(load(environ=environ), True, spare)
    assert (door.grpc.io_cores, door.grpc.realtime) == (cores, spare > 0)
    (door,) = door_params(load(environ=environ | {"STOREGATE__SERVER__REALTIME": "false"}), True, spare)
    assert (door.grpc.io_cores, door.grpc.realtime) == (cores, False)


def test_admin_ports_of_workers_come_after_those_of_replicas() -> None:
    """None is a replica's, and there is always one left; any, where replicas take any."""
    settings = load(environ={"STOREGATE__RUNTIME__REPLICAS_MAX": "4", "STOREGATE__SERVER__ADMIN_PORT": "9000"})
    host, ports = worker_admin(settings)
    assert host == "127.0.0.1"
    assert ports[0] == 9000 + 2 * 4 + 16
    assert ports[-1] == 0
    assert worker_admin(load(environ={"STOREGATE__SERVER__ADMIN_PORT": "0"})) == ("127.0.0.1", (0,))
    highest = worker_admin(load(environ={"STOREGATE__SERVER__ADMIN_PORT": "65535"}))[1]
    assert max(highest) <= 65535


@pytest.mark.parametrize(
    ("key", "value"),
    [("WHERE", "elsewhere"), ("REPLICAS", "0"), ("REPLICAS_MAX", "1"), ("IN_FLIGHT_MAX", "0"), ("CPUS", "nan")],
)
def test_a_wrong_setting_is_named(key: str, value: str) -> None:
    environ = {"STOREGATE__WORKERS__FORECAST__REPLICAS": "2", f"STOREGATE__WORKERS__FORECAST__{key}": value}
    with pytest.raises(SettingError, match=rf"workers\.forecast\.{key.lower()}"):
        load(environ=environ)


def test_gpus_that_are_not_there_are_named() -> None:
    """Ray would wait for them for ever."""
    check_worker_gpus([small(gpus=0.5, replicas=2)], 1.0)
    with pytest.raises(SettingError, match=r"workers\.small\.gpus"):
        check_worker_gpus([small(gpus=1, replicas=2)], 1.0)
