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

T_OP, T_OUT, T_LOOPS, T_OUT_STEPS, T_READS, T_WIDTH = 0, 1, 2, 6, 10, 25
"""Places of an operation's numbers: which, where its result begins, four loops, the result's steps in them, and for
each of three inputs where it begins and its steps."""

(
    T_COPY,
    T_NEG,
    T_EXP,
    T_LOG,
    T_SQRT,
    T_ABS,
    T_SIGN,
    T_RELU,
    T_SIGMOID,
    T_TANH,
    T_ERF,
    T_EXPM1,
    T_SOFTPLUS,
    T_RECIPROCAL,
    T_NOT,
) = range(15)
T_ADD, T_SUB, T_MUL, T_DIV, T_MAXIMUM, T_MINIMUM, T_GT, T_GE, T_LT, T_LE, T_EQ, T_NE = range(20, 32)
T_SIGMOID_BACK, T_TANH_BACK = range(32, 34)
T_WHERE, T_THRESHOLD_BACK, T_LEAKY_BACK = range(40, 43)
T_SUM, T_LARGEST, T_SMALLEST, T_PRODUCT, T_SOFTMAX, T_LOG_SOFTMAX, T_LOG_SOFTMAX_BACK, T_SOFTMAX_BACK = range(
    50, 58
)


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
    if op == T_NEG:
        y = -x
    elif op == T_EXP:
        y = exp32(x) if x <= f4(80.0) else f4(np.exp(np.float64(x)))
    elif op == T_LOG:
        y = log32(x) if x > f4(1.2e-38) and x < f4(3e38) else f4(np.log(np.float64(x)))
    elif op == T_SQRT:
        y = f4(np.sqrt(x))
    elif op == T_ABS:
        y = abs(x)
    elif op == T_SIGN:
        y = f4(1.0) if x > f4(0.0) else (f4(-1.0) if x < f4(0.0) else f4(0.0))
    elif op == T_ERF:
        y = erf32(x)
    elif op == T_EXPM1:
        y = expm1_32(x)
    elif op == T_SOFTPLUS:
        y = softplus32(x)
    elif op == T_RECIPROCAL:
        y = f4(1.0) / x
    elif op == T_NOT:
        y = f4(1.0) if x == f4(0.0) else f4(0.0)
    return y


@leaf
def _two(op, x, y):
    """An operation on two numbers; comparisons give 1 or 0."""
    if op == T_MAXIMUM:
        return x if x > y or x != x else y
    if op == T_MINIMUM:
        return x if x < y or x != x else y
    yes = x > y
    if op == T_GE:
        yes = x >= y
    elif op == T_LT:
        yes = x < y
    elif op == T_LE:
        yes = x <= y
    elif op == T_EQ:
        yes = x == y
    elif op == T_NE:
        yes = x != y
    return f4(1.0) if yes else f4(0.0)


@leaf
def _flat_row(op, x, n, o, a, b):
    """The commonest operations on numbers that lie side by side."""
    for j in range(0, n, LANES):
        m = min(LANES, n - j)
        u = load_first(x, a + j, m)
        if op == T_COPY:
            store_first(x, o + j, m, u)
            continue
        v = load_first(x, b + j, m)
        if op == T_ADD:
            u = u + v
        elif op == T_SUB:
            u = u - v
        elif op == T_MUL:
            u = u * v
        elif op == T_SIGMOID_BACK:
            u = u * (v * (splat(f4(1.0)) - v))
        else:
            u = u * (splat(f4(1.0)) - v * v)
        store_first(x, o + j, m, u)


@leaf
def _row(op, x, n, o, so, a, sa, b, sb, c, sc):
    """An operation number by number."""
    zero, one = f4(0.0), f4(1.0)
    if (
        op in (T_COPY, T_ADD, T_SUB, T_MUL, T_SIGMOID_BACK, T_TANH_BACK)
        and so == 1
        and sa == 1
        and (sb == 1 or op == T_COPY)
    ):
        _flat_row(op, x, n, o, a, b)
    elif op == T_COPY:
        for j in range(n):
            x[o + j * so] = x[a + j * sa]
    elif op == T_ADD:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] + x[b + j * sb]
    elif op == T_SUB:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] - x[b + j * sb]
    elif op == T_MUL:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] * x[b + j * sb]
    elif op == T_DIV:
        for j in range(n):
            x[o + j * so] = x[a + j * sa] / x[b + j * sb]
    elif op == T_SIGMOID:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = sigmoid32(v) if v == v else v
    elif op == T_TANH:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = tanh32(v) if v == v else v
    elif op == T_RELU:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = zero if v < zero else v
    elif op == T_SIGMOID_BACK:
        for j in range(n):
            v = x[b + j * sb]
            x[o + j * so] = x[a + j * sa] * (v * (one - v))
    elif op == T_TANH_BACK:
        for j in range(n):
            v = x[b + j * sb]
            x[o + j * so] = x[a + j * sa] * (one - v * v)
    elif op == T_THRESHOLD_BACK:
        for j in range(n):
            x[o + j * so] = zero if x[b + j * sb] <= x[c + j * sc] else x[a + j * sa]
    elif op == T_LEAKY_BACK:
        for j in range(n):
            v = x[a + j * sa]
            x[o + j * so] = v if x[b + j * sb] > zero else v * x[c + j * sc]
    elif op == T_WHERE:
        for j in range(n):
            x[o + j * so] = x[b + j * sb] if x[a + j * sa] != zero else x[c + j * sc]
    elif op < T_ADD:
        for j in range(n):
            x[o + j * so] = _one(op, x[a + j * sa])
    else:
        for j in range(n):
            x[o + j * so] = _two(op, x[a + j * sa], x[b + j * sb])


