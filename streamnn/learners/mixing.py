"""What the mixer does at an event and at its label."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._jit import kernel, leaf_options
from .._math import exp64, log32, log64, softmax
from .copies import free_copy, mixed_by, next_copy, settle_copy, take_copy
from .shares import share_out

f4 = np.float32
MEMORY = 500.0
"""Of those mean squares, in labels."""
FLOOR = 1e-7
"""No member's probability of the label counts as less."""


@njit(**leaf_options)
def _stack(s, k, logs, w, b, o):
    M, C = logs.shape[1], logs.shape[2]
    for c in range(C):
        x = b[k, c]
        for m in range(M):
            x += w[k, m] * logs[s, m, c]
        o[c] = x
    softmax(o)


@njit(**leaf_options)
def _logs32(x):
    # loops over one array by itself: they run in lanes
    for i in range(len(x)):
        x[i] = log32(x[i])


@njit(**leaf_options)
def _logs64(x):
    for i in range(len(x)):
        x[i] = log64(x[i])


@njit(**leaf_options)
def _follow(w, w_2, k, g, rate, step):
    for m in range(len(g)):
        w_2[k, m] += rate * (g[m] * g[m] - w_2[k, m])
    for m in range(len(g)):
        w[k, m] -= step * g[m] / (np.sqrt(w_2[k, m]) + f4(1e-3))


@kernel
def scan(
    op,
    slot,
    ticket,
    y,
    weight,
    open_,
    steps,
    prior,
    begins,
    w,
    w_2,
    b,
    v,
    rate,
    weights,
    shares,
    stale,
    count,
    unproven,
    copies,
    fresh,
    free,
    used,
    p,
    logs,
    expert,
    mixed,
    copy,
    reserve,
    clock,
    at,
    book,
):
    M, C, S = p.shape[1], p.shape[2], len(steps)
    N = M + S
    o, g, each, loss = np.zeros(C, f4), np.zeros(M, f4), np.zeros(M * C, f4), np.zeros(N)
    gain, loss_2 = np.zeros(N), np.zeros(N + 1)
    for e in range(len(op)):
        s = slot[e]
        if op[e] == 2:
            free_copy(free, used, copy[s])
            continue
        if op[e] != 1:
            for m in range(M):
                t = f4(0.0)
                for c in range(C):
                    t += p[s, m, c]
                good = np.isfinite(t) and t > f4(0.5) and ticket[e] >= begins[m]
                for c in range(C):
                    x = p[s, m, c] if good else f4(1.0) / f4(C)  # a member that broke says nothing
                    expert[s, m, c] = x
                    each[m * C + c] = max(x, f4(1e-4))
            _logs32(each)
            for m in range(M):
                mean = f4(0.0)
                for c in range(C):
                    mean += each[m * C + c]
                mean /= f4(C)
                for c in range(C):
                    logs[s, m, c] = each[m * C + c] - mean
            for k in range(S):
                _stack(s, k, logs, w, b, o)
                for c in range(C):
                    expert[s, M + k, c] = o[c]
            awake = 0.0
            for i in range(N):
                if i >= M or ticket[e] >= begins[i]:
                    awake += weights[i]
            for c in range(C):
                q = 0.0
                for i in range(N):
                    if i >= M or ticket[e] >= begins[i]:
                        q += weights[i] * max(np.float64(expert[s, i, c]), FLOOR)
                expert[s, N, c] = q / awake
                for m in range(M):
                    if ticket[e] < begins[m]:  # who sleeps says what the others say
                        expert[s, m, c] = expert[s, N, c]
            k = take_copy(copies, fresh, free, used) if op[e] == 0 else next_copy(free, used)
            copy[s] = k
            mixed_by(copies[k] if k < used[0] else fresh, expert[s], FLOOR, mixed[s])
            # kept back for a class never seen so far, which grows less likely with every label
            reserve[s, 0] = 1.0 / ((count[0] + 1.0) * (count[0] + 2.0)) if open_ else 0.0
            reserve[s, 1] = C
            clock[s] = count[0]
            continue
        a = count[0] + 1
        late = count[0] - clock[s] + 1.0
        stale[0] += max(0.01, 1.0 / a) * (late - stale[0])
        eta = min(1.0, 1.0 / stale[0] + 1.0 / np.sqrt(a * stale[0])) * weight[e]
        unseen = y[e] - np.int64(
            reserve[s, 1]
        )  # this was a class of which nobody could know: says nothing of anyone
        if unseen >= 0:
            kept = -log64(max(reserve[s, 0] / np.float64(np.int64(1) << min(unseen + 1, 30)), FLOOR))
        else:
            kept = -log64(1.0 - reserve[s, 0])
            book[e, at + N] = -log64(max(np.float64(mixed[s, y[e]]), FLOOR))
        for i in range(N):
            loss[i] = max(np.float64(expert[s, i, y[e]]), FLOOR) if unseen < 0 else 1.0
            gain[i] = loss[i]
        if unseen < 0:
            for i in range(N + 1):
                loss_2[i] = max(np.float64(expert[s, i, y[e]]), FLOOR)
            settle_copy(copies[copy[s]], fresh, loss_2, weight[e])
        free_copy(free, used, copy[s])
        _logs64(loss)
        for i in range(N):
            if eta != 1.0:
                gain[i] = exp64(eta * loss[i])
            book[e, at + i] = kept - loss[i]
        share_out(gain, shares, prior, stale[0], v, rate, weights)
        book[e, at + N] += kept
        for i in range(N):
            book[e, at + N + 1 + i] = weights[i]
        if eta != 1.0 or late != 1.0:
            unproven[0] += 1  # the bound of one mixer is proven for rate 1 and labels at once only
        if weight[e] != f4(1.0):
            unproven[1] += 1
        root = np.sqrt(stale[0])
        for k in range(S if unseen < 0 else 0):
            if late == 1.0:  # nothing has moved since
                for c in range(C):
                    o[c] = expert[s, M + k, c]
            else:
                _stack(s, k, logs, w, b, o)
            o[y[e]] -= f4(1.0)
            step = f4(steps[k] / root) * weight[e]
            for m in range(M):
                x = f4(0.0)
                for c in range(C):
                    x += o[c] * logs[s, m, c]
                g[m] = x
            _follow(w, w_2, k, g, max(f4(1.0 / MEMORY), f4(1.0) / f4(a)), step)
            for c in range(C):
                b[k, c] -= step * f4(0.1) * o[c]
        count[0] += 1
