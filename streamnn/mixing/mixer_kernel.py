"""What the mixer does at an event and at its label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import exp64, log64
from .._kernels.jit import kernel, leaf
from .._kernels.lanes import LANES
from ..types import EXPIRE, LEARN, OBSERVE
from .copies import free_copy, learn_copy, mixed_by, next_copy, take_copy
from .shares import rate_under_delay, share_out
from .stackers import (
    BIAS_STEP,
    GRADIENT_BIAS,
    GRADIENT_MEMORY,
    GRADIENT_STEPS,
    NEWTON_FORGETTING,
    NEWTON_STEPS,
    STACKED_FLOOR,
    broke,
    centred_logs,
    gradient_step,
    newton_step,
    restart,
    sane,
    stack,
    stack_gradient,
)

f4 = np.float32
PROBABILITY_FLOOR = 1e-7
"""No expert's probability of a label counts as less, so that a loss is at most 16.1 nats."""


class MixerState(NamedTuple):
    """What the mixer is made of: M members, P in whole lanes, S stackers, N = M + S experts, C classes."""

    # fixed from the start
    prior: np.ndarray  # (N,)
    begins: np.ndarray  # (M,), int64: the event from which on each member predicts
    fresh: np.ndarray  # (N + 2,): the weights that a copy begins with
    keeps_back: bool  # a share of the probability is kept back for classes never seen
    labels: np.ndarray  # (1,), int64: labels learnt
    # stackers of the members, float32
    w: np.ndarray  # S x P, flat
    w_2: np.ndarray  # gradient stackers x P, flat: mean square gradients
    b: np.ndarray  # (S, C): biases
    cov: np.ndarray  # Newton stackers x M x P, flat: inverse curvature
    trace: np.ndarray  # (Newton stackers,): of `cov`
    # the Newton stacker of all stackers and the mixture, float32
    top: np.ndarray  # LANES
    top_b: np.ndarray  # (1, C)
    top_cov: np.ndarray  # (S + 1) x LANES, flat
    top_trace: np.ndarray  # (1,)
    # fixed share: see `share_out`
    v: np.ndarray  # (shares, N)
    rate: np.ndarray  # (shares,)
    weights: np.ndarray  # (N,)
    # (1,): running mean of how many labels came between an event and its own, itself included
    stale: np.ndarray
    unproven: np.ndarray  # (2,), int64: labels that were late, and labels with weights
    # interleaved copies
    copies: np.ndarray  # (room, N + 2)
    free: np.ndarray  # (room,), int64: stack of the copies that no event holds
    used: np.ndarray  # (2,), int64: copies made, and copies on that stack


class MixerPending(NamedTuple):
    """What the mixer reads and writes of pending events; the first axis of each is the slot."""

    p: np.ndarray  # (slots, M, C), float32: what members say
    # (slots, C, P + LANES), float32: centred logarithms of the members', then of the stackers'
    logs: np.ndarray
    expert: np.ndarray  # (slots, N + 2, C), float32: what experts say, then their mixture, then the top
    mixed: np.ndarray  # (slots, C), float32: what the pool says
    copy: np.ndarray  # (slots,), int64: the copy of the weights that the event holds
    reserve: np.ndarray  # (slots, 2): share kept back for classes never seen, and classes known
    clock: np.ndarray  # (slots,), int64: labels learnt when the event came


@leaf
def _logs64(x):
    for i in range(len(x)):
        x[i] = log64(x[i])


