"""The way forward and back of a convolution; see :mod:`streamnn.lowered.convolution` for its layout."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, splat, store, total
from .codes import (
    A0,
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    A7,
    A8,
    A9,
    A10,
    A11,
    A12,
    A13,
    BIAS_AT,
    IN,
    KEPT,
    OUT,
    SIZE_OUT,
    WEIGHT_AT,
)
from .products import add_row, add_rows, clear, copy_row

f4 = np.float32
FEW_POSITIONS = 4 * LANES
"""Positions at most of a convolution whose weights' gradients are summed position by position."""


class Sizes(NamedTuple):
    """Of a convolution, and where its parts begin."""

    groups: int
    inner: int  # channels of a group
    members: int  # outputs of a group
    taps: int  # weights of an output
    plane: int  # numbers of a channel in the layout
    length: int  # positions of an output, those that do not exist and what fills the lanes among them
    weight: int
    bias: int
    at: int  # offsets, in plan.whole
    laid: int  # layout of the input, in scratch.kept
    back: int  # ... of its gradient
    outs: int  # outputs or their gradients; after them those of a group, position by position


@leaf
def _sizes(i, plan):
    o = plan.ops
    groups, down, across = o[i, A3], o[i, A8], o[i, A9]
    outputs = o[i, SIZE_OUT] // (down * across)
    plane = o[i, A10] * o[i, A11] * o[i, A6] * o[i, A7]
    length = (down - 1) * o[i, A7] + across
    room = o[i, A0] * plane + LANES
    return Sizes(
        groups,
        o[i, A0] // groups,
        outputs // groups,
        o[i, A4],
        plane,
        (length + LANES - 1) // LANES * LANES,
        o[i, WEIGHT_AT],
        o[i, BIAS_AT],
        o[i, A5],
        o[i, KEPT],
        o[i, KEPT] + room,
        o[i, KEPT] + 2 * room,
    )


