"""Every engine on every instance, one after the other, each with the same time; every plan is checked."""

from __future__ import annotations

import hashlib
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model_repo.datasets.vrp_files import Instance, read_folder
from model_repo.evaluate.route.problems import HIERARCHICAL, problem_of
from model_repo.evaluate.route.streamed import request_of, streamed
from serving.adapters.routing_ortools import OrTools
from serving.adapters.routing_pyvrp import PyVrp
from serving.core.errors import DataError
from serving.decisions.route.checker import check
from serving.decisions.route.planner import Planner
from serving.decisions.route.problem import Engine
from serving.decisions.route.search import Search
from serving.decisions.route.warm import warm

SERVED: Final = "served"
CONTENDERS: Final[Mapping[str, Callable[[], Sequence[Engine]]]] = {
    SERVED: lambda: (Search(), PyVrp(), OrTools()),
    "stream": lambda: (Search(), PyVrp(), OrTools()),
    "served-without-pyvrp": lambda: (Search(),),
    "stream-without-pyvrp": lambda: (Search(),),
    "pyvrp": lambda: (PyVrp(),),
    "or-tools": lambda: (OrTools(),),
}
STREAMS: Final = ("stream", "stream-without-pyvrp")
"""Step by step, as PlanRoutes is answered; the others in one run."""
TOLERANCE: Final = 0.01
"""Of a distance: best known values are printed with two decimals."""


@dataclass(frozen=True, slots=True)
class Found:
    """One plan of one contender. distance: in the instance's own unit; gap_pct: None where no best is known, or where
    it has another number of vehicles than the best under the hierarchical objective."""

    instance: str
    contender: str
    feasible: bool
    distance: float
    vehicles: int
    dropped: int
    gap_pct: float | None
    vehicles_above: int | None
    engine: str
    seconds: float


def instances_of(place: Path, only: str) -> list[Instance]:
    """Of a folder or a .tar.gz of one, those whose file fits the pattern. Raises DataError."""
    if place.is_file() and place.name.endswith((".tar.gz", ".tgz")):
        with tempfile.TemporaryDirectory() as room:
            try:
                with tarfile.open(place) as packed:
                    packed.extractall(room, filter="data")
            except (tarfile.TarError, OSError, EOFError) as error:
                raise DataError(str(place), f"not a .tar.gz archive ({error})") from error
            folders = sorted({path.parent for path in Path(room).rglob("*") if path.suffix in (".txt", ".vrp")})
            found = [instance for folder in folders for instance in read_folder(folder)]
    else:
        found = read_folder(place)
    found = [instance for instance in found if Path(instance.name).match(only)]
    if not found:
        raise DataError(str(place), f"no instance fits {only!r}")
    return found


def digest(place: Path) -> str:
    """SHA-256 of the archive, or of a folder's instance files in order."""
    files = [place] if place.is_file() else sorted(path for path in place.glob("*") if path.is_file())
    sha = hashlib.sha256()
    for path in files:
        sha.update(path.name.encode() + b"\0" + path.read_bytes())
    return sha.hexdigest()


def compare(
    instances: Sequence[Instance],
    objective: str,
    seconds: float,
    threads: int,
    seed: int,
    names: Sequence[str],
    say: Callable[[str], None],
) -> list[Found]:
    """One Found for each contender and instance."""
    say("compiling the kernels")
    warm()
    out = []
    for number, instance in enumerate(instances, 1):
        for name in names:
            found = solve(instance, objective, seconds, threads, seed, name)
            gap = "no best known" if found.gap_pct is None else f"{found.gap_pct:+.2f} %"
            say(f"{number}/{len(instances)} {instance.name} {name}: {found.vehicles} vehicles, {gap} ({found.engine})")
            out.append(found)
    return out


def solve(instance: Instance, objective: str, seconds: float, threads: int, seed: int, name: str) -> Found:
    """One plan, timed from the problem's arrays, or the request's bytes, to the checked plan."""
    problem = problem_of(instance, objective)
    request = request_of(instance, objective) if name in STREAMS else None
    began = time.monotonic()
    if request is not None:
        problem, plan = streamed(request, CONTENDERS[name](), seconds, threads, seed)
    else:
        plan = Planner(CONTENDERS[name](), threads).plan(
            problem, None, seed=seed, deadline=began + seconds, on_better=lambda _: None, cancelled=lambda: False
        )
    spent = time.monotonic() - began
    distance = plan.distance / instance.scale
    best, best_vehicles = instance.best, None
    if objective == HIERARCHICAL:
        best, best_vehicles = instance.best_at_vehicles, instance.best_vehicles
    feasible = not check(problem, plan) and not plan.dropped
    comparable = feasible and best is not None and (best_vehicles is None or len(plan.routes) == best_vehicles)
    return Found(
        instance=instance.name,
        contender=name,
        feasible=feasible,
        distance=distance,
        vehicles=len(plan.routes),
        dropped=len(plan.dropped),
        gap_pct=100 * (distance / best - 1) if comparable and best else None,
        vehicles_above=len(plan.routes) - best_vehicles if best_vehicles is not None and feasible else None,
        engine=plan.engine,
        seconds=spent,
    )


def metrics(found: Sequence[Found]) -> dict[str, float]:
    """Of one contender over all instances."""
    out: dict[str, float] = {
        "instances": len(found),
        "feasible": sum(one.feasible for one in found),
        "vehicles": sum(one.vehicles for one in found),
        "distance": sum(one.distance for one in found),
        "seconds_max": max(one.seconds for one in found),
    }
    gaps = [one.gap_pct for one in found if one.gap_pct is not None]
    if gaps:
        out |= {
            "gap_pct": statistics.fmean(gaps),
            "gap_pct_median": statistics.median(gaps),
            "gap_pct_worst": max(gaps),
            "best_known_reached": sum(gap <= TOLERANCE for gap in gaps),
            "compared": len(gaps),
        }
    above = [one.vehicles_above for one in found if one.vehicles_above is not None]
    if above:
        out["vehicles_above_best_known"] = sum(above)
    return out
