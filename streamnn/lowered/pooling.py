"""Pooling over windows of positions: the largest, or the mean."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from .codes import A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, IN, KEPT, OUT, POOLING
from .plan import PlanBuilder, Value
from .windows import Pair, pair, positions

f4 = np.float32


def pool(
    b: PlanBuilder,
    x: Value,
    kind: str,
    kernel: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    counts_padding: bool = True,
) -> Value:
    """Largest or mean number of each window, channel by channel.

    Parameters
    ----------
    x : Value
        Shape (channels, height, width).
    kind : {"max", "mean"}
        Of equal largest ones the first, in row-major order, gets the gradient.
    kernel, stride, padding : int or (int, int)
        Of height and width. The stride is the kernel's size if not given. A mean takes the padding for 0, a maximum
        never takes it.
    counts_padding : bool
        Whether a mean divides by the kernel's size at the edges too.

    Returns
    -------
    Value
        Shape (channels, windows down, windows across).

    Raises
    ------
    SpecError
        If no window fits, or the padding is more than half the kernel.

    Examples
    --------
    >>> b = PlanBuilder((3, 8, 8))
    >>> pool(b, b.input, "max", 2).shape
    (3, 4, 4)
    """
    if kind not in ("max", "mean"):
        raise SpecError(f"pooling by {kind!r}: kinds are 'max' and 'mean'")
    channels, height, width = x.shape
    ky, kx = pair(kernel)
    sy, sx = pair(kernel if stride is None else stride)
    py, px = pair(padding)
    if 2 * py > ky or 2 * px > kx:
        raise SpecError(f"padding {(py, px)} of a pool is more than half its kernel {(ky, kx)}")
    down = positions(height, ky, sy, py, 1, "pool")
    across = positions(width, kx, sx, px, 1, "pool")
    out = b.value(channels, down, across)
    words = f"{'Max' if kind == 'max' else 'Mean'}Pool({x.shape} -> {out.shape}, kernel {(ky, kx)})"
    more = (channels, height, width, down, across, ky, kx, sy, sx, py, px, kind == "max", counts_padding)
    return b.op(POOLING, words, x, out, more=more, kept=out.size if kind == "max" else 0)


@leaf
def forward_pool(i, plan, learnt, scratch, training):
    """Maxima are kept with their place among the numbers of their channel."""
    ops, z = plan.ops, scratch.z
    height, width, down, across = ops[i, A1], ops[i, A2], ops[i, A3], ops[i, A4]
    o, largest = ops[i, OUT], ops[i, A11] != 0
    for c in range(ops[i, A0]):
        x = ops[i, IN] + c * height * width
        for a in range(down):
            top, bottom = _window(a, ops[i, A7], ops[i, A9], ops[i, A5], height)
            for e in range(across):
                left, right = _window(e, ops[i, A8], ops[i, A10], ops[i, A6], width)
                if largest:
                    best = top * width + left
                    v = z[x + best]
                    for y in range(top, bottom):
                        for j in range(y * width + left, y * width + right):
                            if (
                                z[x + j] > v or z[x + j] != z[x + j]
                            ):  # what is no number stays one, as in torch
                                best, v = j, z[x + j]
                    scratch.kept[ops[i, KEPT] + o - ops[i, OUT]] = f4(best)
                    z[o] = v
                else:
                    s = f4(0.0)
                    for y in range(top, bottom):
                        for j in range(y * width + left, y * width + right):
                            s += z[x + j]
                    z[o] = s / f4(_size(i, ops, top, bottom, left, right, a, e))
                o += 1


@leaf
def backward_pool(i, plan, learnt, scratch):
    """To the largest number, or to all of a window alike."""
    ops, d = plan.ops, scratch.d
    height, width, down, across = ops[i, A1], ops[i, A2], ops[i, A3], ops[i, A4]
    o, largest = ops[i, OUT], ops[i, A11] != 0
    for c in range(ops[i, A0]):
        x = ops[i, IN] + c * height * width
        for a in range(down):
            top, bottom = _window(a, ops[i, A7], ops[i, A9], ops[i, A5], height)
            for e in range(across):
                if largest:
                    d[x + np.int64(scratch.kept[ops[i, KEPT] + o - ops[i, OUT]])] += d[o]
                else:
                    left, right = _window(e, ops[i, A8], ops[i, A10], ops[i, A6], width)
                    s = d[o] / f4(_size(i, ops, top, bottom, left, right, a, e))
                    for y in range(top, bottom):
                        for j in range(y * width + left, y * width + right):
                            d[x + j] += s
                o += 1


@leaf
def _window(a, stride, padding, kernel, size):
    # where window number a begins and ends within the numbers that are there
    start = a * stride - padding
    return max(start, 0), min(start + kernel, size)


@leaf
def _size(i, ops, top, bottom, left, right, a, e):
    # what a mean divides by: padding counts, what lies beyond it does not
    if ops[i, A12] == 0:
        return (bottom - top) * (right - left)
    y, x = a * ops[i, A7] - ops[i, A9], e * ops[i, A8] - ops[i, A10]
    high = min(y + ops[i, A5], ops[i, A1] + ops[i, A9]) - y
    return high * (min(x + ops[i, A6], ops[i, A2] + ops[i, A10]) - x)
