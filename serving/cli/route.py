"""`storegate route`: plan routes from a file, change them while they run, draw them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
from rich import box
from rich.table import Table

from serving.cli.common import client_of, out, say, target_of, with_settings
from serving.cli.compiling import told_while_compiling
from serving.cli.route_drawing import Picture, clock, gap, html, svg
from serving.core.errors import DataError, InvalidInput, SettingError
from serving.settings import Settings

ROWS_MAX: Final = 40
"""Routes and dropped stops in a table."""
INSTANCES: Final = (".txt", ".vrp")

JSON_HELP = "The answer as JSON instead of a table."
TARGET_HELP = "host:port of a gateway that is to answer. [this command does]"


@click.group()
def route() -> None:
    """Which vehicle visits whom, and when."""


@route.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--seconds", type=float, help="Time to improve in. [what the file says, or route.limits.seconds]")
@click.option("--seed", type=int, help="Of what is left to chance. [what the file says]")
@click.option("--out", "saved", type=click.Path(path_type=Path), help="Keep problem and plan, for replan and draw.")
@click.option("--draw", "picture", type=click.Path(path_type=Path), help="A picture: a .svg or .html file.")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
@click.option("--target", help=TARGET_HELP)
@with_settings(compiles=True)
def plan(
    settings: Settings,
    path: Path,
    seconds: float | None,
    seed: int | None,
    saved: Path | None,
    picture: Path | None,
    as_json: bool,
    target: str | None,
) -> None:
    """Plan the routes of a file: a PlanRoutesRequest as JSON, a Solomon or Homberger .txt, or a CVRPLIB .vrp.

    Ever better plans are told on standard error until the time is up; the last one is the answer.

    \b
    storegate route plan town.json --seconds 2 --out running.json --draw town.html
    storegate route plan C101.txt --seconds 5
    """
    check_picture(picture)
    request = read_request(path)
    if seconds is not None:
        request.time_limit_s = seconds
    if seed is not None:
        if not 0 <= seed < 2**32:
            raise InvalidInput("--seed", seed, "0 to 4294967295")
        request.seed = seed
    answer = None
    for answer in _asked(settings, target, request) if target else _planned(settings, request):
        plan = answer.plan
        left = f", {len(plan.dropped)} left out" if plan.dropped else ""
        say(f"{answer.elapsed_s:6.2f} s  cost {plan.cost:,.2f}{left}  ({plan.engine})")
    if answer is None:  # a stream has one plan at least
        raise DataError(str(path), "no plan came back")
    _told(request, answer.plan, answer, saved, picture, as_json)


@route.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--now", required=True, help="Time of day: HH:MM, or seconds after midnight of the first day.")
@click.option("--new", "new", multiple=True, type=click.Path(path_type=Path), help="A RouteStop as a JSON file.")
@click.option("--cancel", multiple=True, metavar="STOP", help="A stop that is visited no more.")
@click.option("--late", multiple=True, metavar="VEHICLE=MINUTES", help="A vehicle that is behind its plan.")
@click.option("--close", multiple=True, metavar="FROM,TO", help="A road that nobody may drive, both ways.")
@click.option("--out", "saved", type=click.Path(path_type=Path), help="Keep problem and plan, for replan and draw.")
@click.option("--draw", "picture", type=click.Path(path_type=Path), help="A picture: a .svg or .html file.")
@click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
@click.option("--target", help=TARGET_HELP)
@with_settings(compiles=True)
def replan(
    settings: Settings,
    path: Path,
    now: str,
    saved: Path | None,
    picture: Path | None,
    as_json: bool,
    target: str | None,
    **changes: tuple[Any, ...],
) -> None:
    """Change a running plan that `storegate route plan --out` has kept.

    \b
    storegate route replan running.json --now 10:30 --cancel stop-17 --late van-2=15 --out running.json
    """
    check_picture(picture)
    request = read_running(path)
    request.now_s = seconds_of("--now", now)
    del request.changes[:]
    _add_changes(request, **changes)
    answer = _replanned(settings, target, request)
    problem = request.problem
    for change in request.changes:
        if change.HasField("new_stop"):
            problem.stops.append(change.new_stop)
        elif change.HasField("closed_road"):
            problem.closed_roads.append(change.closed_road)
    _told(problem, answer.plan, answer, saved, picture, as_json)
    if not as_json:
        out.print(f"changed: {', '.join(answer.changed_vehicle_ids) or 'no route'}", markup=False, highlight=False)


@route.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("picture", type=click.Path(path_type=Path))
def draw(path: Path, picture: Path) -> None:
    """Draw a plan that `storegate route plan --out` has kept, into a .svg or .html file."""
    check_picture(picture)
    request = read_running(path)
    write_picture(picture, request.problem, request.plan)
    say(f"{picture}: {picture.stat().st_size / 1e3:,.1f} kB")


def plan_table(plan: Any) -> Table:
    """plan: RoutePlan message."""
    table = Table(
        title=f"{len(plan.routes)} routes, {plan.distance_m / 1000:,.1f} km, cost {plan.cost:,.2f}",
        caption=f"found by {plan.engine}{gap(plan)}", title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD,
    )  # fmt: skip
    table.add_column("vehicle", overflow="fold")
    for name in ("stops", "km", "leaves", "ends", "waits", "cost"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("visits", overflow="fold")
    for one in plan.routes[:ROWS_MAX]:
        shown = " ".join(visit.stop_id for visit in one.visits[:12]) + (" …" if len(one.visits) > 12 else "")
        table.add_row(
            one.vehicle_id, f"{len(one.visits):,}", f"{one.distance_m / 1000:,.1f}", clock(one.leaves_s),
            clock(one.ends_s), f"{one.waiting_s // 60:,} min", f"{one.cost:,.2f}", shown,
        )  # fmt: skip
    if len(plan.routes) > ROWS_MAX:
        table.add_row("…", f"{len(plan.routes) - ROWS_MAX} more routes")
    return table


def read_request(path: Path) -> Any:
    """PlanRoutesRequest message. Raises DataError."""
    from storegate.v1 import routing_pb2 as pb

    if path.suffix.lower() in INSTANCES:
        from model_repo.datasets.vrp_files import read_instance
        from model_repo.evaluate.route.streamed import request_of

        return request_of(read_instance(path))
    return _message(path, pb.PlanRoutesRequest)


def read_running(path: Path) -> Any:
    """ReplanRoutesRequest message: the problem and the plan that runs. Raises DataError."""
    from storegate.v1 import routing_pb2 as pb

    return _message(path, pb.ReplanRoutesRequest)


def check_picture(path: Path | None) -> None:
    """Before any work is done: raises InvalidInput for a kind that cannot be drawn."""
    if path is not None and path.suffix.lower() not in (".svg", ".html"):
        raise InvalidInput("picture", str(path), "a file that ends in .svg or .html")


def write_picture(path: Path, request: Any, plan: Any) -> None:
    """Raises SettingError where it cannot be written."""
    picture = Picture(request, plan)
    _write(path, (html if path.suffix.lower() == ".html" else svg)(picture))


def seconds_of(name: str, text: str) -> int:
    """HH:MM or seconds. Raises InvalidInput."""
    hours, colon, minutes = text.partition(":")
    try:
        return int(hours) * 3600 + int(minutes) * 60 if colon else int(text)
    except ValueError:
        raise InvalidInput(name, text, "HH:MM, or whole seconds after midnight of the first day") from None


def _add_changes(
    request: Any, new: tuple[Path, ...], cancel: tuple[str, ...], late: tuple[str, ...], close: tuple[str, ...]
) -> None:
    from storegate.v1 import routing_pb2 as pb

    for path in new:
        request.changes.add(new_stop=_message(path, pb.RouteStop))
    for stop in cancel:
        request.changes.add(cancelled_stop_id=stop)
    for text in late:
        vehicle, equals, minutes = text.rpartition("=")
        try:
            seconds = round(float(minutes) * 60)
        except (ValueError, OverflowError):
            equals = ""
        if not equals:
            raise InvalidInput("--late", text, "VEHICLE=MINUTES")
        request.changes.add(delay=pb.VehicleDelay(vehicle_id=vehicle, delay_s=seconds))
    for text in close:
        start, comma, end = text.partition(",")
        if not comma:
            raise InvalidInput("--close", text, "FROM,TO")
        request.changes.add(closed_road=pb.ClosedRoad(from_id=start, to_id=end, both_ways=True))


def _told(problem: Any, plan: Any, answer: Any, saved: Path | None, picture: Path | None, as_json: bool) -> None:
    from serving.transport.json_writer import to_json
    from storegate.v1 import routing_pb2 as pb

    if saved is not None:
        _write(saved, to_json(pb.ReplanRoutesRequest(problem=problem, plan=plan)).decode() + "\n")
    if picture is not None:
        write_picture(picture, problem, plan)
    if as_json:
        click.echo(to_json(answer))
        return
    out.print(plan_table(plan))
    for one in plan.dropped[:ROWS_MAX]:
        out.print(f"left out: {one.stop_id}, {one.detail or one.reason}", markup=False, highlight=False)
    if len(plan.dropped) > ROWS_MAX:
        out.print(f"and {len(plan.dropped) - ROWS_MAX:,} more", highlight=False)


def _asked(settings: Settings, target: str | None, request: Any) -> Iterator[Any]:
    """A gateway's answers."""
    with client_of(settings, target_of(settings, target)) as client:
        yield from client.plan_routes(request)


