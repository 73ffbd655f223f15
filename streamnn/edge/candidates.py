"""Candidates of a quantised module, run on the reservoir: accumulators, and the error of what a spline makes of them.

Sums have a fixed order, so that the choice is the same on every machine. Arrays lie unit by unit.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf
from .integers import shifted

i4 = np.int32


@leaf
def _spread(e, n):
    # sum of squares around the mean, in eight sums side by side, for one would wait for itself; e ends in zeros
    a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = 0.0
    b0 = b1 = b2 = b3 = b4 = b5 = b6 = b7 = 0.0
    for t in range(0, len(e), 8):
        a0 += e[t] * e[t]
        a1 += e[t + 1] * e[t + 1]
        a2 += e[t + 2] * e[t + 2]
        a3 += e[t + 3] * e[t + 3]
        a4 += e[t + 4] * e[t + 4]
        a5 += e[t + 5] * e[t + 5]
        a6 += e[t + 6] * e[t + 6]
        a7 += e[t + 7] * e[t + 7]
        b0 += e[t]
        b1 += e[t + 1]
        b2 += e[t + 2]
        b3 += e[t + 3]
        b4 += e[t + 4]
        b5 += e[t + 5]
        b6 += e[t + 6]
        b7 += e[t + 7]
    total = ((b0 + b4) + (b1 + b5)) + ((b2 + b6) + (b3 + b7))
    return (((a0 + a4) + (a1 + a5)) + ((a2 + a6) + (a3 + a7))) - total * total / n


@kernel
def pre_activations(x, weights, bias, table, ids, out):
    """Of the float network: out = x weights + bias + category rows.

    Parameters
    ----------
    x : ndarray of float64, shape (n, inputs)
    weights : ndarray of float64, shape (inputs, units)
    bias : ndarray of float64, shape (units,)
    table : ndarray of float64, shape (rows, units)
    ids : ndarray of int32, shape (n, k)
    out : ndarray of float64, shape (n, units)
    """
    for t in range(len(x)):
        for j in range(weights.shape[1]):
            out[t, j] = bias[j]
        for i in range(len(weights)):
            v = x[t, i]
            if v != 0.0:
                for j in range(weights.shape[1]):
                    out[t, j] += v * weights[i, j]
        for k in range(ids.shape[1]):
            if ids[t, k] >= 0:
                for j in range(weights.shape[1]):
                    out[t, j] += table[ids[t, k], j]


@kernel
def accumulate(x, weights, table, ids, table_shift, skipped, skip_shift, out):
    """Accumulators of candidates, without bias.

    Parameters
    ----------
    x : ndarray of float64, shape (inputs, n)
        Integers.
    weights : ndarray of int64, shape (candidates, inputs, units)
    table : ndarray of int64, shape (candidates, rows, units)
    ids : ndarray of int32, shape (n, k)
    table_shift : ndarray of int64, shape (candidates, units)
    skipped : ndarray of int64, shape (units, n), or (0, n)
    skip_shift : ndarray of int64, shape (candidates, units)
    out : ndarray of int64, shape (candidates, units, n)
    """
    n = x.shape[1]
    sums = np.zeros(n)  # whole numbers below 2**53: exact, and quicker than integers
    for p in range(len(weights)):
        for j in range(weights.shape[2]):
            for t in range(n):
                sums[t] = 0.0
            for i in range(len(x)):
                w = np.float64(weights[p, i, j])
                if w != 0.0:
                    for t in range(n):
                        sums[t] += w * x[i, t]
            for t in range(n):
                out[p, j, t] = np.int64(sums[t])
            if ids.shape[1]:
                for t in range(n):
                    total = np.int64(0)
                    for k in range(ids.shape[1]):
                        if ids[t, k] >= 0:
                            total += table[p, ids[t, k], j]
                    out[p, j, t] += shifted(total, table_shift[p, j])
            if len(skipped):
                for t in range(n):
                    out[p, j, t] += shifted(skipped[j, t], skip_shift[p, j])


@kernel
def add_bias(acc, fraction, wanted, bias):
    """Set the bias so that accumulators have the mean of the float network's, and add it to them.

    Parameters
    ----------
    acc : ndarray of int64, shape (candidates, units, n)
    fraction : ndarray of int64, shape (candidates, units)
    wanted : ndarray of float64, shape (units, n)
        Pre-activations of the float network.
    bias : ndarray of int64, shape (candidates, units)
        Receives the bias.
    """
    n = acc.shape[2]
    for j in range(acc.shape[1]):
        mean = 0.0
        for t in range(n):
            mean += wanted[j, t]
        mean /= n
        for p in range(len(acc)):
            total = np.int64(0)
            for t in range(n):
                total += acc[p, j, t]
            f = fraction[p, j]
            unit = np.float64(np.int64(1) << f) if f >= 0 else 1.0 / np.float64(np.int64(1) << -f)
            bias[p, j] = np.int64(np.floor(mean * unit - np.float64(total) / n + 0.5))
            for t in range(n):
                acc[p, j, t] += bias[p, j]


@kernel
def output_errors(acc, fraction, wanted, out):
    """Sums of squared errors of candidates without an activation, shape (candidates, units)."""
    for p in range(acc.shape[0]):
        for j in range(acc.shape[1]):
            f = fraction[p, j]
            unit = 1.0 / np.float64(np.int64(1) << f) if f >= 0 else np.float64(np.int64(1) << -f)
            total = 0.0
            for t in range(acc.shape[2]):
                e = acc[p, j, t] * unit - wanted[j, t]
                total += e * e
            out[p, j] = total


@kernel
def spline_errors(
    acc, fraction, spacing, reach, knots, knot_fraction, out_fraction, top, possible, wanted, out
):
    """Sums of squared errors of candidates with an activation, but for a constant, which the next bias takes up.

    They are infinite where a candidate is not possible.

    Parameters
    ----------
    acc : ndarray of int64, shape (candidates, units, n)
    fraction : ndarray of int64, shape (candidates, units)
    knots : ndarray of int64, shape (knot candidates, units, K)
    knot_fraction : ndarray of int64, shape (knot candidates, units)
    out_fraction : ndarray of int64, shape (output candidates,)
    top : int
        Largest integer that comes out.
    possible : ndarray of bool, shape (output candidates, candidates, knot candidates, units)
    wanted : ndarray of float64, shape (units, n)
        Activations of the float network.
    out : ndarray of float64, shape of `possible`
    """
    P, U, n = acc.shape
    last = i4(knots.shape[2] - 2)
    piece, place, value = np.zeros(n, np.int32), np.zeros(n, np.int32), np.zeros(n, np.int32)
    error = np.zeros((n + 7) // 8 * 8)
    most, least = i4(top), i4(-top - 1)
    for p in range(P):
        for j in range(U):
            if not 0 <= fraction[p, j] - spacing <= 30:
                out[:, p, :, j] = np.inf
                continue
            # what is possible fits 32 bits all the way; what does not is not looked at
            s = i4(fraction[p, j] - spacing)
            base = np.int64(reach) << fraction[p, j]
            for t in range(n):
                u = i4(acc[p, j, t] + base)
                i = min(max(u >> s, i4(0)), last)
                piece[t] = i
                place[t] = u - i4(i << s)
            for c in range(len(knots)):
                for t in range(n):
                    low = i4(knots[c, j, piece[t]])
                    value[t] = i4(low << s) + place[t] * i4(i4(knots[c, j, piece[t] + 1]) - low)
                for o in range(len(out_fraction)):
                    if not possible[o, p, c, j]:
                        out[o, p, c, j] = np.inf
                        continue
                    f = out_fraction[o]
                    unit = 1.0 / np.float64(np.int64(1) << f) if f >= 0 else np.float64(np.int64(1) << -f)
                    shift = np.int64(s) + knot_fraction[c, j] - f
                    right, left = i4(max(shift, 0)), i4(max(-shift, 0))
                    half = i4((np.int64(1) << np.int64(right)) >> 1)
                    for t in range(n):
                        v = i4(i4(i4(value[t] + half) >> right) << left)
                        error[t] = min(max(v, least), most) * unit - wanted[j, t]
                    out[o, p, c, j] = _spread(error, n)
