"""Artefacts of every kind of module, of random integers."""

from __future__ import annotations

import numpy as np

from streamnn.edge import Artefact, InputStage, Module, Output, Sensor, Spline, Surprise, Target, Threshold

BITS = (8, 6, 5, 4, 3, 2, 1)


def weights(r, shape, bits):
    """Integers of so many bits, some of them 0 where there is one."""
    if bits == 1:
        return r.choice([-1, 1], shape)
    top = 1 if bits == 2 else (1 << (bits - 1)) - 1
    return r.integers(-top, top + 1, shape) * (r.random(shape) < 0.8)


def random_stage(r, d, spans, classes):
    """A feature stage with tables for some sensors, and some inputs off."""
    start, keys = [0], []
    for _ in range(d):
        found = (
            np.unique(r.integers(-20, 20, r.integers(0, 6))) if r.random() < 0.6 else np.zeros(0, np.int64)
        )
        keys.append(found)
        start.append(start[-1] + len(found))
    keys = np.concatenate(keys).astype(np.int64)
    return InputStage(
        spans, r.integers(-500, 500, d), r.integers(0, 8, d), r.random(d * (1 + len(spans))) < 0.8,
        np.array(start), keys, r.permutation(len(keys)), classes,
    )  # fmt: skip


def random_spline(r, units):
    k = int(r.choice([3, 9, 17]))
    return Spline(
        r.integers(-128, 128, (units, k)), r.integers(3, 7, units), int(r.choice([1, 0])), 4, int(r.integers(3, 6)),
        int(r.choice([8, 8, 5])),
    )  # fmt: skip


