"""Recursive least squares with forgetting, on a piece of the row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import kernel
from ..features.layout import Layout
from ..features.steady import STEADY_ERROR
from ..stage import grown
from ..state import Arrays
from ..types import EXPIRE, LEARN, LOOK, OBSERVE
from .member import Member, Room, Segment

LINEAR_FADING = 0.9998
"""What remains of the linear member's memory after each label: it reaches back some 5,000 labels."""
RIDGE = 1.0
"""Prior precision of a weight, in units of the target's scale over the input's."""
MOST = 160
"""Inputs that it takes at most."""
LARGEST = 5.0
"""No weight grows beyond this in units of the last label, which may become tiny: a target that stood still must not
leave weights huge."""
_FREE = 2
"""Dimensions that are no input: the constant, and where the first target's mean lies now."""
_FREE_SCALE = 3.0
"""Prior deviation of the weights of these two: the ridge must not hold them back as it does an input's."""


class _Starts(NamedTuple):
    """Where in a row it begins to read, where the columns begin and where they end."""

    row: int
    columns: int
    past: int


class _Learnt(NamedTuple):
    """The arrays of the member, see there."""

    cov: np.ndarray
    w: np.ndarray
    where: np.ndarray
    n: np.ndarray
    past: np.ndarray
    trace: np.ndarray
    own: np.ndarray


class _Store(NamedTuple):
    """What is read and written of pending events."""

    row: np.ndarray
    steady: np.ndarray
    scale: np.ndarray
    p: np.ndarray


@kernel
def _scan(op, slot, target, weight, unit, starts: _Starts, place, learnt: _Learnt, store: _Store):
    at, at_x, at_past = starts
    cov, w, where, n, past, trace, own = learnt
    rows, steady, scale, p = store
    D = len(w)
    x, g = np.zeros(D), np.zeros(D)
    x[0] = _FREE_SCALE
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        for k in range(_FREE, n[0]):
            x[k] = 0.0
        for i in range(len(where)):
            a = at + i
            v = np.float64(steady[s, a - at_x] if at_x <= a < at_past else rows[s, a])
            if v == 0.0:
                continue
            if where[i] < 0 and op[e] == LEARN and n[0] < D:  # an input counts from its first value on
                where[i] = n[0]
                past[n[0]] = a >= at_past
                cov[n[0], n[0]] = 1.0 / RIDGE
                trace[0] += 1.0 / RIDGE
                n[0] += 1
            if where[i] >= 0:
                x[where[i]] = v
        H = n[0]
        # weights are in units of the last label, earlier targets in today's, and so is the answer
        m, sd = (unit[e, 0], unit[e, 1]) if op[e] == LEARN else (scale[s, 0], scale[s, 1])
        r = own[1] / sd if own[1] > 0.0 else 1.0
        d = (own[0] - m) / sd if own[1] > 0.0 else 0.0
        x[1] = _FREE_SCALE * d if abs(d) <= STEADY_ERROR else 0.0
        o = 0.0
        for k in range(H):
            o += (w[k] if past[k] else r * w[k]) * x[k]
        if op[e] != LEARN:
            p[s, place, 0] = min(max(o, -5.0), 5.0)
            continue
        if own[1] == 0.0 or abs(own[0] - m) > STEADY_ERROR * sd:  # or it was absurd
            own[0] = m
        own[1] = sd
        for k in range(H):
            if not past[k]:
                w[k] = min(max(r * w[k], -LARGEST), LARGEST)
        for j in range(H):
            g[j] = 0.0
        for i in range(H):
            v = x[i]
            if v != 0.0:
                for j in range(H):
                    g[j] += v * cov[i, j]
        den = LINEAR_FADING / max(np.float64(weight[e]), 1e-6)
        for j in range(H):
            den += x[j] * g[j]
        r = 1.0 / den
        grow = min(1.0, H / (RIDGE * trace[0])) / LINEAR_FADING  # the trace is held at its start
        t = 0.0
        for i in range(H):
            for j in range(H):
                cov[i, j] = (cov[i, j] - (g[i] * g[j]) * r) * grow  # symmetric to the last bit
            t += cov[i, i]
        trace[0] = t
        d = (min(max(np.float64(target[e]), -5.0), 5.0) - o) * r
        for j in range(H):
            w[j] += d * g[j]


@kernel
def _controls(op, slot, place, scale, controls, p):
    # the last target and the running mean as members; the linear forecast as a control
    for e in range(len(op)):
        if op[e] == OBSERVE or op[e] == LOOK:
            s = slot[e]
            m, sd = scale[s, 0], scale[s, 1]
            for i in range(2):
                p[s, place + 1 + i, 0] = (controls[s, i] - m) / sd
            controls[s, 2] = m + sd * p[s, place, 0]


class LeastSquares(Member):
    """A linear forecast that needs no step size; beside it the last target and the running mean.

    Its memory is long, so it must not see units move where the world does not. It reads columns, if not their
    context, in steady units, its weights follow the target's units, and one input says where the first target's mean
    lies in these.
    It takes inputs in the order in which they first have a value, at most 160: the cost is quadratic.

    Parameters
    ----------
    room : Room
    """

    reads = ("context", "means")
    compiled = True

    def __init__(self, room: Room) -> None:
        super().__init__("least_squares", ("linear", "last", "mean"), room)
        inputs = room.layout.width(self.reads)
        D = min(inputs, MOST) + _FREE
        cov = np.zeros((D, D))
        for k in range(_FREE):
            cov[k, k] = 1.0 / RIDGE
        self.s = {
            "cov": cov,
            "w": np.zeros(D),
            "where": np.full(inputs, -1, np.int64),  # dimension of each input
            "n": np.full(1, _FREE, np.int64),
            "past": np.arange(D) == 1,  # in units of the target
            "trace": np.full(1, _FREE / RIDGE),
            "own": np.zeros(2),  # the target's first mean, and its deviation at the last label
        }

    def make_room(self, room: Room) -> None:
        """Grow with the row."""
        s = self.s
        columns, inputs = room.piece(self.reads)
        if inputs == len(s["where"]):
            return
        where = np.full(inputs, -1, np.int64)
        where[columns] = s["where"]
        D = min(inputs, MOST) + _FREE
        s["where"], s["cov"] = where, grown(s["cov"], D, D)
        s["w"], s["past"] = grown(s["w"], D), grown(s["past"], D)

    def step(self, segment: Segment, layout: Layout, store: Arrays) -> None:
        """Predict at OBSERVE, learn at LEARN."""
        s, p = self.s, store["p"]
        _scan(
            *(segment.op, segment.slot, segment.target, segment.weight, segment.unit),
            _Starts(layout.span(*self.reads)[0], *layout.span("x", "x")),
            self.place,
            _Learnt(s["cov"], s["w"], s["where"], s["n"], s["past"], s["trace"], s["own"]),
            _Store(store["row"], store["steady"], store["scale"], p),
        )
        _controls(segment.op, segment.slot, self.place, store["scale"], store["controls"], p)