@leaf
def _lay(i, plan, scratch, s):
    # the input into its layout, zeros around it
    o, z, kept = plan.ops, scratch.z, scratch.kept
    height, width, sx = o[i, A1], o[i, A2], o[i, A11]
    clear(kept, s.laid, s.back - s.laid)
    for c in range(o[i, A0]):
        for y in range(height):
            x = o[i, IN] + (c * height + y) * width
            for first in range(min(sx, width)):
                to = s.laid + c * s.plane + _place(i, o, y, first)
                if sx == 1:
                    copy_row(kept, to, z, x, width)
                    continue
                for j in range((width - first + sx - 1) // sx):
                    kept[to + j] = z[x + first + j * sx]


@leaf
def _unlay(i, plan, scratch, s):
    # add the layout of the gradient to the gradient of the input
    o, d, kept = plan.ops, scratch.d, scratch.kept
    height, width, sx = o[i, A1], o[i, A2], o[i, A11]
    for c in range(o[i, A0]):
        for y in range(height):
            x = o[i, IN] + (c * height + y) * width
            for first in range(min(sx, width)):
                to = s.back + c * s.plane + _place(i, o, y, first)
                if sx == 1:
                    add_row(d, x, kept, to, width)
                    continue
                for j in range((width - first + sx - 1) // sx):
                    d[x + first + j * sx] += kept[to + j]


@leaf
def _place(i, o, y, x):
    # of an input's position within its channel of the layout
    v, u = y + o[i, A12], x + o[i, A13]
    phase = v % o[i, A10] * o[i, A11] + u % o[i, A11]
    return (phase * o[i, A6] + v // o[i, A10]) * o[i, A7] + u // o[i, A11]


@leaf
def forward_convolution(i, plan, learnt, scratch, training):
    """Keeps the layout of its input."""
    s, o, z, kept = _sizes(i, plan), plan.ops, scratch.z, scratch.kept
    _lay(i, plan, scratch, s)
    for g in range(o[i, A3]):
        _outputs(g, s, plan.whole, learnt.w, kept)
    down, across = o[i, A8], o[i, A9]
    for m in range(o[i, A3] * s.members):
        for y in range(down):
            to, of = o[i, OUT] + (m * down + y) * across, s.outs + m * s.length + y * o[i, A7]
            copy_row(z, to, kept, of, across)


@leaf
def backward_convolution(i, plan, learnt, scratch):
    """Positions that do not exist have no gradient."""
    s, o, d, kept = _sizes(i, plan), plan.ops, scratch.d, scratch.kept
    down, across = o[i, A8], o[i, A9]
    clear(kept, s.back, s.outs + o[i, A3] * s.members * s.length - s.back)
    for m in range(o[i, A3] * s.members):
        first = s.outs + m * s.length
        for y in range(down):
            copy_row(kept, first + y * o[i, A7], d, o[i, OUT] + (m * down + y) * across, across)
        if s.bias >= 0:
            v = splat(f4(0.0))
            for q in range(0, s.length, LANES):
                v = v + load(kept, first + q)
            scratch.g[s.bias + m] += total(v)
    for g in range(o[i, A3]):
        if s.members >= LANES and s.length <= FEW_POSITIONS:
            _few_weights_back(g, s, plan.whole, scratch.g, kept)
        else:
            _weights_back(g, s, plan.whole, scratch.g, kept)
        _inputs_back(g, s, plan.whole, learnt.w, kept)
    _unlay(i, plan, scratch, s)


@leaf
def _outputs(g, s, whole, w, kept):
    # four outputs at a time share what is read of the layout
    x, wide = s.laid + g * s.inner * s.plane, s.members
    first = s.weight + g * s.taps * wide
    m = 0
    while m + 4 <= wide:
        b0 = b1 = b2 = b3 = f4(0.0)
        if s.bias >= 0:
            b = s.bias + g * wide + m
            b0, b1, b2, b3 = w[b], w[b + 1], w[b + 2], w[b + 3]
        y = s.outs + (g * wide + m) * s.length
        for q in range(0, s.length, LANES):
            v0, v1, v2, v3 = splat(b0), splat(b1), splat(b2), splat(b3)
            for k in range(s.taps):
                u, p = load(kept, x + whole[s.at + k] + q), first + k * wide + m
                v0 = v0 + splat(w[p]) * u
                v1 = v1 + splat(w[p + 1]) * u
                v2 = v2 + splat(w[p + 2]) * u
                v3 = v3 + splat(w[p + 3]) * u
            store(kept, y + q, v0)
            store(kept, y + s.length + q, v1)
            store(kept, y + 2 * s.length + q, v2)
            store(kept, y + 3 * s.length + q, v3)
        m += 4
    for r in range(m, wide):
        _output(
            x,
            first + r,
            s,
            w[s.bias + g * wide + r] if s.bias >= 0 else f4(0.0),
            g * wide + r,
            whole,
            w,
            kept,
        )


@leaf
def _output(x, first, s, bias, m, whole, w, kept):
    # one output, four pieces of it at a time
    y, four = s.outs + m * s.length, s.length - s.length % (4 * LANES)
    for q in range(0, four, 4 * LANES):
        v0 = v1 = v2 = v3 = splat(bias)
        for k in range(s.taps):
            u, p = splat(w[first + k * s.members]), x + whole[s.at + k] + q
            v0 = v0 + u * load(kept, p)
            v1 = v1 + u * load(kept, p + LANES)
            v2 = v2 + u * load(kept, p + 2 * LANES)
            v3 = v3 + u * load(kept, p + 3 * LANES)
        store(kept, y + q, v0)
        store(kept, y + q + LANES, v1)
        store(kept, y + q + 2 * LANES, v2)
        store(kept, y + q + 3 * LANES, v3)
    for q in range(four, s.length, LANES):
        v = splat(bias)
        for k in range(s.taps):
            v = v + splat(w[first + k * s.members]) * load(kept, x + whole[s.at + k] + q)
        store(kept, y + q, v)


@leaf
def _weights_back(g, s, whole, gradient, kept):
    # gradient of each weight: its piece of the layout times the gradient of its output
    x, wide, n = s.laid + g * s.inner * s.plane, s.members, s.length
    for k in range(s.taps):
        u, p = x + whole[s.at + k], s.weight + (g * s.taps + k) * wide
        m = 0
        while m + 4 <= wide:
            y = s.outs + (g * wide + m) * n
            v0 = v1 = v2 = v3 = splat(f4(0.0))
            for q in range(0, n, LANES):
                a = load(kept, u + q)
                v0 = v0 + a * load(kept, y + q)
                v1 = v1 + a * load(kept, y + n + q)
                v2 = v2 + a * load(kept, y + 2 * n + q)
                v3 = v3 + a * load(kept, y + 3 * n + q)
            gradient[p + m] += total(v0)
            gradient[p + m + 1] += total(v1)
            gradient[p + m + 2] += total(v2)
            gradient[p + m + 3] += total(v3)
            m += 4
        for r in range(m, wide):
            y = s.outs + (g * wide + r) * n
            v = splat(f4(0.0))
            for q in range(0, n, LANES):
                v = v + load(kept, u + q) * load(kept, y + q)
            gradient[p + r] += total(v)


@leaf
def _few_weights_back(g, s, whole, gradient, kept):
    # ... of few positions: sums over lanes would cost more than the products, so all outputs of a position go together
    x, wide, n = s.laid + g * s.inner * s.plane, s.members, s.length
    turned = s.outs + s.groups * wide * n
    for m in range(wide):
        for q in range(n):
            kept[turned + q * wide + m] = kept[s.outs + (g * wide + m) * n + q]
    for k in range(s.taps):
        at = s.weight + (g * s.taps + k) * wide
        add_rows(gradient, at, wide, kept, turned, kept, x + whole[s.at + k], 1, n)


@leaf
def _inputs_back(g, s, whole, w, kept):
    # gradient of each piece of the layout, which lie over one another
    x, wide, n = s.back + g * s.inner * s.plane, s.members, s.length
    four = n - n % (4 * LANES)
    for k in range(s.taps):
        u, p, y = x + whole[s.at + k], s.weight + (g * s.taps + k) * wide, s.outs + g * wide * n
        for q in range(0, four, 4 * LANES):
            i = u + q
            v0, v1 = load(kept, i), load(kept, i + LANES)
            v2, v3 = load(kept, i + 2 * LANES), load(kept, i + 3 * LANES)
            for m in range(wide):
                a, j = splat(w[p + m]), y + m * n + q
                v0 = v0 + a * load(kept, j)
                v1 = v1 + a * load(kept, j + LANES)
                v2 = v2 + a * load(kept, j + 2 * LANES)
                v3 = v3 + a * load(kept, j + 3 * LANES)
            store(kept, i, v0)
            store(kept, i + LANES, v1)
            store(kept, i + 2 * LANES, v2)
            store(kept, i + 3 * LANES, v3)
        for q in range(four, n, LANES):
            v = load(kept, u + q)
            for m in range(wide):
                v = v + splat(w[p + m]) * load(kept, y + m * n + q)
            store(kept, u + q, v)