def _planned(settings: Settings, request: Any) -> Iterator[Any]:
    """The same, computed here, step by step as a gateway does."""
    from serving.routing import planning_service
    from serving.transport.plan_steps import PlanSteps
    from serving.transport.routing_codec import decode_plan, encode_plan

    service = planning_service(settings)
    with told_while_compiling():
        service.warm_plan()  # so that the time is for planning
    steps = PlanSteps(request.SerializeToString(), settings.route.limits, time.monotonic())
    while (step := steps.next(time.monotonic())) is not None:
        answer = service.plan(decode_plan(step.payload), step.deadline)
        told = steps.took(encode_plan(answer), time.monotonic())
        if told is not None:
            yield _response(told)
    yield _response(steps.last(time.monotonic()))


def _response(payload: bytes) -> Any:
    from storegate.v1 import routing_pb2 as pb

    return pb.PlanRoutesResponse.FromString(payload)


def _replanned(settings: Settings, target: str | None, request: Any) -> Any:
    if target:
        with client_of(settings, target_of(settings, target)) as client:
            return client.replan_routes(request)
    from serving.core.clock import NEVER
    from serving.routing import planning_service
    from serving.transport.routing_codec import decode_replan, encode_replan
    from storegate.v1 import routing_pb2 as pb

    with told_while_compiling():
        answer = planning_service(settings).replan(decode_replan(request.SerializeToString()), NEVER)
    return pb.ReplanRoutesResponse.FromString(encode_replan(answer))


def _message(path: Path, message: Any) -> Any:
    from serving.transport.json_reader import from_json

    try:
        return from_json(path.read_bytes(), message)
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror})") from None
    except Exception as error:
        told = getattr(error, "message", "")
        if not told:
            raise
        raise DataError(str(path), told) from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{path} cannot be written ({error.strerror})") from None
