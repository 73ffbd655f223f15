"""Artefacts that a student published run in C, on MicroPython's loader and after a round trip as they do in Python."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from artefact_helpers import random_events

from streamnn.edge import Device, load, micropython
from streamnn.edge.c import emit_c
from streamnn.edge.saving import from_bytes, to_bytes
from streamnn.edge.student import Student, StudentOptions
from streamnn.types import LEARN, OBSERVE, Chunk, Output

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("gcc") is None, reason="needs a C compiler: apt-get install gcc libc6-dev"
    ),
]
N = 1500


def published(classify, **options):
    """The last artefact of a student of a small stream, and the stream's columns."""
    r = np.random.default_rng(0)
    columns = {
        "a": r.normal(20.0, 5.0, N), "b": r.integers(0, 6, N).astype(float),
        "kind": r.choice(["x", "y", None], N).astype(object),
    }  # fmt: skip
    up = (columns["a"] > 20) ^ (columns["b"] > 3)
    y = np.where(up, "up", "down").astype(object) if classify else 3.0 * columns["a"] + columns["b"]
    student = Student(classify, StudentOptions(every=500, first=(64, 256), reservoir=500, **options))
    for at in range(0, N, 250):
        rows = slice(at, at + 250)
        ticket = np.arange(N)[rows].repeat(2)
        op = np.tile(np.array([OBSERVE, LEARN], np.int8), 250)
        zero = np.zeros(250)
        if classify:
            proba = np.where(np.stack([~up[rows], up[rows]], 1), 0.8, 0.2).astype(np.float32)
            said = Output(ticket[::2], zero, zero, [], proba=proba)
        else:
            said = Output(ticket[::2], zero, zero, [], median=y[rows] + 1.0)
        student.run(
            Chunk({k: v[rows] for k, v in columns.items()}, op, ticket, y[ticket]), said, ["down", "up"]
        )
    assert student.artefact is not None
    return student.artefact, columns


@pytest.mark.parametrize("network", ["spline", "sign", "ternary", "binary"])
@pytest.mark.parametrize(
    ("bits", "hidden", "history"), [(8, (), False), (8, (24, 12), True), (4, (), True), (4, (33,), False), (3, (40, 64), True)]
)  # fmt: skip
def test_a_students_artefact(network, bits, hidden, history):
    artefact, columns = published(True, network=network, weights=bits, hidden=hidden, history=history)
    artefact = from_bytes(to_bytes(artefact))
    for learning in ("off", "bias", "layer"):
        a = replace(artefact, learning=learning)
        op, slot, raw, label = random_events(a, N, 1)
        model = load(a, probabilities=True)
        raw[:-200] = model.readings.of(columns)[:-200]
        wanted = Device(a).run(op, slot, raw, label)
        for found in (model.run(op, slot, raw, label), load(a, tables="bin").run(op, slot, raw, label)):
            assert all(np.array_equal(x, y) for x, y in zip(wanted, found, strict=True))
        files = emit_c(a, tables="bin", vectors=0)
        slim = micropython.TableModel(files["plan.json"].decode(), files["tables.bin"])
        kept = {}
        for o, s, c in zip(op[:200].tolist(), slot.tolist(), label.tolist(), strict=False):
            if o == LEARN:
                slim.learn(kept.pop(s), c)
                continue
            slim.step(raw[s].tolist())
            assert slim.logits == wanted[0][s].tolist()
            kept[s] = slim.event()


@pytest.mark.parametrize("history", [True, False])
def test_a_students_number(history):
    artefact, columns = published(False, history=history)
    model = load(artefact)
    raw = model.readings.of(columns)
    assert np.array_equal(model.say(raw).logits, Device(artefact).predict(raw))
    # one by one, each label at once: what the last number was is read too
    model.reset()
    y, error = 3.0 * columns["a"] + columns["b"], []
    for i in range(300):
        answer, event = model.step({k: v[i] for k, v in columns.items()})
        error.append(abs(answer - y[i]))
        model.learn(event, y[i])
    assert np.mean(error) < np.abs(y - np.median(y)).mean()
