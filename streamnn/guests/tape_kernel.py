"""Recorded operations replayed by one kernel: a table of numbers says what each reads and writes in one flat array."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import erf32, exp32, expm1_32, log32, sigmoid32, softplus32, tanh32
from .._kernels.jit import kernel, leaf
from .._kernels.lanes import LANES, load_first, splat, store_first
from ..lowered.optimisers import optimiser_step
from ..lowered.products import add_inner, add_rows, clear

f4 = np.float32

OP, OUT, LOOPS, OUT_STEPS, READS, WIDTH = 0, 1, 2, 6, 10, 25
"""Places of an operation's numbers: which, where its result begins, four loops, the result's steps in them, and for
each of three inputs where it begins and its steps."""

COPY, NEG, EXP, LOG, SQRT, ABS, SIGN, RELU, SIGMOID, TANH, ERF, EXPM1, SOFTPLUS, RECIPROCAL, NOT = range(15)
ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, GT, GE, LT, LE, EQ, NE = range(20, 32)
SIGMOID_BACK, TANH_BACK = range(32, 34)
WHERE, THRESHOLD_BACK, LEAKY_BACK = range(40, 43)
SUM, LARGEST, SMALLEST, PRODUCT, SOFTMAX, LOG_SOFTMAX, LOG_SOFTMAX_BACK, SOFTMAX_BACK = range(50, 58)


class Flat(NamedTuple):
    """What is learnt, as the optimiser's kernels take it."""

    w: np.ndarray  # (n,), float32: parameters
    m: np.ndarray  # (n,), float32: first moments, or none
    v: np.ndarray  # (n,), float32: second moments, or none
    count: np.ndarray  # type: ignore[assignment]  # int64: steps made, at their place


@leaf
def _one(op, x):
    """An operation on one number."""
    y = x
    if x != x:
        return x
    if op == NEG:
        y = -x
    elif op == EXP:
        y = exp32(x) if x <= f4(80.0) else f4(np.exp(np.float64(x)))
    elif op == LOG:
        y = log32(x) if x > f4(1.2e-38) and x < f4(3e38) else f4(np.log(np.float64(x)))
    elif op == SQRT:
        y = f4(np.sqrt(x))
    elif op == ABS:
        y = abs(x)
    elif op == SIGN:
        y = f4(1.0) if x > f4(0.0) else (f4(-1.0) if x < f4(0.0) else f4(0.0))
    elif op == ERF:
        y = erf32(x)
    elif op == EXPM1:
        y = expm1_32(x)
    elif op == SOFTPLUS:
        y = softplus32(x)
    elif op == RECIPROCAL:
        y = f4(1.0) / x
    elif op == NOT:
        y = f4(1.0) if x == f4(0.0) else f4(0.0)
    return y


@leaf
def _two(op, x, y):
    """An operation on two numbers; comparisons give 1 or 0."""
    if op == MAXIMUM:
        return x if x > y or x != x else y
    if op == MINIMUM:
        return x if x < y or x != x else y
    yes = x > y
    if op == GE:
        yes = x >= y
    elif op == LT:
        yes = x < y
    elif op == LE:
        yes = x <= y
    elif op == EQ:
        yes = x == y
    elif op == NE:
        yes = x != y
    return f4(1.0) if yes else f4(0.0)


@leaf
def _flat_row(op, x, n, o, a, b):
    """The commonest operations on numbers that lie side by side."""
    for j in range(0, n, LANES):
        m = min(LANES, n - j)
        u = load_first(x, a + j, m)
        if op == COPY:
            store_first(x, o + j, m, u)
            continue
        v = load_first(x, b + j, m)
        if op == ADD:
            u = u + v
        elif op == SUB:
            u = u - v
        elif op == MUL:
            u = u * v
        elif op == SIGMOID_BACK:
            u = u * (v * (splat(f4(1.0)) - v))
        else:
            u = u * (splat(f4(1.0)) - v * v)
        store_first(x, o + j, m, u)


@leaf
def _row(op, x, n, o, so, a, sa, b, sb, c, sc):
    """An operation number by number."""
    zero, one = f4(0.0), f4(1.0)
    if (
        op in (COPY, ADD, SUB, MUL, SIGMOID_BACK, TANH_BACK)
        and so == 1
        and sa == 1
        and (sb == 1 or op == COPY)
    ):
        _flat_row(op, x, n, o, a, b)
    elif op == COPY:
        for j in range(n):
            x[o + j * so] = x[a + j * sa]
    elif op == ADD:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] + x[b + j * sb]
    elif op == SUB:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] - x[b + j * sb]
    elif op == MUL:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] * x[b + j * sb]
    elif op == DIV:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] / x[b + j * sb]
    elif op == SIGMOID:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = sigmoid32(v) if v == v else v
    elif op == TANH:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = tanh32(v) if v == v else v
    elif op == RELU:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = zero if v < zero else v
    elif op == SIGMOID_BACK:
        for j in range(n):
            v = x[b + j * sb]
            x[o + j * so] = x[a + j * sa] * (v * (one - v))
    elif op == TANH_BACK:
        for j in range(n):
            v = x[b + j * sb]
            x[o + j * so] = x[a + j * sa] * (one - v * v)
    elif op == THRESHOLD_BACK:
        for j in range(n):
            x[o + j * so] = zero if x[b + j * sb] <= x[c + j * sc] else x[a + j * sa]
    elif op == LEAKY_BACK:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = v if x[b + j * sb] > zero else v * x[c + j * sc]
    elif op == WHERE:
        for j in range(n):
            x[o + j * so] = x[b + j * sb] if x[a + j * sa] != zero else x[c + j * sc]
    elif op < ADD:
        for j in range(n):
            x[o + j * so] = _one(op, x[a + j * sa])
    else:
        for j in range(n):
            x[o + j * so] = _two(op, x[a + j * sa], x[b + j * sb])


