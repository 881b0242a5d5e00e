"""The LP solver: HiGHS through scipy."""

from __future__ import annotations

from typing import Any, NamedTuple

from scipy.optimize import linprog
from scipy.sparse import csc_array, csr_array

from orderwing.planning.steering.problem import Floats


class Solved(NamedTuple):
    """`above` and `equal` are the duals of the rows: what one unit more on the right side adds to the cost."""

    cost: float
    amounts: Floats
    above: Floats
    equal: Floats


def minimise(
    costs: Floats, above: csr_array | csc_array, limits: Floats, equal: csr_array | csc_array, wanted: Floats
) -> Solved:
    """min costs·x over x >= 0 with above·x <= limits, equal·x = wanted. Raises ArithmeticError."""
    sparse: tuple[Any, Any] = (above, equal)  # the solver takes them, its type stubs do not know
    # These LPs are degenerate, but small: presolving one takes longer than it saves.
    found = linprog(costs, sparse[0], limits, sparse[1], wanted, method="highs-ds", options={"presolve": False})
    if found.status or found.x is None or found.fun is None:
        raise ArithmeticError(f"the LP was not solved: {found.message}")
    return Solved(found.fun, found.x, found.ineqlin.marginals, found.eqlin.marginals)
