"""What a device with an artefact does, in Python: the same integers as the C."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel, leaf
from ..types import LEARN, OBSERVE
from .artefact import Artefact
from .input_stage import HISTORY_BLOCKS, HISTORY_SPANS, context, history_inputs, note_label
from .integers import shifted
from .modules import Output, run_modules
from .probabilities import POWERS, Q15_ONE, RECIPROCALS, probabilities_of

LEARN_FRACTION = 8
"""Fraction bits by which learnt biases and weights are finer than logits."""
LEARN_STEP = {"bias": 6, "layer": 5}
"""Binary logarithm of one over the step of a bias, in logits."""
WEIGHT_STEPS = 2, 5, 14
"""How much finer than one over the mean square of all hidden units the step of the last layer's weights is, as a binary
logarithm, and its limits."""
TOP_LEARNT_BIAS = 1 << 24


def top_weight(units: int) -> int:
    """Largest learnt weight, so that a sum over `units` of them fits 32 bits."""
    return 1 << (23 - max(units - 1, 1).bit_length())


def bias_shift(artefact: Artefact) -> int:
    """How far ``gradient << LEARN_FRACTION`` (Q15) is shifted to the right for a bias, rounded down."""
    return 15 - artefact.logit_fraction + LEARN_STEP[artefact.learning]


def weight_shift(artefact: Artefact) -> int:
    """How far gradient (Q15) times z is shifted to the right for a weight, halves up."""
    before = artefact.modules[-2].after
    assert not isinstance(before, Output)
    return 15 - artefact.logit_fraction - LEARN_FRACTION + 2 * before.fraction + artefact.weight_step


def weight_step_for(z: np.ndarray, fraction: int) -> int:
    """The step with which a last layer learns from hidden integers like these, shape (n, units).

    Examples
    --------
    >>> import numpy as np
    >>> weight_step_for(np.full((4, 16), 32), 5), weight_step_for(np.full((4, 16), 64), 5)
    (6, 8)
    """
    finer, least, most = WEIGHT_STEPS
    energy = int((z.astype(np.int64) ** 2).sum()) / max(len(z), 1) * 4.0**-fraction
    return (
        min(max((int(np.frexp(2.0 * energy * energy)[1]) - 1) // 2 + finer, least), most) if energy else most
    )


@leaf
def learn_label(p, z, label, bias, out, bias_shift, weight_shift, top):
    """One integer step of the delta rule: what the label says less what was said."""
    for c in range(len(bias)):
        g = (Q15_ONE if c == label else 0) - p[c]
        b = g << LEARN_FRACTION
        b = b >> bias_shift if bias_shift >= 0 else b << -bias_shift
        bias[c] = min(max(bias[c] + b, -TOP_LEARNT_BIAS), TOP_LEARNT_BIAS)
        for j in range(out.shape[1]):
            out[c, j] = min(max(out[c, j] + shifted(g * z[j], weight_shift), -top), top)


@kernel
def _learn_on(op, slot, label, base, z, fraction, bias, out, shifts, top, powers, reciprocals, logits, p):
    # base: logits of the artefact as published; a label's event is that of its slot, as it was predicted
    for e in range(len(op)):
        s = slot[e]
        if op[e] == LEARN:
            learn_label(p[s], z[s], label[e], bias, out, shifts[0], shifts[1], top)
        elif op[e] == OBSERVE:
            for c in range(len(bias)):
                v = bias[c]
                for j in range(out.shape[1]):
                    v += out[c, j] * z[s, j]
                logits[s, c] = base[s, c] + (v >> LEARN_FRACTION)
            probabilities_of(logits[s], fraction, powers, reciprocals, p[s])


class Device:
    """A device that runs an artefact: state, and what it answers.

    Parameters
    ----------
    artefact : Artefact
    """

    def __init__(self, artefact: Artefact):
        self.artefact = artefact
        stage = artefact.stage
        self.spans = np.array(stage.spans, np.int64)
        self.mean = np.zeros((len(stage.spans), stage.sensors), np.int64)
        self.seen = np.zeros(stage.sensors, np.bool_)
        self.fade = np.zeros((len(HISTORY_SPANS), stage.classes), np.int64)
        self.last = np.full(1, -1, np.int64)
        units = artefact.modules[-2].units if artefact.learning == "layer" else 0
        self.bias = np.zeros(artefact.outputs, np.int64)
        self.out = np.zeros((artefact.outputs, units), np.int64)

    def update(self, artefact: Artefact) -> Device:
        """The device with a newer artefact for the same sensors: its context and label history go on, what the last
        layer learnt begins anew."""
        new = Device(artefact)
        new.mean, new.seen, new.fade, new.last = self.mean, self.seen, self.fade, self.last
        return new

    def inputs(
        self, op: np.ndarray, slot: np.ndarray, raw: np.ndarray, label: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the network reads of each event, int64, shape (n, inputs), and its category rows; arguments as of
        :meth:`run`. The context and the label history go on."""
        a = self.artefact
        order = slot[op == OBSERVE]
        v = np.zeros((len(raw), 1 + len(a.stage.spans), a.stage.sensors), np.int32)
        seen_in_order = np.ascontiguousarray(raw[order], np.int32)
        found = np.zeros((len(order), *v.shape[1:]), np.int32)
        context(seen_in_order, self.spans, self.mean, self.seen, found)
        v[order] = found
        history = np.zeros((len(raw), HISTORY_BLOCKS, a.stage.classes), np.int32)
        if a.stage.classes:
            _histories(op, slot, label, self.fade, self.last, history)
        x = a.stage.inputs(v, history).astype(np.int64)
        return x, a.stage.ids(np.ascontiguousarray(raw, np.int32))

    def run(
        self, op: np.ndarray, slot: np.ndarray, raw: np.ndarray, label: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Predict at OBSERVE, learn at LEARN, in their order.

        Parameters
        ----------
        op : ndarray of int8, shape (m,)
        slot : ndarray of int64, shape (m,)
            Row of `raw` of each operation; each is observed once, and learnt, if at all, later in this call.
        raw : ndarray of int32, shape (n, sensors)
            Observed in the order of `op`.
        label : ndarray of int64, shape (m,), optional
            Class numbers at LEARN.

        Returns
        -------
        logits : ndarray of int64, shape (n, outputs)
        proba : ndarray of int64, shape (n, outputs)
            Q15; zeros where a number is predicted.
        """
        a = self.artefact
        label = np.zeros(len(op), np.int64) if label is None else np.asarray(label, np.int64)
        x, ids = self.inputs(op, slot, raw, label)
        through = run_modules(a.modules, x, ids)
        base = through[-1]
        logits, p = base.copy(), np.zeros_like(base)
        if not a.classes:
            return logits, p
        z = through[-2] if len(through) > 1 else np.zeros((len(raw), 0), np.int64)
        fraction = a.logit_fraction
        if a.learning == "off":
            keep = op == OBSERVE
            shifts = np.zeros(2, np.int64)
            _learn_on(op[keep], slot[keep], label[keep], base, z, fraction, self.bias, self.out, shifts, 0,
                      POWERS, RECIPROCALS, logits, p)  # fmt: skip
        else:
            shifts = np.array([bias_shift(a), weight_shift(a) if a.learning == "layer" else 0], np.int64)
            top = top_weight(self.out.shape[1])
            _learn_on(op, slot, label, base, z, fraction, self.bias, self.out, shifts, top,
                      POWERS, RECIPROCALS, logits, p)  # fmt: skip
        return logits, p

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Logits of events that are observed one after another, shape (n, outputs)."""
        n = len(raw)
        return self.run(np.full(n, OBSERVE, np.int8), np.arange(n), raw)[0]


@kernel
def _histories(op, slot, label, fade, last, out):
    for e in range(len(op)):
        if op[e] == LEARN:
            note_label(label[e], fade, last)
        elif op[e] == OBSERVE:
            history_inputs(fade, last, out[slot[e]])