@leaf
def _reduced(op, x, n, m, a, s, t):
    """What n times m numbers come to."""
    v = f4(0.0) if op == SUM else x[a]
    for i in range(n):
        for j in range(m):
            u = x[a + i * s + j * t]
            if op == SUM:
                v += u
            elif v == v and (u != u or (u > v if op == LARGEST else u < v)):
                v = u
    return v


@leaf
def _soft(op, x, n, o, so, a, sa, b, sb):
    """Softmax of a row, its logarithm, and the gradients of both: of `a`, the gradient by the result `b`."""
    if op in (SOFTMAX, LOG_SOFTMAX):
        top, t = x[a], f4(0.0)
        for j in range(1, n):
            top = max(top, x[a + j * sa])
        for j in range(n):
            v = x[a + j * sa] - top
            e = exp32(v) if v == v else v
            x[o + j * so] = e if op == SOFTMAX else v
            t += e
        last = log32(t)
        for j in range(n):
            v = x[o + j * so]
            x[o + j * so] = v / t if op == SOFTMAX else v - last
        return
    t = f4(0.0)
    for j in range(n):
        t += x[a + j * sa] * (x[b + j * sb] if op == SOFTMAX_BACK else f4(1.0))
    for j in range(n):
        g, y = x[a + j * sa], x[b + j * sb]
        x[o + j * so] = (g - t) * y if op == SOFTMAX_BACK else g - exp32(y) * t


@leaf
def _product(x, n, m, k, o, a, sa, ta, b, sb, tb, c, sc, tc):
    """Rows (n, k) times a matrix (k, m), and `c` added where it is somewhere."""
    for i in range(n):
        at, p = o + i * m, a + i * sa
        if c < 0 and k == 1 and sb == 1:
            s = splat(x[p])
            for j in range(0, m, LANES):
                n_j = min(LANES, m - j)
                store_first(x, at + j, n_j, s * load_first(x, b + j, n_j))
            continue
        if c < 0:
            clear(x, at, m)
        else:
            for j in range(m):
                x[at + j] = x[c + i * sc + j * tc]
        if tb == m and sb == 1:
            add_rows(x, at, m, x, b, x, p, ta, k)
        elif sb == k and tb == 1 and ta == 1:
            add_inner(x, at, m, x, b, k, x, p)
        else:
            for j in range(m):
                t = f4(0.0)
                for r in range(k):
                    t += x[p + r * ta] * x[b + j * sb + r * tb]
                x[at + j] += t


@leaf
def _operation(q, x):
    op, o = q[OP], q[OUT]
    n0, n1, n2, n3 = q[LOOPS], q[LOOPS + 1], q[LOOPS + 2], q[LOOPS + 3]
    a, b, c = q[READS], q[READS + 5], q[READS + 10]
    if op == PRODUCT:
        for i in range(n0):
            d = c if c < 0 else c + i * q[READS + 11]
            s, t, u = a + i * q[READS + 1], b + i * q[READS + 6], o + i * n1 * n2
            _product(
                x, n1, n2, n3, u, s, q[READS + 2], q[READS + 4], t, q[READS + 8], q[READS + 9],
                d, q[READS + 12], q[READS + 13],
            )  # fmt: skip
        return
    if SUM <= op <= SMALLEST:
        for i in range(n0):
            for j in range(n1):
                at = a + i * q[READS + 1] + j * q[READS + 2]
                x[o + i * q[OUT_STEPS] + j * q[OUT_STEPS + 1]] = _reduced(
                    op, x, n2, n3, at, q[READS + 3], q[READS + 4]
                )
        return
    so, sa, sb, sc = q[OUT_STEPS + 3], q[READS + 4], q[READS + 9], q[READS + 14]
    for i in range(n0):
        for j in range(n1):
            for k in range(n2):
                u = o + i * q[OUT_STEPS] + j * q[OUT_STEPS + 1] + k * q[OUT_STEPS + 2]
                p = a + i * q[READS + 1] + j * q[READS + 2] + k * q[READS + 3]
                r = b + i * q[READS + 6] + j * q[READS + 7] + k * q[READS + 8]
                s = c + i * q[READS + 11] + j * q[READS + 12] + k * q[READS + 13]
                if op >= SOFTMAX:
                    _soft(op, x, n3, u, so, p, sa, r, sb)
                else:
                    _row(op, x, n3, u, so, p, sa, r, sb, s, sc)


@kernel
def replay(code, x):
    """Run operations, shape (n, WIDTH), on what lies in `x`."""
    for i in range(len(code)):
        _operation(code[i], x)


@kernel
def replay_and_step(code, x, loss, hyper, learnt: Flat, gradient):
    """The same, then a step of the optimiser unless the loss, at its place, is not finite: whether there was one."""
    for i in range(len(code)):
        _operation(code[i], x)
    if not np.isfinite(x[loss]):
        return False
    optimiser_step(hyper, learnt, gradient)
    return True
