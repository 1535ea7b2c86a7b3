"""Is a forecast of 30 % right 30 times in a hundred? Forecasts in bins, and what came true of each."""

from __future__ import annotations

import numpy as np


def in_bins(forecast: np.ndarray, happened: np.ndarray, bins: int) -> tuple[np.ndarray, ...]:
    """Mean forecast, share that came true, and the ends of its interval, (bins,) each, from low forecasts to high.

    ``forecast``, ``happened``: (n,), chances, and 1 or 0. The bins are of equal size; equal forecasts keep their order.
    The interval is Wilson's, of 95 % (1927, "Probable inference, the law of succession, and statistical inference").
    """
    from scipy.stats import binomtest  # here, since it takes long to load

    parts = np.array_split(np.argsort(forecast, kind="stable"), bins)
    counts = [(int(happened[part].sum()), len(part)) for part in parts]
    ends = [binomtest(yes, n).proportion_ci(method="wilson") for yes, n in counts]
    mean, share = (np.array([values[part].mean() for part in parts]) for values in (forecast, happened))
    return mean, share, np.array([end.low for end in ends]), np.array([end.high for end in ends])
