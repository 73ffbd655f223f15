"""Probabilities from integer logits: two tables of seventeen entries and a straight line between, no division."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf

PROBABILITY_FRACTION = 15
Q15_ONE = 1 << PROBABILITY_FRACTION
POWERS = np.array([round(Q15_ONE * 2.0 ** (-k / 16)) for k in range(17)], np.int64)
"""2**-(k / 16)."""
RECIPROCALS = np.array([round(Q15_ONE / (1 + k / 16)) for k in range(17)], np.int64)
"""1 / (1 + k / 16)."""


@leaf
def probabilities_of(logits, fraction, powers, reciprocals, out):
    """Q15 probabilities of one event's base-2 logits, at least 1 and at most 32767 each; they add up to about 1."""
    C = len(logits)
    top = logits[0]
    for c in range(1, C):
        top = max(top, logits[c])
    total = np.int64(0)
    for c in range(C):
        gap = top - logits[c]
        if gap >= np.int64(16) << fraction:
            out[c] = 0
        else:
            d = gap >> (fraction - 8) if fraction >= 8 else gap << (8 - fraction)
            k = (d >> 4) & 15
            out[c] = (powers[k] - (((powers[k] - powers[k + 1]) * (d & 15)) >> 4)) >> (d >> 8)
        total += out[c]
    b = 0
    while (total >> b) > 1:
        b += 1
    f = ((total << 8) >> b) & 255
    k = f >> 4
    r = reciprocals[k] - (((reciprocals[k] - reciprocals[k + 1]) * (f & 15)) >> 4)
    for c in range(C):
        out[c] = min(max((out[c] * r) >> b, 1), 32767)


@kernel
def _all(logits, fraction, powers, reciprocals, out):
    for t in range(len(logits)):
        probabilities_of(logits[t], fraction, powers, reciprocals, out[t])


def q15_probabilities(logits: np.ndarray, fraction: int) -> np.ndarray:
    """Probabilities of base-2 logits.

    Parameters
    ----------
    logits : ndarray of int64, shape (n, classes)
    fraction : int
        Their fraction bits.

    Returns
    -------
    ndarray of int64, shape (n, classes)
        In units of 2**-15.

    Examples
    --------
    >>> import numpy as np
    >>> q15_probabilities(np.array([[0, 0], [1 << 8, 0]]), 8).tolist()
    [[16384, 16384], [21845, 10922]]
    """
    out = np.zeros(logits.shape, np.int64)
    _all(np.ascontiguousarray(logits, np.int64), fraction, POWERS, RECIPROCALS, out)
    return out
