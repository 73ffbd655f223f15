"""Candidates of a quantised module, run on the reservoir: accumulators, and the error of what a spline makes of them.

Sums have a fixed order, so that the choice is the same on every machine. Arrays lie unit by unit.
"""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf
from .integers import shifted


@leaf
def _clipped(v, half, right, left, top):
    # one of right and left is 0
    return min(max(((v + half) >> right) << left, -top - 1), top)


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
    last = knots.shape[2] - 2
    piece, place, value = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for p in range(P):
        for j in range(U):
            s = fraction[p, j] - spacing
            if s < 0:
                out[:, p, :, j] = np.inf
                continue
            base = np.int64(reach) << fraction[p, j]
            for t in range(n):
                u = acc[p, j, t] + base
                i = min(max(u >> s, 0), last)
                piece[t] = i
                place[t] = u - (i << s)
            for c in range(len(knots)):
                for t in range(n):
                    low = knots[c, j, piece[t]]
                    value[t] = (low << s) + place[t] * (knots[c, j, piece[t] + 1] - low)
                for o in range(len(out_fraction)):
                    if not possible[o, p, c, j]:
                        out[o, p, c, j] = np.inf
                        continue
                    f = out_fraction[o]
                    unit = 1.0 / np.float64(np.int64(1) << f) if f >= 0 else np.float64(np.int64(1) << -f)
                    right = s + knot_fraction[c, j] - f
                    left = max(-right, 0)
                    right = max(right, 0)
                    half = (np.int64(1) << right) >> 1
                    # four sums side by side: one would wait for itself
                    a = b = g = h = 0.0
                    total0 = total1 = total2 = total3 = 0.0
                    whole = n - n % 4
                    for t in range(0, whole, 4):
                        e0 = _clipped(value[t], half, right, left, top) * unit - wanted[j, t]
                        e1 = _clipped(value[t + 1], half, right, left, top) * unit - wanted[j, t + 1]
                        e2 = _clipped(value[t + 2], half, right, left, top) * unit - wanted[j, t + 2]
                        e3 = _clipped(value[t + 3], half, right, left, top) * unit - wanted[j, t + 3]
                        a += e0 * e0
                        b += e1 * e1
                        g += e2 * e2
                        h += e3 * e3
                        total0 += e0
                        total1 += e1
                        total2 += e2
                        total3 += e3
                    for t in range(whole, n):
                        e0 = _clipped(value[t], half, right, left, top) * unit - wanted[j, t]
                        a += e0 * e0
                        total0 += e0
                    total = (total0 + total1) + (total2 + total3)
                    out[o, p, c, j] = (a + b) + (g + h) - total * total / n
