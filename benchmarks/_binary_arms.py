"""One stage on integer rows: learning live, event by event; and frozen in the field between publications."""

from __future__ import annotations

import time

import numpy as np
from _integer_rows import IntegerRows

from streamnn.binary import BinaryNetwork, BinarySpec
from streamnn.network import Network, NetworkSpec
from streamnn.types import LEARN, OBSERVE

f4 = np.float32
PASSES, REACH = 4, 20000
"""Of the shuffled replay from which what is published is learnt."""


def float_spec(hidden: tuple[int, ...]) -> NetworkSpec:
    """The float spline network that binarised ones are held against."""
    return NetworkSpec("float", hidden, "rms", 0.001, average=2000, knots=17, range=4.0, skip_margin=0.02)


def make(spec: NetworkSpec | BinarySpec, data: IntegerRows, seed: int) -> Network | BinaryNetwork:
    """A new network for the stream."""
    kind = Network if isinstance(spec, NetworkSpec) else BinaryNetwork
    width = data.x.shape[1]
    net = kind(spec, width, data.classes, True, seed)
    net.grow(np.arange(width), width, data.classes, data.categories)
    return net


def observe(
    net: Network | BinaryNetwork, rows: np.ndarray, ids: np.ndarray, p: np.ndarray, a: int, b: int
) -> None:
    """Predict events a to b."""
    m = b - a
    zero, one = np.zeros(m, f4), np.ones(m, f4)
    net.scan(np.full(m, OBSERVE, np.int8), np.arange(a, b), zero, one, 0, rows, ids, p)


def live(net: Network | BinaryNetwork, data: IntegerRows) -> tuple[np.ndarray, float]:
    """Probabilities of every event before its label, shape (n, members, classes), and microseconds an event."""
    rows, n = data.rows, len(data.y)
    p = np.zeros((n, len(net.spec.members), data.classes), f4)
    op, slot = np.tile(np.array([OBSERVE, LEARN], np.int8), n), np.repeat(np.arange(n), 2)
    observe(make(net.spec, data, 0), rows, data.ids, p, 0, 1)  # compiled before the clock starts
    began = time.process_time()
    net.scan(op, slot, np.repeat(data.y.astype(f4), 2), np.ones(2 * n, f4), 0, rows, data.ids, p)
    return p, (time.process_time() - began) / n * 1e6


def frozen(net: Network | BinaryNetwork, data: IntegerRows, seed: int, published=None) -> np.ndarray:
    """Probabilities of each window by what was published before it, shape (n, members, classes).

    Parameters
    ----------
    published : callable, optional
        ``published(net, a, b)`` is called before the window of events a to b is predicted.
    """
    rows, n = data.rows, len(data.y)
    p = np.zeros((n, len(net.spec.members), data.classes), f4)
    for a in range(0, n, data.every):
        b = min(n, a + data.every)
        if a and published is not None:
            published(net, a, b)
        observe(net, rows, data.ids, p, a, b)
        low, m = max(0, b - REACH), b - a
        rng = np.random.default_rng([seed, a])
        drawn = [rng.permutation(b - low)[:m] for _ in range(PASSES)]
        order = np.concatenate(drawn) + low
        net.scan(np.full(len(order), LEARN, np.int8), order, data.y[order].astype(f4), np.ones(len(order), f4), 0, rows, data.ids, p)  # fmt: skip
    return p


def score(p: np.ndarray, data: IntegerRows) -> tuple[float, float]:
    """Accuracy in per cent and log loss of the events behind the first publication, one member."""
    q, y = p[data.every :], data.y[data.every :]
    own = np.maximum(q[np.arange(len(y)), y].astype(np.float64), 1e-7)
    return 100.0 * float((q.argmax(1) == y).mean()), float(-np.log(own).mean())