@kernel
def scan(op, slot, ticket, y, weight, state: MixerState, pending: MixerPending, at, losses):
    """Mix at OBSERVE and LOOK, learn at LEARN, give copies back at LEARN and EXPIRE.

    Parameters
    ----------
    op, slot, ticket, y, weight : ndarray, shape (m,)
        Operations: what each does, the slot and the ticket of its event, label and weight of LEARN.
    state : MixerState
    pending : MixerPending
    at : int
        First of the columns of `losses` that are the mixer's.
    losses : ndarray of float64, shape (m, width)
        Receives at LEARN the experts' losses, the mixture's and the experts' weights.
    """
    prior, begins, fresh, keeps_back = state.prior, state.begins, state.fresh, state.keeps_back
    w, w_2, b, cov, trace = state.w, state.w_2, state.b, state.cov, state.trace
    top, top_b, top_cov, top_trace = state.top, state.top_b, state.top_cov, state.top_trace
    v, rate, weights = state.v, state.rate, state.weights
    stale, count, unproven = state.stale, state.labels, state.unproven
    copies, free, used = state.copies, state.free, state.used
    p, logs, expert, mixed = pending.p, pending.logs.reshape(-1), pending.expert, pending.mixed
    copy, reserve, clock = pending.copy, pending.reserve, pending.clock
    M, C, S = p.shape[1], p.shape[2], len(b)
    N, K, P = M + S, S + 1, len(w) // len(b)
    wide = P + LANES  # logarithms of the members, then those of the stackers and the mixture
    o, loss, gain, loss_2 = np.zeros(C, f4), np.zeros(N), np.zeros(N), np.zeros(N + 2)
    each, g, h = np.zeros(M * C, f4), np.zeros(P, f4), np.zeros(P, f4)
    top_each, top_g, top_h = np.zeros(K * C, f4), np.zeros(LANES, f4), np.zeros(LANES, f4)
    for e in range(len(op)):
        s = slot[e]
        base = s * C * wide
        if op[e] == EXPIRE:
            free_copy(free, used, copy[s])
            continue
        if op[e] != LEARN:
            for m in range(M):
                t = f4(0.0)
                for c in range(C):
                    t += p[s, m, c]
                good = t > f4(0.5) and t < f4(1.5) and ticket[e] >= begins[m]
                for c in range(C):
                    x = p[s, m, c] if good else f4(1.0) / f4(C)  # a member that broke says nothing
                    expert[s, m, c] = x
                    each[m * C + c] = max(x, STACKED_FLOOR)
            centred_logs(each, M, P, logs, base, wide)
            for k in range(S):
                stack(w, k, P, logs, base, wide, b, o)
                sane(o)
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
                        q += weights[i] * max(np.float64(expert[s, i, c]), PROBABILITY_FLOOR)
                expert[s, N, c] = q / awake
                for m in range(M):
                    if ticket[e] < begins[m]:  # who sleeps says what the others say
                        expert[s, m, c] = expert[s, N, c]
            for k in range(K):
                for c in range(C):
                    top_each[k * C + c] = max(expert[s, M + k, c], STACKED_FLOOR)
            centred_logs(top_each, K, LANES, logs, base + P, wide)
            stack(top, 0, LANES, logs, base + P, wide, top_b, o)
            sane(o)
            for c in range(C):
                expert[s, N + 1, c] = o[c]
            k = take_copy(copies, fresh, free, used) if op[e] == OBSERVE else next_copy(free, used)
            copy[s] = k
            mixed_by(copies[k] if k < used[0] else fresh, expert[s], PROBABILITY_FLOOR, mixed[s])
            # kept back for a class never seen so far, which grows less likely with every label
            reserve[s, 0] = 1.0 / ((count[0] + 1.0) * (count[0] + 2.0)) if keeps_back else 0.0
            reserve[s, 1] = C
            clock[s] = count[0]
            continue
        a = count[0] + 1
        late = count[0] - clock[s] + 1.0
        eta = rate_under_delay(stale, late, a) * weight[e]
        # from 0 on it is a class that nobody knew when the event came, and says nothing of any expert
        unseen = y[e] - np.int64(reserve[s, 1])
        if unseen >= 0:
            kept = -log64(
                max(reserve[s, 0] / np.float64(np.int64(1) << min(unseen + 1, 30)), PROBABILITY_FLOOR)
            )
        else:
            kept = -log64(1.0 - reserve[s, 0])
            losses[e, at + N] = -log64(max(np.float64(mixed[s, y[e]]), PROBABILITY_FLOOR))
        for i in range(N):
            loss[i] = max(np.float64(expert[s, i, y[e]]), PROBABILITY_FLOOR) if unseen < 0 else 1.0
            gain[i] = loss[i]
        if unseen < 0:
            for i in range(N + 2):
                loss_2[i] = max(np.float64(expert[s, i, y[e]]), PROBABILITY_FLOOR)
            learn_copy(copies[copy[s]], fresh, loss_2, weight[e])
        free_copy(free, used, copy[s])
        _logs64(loss)
        for i in range(N):
            if eta != 1.0:
                gain[i] = exp64(eta * loss[i])
            losses[e, at + i] = kept - loss[i]
        share_out(gain, prior, stale[0], v, rate, weights)
        losses[e, at + N] += kept
        for i in range(N):
            losses[e, at + N + 1 + i] = weights[i]
        if eta != 1.0 or late != 1.0:
            unproven[0] += 1  # the bound of one mixer is proven for rate 1 and labels at once only
        if weight[e] != f4(1.0):
            unproven[1] += 1
        # members that knew less then than they know now say less about how to stack them (docs/decisions.md,
        # "Late labels: stackers weigh a label by how much was known")
        informed = weight[e] * f4((clock[s] + 1.0) / (count[0] + 1.0))
        slow = np.sqrt(stale[0])
        for k in range(S if unseen < 0 else 0):
            if broke(w, k, P, b):
                restart(w, k, M, P, b, f4(min(1.0, 2.0 / M)), f4(min(1.0, 2.0 / M)))
                if k < len(GRADIENT_STEPS):
                    w_2[k * P : (k + 1) * P] = f4(0.0)
                continue
            if late == 1.0:  # nothing has moved since
                for c in range(C):
                    o[c] = expert[s, M + k, c]
            else:
                stack(w, k, P, logs, base, wide, b, o)
            o[y[e]] -= f4(1.0)
            stack_gradient(o, M, logs, base, wide, g)
            if k < len(GRADIENT_STEPS):
                step = f4(GRADIENT_STEPS[k] / slow) * informed
                gradient_step(w, w_2, k, g, max(f4(1.0 / GRADIENT_MEMORY), f4(1.0) / f4(a)), step)
                bias = step * GRADIENT_BIAS
            else:
                j = k - len(GRADIENT_STEPS)
                part, keep = cov[j * M * P : (j + 1) * M * P], f4(1.0 - NEWTON_FORGETTING[j] / slow)
                newton_step(w, k, M, g, h, part, trace[j : j + 1], informed, f4(NEWTON_STEPS[0]), keep)
                bias = f4(BIAS_STEP / slow) * informed
            for c in range(C):
                b[k, c] -= bias * o[c]
        if unseen < 0 and broke(top, 0, LANES, top_b):
            restart(top, 0, K, LANES, top_b, f4(0.0), f4(1.0))
        elif unseen < 0:
            if late == 1.0:
                for c in range(C):
                    o[c] = expert[s, N + 1, c]
            else:
                stack(top, 0, LANES, logs, base + P, wide, top_b, o)
            o[y[e]] -= f4(1.0)
            stack_gradient(o, K, logs, base + P, wide, top_g)
            keep = f4(1.0 - NEWTON_FORGETTING[0] / slow)
            newton_step(
                top, 0, K, top_g, top_h, top_cov, top_trace, informed, f4(NEWTON_STEPS[1] / slow), keep
            )
            for c in range(C):
                top_b[0, c] -= f4(BIAS_STEP / slow) * informed * o[c]
        count[0] += 1
