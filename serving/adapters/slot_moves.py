"""Which exchanges of a slotting to carry out when few moves are allowed: a packing problem for OR-Tools' CP-SAT."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from ortools.sat.python import cp_model

SECONDS: Final = 5.0
"""Deterministic time of the solver: the same choice on every machine."""
SCALE: Final = 1_000_000
"""Savings are whole parts of the largest."""


def choose_moves(saved: Sequence[float], items: Sequence[Sequence[int]], budget: int) -> list[int]:
    """`ports.MoveChooser`. What saves nothing is never chosen; one core, one seed."""
    useful = [k for k, metres in enumerate(saved) if metres > 0 and len(items[k]) <= budget]
    if not useful:
        return []
    most = max(saved[k] for k in useful)
    model = cp_model.CpModel()
    chosen = {k: model.new_bool_var(f"exchange_{k}") for k in useful}
    by_item: dict[int, list[int]] = defaultdict(list)
    for k in useful:
        for item in items[k]:
            by_item[item].append(k)
    for some in by_item.values():
        if len(some) > 1:
            model.add_at_most_one(chosen[k] for k in some)
    model.add(sum(len(items[k]) * chosen[k] for k in useful) <= budget)
    model.maximize(sum(round(saved[k] / most * SCALE) * chosen[k] for k in useful))
    solver = cp_model.CpSolver()
    solver.parameters.max_deterministic_time = SECONDS
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 0
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return []
    return [k for k in useful if solver.value(chosen[k])]
