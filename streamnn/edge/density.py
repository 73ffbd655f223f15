"""Surprise in integers: a diagonal density of the last hidden module's activations, a class each."""

from __future__ import annotations

from math import fsum

import numpy as np

from .._kernels.ieee import log64
from .._kernels.jit import kernel
from ..errors import SpecError
from .artefact import Surprise
from .bounds import TOP_SHIFT, TOP_WORD

SURPRISE_FRACTION = 4
"""Surprise is in 16ths of a nat."""
_SHARED = 0.05
_ROUNDING_VARIANCE = 1.0 / 12.0
"""Of a number that was rounded to an integer: no variance is smaller."""


@kernel
def _surprise(z, mean, shift, constant, out):
    for t in range(len(z)):
        best = np.int64(0)
        for c in range(len(mean)):
            total = constant[c]
            for j in range(z.shape[1]):
                d = z[t, j] - mean[c, j]
                s = shift[c, j]
                total += (d * d) >> s if s >= 0 else (d * d) << -s
            if c == 0 or total < best:
                best = total
        out[t] = best


def fit_surprise(
    z: np.ndarray, labels: np.ndarray, classes: int, quantile: float = 0.99, least: int = 32
) -> Surprise:
    """A density of a reservoir's activations; the same on every machine.

    Each class has a mean and a precision a unit, the latter a power of two, and a constant: the logarithm of its
    share and of its determinant. Classes with few events share the density of all events.

    Parameters
    ----------
    z : ndarray of int64, shape (n, units)
        What the last hidden module gave, 8 bits.
    labels : ndarray of int64, shape (n,)
        Class numbers; zeros, with one class, where a number is predicted.
    classes : int
    quantile : float
        Share of the reservoir that is no surprise.
    least : int
        Events from which on a class has a density of its own.

    Raises
    ------
    SpecError
        When there are no events, or the quantile is not between 0 and 1.

    Notes
    -----
    A diagonal case of the latent densities of Postels et al., The Hidden Uncertainty in a Neural Network's
    Activations, 2020.

    Examples
    --------
    >>> z = np.array([[10, 0], [12, 1], [11, -1], [9, 0]])
    >>> found = fit_surprise(z, np.zeros(4, np.int64), 1, quantile=0.75, least=2)
    >>> surprise(found, np.array([[10, 0], [60, 0]])).tolist(), found.threshold
    ([4, 19204], 20)
    """
    if not len(z) or not 0.0 < quantile <= 1.0:
        raise SpecError(
            f"surprise: {len(z)} events and quantile {quantile}: it needs events, and a quantile above 0 and up to 1"
        )
    z = np.ascontiguousarray(z, np.int64)
    n, units = z.shape
    mean, variance = np.zeros((classes, units)), np.zeros((classes, units))
    share = np.zeros(classes)
    for c in range(classes):
        own = z[labels == c]
        of = own if len(own) >= max(least, 1) else z
        total = of.sum(0).astype(np.float64)
        mean[c] = total / len(of)
        variance[c] = ((of * of).sum(0) - total * total / len(of)) / len(of)
        share[c] = max(len(own), 1) / n
    for c in range(classes):
        variance[c] = (1 - _SHARED) * variance[c] + _SHARED * fsum(variance[c]) / max(units, 1)
    variance = np.maximum(variance, _ROUNDING_VARIANCE)
    rounded = np.floor(mean + 0.5).astype(np.int64)
    shift = _nearest_power(2.0 * variance / (1 << SURPRISE_FRACTION))
    constant = np.array(
        [0.5 * fsum(log64(v) for v in row) - log64(p) for row, p in zip(variance, share, strict=True)]
    )
    constants = np.floor(constant * (1 << SURPRISE_FRACTION) + 0.5).astype(np.int64)
    shift = _within_a_word(rounded, shift, constants)
    found = Surprise(rounded, shift, constants, 0)
    scores = np.sort(surprise(found, z))
    at = int(np.ceil(quantile * n)) - 1
    return Surprise(rounded, shift, constants, int(scores[max(at, 0)]))


def surprise(density: Surprise, z: np.ndarray) -> np.ndarray:
    """Surprise of activations, in 16ths of a nat.

    Parameters
    ----------
    density : Surprise
    z : ndarray of int64, shape (n, units)

    Returns
    -------
    ndarray of int64, shape (n,)
        What is above ``density.threshold`` is unlike what was seen.
    """
    out = np.zeros(len(z), np.int64)
    _surprise(np.ascontiguousarray(z, np.int64), density.mean, density.shift, density.constant, out)
    return out


def _nearest_power(v: np.ndarray) -> np.ndarray:
    # rounded binary logarithm: the exponent, and one more from a mantissa of root 2 on
    mantissa, exponent = np.frexp(v)
    return exponent.astype(np.int64) - (mantissa < 0.7071067811865476)


def _within_a_word(mean: np.ndarray, shift: np.ndarray, constant: np.ndarray) -> np.ndarray:
    # the furthest activations there can be; where their sum leaves 32 bits the steepest units of a class are flattened
    furthest = np.maximum(np.abs(-128 - mean), np.abs(127 - mean)) ** 2
    shift = np.clip(shift, -TOP_SHIFT, TOP_SHIFT)
    for c in range(len(shift)):
        while (
            fsum(np.ldexp(furthest[c].astype(np.float64), -shift[c].astype(np.int32))) + abs(constant[c])
            > TOP_WORD
        ):
            shift[c] = np.maximum(shift[c], shift[c].min() + 1)
    return shift
