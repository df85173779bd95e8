"""Min-cost flow by OR-Tools' cost-scaling push-relabel: integral, exact, the same answer for the same problem."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from serving.core.errors import ModelFailed

I64 = npt.NDArray[np.int64]


def min_cost_flow(tail: I64, head: I64, capacity: I64, cost: I64, supply: I64) -> I64 | None:
    """The cheapest flow (a,) that takes all supply where it is wanted; None = there is none.

    tail, head, capacity, cost: (a,) int64, one an arc; supply: (v,) int64 by node, negative = demand, 0 in sum. Times
    the number of nodes, the largest cost must stay below 2^62. Raises ModelFailed when the solver gives up.
    """
    solver = SimpleMinCostFlow()
    arcs = solver.add_arcs_with_capacity_and_unit_cost(tail, head, capacity, cost)
    solver.set_nodes_supplies(np.arange(len(supply)), supply)
    status = solver.solve()
    if status == solver.OPTIMAL:
        flows: I64 = np.asarray(solver.flows(arcs), np.int64)
        return flows
    if status in (solver.INFEASIBLE, solver.UNBALANCED):
        return None
    raise ModelFailed("min-cost flow", f"the solver ended with {status.name}")
