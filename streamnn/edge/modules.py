"""The modules of an integer network, each quantised once, at its end (Geng et al. 2019).

A module takes integers x that stand for x * 2**-N and gives integers. In the order of the data:

    linear       acc_j = sum_i x_i W_ij + rounded(sum_r T_rj, table_shift_j) + skip_j + B_j      fraction bits Na_j
    spline       u = acc + (reach << Na);  i = clip(u >> s, 0, K - 2), s = Na - spacing;  fr = u - (i << s)
                 z = clip(rounded((c_i << s) + fr (c_{i+1} - c_i), s + Nc - No), -2**(bits-1), 2**(bits-1) - 1)
                 with only f < s bits of the place: u >> (s - f) for u, and f for s
    threshold    z = +1 if acc > threshold else -1
    output       logit_c = acc_c << align_c: logarithms to the base 2

All shifts are powers of two a unit; nothing is divided. ReLU and its relatives are splines of three knots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._kernels.jit import kernel
from .integers import rounded_shift, shifted

Array = np.ndarray


@kernel
def _interpolate(acc, start, s, f, knots, shift, top, out):
    # start, s, f, shift: one a unit
    last = knots.shape[1] - 2
    for t in range(acc.shape[0]):
        for j in range(acc.shape[1]):
            u = acc[t, j] + start[j]
            i = min(max(u >> s[j], 0), last)
            place = (u >> (s[j] - f[j])) - (i << f[j])
            v = shifted((knots[j, i] << f[j]) + place * (knots[j, i + 1] - knots[j, i]), shift[j])
            out[t, j] = min(max(v, -top), top - 1)


@kernel
def _add_rows(acc, ids, table, shift):
    total = np.zeros(acc.shape[1], np.int64)
    for t in range(acc.shape[0]):
        total[:] = 0
        for k in range(ids.shape[1]):
            if ids[t, k] >= 0:
                for j in range(acc.shape[1]):
                    total[j] += table[ids[t, k], j]
        for j in range(acc.shape[1]):
            acc[t, j] += shifted(total[j], shift[j])


@dataclass(frozen=True, slots=True)
class Spline:
    """Learnt activations as tables on a grid whose spacing is a power of two.

    Parameters
    ----------
    knots : ndarray of int64, shape (units, K)
        Values at the knots, `knot_fraction` fraction bits.
    knot_fraction : ndarray of int64, shape (units,)
    spacing : int
        Knots lie 2**-spacing apart (it may be negative).
    reach : int
        The first knot lies at -reach.
    fraction : int
        Fraction bits of what comes out.
    bits : int
        Of what comes out, sign included.
    place_bits : int
        How many bits of the place between two knots are read, 0 for all: fewer make smaller multipliers.
    """

    knots: Array
    knot_fraction: Array
    spacing: int
    reach: int
    fraction: int
    bits: int = 8
    place_bits: int = 0

    def __call__(self, acc: Array, fraction: Array) -> Array:
        """Activations of accumulators with so many fraction bits a unit."""
        out = np.empty_like(acc)
        s = fraction - self.spacing
        f = np.minimum(s, self.place_bits) if self.place_bits else s
        shift = f + self.knot_fraction - self.fraction
        _interpolate(
            acc, np.int64(self.reach) << fraction, s, f, self.knots, shift, 1 << (self.bits - 1), out
        )
        return out


@dataclass(frozen=True, slots=True)
class Threshold:
    """Binary activations: +1 above a unit's threshold, -1 elsewhere (Courbariaux et al. 2016, normalisation folded).

    Parameters
    ----------
    above : ndarray of int64, shape (units,)
        Largest accumulator that gives -1.
    """

    above: Array
    fraction: int = 0
    bits: int = 2

    def __call__(self, acc: Array, fraction: Array) -> Array:
        """+1 or -1."""
        out: Array = np.where(acc > self.above, 1, -1).astype(np.int64)
        return out


@dataclass(frozen=True, slots=True)
class Output:
    """No activation: logits with as many fraction bits for every class.

    Parameters
    ----------
    align : ndarray of int64, shape (outputs,)
        How far each accumulator is shifted to the left.
    """

    align: Array

    def __call__(self, acc: Array, fraction: Array) -> Array:
        """Logits."""
        out: Array = acc << self.align
        return out


@dataclass(frozen=True, slots=True)
class Module:
    """A linear map and what follows it.

    Parameters
    ----------
    weights : ndarray of int64, shape (inputs, units)
    weight_bits : int
        What they are stored in: 8, 6, 5, 4, 3; 2 for -1, 0, 1; 1 for -1 and 1.
    bias : ndarray of int64, shape (units,)
        In units of the accumulator; stored in 32 bits.
    fraction : ndarray of int64, shape (units,)
        Fraction bits of the accumulators: those of the input and those of the weights.
    after : Spline, Threshold or Output
    table : ndarray of int64, shape (rows, units), or None
        Rows that categories add, of the first module only.
    table_shift : ndarray of int64, shape (units,), or None
        Fraction bits of the table less those of the accumulator.
    gather : ndarray of int64, shape (inputs,), or None
        A permutation: input i of the weights is gather[i] of what comes in.
    skip : int
        Module whose output is added to the accumulator, -1 for none (a residual connection).
    skip_shift : ndarray of int64, shape (units,), or None
        How far that output is shifted to the right.
    groups : int
        Blocks of inputs and of units, of which each sees its own only; weights elsewhere are 0.
    """

    weights: Array
    weight_bits: int
    bias: Array
    fraction: Array
    after: Spline | Threshold | Output
    table: Array | None = None
    table_shift: Array | None = None
    gather: Array | None = None
    skip: int = -1
    skip_shift: Array | None = None
    groups: int = 1

    @property
    def units(self) -> int:
        """How many numbers come out."""
        return self.weights.shape[1]

    def accumulate(self, x: Array, ids: Array, skipped: Array | None = None) -> Array:
        """Accumulators of integer inputs, shape (n, inputs), and category rows, shape (n, k) with -1 for none."""
        x = x if self.gather is None else x[:, self.gather]
        # exact: products of integers below 2**53 in double precision, which is quicker than integers
        acc = (x.astype(np.float64) @ self.weights.astype(np.float64)).astype(np.int64) + self.bias
        if self.table is not None and self.table_shift is not None and ids.shape[1]:
            _add_rows(acc, ids, self.table, self.table_shift)
        if skipped is not None and self.skip_shift is not None:
            acc += rounded_shift(skipped, self.skip_shift)
        return acc

    def __call__(self, x: Array, ids: Array, skipped: Array | None = None) -> Array:
        """What comes out, shape (n, units)."""
        return self.after(self.accumulate(x, ids, skipped), self.fraction)


def run_modules(modules: tuple[Module, ...], x: Array, ids: Array) -> list[Array]:
    """Outputs of every module in the order of the data; the last are the logits."""
    out: list[Array] = []
    for m in modules:
        x = m(x, ids, out[m.skip] if m.skip >= 0 else None)
        out.append(x)
    return out
