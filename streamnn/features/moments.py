"""Mean and deviation of a column as its values come."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .absurd import BEGIN_AGAIN, TAKE, judge, sums

OUTLIER_DEVIATIONS, OUTLIER_AFTER = 20.0, 20
"""Most deviations off at which a value enters the running mean and deviation, after this many values
(docs/decisions.md, "Statistics of a column", as the next)."""
SMALLEST_VARIANCE_RATIO, SMALLEST_VARIANCE = 1e-24, 1e-200
"""A variance below this share of the squared mean, or below this, is rounding: the column is constant."""
LEVEL_REPEAT = 0.0625
"""What an absurd value that repeats itself counts towards a new level: a sensor may be dead for a hundred events."""


@leaf
def take_value(v, moments, first, guard, c):
    """Take value `v` into row `c` of `moments`: values taken in, their mean, their sum of squared deviations."""
    deviation = np.sqrt(moments[c, 2] / moments[c, 0]) if moments[c, 0] > 0.0 else 0.0
    verdict = judge(v, moments[c, 1], deviation, first, guard, c, LEVEL_REPEAT)
    if verdict == BEGIN_AGAIN:
        moments[c, 0], moments[c, 1], moments[c, 2] = sums(first, guard, c)
    elif verdict == TAKE:
        k = moments[c, 0] + 1
        e = v - moments[c, 1]
        if k > OUTLIER_AFTER:  # a lone outlier must not blind the column for good
            far = OUTLIER_DEVIATIONS * deviation
            if far > 0.0:
                e = min(max(e, -far), far)
        moments[c, 0], moments[c, 1], moments[c, 2] = (
            k,
            moments[c, 1] + e / k,
            moments[c, 2] + e * (e - e / k),
        )
