"""What the mixer does at an event and at its label."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.ieee import exp64, log32, log64, softmax
from .._kernels.jit import kernel, leaf_options
from .._kernels.lanes import LANES, load, over, root, splat, store, total
from .copies import free_copy, mixed_by, next_copy, settle_copy, take_copy
from .shares import share_out

f4 = np.float32
MEMORY = 500.0
"""Of those mean squares, in labels."""
FLOOR = 1e-7
"""No member's probability of the label counts as less."""
FORGETS = (0.001, 0.0001)
"""Share of their curvature that Newton stackers forget at each label, over the root of the staleness: one for the
members of a world that moves, and for the stacker at the top, and one for a world that stays."""
BIAS = 0.001
"""Step of their biases, one a class."""


@njit(**leaf_options)
def _centred(each, n, P, logs, base, wide, at):
    # logarithms of the members' probabilities less their mean over the classes: a row a class, a lane a member
    C = len(each) // n
    _logs32(each)
    for c in range(C):
        q = base + c * wide + at
        for m in range(n):
            logs[q + m] = each[m * C + c]
        for m in range(n, P):
            logs[q + m] = f4(0.0)
    share = splat(f4(1.0) / f4(C))
    for j in range(at, at + P, LANES):
        v = load(logs, base + j)
        for c in range(1, C):
            v = v + load(logs, base + c * wide + j)
        v = v * share
        for c in range(C):
            store(logs, base + c * wide + j, load(logs, base + c * wide + j) - v)


@njit(**leaf_options)
def _stack(w, k, P, logs, base, wide, at, b, o):
    for c in range(len(o)):
        q = base + c * wide + at
        v = load(w, k * P) * load(logs, q)
        for j in range(LANES, P, LANES):
            v = v + load(w, k * P + j) * load(logs, q + j)
        o[c] = b[k, c] + total(v)
    softmax(o)


@njit(**leaf_options)
def _gradient(o, n, logs, base, wide, at, g):
    P = len(g)
    for j in range(0, P, LANES):
        v = splat(f4(0.0))
        for c in range(len(o)):
            v = v + splat(o[c]) * load(logs, base + c * wide + at + j)
        store(g, j, v)
    for m in range(n, P):
        g[m] = f4(0.0)


@njit(**leaf_options)
def _newton(w, k, n, g, h, cov, trace, most, weight, step, keep):
    """Online Newton step: the inverse of faded outer products of gradients scales the step."""
    P = len(h)
    for j in range(0, P, LANES):
        v = splat(f4(0.0))
        for i in range(n):
            v = v + splat(g[i]) * load(cov, i * P + j)
        store(h, j, v)
    u = load(g, 0) * load(h, 0)
    for j in range(LANES, P, LANES):
        u = u + load(g, j) * load(h, j)
    q = total(u)
    if not q >= f4(0.0):  # rounding has made it indefinite: begin anew
        cov[:] = f4(0.0)
        for i in range(n):
            cov[i * P + i] = most / f4(n)
        trace[0] = most
        return
    r = f4(1.0) / (keep / max(weight, f4(1e-6)) + q)
    grow = splat(
        f4(1.0) / keep if trace[0] < most else f4(1.0)
    )  # what is not excited must not grow without end
    t = f4(0.0)
    for i in range(n):
        hi = splat(h[i])
        for j in range(0, P, LANES):
            v = hi * load(h, j)  # symmetric to the last bit
            store(cov, i * P + j, (load(cov, i * P + j) - v * splat(r)) * grow)
        t += cov[i * P + i]
    trace[0] = t
    for j in range(0, P, LANES):
        store(w, k * P + j, load(w, k * P + j) - load(h, j) * splat(step * r))


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
    for j in range(0, len(g), LANES):
        i, v = k * len(g) + j, load(g, j)
        q = load(w_2, i)
        q = q + splat(rate) * (v * v - q)
        store(w_2, i, q)
        store(w, i, load(w, i) - over(splat(step) * v, root(q) + splat(f4(1e-3))))


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
    cov,
    trace,
    top,
    top_b,
    top_cov,
    top_trace,
    v,
    rate,
    weights,
    shares,
    newton,
    most,
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
    M, C, S = p.shape[1], p.shape[2], len(b)
    N, K, P = M + S, S + 1, len(w) // len(b)
    wide = (
        P + LANES
    )  # of the rows of logarithms: those of the members, then those of the stackers and the mixture
    o, loss, gain, loss_2 = np.zeros(C, f4), np.zeros(N), np.zeros(N), np.zeros(N + 2)
    each, g, h = np.zeros(M * C, f4), np.zeros(P, f4), np.zeros(P, f4)
    top_each, top_g, top_h = np.zeros(K * C, f4), np.zeros(LANES, f4), np.zeros(LANES, f4)
    for e in range(len(op)):
        s = slot[e]
        base = s * C * wide
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
            _centred(each, M, P, logs, base, wide, 0)
            for k in range(S):
                _stack(w, k, P, logs, base, wide, 0, b, o)
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
            for k in range(K):
                for c in range(C):
                    top_each[k * C + c] = max(expert[s, M + k, c], f4(1e-4))
            _centred(top_each, K, LANES, logs, base, wide, P)
            _stack(top, 0, LANES, logs, base, wide, P, top_b, o)
            for c in range(C):
                expert[s, N + 1, c] = o[c]
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
            for i in range(N + 2):
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
        # members that knew less then than they know now say less about how to stack them
        told = weight[e] * f4((clock[s] + 1.0) / (count[0] + 1.0))
        slow = np.sqrt(stale[0])
        for k in range(S if unseen < 0 else 0):
            if late == 1.0:  # nothing has moved since
                for c in range(C):
                    o[c] = expert[s, M + k, c]
            else:
                _stack(w, k, P, logs, base, wide, 0, b, o)
            o[y[e]] -= f4(1.0)
            _gradient(o, M, logs, base, wide, 0, g)
            if k < len(steps):
                step = f4(steps[k] / slow) * told
                _follow(w, w_2, k, g, max(f4(1.0 / MEMORY), f4(1.0) / f4(a)), step)
                bias = step * f4(0.1)
            else:
                j = k - len(steps)
                part, keep = cov[j * M * P : (j + 1) * M * P], f4(1.0 - FORGETS[j] / slow)
                _newton(w, k, M, g, h, part, trace[j : j + 1], most[0], told, f4(newton[0]), keep)
                bias = f4(BIAS / slow) * told
            for c in range(C):
                b[k, c] -= bias * o[c]
        if unseen < 0:
            if late == 1.0:
                for c in range(C):
                    o[c] = expert[s, N + 1, c]
            else:
                _stack(top, 0, LANES, logs, base, wide, P, top_b, o)
            o[y[e]] -= f4(1.0)
            _gradient(o, K, logs, base, wide, P, top_g)
            keep = f4(1.0 - FORGETS[0] / slow)
            _newton(top, 0, K, top_g, top_h, top_cov, top_trace, most[1], told, f4(newton[1] / slow), keep)
            for c in range(C):
                top_b[0, c] -= f4(BIAS / slow) * told * o[c]
        count[0] += 1