@leaf
def _reduced(op, x, n, m, a, s, t):
    """What n times m numbers come to."""
    v = f4(0.0) if op == T_SUM else x[a]
    for i in range(n):
        for j in range(m):
            u = x[a + i * s + j * t]
            if op == T_SUM:
                v += u
            elif v == v and (u != u or (u > v if op == T_LARGEST else u < v)):
                v = u
    return v


@leaf
def _soft(op, x, n, o, so, a, sa, b, sb):
    """Softmax of a row, its logarithm, and the gradients of both: of `a`, the gradient by the result `b`."""
    if op in (T_SOFTMAX, T_LOG_SOFTMAX):
        top, t = x[a], f4(0.0)
        for j in range(1, n):
            top = max(top, x[a + j * sa])
        for j in range(n):
            v = x[a + j * sa] - top
            e = exp32(v) if v == v else v
            x[o + j * so] = e if op == T_SOFTMAX else v
            t += e
        last = log32(t)
        for j in range(n):
            v = x[o + j * so]
            x[o + j * so] = v / t if op == T_SOFTMAX else v - last
        return
    t = f4(0.0)
    for j in range(n):
        t += x[a + j * sa] * (x[b + j * sb] if op == T_SOFTMAX_BACK else f4(1.0))
    for j in range(n):
        g, y = x[a + j * sa], x[b + j * sb]
        x[o + j * so] = (g - t) * y if op == T_SOFTMAX_BACK else g - exp32(y) * t


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
    op, o = q[T_OP], q[T_OUT]
    n0, n1, n2, n3 = q[T_LOOPS], q[T_LOOPS + 1], q[T_LOOPS + 2], q[T_LOOPS + 3]
    a, b, c = q[T_READS], q[T_READS + 5], q[T_READS + 10]
    if op == T_PRODUCT:
        for i in range(n0):
            d = c if c < 0 else c + i * q[T_READS + 11]
            s, t, u = a + i * q[T_READS + 1], b + i * q[T_READS + 6], o + i * n1 * n2
            _product(
                x, n1, n2, n3, u, s, q[T_READS + 2], q[T_READS + 4], t, q[T_READS + 8], q[T_READS + 9],
                d, q[T_READS + 12], q[T_READS + 13],
            )  # fmt: skip
        return
    if T_SUM <= op <= T_SMALLEST:
        for i in range(n0):
            for j in range(n1):
                at = a + i * q[T_READS + 1] + j * q[T_READS + 2]
                x[o + i * q[T_OUT_STEPS] + j * q[T_OUT_STEPS + 1]] = _reduced(
                    op, x, n2, n3, at, q[T_READS + 3], q[T_READS + 4]
                )
        return
    so, sa, sb, sc = q[T_OUT_STEPS + 3], q[T_READS + 4], q[T_READS + 9], q[T_READS + 14]
    for i in range(n0):
        for j in range(n1):
            for k in range(n2):
                u = o + i * q[T_OUT_STEPS] + j * q[T_OUT_STEPS + 1] + k * q[T_OUT_STEPS + 2]
                p = a + i * q[T_READS + 1] + j * q[T_READS + 2] + k * q[T_READS + 3]
                r = b + i * q[T_READS + 6] + j * q[T_READS + 7] + k * q[T_READS + 8]
                s = c + i * q[T_READS + 11] + j * q[T_READS + 12] + k * q[T_READS + 13]
                if op >= T_SOFTMAX:
                    _soft(op, x, n3, u, so, p, sa, r, sb)
                else:
                    _row(op, x, n3, u, so, p, sa, r, sb, s, sc)


@kernel
def replay(code, x):
    """Run operations, shape (n, T_WIDTH), on what lies in `x`."""
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
