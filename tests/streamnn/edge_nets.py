"""Float networks, inputs and integer modules for the tests of the quantiser, of bounds and of certificates."""

from __future__ import annotations

import numpy as np

from streamnn.edge import InputStage, Module, Output, Spline, Threshold
from streamnn.edge.float_network import FloatLayer, FloatNetwork
from streamnn.network.functions import Functions

NO_TABLES = np.zeros(0, np.int64)


def spline_functions(rng, units, knots=17, reach=4, slope=1.0):
    """Random splines on a grid from -reach to reach."""
    piece = 2 * reach / (knots - 1)
    v = np.cumsum(rng.uniform(-slope, slope, (units, knots)) * piece, 1)
    v -= v.mean(1, keepdims=True)
    return Functions(np.full(units, -float(reach)), np.full(units, piece), v)


def float_network(
    rng, inputs, hidden=(16,), outputs=3, rows=0, skip=False, groups=1, gather=False, relu=False
):
    """A random network; `skip` adds the layer before the last hidden one to it, which has as many units."""
    layers, below = [], inputs
    for l, units in enumerate(hidden):
        blocks = groups if l else 1
        w = rng.normal(size=(below, units)) / np.sqrt(below / 4 / blocks)
        for g in range(blocks):
            outside = np.ones(below, bool)
            outside[g * below // blocks : (g + 1) * below // blocks] = False
            w[np.ix_(outside, np.arange(g * units // blocks, (g + 1) * units // blocks))] = 0.0
        f = Functions.two_slopes(rng.uniform(0, 0.3, units)) if relu else spline_functions(rng, units)
        table = rng.normal(size=(rows, units)) * 0.4 if l == 0 and rows else None
        order = rng.permutation(below) if gather and l else None
        back = l - 1 if skip and l and l == len(hidden) - 1 else -1
        layers.append(FloatLayer(w, rng.normal(size=units) * 0.3, f, table, order, back, blocks))
        below = units
    layers.append(FloatLayer(rng.normal(size=(below, outputs)), rng.normal(size=outputs), None))
    return FloatNetwork(tuple(layers))


def inputs(rng, n, width, rows=0, tables=0):
    """Integer inputs and category rows: each table has rows of its own."""
    x = np.clip(np.rint(rng.normal(size=(n, width)) * 32), -127, 127).astype(np.int32)
    ids = np.full((n, tables), -1, np.int32)
    for k in range(tables):
        a, b = k * rows // tables, (k + 1) * rows // tables
        ids[:, k] = np.where(rng.random(n) < 0.1, -1, rng.integers(a, b, n))
    return x, ids


def stage(sensors, rows=0, tables=0, classes=0):
    """A stage without context whose first sensors are looked up: each table has rows of its own."""
    start = np.zeros(sensors + 1, np.int64)
    for k in range(sensors):
        start[k + 1] = (k + 1) * rows // tables if k < tables else start[k]
    nought = np.zeros(sensors, np.int64)
    every = np.arange(rows)
    return InputStage((), nought, nought, np.ones(sensors, bool), start, every, every, classes)


def random_modules(rng, inputs, rows=0):
    """Modules of all kinds with all kinds of shifts: tables, residuals with shifts both ways, gathers, saturation,
    groups, thresholds.
    """

    def linear(below, units, fraction, **more):
        weights = rng.integers(-8, 8, (below, units))
        return {
            "weights": weights, "weight_bits": 4, "bias": rng.integers(-500, 500, units),
            "fraction": fraction + rng.integers(2, 5, units), **more,
        }  # fmt: skip

    def spline(units, fraction, bits):
        knots = rng.integers(-128, 128, (units, 9))
        return Spline(knots, rng.integers(3, 9, units), 1, 2, fraction, bits)

    a, b = 6, 8
    table = {}
    if rows:
        table = {"table": rng.integers(-128, 128, (rows, b)), "table_shift": rng.integers(-3, 6, b)}
    first = Module(**linear(inputs, b, 5, **table), after=spline(b, int(rng.integers(1, 8)), 8))
    second = Module(**linear(b, a, first.after.fraction, gather=rng.permutation(b)), after=spline(a, 2, 6))
    residual = {"skip": 0, "skip_shift": rng.integers(-4, 6, b)}
    third = Module(**linear(a, b, 2, **residual), after=spline(b, int(rng.integers(-2, 10)), 8))
    grouped = linear(b, a, third.after.fraction, groups=2)
    grouped["weights"][: b // 2, a // 2 :] = 0
    grouped["weights"][b // 2 :, : a // 2] = 0
    fourth = Module(**grouped, after=Threshold(rng.integers(-100, 100, a)))
    last = linear(a, 3, 0)
    return (
        first,
        second,
        third,
        fourth,
        Module(**last, after=Output(last["fraction"].max() - last["fraction"])),
    )
