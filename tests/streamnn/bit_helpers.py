"""What the tests of networks of signs share: a stream with a rule, and its run through a network."""

from __future__ import annotations

import numpy as np

from streamnn.types import EXPIRE, LEARN, OBSERVE

f4 = np.float32


def stream(n, inputs=70, classes=3, seed=0, kind=np.uint8):
    """Rows of 8 bits, most of them 0, and the class that is the largest of a few sums."""
    rng = np.random.default_rng(seed)
    low, high = (0, 256) if kind is np.uint8 else (-127, 128)
    rows = (rng.integers(low, high, (n, inputs)) * (rng.random((n, inputs)) < 0.4)).astype(kind)
    plan = rng.standard_normal((inputs, classes))
    return rows, (rows.astype(float) @ (plan - plan.mean(0))).argmax(1)


def log(n):
    """Operations over `n` events: seen, learnt at once or three later, some twice and some never."""
    op, slot = [], []
    for i in range(n):
        op.append(OBSERVE)
        slot.append(i)
        if i % 3:
            op.append(LEARN)
            slot.append(i)
        if i % 7 == 5:
            op.append(LEARN)
            slot.append(i)
        if i % 5 == 4:
            op.append(LEARN if i % 2 else EXPIRE)
            slot.append(i - 3)
    return np.array(op, np.int8), np.array(slot, np.int64)


def run(net, op, slot, rows, y, p=None):
    """Predictions of all slots."""
    p = np.zeros((len(rows), 1, len(net.s["out_bias"])), f4) if p is None else p
    target = np.asarray(y)[slot].astype(f4)
    net.scan(op, slot, target, np.ones(len(op), f4), 0, rows, np.zeros((len(rows), 0), np.int32), p)
    return p[:, 0]


def learn(net, rows, y):
    """Predict, then learn, every event."""
    op, slot = np.tile(np.int8([OBSERVE, LEARN]), len(rows)), np.repeat(np.arange(len(rows)), 2)
    return run(net, op, slot, rows, y)
