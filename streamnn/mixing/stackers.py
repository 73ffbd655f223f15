"""Stackers: logistic models on the logarithms of probabilities, learnt by gradient steps or by Newton steps.

Logarithms lie class by class, less their mean over the classes; weights are the same for every class.
"""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import log32, softmax
from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, over, root, splat, store, total

f4 = np.float32
GRADIENT_STEPS = (0.003, 0.01)
"""Steps of the two gradient stackers, in units of the running root mean square of each weight's gradient
(docs/decisions.md, "Steps of gradient stackers are scaled"; .0002 was tried there and is no better)."""
GRADIENT_MEMORY = 500.0
"""Labels over which the gradient stackers' mean square gradients are averaged. No comparison with other
values is recorded."""
NEWTON_FORGETTING = (0.001, 0.0001)
"""Share of its curvature that each Newton stacker of the members forgets at a label, divided by the root of
the staleness: one for a world that moves and one for a world that stays (docs/decisions.md, "Two Newton
stackers over the members"). The stacker at the top forgets the first."""
NEWTON_STEPS = (1.5, 1.0)
"""Steps of the Newton stackers of the members, and of the one at the top; 1 is the step of online least
squares. Half of them was tried (docs/decisions.md, "Stackers by online Newton steps")."""
VARIANCE = 1.0 / 30.0
"""Variance that a Newton stacker's weights begin with: 100 diverges, 1/1000 is too slow (same decision)."""
BIAS_STEP = 0.001
"""Step of the Newton stackers' biases, one bias a class. No comparison with other values is recorded."""
GRADIENT_BIAS = f4(0.1)
"""Step of the gradient stackers' biases as a share of that of their weights (the first prototype's)."""
STACKED_FLOOR = f4(1e-4)
"""No probability that is stacked counts as less: its logarithm must stay bounded (the first prototype's)."""


@leaf
def centred_logs(each, n, P, logs, start, wide):
    """Write logarithms of probabilities less their mean over the classes: a row a class, a lane a member.

    `each` are the probabilities of `n` members, class by class, and becomes their logarithms. They go to
    `logs` from `start` on, `P` places a class of which those beyond `n` are 0, the rows of classes `wide`
    places apart.
    """
    C = len(each) // n
    _logs32(each)
    for c in range(C):
        q = start + c * wide
        for m in range(n):
            logs[q + m] = each[m * C + c]
        for m in range(n, P):
            logs[q + m] = f4(0.0)
    share = splat(f4(1.0) / f4(C))
    for j in range(start, start + P, LANES):
        v = load(logs, j)
        for c in range(1, C):
            v = v + load(logs, c * wide + j)
        v = v * share
        for c in range(C):
            store(logs, c * wide + j, load(logs, c * wide + j) - v)


@leaf
def stack(w, k, P, logs, start, wide, b, o):
    """Write to `o` what stacker k says: row k of weights and biases on the logarithms that begin at
    `start`."""
    for c in range(len(o)):
        q = start + c * wide
        v = load(w, k * P) * load(logs, q)
        for j in range(LANES, P, LANES):
            v = v + load(w, k * P + j) * load(logs, q + j)
        o[c] = b[k, c] + total(v)
    softmax(o)


@leaf
def stack_gradient(o, n, logs, start, wide, g):
    """Write to `g` the gradient of the log loss by a stacker's weights; `o` are the errors of its classes."""
    P = len(g)
    for j in range(0, P, LANES):
        v = splat(f4(0.0))
        for c in range(len(o)):
            v = v + splat(o[c]) * load(logs, start + c * wide + j)
        store(g, j, v)
    for m in range(n, P):
        g[m] = f4(0.0)


@leaf
def sane(o):
    """Make a stacker that broke say nothing: all classes alike."""
    t = f4(0.0)
    for c in range(len(o)):
        t += o[c]
    if not t > f4(0.5):
        for c in range(len(o)):
            o[c] = f4(1.0) / f4(len(o))


@leaf
def broke(w, k, P, b):
    """Whether a weight or a bias of stacker k is no number."""
    v = load(w, k * P)
    for j in range(LANES, P, LANES):
        v = v + load(w, k * P + j)
    t = total(v)
    for c in range(b.shape[1]):
        t += b[k, c]
    return not np.isfinite(t)


@leaf
def restart(w, k, n, P, b, weight, last):
    """Stacker k begins again: its `n` weights are `weight`, the last one is `last`, its biases 0."""
    for j in range(n):
        w[k * P + j] = weight if j < n - 1 else last
    for c in range(b.shape[1]):
        b[k, c] = f4(0.0)


@leaf
def newton_step(w, k, n, g, h, cov, trace, weight, step, keep):
    """Online Newton step (Hazan, Agarwal and Kale 2007): the inverse curvature `cov` scales the gradient `g`.

    The curvature is the sum of outer products of gradients, which fade by `keep` at each label. The least
    squares of `value_mixer` and of `members.least_squares` are the same step in float64, with a residual for
    the gradient and guards of their own. The three round differently (here in lanes, there by a quotient,
    there by a reciprocal), so one function for all would change saved states.
    """
    P = len(h)
    most = f4(n * VARIANCE)
    for j in range(0, P, LANES):
        v = splat(f4(0.0))
        for i in range(n):
            v = v + splat(g[i]) * load(cov, i * P + j)
        store(h, j, v)
    u = load(g, 0) * load(h, 0)
    for j in range(LANES, P, LANES):
        u = u + load(g, j) * load(h, j)
    q = total(u)
    if not q >= f4(0.0):  # rounding has made it indefinite: it starts again
        cov[:] = f4(0.0)
        for i in range(n):
            cov[i * P + i] = most / f4(n)
        trace[0] = most
        return
    r = f4(1.0) / (keep / max(weight, f4(1e-6)) + q)
    # directions in which no gradient points must not grow without end
    grow = splat(f4(1.0) / keep if trace[0] < most else f4(1.0))
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


@leaf
def gradient_step(w, w_2, k, g, rate, step):
    """Move row k of the weights against `g` over the root of its mean squares, which follow it at a rate."""
    for j in range(0, len(g), LANES):
        i, v = k * len(g) + j, load(g, j)
        q = load(w_2, i)
        q = q + splat(rate) * (v * v - q)
        store(w_2, i, q)
        store(w, i, load(w, i) - over(splat(step) * v, root(q) + splat(f4(1e-3))))


@leaf
def _logs32(x):
    # loops over one array by itself: they run in lanes
    for i in range(len(x)):
        x[i] = log32(x[i])
