"""The minimum of a smooth function of a few unknowns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult


def minimise(value_and_slope: Callable, start: np.ndarray, bounds: list | None = None, **options) -> OptimizeResult:
    """SciPy's L-BFGS-B from ``start`` (n,), on one thread; ``options`` are its own (ftol, gtol, maxiter, ...).

    Its steps solve systems of a few dozen unknowns. On several threads these only wait for each other: on a busy
    machine that took ten times as long. SciPy brings a BLAS of its own, which is there to be told only once SciPy is.
    """
    from scipy.optimize import minimize  # here, since it takes long to load
    from threadpoolctl import threadpool_limits  # and here, since loading it sets a variable of the environment

    with threadpool_limits(1):
        return minimize(value_and_slope, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
