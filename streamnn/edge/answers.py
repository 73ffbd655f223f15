"""What a device says beside logits, in the same integers as the C: certified radius, numbers, decisions."""

from __future__ import annotations

import math

import numpy as np

from .._kernels.ieee import log64
from .artefact import Artefact, Target
from .integers import INPUT_FRACTION, rounded_shift

_MARGIN_TOP = 65535
_LN2 = 0.6931471805599453


def radius_slope(artefact: Artefact) -> tuple[int, int, int]:
    """Factor, offset and shift such that radius = max(margin * factor - offset, 0) >> shift, rounded to be safe.

    Two outputs at most `bound * distance + rounding` apart (l2) have margins at most sqrt(2) times that apart, so a
    class holds as far as (margin / sqrt(2) - rounding) / bound.
    """
    bound, rounding = artefact.margin if artefact.margin[0] > 0.0 else (artefact.bound, artefact.rounding)
    steps = float(1 << INPUT_FRACTION) / bound
    factor = _LN2 * 2.0**-artefact.logit_fraction / math.sqrt(2.0) * steps * (1.0 - 2.0**-40)
    less = rounding * steps * (1.0 + 2.0**-40)
    shift = 30
    while shift and (factor * 2.0**shift >= 1 << 15 or less * 2.0**shift >= 1 << 30):
        shift -= 1
    return (
        min(math.floor(factor * 2.0**shift), (1 << 15) - 1),
        min(math.ceil(less * 2.0**shift), (1 << 31) - 1),
        shift,
    )


def radius_of(logits: np.ndarray, artefact: Artefact) -> np.ndarray:
    """How far the standardised inputs may move, l2, and the class is still the same: in 32nds of a unit, 0 for not at all.

    Parameters
    ----------
    logits : ndarray of int64, shape (n, classes)
    artefact : Artefact
        With a bound.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    factor, less, shift = radius_slope(artefact)
    two = np.sort(logits, axis=1)[:, -2:]
    margin = np.minimum(two[:, 1] - two[:, 0], _MARGIN_TOP)
    out: np.ndarray = np.maximum(margin * factor - less, 0) >> shift
    return out


def value_of(logits: np.ndarray, target: Target, fraction: int) -> np.ndarray:
    """Predicted numbers in raw units of the target, halves up.

    Parameters
    ----------
    logits : ndarray of int64, shape (n, 1)
    target : Target
    fraction : int
        Fraction bits of the logits.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    out: np.ndarray = rounded_shift(logits[:, 0], fraction - target.scale) + target.mean
    return out


def lead_for(probability: float, fraction: int) -> int:
    """How far the second of two classes must lead, in logits, to be more probable than `probability`.

    Examples
    --------
    >>> lead_for(0.5, 8), lead_for(0.8, 8)
    (0, 512)
    """
    return math.floor(log64(probability / (1.0 - probability)) / _LN2 * 2.0**fraction)
