"""The compiled scans of a student over a piece of the log."""

from __future__ import annotations

import numpy as np

from ..._kernels.jit import kernel
from ...types import LEARN, OBSERVE
from ..device import LEARN_FRACTION, learn_label
from ..input_stage import context_row, history_inputs, note_label
from ..probabilities import probabilities_of
from .field import BIAS, LAYER, MAJORITY, OFF

f4 = np.float32


@kernel
def take_in(op, slot, raw, label, classify, history_known, context, majority, v, history, p):
    """Readings and known labels into slots: what the feature stage makes of them, and what the majority says.

    Parameters
    ----------
    op, slot : ndarray, shape (m,)
    raw : ndarray of int32, shape (events observed, sensors)
    label : ndarray of float64, shape (m,)
    classify : bool
    history_known : tuple of ndarray
        Fading frequencies and last class of the labels known.
    context : tuple of ndarray
        Spans, running means, and which sensors have been seen.
    majority : ndarray of float64, shape (outputs + 1,)
        Labels of each class and of all; or their sum and number.
    v, history, p : ndarray
        Of all slots.
    """
    fade, last = history_known
    spans, mean, seen = context
    C, at = p.shape[2], 0
    for e in range(len(op)):
        s = slot[e]
        if op[e] == OBSERVE:
            context_row(raw[at], spans, mean, seen, v[s])
            at += 1
            if fade.shape[1] > 0:
                history_inputs(fade, last, history[s])
            for a in range(p.shape[1]):
                p[s, a, 0] = f4(np.nan)
            known = 0
            for c in range(C):
                if classify and majority[c] > 0.0:
                    known = c + 1
            for c in range(C):
                if classify:
                    p[s, MAJORITY, c] = (
                        f4((majority[c] + 1.0) / (majority[C] + known)) if c < known else f4(0.0)
                    )
                else:
                    p[s, MAJORITY, c] = f4(majority[0] / max(majority[1], 1.0))
        elif op[e] == LEARN:
            if classify:
                if fade.shape[1] > 0:
                    note_label(int(label[e]), fade, last)
                majority[int(label[e])] += 1.0
                majority[C] += 1.0
            else:
                majority[0] += label[e]
                majority[1] += 1.0


@kernel
def learn_on_device(op, slot, label, window, current, base, z, fraction, learnt, shifts, top, tables, q15, p):
    """What a device says that learns nothing, its biases, or its last layer too, from labels as they come.

    Parameters
    ----------
    op, slot : ndarray, shape (m,)
    label : ndarray of float64, shape (m,)
    window : ndarray of int64, shape (slots,)
        Publication that predicted each event; only events of the `current` one are learnt.
    base : ndarray of int64, shape (events observed, outputs)
        Logits of the artefact as published.
    z : ndarray of int16, shape (slots, units)
        Its last hidden integers.
    learnt : tuple of ndarray
        Biases of the first device; biases and weights of the second.
    shifts : ndarray of int64, shape (4,)
        Of biases and weights, for both.
    q15 : ndarray of int32, shape (slots, 2, outputs)
    p : ndarray of float32, shape (slots, arms, outputs)
    """
    alone, none, bias, out = learnt
    powers, reciprocals = tables
    C, H, at = len(bias), z.shape[1], 0
    logits, said = np.zeros(C, np.int64), np.zeros(C, np.int64)
    for e in range(len(op)):
        s = slot[e]
        if op[e] == OBSERVE:
            for a in range(3):
                for c in range(C):
                    logits[c] = base[at, c]
                    if a == 1:
                        logits[c] += alone[c] >> LEARN_FRACTION
                    if a == 2:
                        t = bias[c]
                        for j in range(H):
                            t += out[c, j] * z[s, j]
                        logits[c] += t >> LEARN_FRACTION
                probabilities_of(logits, fraction, powers, reciprocals, said)
                arm = OFF if a == 0 else BIAS if a == 1 else LAYER
                for c in range(C):
                    p[s, arm, c] = f4(said[c]) * f4(2.0**-15)
                    if a > 0:
                        q15[s, a - 1, c] = said[c]
            at += 1
        elif op[e] == LEARN and window[s] == current and label[e] < C:  # a class that it knows
            y = int(label[e])
            learn_label(q15[s, 0], z[s], y, alone, none, shifts[0], 0, 0)
            learn_label(q15[s, 1], z[s], y, bias, out, shifts[2], shifts[3], top)