def random_module(r, inputs, units, after, bits, table, outs):
    """A module; it may gather, skip and fall into groups."""
    groups = int(r.choice([1, 2])) if inputs % 2 == 0 and units % 2 == 0 and not table else 1
    w = weights(r, (inputs, units), bits)
    if groups > 1:
        w = w * np.kron(np.eye(2, dtype=np.int64), np.ones((inputs // 2, units // 2), np.int64))
    skips = [i for i, n in enumerate(outs) if n == units]
    skip = int(r.choice(skips)) if skips and r.random() < 0.5 else -1
    return Module(
        w, bits, r.integers(-1000, 1000, units), r.integers(8, 12, units), after,
        weights(r, (table, units), bits) if table else None,
        r.integers(-5, 3, units) if table else None,
        r.permutation(inputs) if r.random() < 0.4 else None,
        skip, r.integers(-3, 3, units) if skip >= 0 else None, groups,
    )  # fmt: skip


def random_artefact(seed, learning="off", kinds=None):
    """An artefact with up to four modules of random kinds, for classes or for a number."""
    r = np.random.default_rng(seed)
    d, number = int(r.integers(1, 6)), learning == "off" and r.random() < 0.2
    spans = [(), (2, 5), (1,)][int(r.integers(3))]
    classes = 1 if number else int(r.choice([2, 2, 3, 5]))
    stage = random_stage(r, d, spans, 0 if number or r.random() < 0.5 else classes)
    modules, width, outs = [], stage.width, []
    table = len(stage.keys)
    for i in range(int(r.integers(1 if learning != "layer" else 2, 5)) - 1 + (learning == "layer") * 0):
        units = int(r.choice([4, 7, 12, 33, 40]))
        kind = r.choice(["spline", "threshold"]) if kinds is None else kinds[i % len(kinds)]
        after = random_spline(r, units) if kind == "spline" else Threshold(r.integers(-300, 300, units))
        modules.append(random_module(r, width, units, after, int(r.choice(BITS)), table, outs))
        width, table = units, 0
        outs.append(units)
    if table and not modules:
        table = len(stage.keys)
    # every logit has the same fraction bits
    align = r.integers(0, 3, classes)
    last = random_module(
        r, width, classes, Output(align), int(r.choice(BITS)), table if not modules else 0, []
    )
    last = Module(last.weights, last.weight_bits, last.bias, 9 - align, last.after, last.table, last.table_shift,
                  last.gather, groups=last.groups)  # fmt: skip
    modules.append(last)
    surprise = None
    if len(modules) > 1 and not number and r.random() < 0.4:
        u = modules[-2].units
        surprise = Surprise(r.integers(-100, 100, (classes, u)), r.integers(-2, 6, (classes, u)),
                            r.integers(-100, 100, classes), 500)  # fmt: skip
    return Artefact(
        tuple(Sensor(f"s{i}") for i in range(d)), stage, tuple(modules),
        () if number else tuple("abcdefg"[:classes]),
        Target(int(r.integers(-99, 99)), int(r.integers(-3, 8)), 2) if number else None,
        learning, surprise, float(r.random() * 9) if r.random() < 0.5 else 0.0, 0.01,
    )  # fmt: skip


def random_events(artefact, n, seed, delay=3):
    """Operations as Device.run takes them, labels `delay` events late, some sensors without a value."""
    from streamnn.edge.integers import NO_READING
    from streamnn.types import LEARN, OBSERVE

    r = np.random.default_rng(seed)
    d = artefact.stage.sensors
    raw = np.where(r.random((n, d)) < 0.5, r.integers(-20, 20, (n, d)), r.integers(-16383, 16384, (n, d)))
    raw = np.where(r.random((n, d)) < 0.1, NO_READING, raw).astype(np.int32)
    op, slot = [], []
    for t in range(n + delay):
        if t < n:
            op.append(OBSERVE), slot.append(t)
        if t >= delay:
            op.append(LEARN), slot.append(t - delay)
    label = r.integers(0, max(len(artefact.classes), 1), len(op))
    return np.array(op, np.int8), np.array(slot), raw, label


def electricity_shape(bits=8, seed=0):
    """An artefact as large as that of electricity: 8 sensors, 24 inputs, 55 category rows, 32 splines of 17 knots."""
    r = np.random.default_rng(seed)
    sensors, spans, units = 8, (2, 5), 32
    keys = np.concatenate([np.arange(7), 300 * np.arange(48)])
    start = np.array([0, 7, *[55] * 7])
    mean = r.integers(-200_000, 200_000, sensors)
    stage = InputStage(spans, mean, np.full(sensors, 9), np.ones(24, bool), start, keys, np.arange(55))
    knots = np.clip(np.linspace(-128, 128, 17).astype(int) + r.integers(-9, 9, (units, 17)), -127, 127)
    hidden = Module(
        weights(r, (24, units), bits), bits, r.integers(-1000, 1000, units), r.integers(10, 12, units),
        Spline(knots, np.full(units, 5), 1, 4, 5), weights(r, (55, units), bits), r.integers(0, 3, units),
    )  # fmt: skip
    last = Module(
        weights(r, (units, 2), bits),
        bits,
        np.array([100, -100]),
        np.full(2, 11),
        Output(np.zeros(2, np.int64)),
    )
    return Artefact(tuple(Sensor(f"s{i}") for i in range(sensors)), stage, (hidden, last), ("down", "up"))


def image_shape(seed=0):
    """An artefact as large as that of MNIST in 14 x 14: 196 pixels as they are, 32 splines, 10 classes."""
    r, d, units = np.random.default_rng(seed), 196, 32
    none, keys = np.zeros(d, np.int64), np.zeros(0, np.int64)
    stage = InputStage((), none, none + 11, np.ones(d, bool), np.zeros(d + 1, np.int64), keys, keys)
    knots = np.clip(np.linspace(-128, 128, 17).astype(int) + r.integers(-9, 9, (units, 17)), -127, 127)
    spline = Spline(knots, np.full(units, 5), 1, 4, 5)
    hidden = Module(
        weights(r, (d, units), 8), 8, r.integers(-1000, 1000, units), r.integers(10, 12, units), spline
    )
    last = Module(
        weights(r, (units, 10), 8),
        8,
        r.integers(-99, 99, 10),
        np.full(10, 11),
        Output(np.zeros(10, np.int64)),
    )
    return Artefact(tuple(Sensor(f"p{i}") for i in range(d)), stage, (hidden, last), tuple("0123456789"))
