"""Binarised learning as it is done elsewhere: micro-batches with BatchNorm, one hidden layer, in numpy."""

from __future__ import annotations

import numpy as np

f4 = np.float32


def micro_batches(
    x: np.ndarray, y: np.ndarray, norm: str, first: str, seed: int, size: int = 8, units: int = 256
) -> np.ndarray:
    """Classes predicted for each micro-batch before it is learnt, by running statistics, int64, shape (n,).

    Parameters
    ----------
    x : ndarray of float32, shape (n, inputs)
    y : ndarray of int64, shape (n,)
    norm : {"batch", "running"}
        Statistics of the micro-batch with the gradient through them; or running ones without.
    first : {"binary", "real"}
    size : int
        Events of a micro-batch.
    """
    rng = np.random.default_rng(seed)
    n, d, C = len(x), x.shape[1], int(y.max()) + 1
    binary = first == "binary"
    reach = 0.1 if binary else 1 / np.sqrt(d + 1)
    W, V = rng.uniform(-reach, reach, (d, units)).astype(f4), rng.uniform(-0.01, 0.01, (units, C)).astype(f4)
    W2, V2 = np.zeros_like(W), np.zeros_like(V)
    bias, bias2, out_bias = np.zeros(units, f4), np.zeros(units, f4), np.zeros(C, f4)
    mean, var, pace = np.zeros(units, f4), np.ones(units, f4), 0.02
    said = np.zeros(n, np.int64)
    for a in range(0, n, size):
        q, labels = x[a : a + size], y[a : a + size]
        m = len(q)
        there = np.flatnonzero(q.any(0))
        q, w = q[:, there], W[there]
        s = q @ (np.where(w > 0, f4(1), f4(-1)) if binary else w)
        h = np.where((s - mean) / np.sqrt(var + 1e-4) + bias > 0, f4(1), f4(-1))
        said[a : a + m] = (h @ V + out_bias).argmax(1)
        if m < 2:
            continue
        batch = norm == "batch"
        location, inverse = (
            (s.mean(0), 1 / np.sqrt(s.var(0) + 1e-2)) if batch else (mean, 1 / np.sqrt(var + 1e-4))
        )
        z = (s - location) * inverse
        u = z + bias
        h = np.where(u > 0, f4(1), f4(-1))
        o = h @ V + out_bias
        p = np.exp(o - o.max(1, keepdims=True))
        g = p / p.sum(1, keepdims=True)
        g[np.arange(m), labels] -= 1
        g /= m
        dh = g @ V.T
        gV = h.T @ g
        V2 += 0.01 * (gV * gV - V2)
        V -= 0.5 / units * gV / np.sqrt(V2 + 1e-10)
        out_bias -= 2.0 / units * g.sum(0)
        du = dh * (np.abs(u) <= 1)
        gb = du.sum(0)
        bias2 += 0.01 * (gb * gb - bias2)
        bias -= 0.003 * gb / np.sqrt(bias2 + 1e-10)
        ds = inverse * (du - du.mean(0) - z * (du * z).mean(0) if batch else du)
        gW = q.T @ ds
        W2[there] += 0.01 * (gW * gW - W2[there])
        w = w - 0.003 * gW / np.sqrt(W2[there] + 1e-10)
        W[there] = np.clip(w, -1, 1) if binary else w
        mean += pace * (s.mean(0) - mean)
        var += pace * (s.var(0) * m / (m - 1) - var)
    return said
