"""The table loader for MicroPython gives the integers of the device, and needs only what MicroPython has."""

from __future__ import annotations

import ast
import inspect

import numpy as np
import pytest
from artefact_helpers import random_artefact, random_events

from streamnn.edge import Device, micropython
from streamnn.edge.answers import value_of
from streamnn.edge.c import emit_c
from streamnn.types import LEARN


def compared(artefact, n, seed):
    """Logits and probabilities of the device and of the loader; answers of the loader."""
    files = emit_c(artefact, tables="bin", vectors=0)
    model = micropython.TableModel(files["plan.json"].decode(), files["tables.bin"])
    op, slot, raw, label = random_events(artefact, n, seed)
    logits, p = Device(artefact).run(op, slot, raw, label)
    kept, found, answers = {}, np.zeros_like(logits), []
    q = np.zeros_like(p)
    for o, s, y in zip(op.tolist(), slot.tolist(), label.tolist(), strict=True):
        if o == LEARN:
            model.learn(kept[s], y)
            continue
        answers.append(model.step(raw[s].tolist()))
        found[s], kept[s] = model.logits, model.event()
        if artefact.learning != "off":
            q[s] = model.p
    return logits, found, p, q, answers


@pytest.mark.parametrize("learning", ["off", "bias", "layer"])
@pytest.mark.parametrize("seed", range(8))
def test_it_equals_the_device(seed, learning):
    artefact = random_artefact(seed + 300, learning)
    logits, found, p, q, answers = compared(artefact, 40, seed)
    assert np.array_equal(logits, found)
    if learning != "off":
        assert np.array_equal(p, q)
    if artefact.classes:
        assert answers == [artefact.classes[c] for c in logits.argmax(1)]
    else:
        assert answers == value_of(logits, artefact.target, artefact.logit_fraction).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_many_equal_the_device(seed):
    artefact = random_artefact(seed + 1000, ("off", "bias", "layer")[seed % 3])
    logits, found, *_ = compared(artefact, 100, seed)
    assert np.array_equal(logits, found)


def test_tables_that_do_not_fit_are_refused():
    files, other = (emit_c(random_artefact(s, "layer"), tables="bin", vectors=0) for s in (1, 2))
    model = micropython.TableModel(files["plan.json"].decode(), files["tables.bin"])
    good = files["tables.bin"]
    for data, why in [
        (good[:-4], "no tables"),
        (b"XXXX" + good[4:], "no tables"),
        (other["tables.bin"], "another plan"),
        (good[:-1] + bytes([good[-1] ^ 1]), "damaged"),
    ]:
        with pytest.raises(ValueError, match=why):
            model.swap(data)


def test_it_imports_only_what_micropython_has():
    tree = ast.parse(inspect.getsource(micropython))
    names = {
        a.name if isinstance(n, ast.Import) else n.module
        for n in ast.walk(tree)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for a in n.names
    }
    assert names == {"json", "array", "binascii"}
    assert micropython.NO_READING == -(1 << 30)
    # MicroPython has no dict union, walrus in comprehensions, match or exception groups; and no strict zip
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Match | ast.NamedExpr | ast.AnnAssign)]
