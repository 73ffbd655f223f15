"""Layers of a binarised network in integers, before their thresholds are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .bounds import TOP_LOGIT, TOP_LOGIT_FRACTION, TOP_SHIFT
from .fractions import largest_fraction, to_integers
from .modules import Module, Output

Array = np.ndarray
BYTE_TOP = 127


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of a layer's units as integers.

    Parameters
    ----------
    weights : ndarray of int64, shape (inputs, units)
    weight_bits : int
    fraction : ndarray of int64, shape (units,)
        Fraction bits of the accumulators; 0 where they have units of their own.
    table, table_shift : ndarray of int64 or None
        Category rows, as :class:`streamnn.edge.modules.Module` has them.
    per_sum : ndarray of float64, shape (units,)
        Accumulator that stands for a sum of 1.
    lost : ndarray of float64, shape (inputs, units), or None
        What rounding took from the weights, in the accumulator's units; None where nothing was rounded.
    """

    weights: Array
    weight_bits: int
    fraction: Array
    table: Array | None
    table_shift: Array | None
    per_sum: Array
    lost: Array | None = None

    def mean_loss(self, x: Array) -> Array:
        """What rounding of the weights takes from the accumulators of integer inputs in the mean, shape (units,)."""
        total = np.zeros(self.weights.shape[1])
        if self.lost is not None:
            mean = x.sum(0).astype(np.float64) / len(x)
            for m, row in zip(mean, self.lost, strict=True):  # in this order on every machine
                total += m * row
        return total

    def slack(self, x: Array, ids: Array) -> Array:
        """Most by which rounding can move the accumulators of integer inputs, shape (n, 1)."""
        if self.lost is None:
            return np.zeros((len(x), 1))
        rows = (ids >= 0).sum(1) if self.table_shift is not None else np.zeros(len(x))
        row = 0.0 if self.table_shift is None else float(np.ldexp(0.5, -self.table_shift.min()))
        # half a unit an input, and what float32 sums of weights of up to 127 lose
        out: Array = (0.501 * np.abs(x).sum(1) + rows * row + 1.0)[:, None]
        return out


def digits(latents: Array, kind: str, delta: float) -> Array:
    """What latents of binary or ternary weights stand for, int64: -1, 0 or 1.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.array([-0.3, -0.1, 0.0, 0.2], np.float32)
    >>> digits(w, "binary", 0.2).tolist(), digits(w, "ternary", 0.15).tolist()
    ([-1, -1, -1, 1], [-1, 0, 0, 1])
    """
    if kind == "binary":
        out: Array = np.where(latents > 0, 1, -1).astype(np.int64)
        return out
    d = np.float32(delta)  # in the kernel's own arithmetic
    return (latents - d > 0).astype(np.int64) - (-latents - d > 0).astype(np.int64)


def exact_sums(weights: Array, kind: str, table: Array | None, fractions: Array) -> Sums:
    """Sums over weights of -1, 0 and 1: nothing is rounded.

    Parameters
    ----------
    weights, table : ndarray of int64
    kind : {"binary", "ternary"}
    fractions : ndarray of int64, shape (inputs,)
        Fraction bits of the inputs; where they differ, weights of the coarser ones are shifted to the left.
    """
    units, most = weights.shape[1], int(fractions.max(initial=0))
    far = most - fractions
    bits = 1 if kind == "binary" else 2
    if far.any():
        bits = min(b for b in (3, 4, 5, 6, 8) if int(far.max()) < b - 1)
    shift = None if table is None else np.full(units, -most)
    return Sums(weights << far[:, None], bits, np.full(units, most), table, shift, np.full(units, 2.0**most))


def scaled_sums(weights: Array, table: Array | None, fractions: Array) -> Sums:
    """Sums over real weights in eight bits, scaled unit by unit so that the largest is 127.

    Parameters
    ----------
    weights, table : ndarray of float32
    fractions : ndarray of int64, shape (inputs,)
        Fraction bits of the inputs.
    """
    w = np.ldexp(weights.astype(np.float64), -fractions[:, None].astype(np.int32))
    largest = np.abs(w).max(0, initial=0.0)
    per_sum = np.where(largest > 0, BYTE_TOP / np.where(largest > 0, largest, 1.0), 1.0)
    scaled = w * per_sum
    whole = np.rint(scaled)
    rows = shift = None
    if table is not None:
        t = table.astype(np.float64) * per_sum
        shift = np.clip(largest_fraction(np.abs(t).max(0, initial=0.0), 8), -TOP_SHIFT // 2, TOP_SHIFT // 2)
        rows = to_integers(t, shift, 8)
    none = np.zeros(weights.shape[1], np.int64)
    return Sums(whole.astype(np.int64), 8, none, rows, shift, per_sum, scaled - whole)


def output_module(out: Array, bias: Array, scale: float) -> Module:
    """Output rows of eight bits, which are added or taken off by the signs before them.

    Parameters
    ----------
    out : ndarray of float32, shape (outputs, units)
    bias : ndarray of float32, shape (outputs,)
    scale : float
        What both are multiplied with.
    """
    w, b = out.T.astype(np.float64) * scale, bias.astype(np.float64) * scale
    fraction = np.minimum(largest_fraction(np.abs(w).max(0, initial=0.0), 8), TOP_LOGIT_FRACTION)
    size = np.abs(w).sum(0) + np.abs(b)
    while (np.ldexp(size, int(fraction.max())) + w.shape[0] > TOP_LOGIT).any():
        fraction = np.minimum(fraction, fraction.max() - 1)
    align = max(int(fraction.max()), 0) - fraction
    whole = np.rint(np.ldexp(b, fraction.astype(np.int32))).astype(np.int64)
    return Module(to_integers(w, fraction, 8), 8, whole, fraction, Output(align))
