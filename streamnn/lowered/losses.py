"""Losses of one sample, and their gradients by the outputs, as torch's functional ones have them."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import log32, softmax
from .._kernels.jit import leaf

f4 = np.float32
CROSS_ENTROPY, BINARY_CROSS_ENTROPY, MSE, L1, HUBER, RECONSTRUCT = range(6)
LOSSES = {
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "mse": MSE,
    "l1": L1,
    "huber": HUBER,
    "reconstruct": RECONSTRUCT,
}
"""Losses by name. Binary cross-entropy is that of the softmax of the outputs and a one-hot label; ``reconstruct`` is
the mean squared error against the input."""
_TINY = f4(1e-12)


@leaf(inline=True)
def loss_gradient(kind, classify, target, share, plan, o, y, scratch):
    """The loss of the outputs ``o``; its gradient times `share` goes to their places in ``scratch.d``, from `y` on.

    `target` is a class number, which stands for the one-hot vector except in cross-entropy, or a number. The loss is
    not finite if any output is not.
    """
    n, d = len(o), scratch.d
    odd = f4(0.0)
    for c in range(n):
        odd += o[c] - o[c]  # NaN if one is not finite
    if kind <= BINARY_CROSS_ENTROPY:
        return odd + _of_classes(kind, np.int64(target), share, o, d[y : y + n])
    total, part = f4(0.0), share / f4(n)
    for c in range(n):
        t = target
        if kind == RECONSTRUCT:
            t = scratch.z[c]
        elif classify:
            t = f4(1.0) if c == np.int64(target) else f4(0.0)
        e = o[c] - t
        if kind == L1:
            total += abs(e)
            d[y + c] = part * (f4(1.0) if e > f4(0.0) else (f4(-1.0) if e < f4(0.0) else f4(0.0)))
        elif kind == HUBER:
            q = min(max(e, f4(-1.0)), f4(1.0))
            total += f4(0.5) * q * q + abs(e - q)
            d[y + c] = part * q
        else:
            total += e * e
            d[y + c] = part * f4(2.0) * e
    return odd + total / f4(n)


@leaf
def _of_classes(kind, k, share, o, d):
    # of the softmax of the outputs, with the label k
    n, top = len(o), o[0]
    for c in range(n):
        d[c] = o[c]
        top = max(top, o[c])
    softmax(d)
    if kind == CROSS_ENTROPY:
        loss = top - o[k] - log32(_largest(d))
        for c in range(n):
            d[c] *= share
        d[k] -= share
        return loss
    loss, mean, part = f4(0.0), f4(0.0), share / f4(n)
    for c in range(n):
        p = d[c]
        right = p if c == k else f4(1.0) - p
        loss -= max(log32(max(right, f4(1e-37))), f4(-100.0))
        mean += _binary(p, c == k) * p
    for c in range(n):
        d[c] = part * d[c] * (_binary(d[c], c == k) - mean)
    return loss / f4(n)


@leaf
def _binary(p, yes):
    # gradient of binary cross-entropy by a probability
    return (p - (f4(1.0) if yes else f4(0.0))) / max(p * (f4(1.0) - p), _TINY)


@leaf
def _largest(p):
    top = p[0]
    for c in range(1, len(p)):
        top = max(top, p[c])
    return top
