"""Losses of one sample, and their gradients by the outputs, as torch's functional ones have them."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import log32, softmax
from .._kernels.jit import leaf
from .reconstruction import reconstruction

f4 = np.float32
CROSS_ENTROPY, BINARY_CROSS_ENTROPY, MSE, L1, HUBER_LOSS, RECONSTRUCT = range(6)
LOSS_CODES = {
    "cross_entropy": CROSS_ENTROPY,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "mse": MSE,
    "l1": L1,
    "huber": HUBER_LOSS,
    "reconstruct": RECONSTRUCT,
}
"""Losses by name; ``reconstruct`` is the squared error of the outputs against the input, see
:mod:`streamnn.lowered.reconstruction`."""
_SMALLEST_PRODUCT = f4(1e-12)


@leaf(inline=True)
def loss_gradient(kind, classify, target, share, o, y, scratch):
    """The loss of the outputs ``o``; its gradient times `share` goes to their places in ``scratch.d``, from `y` on.

    `target` is a class number or a number. Of classes all losses but cross-entropy are those of the probabilities and
    a one-hot label, their mean over classes. The loss is not finite if any output is not.
    """
    n, d = len(o), scratch.d
    odd = f4(0.0)
    for c in range(n):
        odd += o[c] - o[c]  # NaN if one is not finite
    if kind == CROSS_ENTROPY:
        return odd + _cross_entropy(np.int64(target), share, o, d[y : y + n])
    if kind == RECONSTRUCT:
        return odd + reconstruction(share, n, y, scratch)
    part = share / f4(n)
    if classify:
        return odd + _of_probabilities(kind, np.int64(target), part, o, d[y : y + n]) / f4(n)
    total = f4(0.0)
    for c in range(n):
        total += _difference(kind, o[c], target)
        d[y + c] = part * _slope(kind, o[c], target)
    return odd + total / f4(n)


@leaf
def _cross_entropy(k, share, o, d):
    n, top, best = len(o), o[0], 0
    for c in range(n):
        d[c] = o[c]
        if o[c] > top:
            top, best = o[c], c
    softmax(d)
    loss = top - o[k] - log32(d[best])
    for c in range(n):
        d[c] *= share
    d[k] -= share
    return loss


@leaf
def _of_probabilities(kind, k, part, o, d):
    n = len(o)
    for c in range(n):
        d[c] = o[c]
    softmax(d)
    total, mean = f4(0.0), f4(0.0)
    for c in range(n):
        t = f4(1.0) if c == k else f4(0.0)
        total += _difference(kind, d[c], t)
        mean += _slope(kind, d[c], t) * d[c]
    for c in range(n):
        t = f4(1.0) if c == k else f4(0.0)
        d[c] = part * d[c] * (_slope(kind, d[c], t) - mean)
    return total


@leaf
def _difference(kind, o, t):
    # the loss of one number
    if kind == BINARY_CROSS_ENTROPY:
        return -max(log32(max(o if t > f4(0.0) else f4(1.0) - o, f4(1e-37))), f4(-100.0))
    e = o - t
    if kind == L1:
        return abs(e)
    if kind == HUBER_LOSS:
        q = min(max(e, f4(-1.0)), f4(1.0))
        return f4(0.5) * q * q + abs(e - q)
    return e * e


@leaf
def _slope(kind, o, t):
    # and its derivative
    e = o - t
    if kind == BINARY_CROSS_ENTROPY:
        return e / max(o * (f4(1.0) - o), _SMALLEST_PRODUCT)
    if kind == L1:
        return f4(1.0) if e > f4(0.0) else (f4(-1.0) if e < f4(0.0) else f4(0.0))
    if kind == HUBER_LOSS:
        return min(max(e, f4(-1.0)), f4(1.0))
    return f4(2.0) * e
