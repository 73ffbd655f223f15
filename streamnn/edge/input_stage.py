"""The integer feature stage: raw sensor integers to the integers that a network reads, the same while learning and on
the device.

What the device keeps is in raw units and independent of any model: for each sensor its running means (8 fraction bits)
at power-of-two rates. So a new artefact goes on with the old context.

    V = [ r << 8 | (r << 8) - E_q ... ]        E_q += rounded((r << 8) - E_q, span_q)
    z = clip(rounded(V - mean, shift), -127, 127), mean 0 of the context

Means and shifts are frozen between publications. A sensor whose values repeat is looked up in a table, frozen too: a
value that is not in it has no row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._kernels.jit import kernel, leaf
from .integers import CONTEXT_FRACTION, INPUT_TOP, NO_READING, shifted

INPUT_SPANS = (2, 5)
"""Binary logarithms of how many events a running mean reaches back."""
HISTORY_SPANS = (2, 5)
"""Of the running means of known labels."""
HISTORY_FRACTION = 7
HISTORY_BLOCKS = 1 + len(HISTORY_SPANS)
_HISTORY_STATE_FRACTION = 15


@leaf
def context_row(raw, spans, mean, seen, out):
    """One event: out[q, c] is what sensor c reads, less its running mean q - 1 of it."""
    for c in range(len(raw)):
        if raw[c] == NO_READING:
            for q in range(1 + len(spans)):
                out[q, c] = NO_READING
            continue
        r = np.int64(raw[c]) << CONTEXT_FRACTION
        out[0, c] = r
        for q in range(len(spans)):
            if not seen[c]:
                mean[q, c] = r
            e = r - mean[q, c]
            out[1 + q, c] = e
            mean[q, c] += shifted(e, spans[q])
        seen[c] = True


@kernel
def context(raw, spans, mean, seen, out):
    """Go on with the running means; what is written to out[t] stands for event t, in raw units.

    Parameters
    ----------
    raw : ndarray of int32, shape (n, d)
    spans : ndarray of int64, shape (Q,)
    mean : ndarray of int64, shape (Q, d)
    seen : ndarray of bool, shape (d,)
    out : ndarray of int32, shape (n, 1 + Q, d)
    """
    for t in range(len(raw)):
        context_row(raw[t], spans, mean, seen, out[t])


@kernel
def _standardise(v, mean, shift, on, out):
    n, d = v.shape[0], len(mean)
    for t in range(n):
        for k in range(v.shape[1]):
            if v[t, k] == NO_READING or not on[k]:
                out[t, k] = 0
                continue
            c = k % d
            z = shifted(np.int64(v[t, k]) - (mean[c] if k < d else 0), shift[c])
            out[t, k] = min(max(z, -INPUT_TOP), INPUT_TOP)


@kernel
def _look_up(raw, start, keys, rows, out):
    # rows of the sensors that have a table and a value that is in it, then -1
    for t in range(len(raw)):
        at = 0
        for c in range(raw.shape[1]):
            if start[c + 1] == start[c]:
                continue
            low, high = start[c], start[c + 1]
            while low < high:
                middle = (low + high) >> 1
                if keys[middle] < raw[t, c]:
                    low = middle + 1
                else:
                    high = middle
            if low < start[c + 1] and keys[low] == raw[t, c]:
                out[t, at] = rows[low]
                at += 1


@leaf
def note_label(c, fade, last):
    """A label became known: class c. fade: int64, shape (spans, classes), 15 fraction bits; last: int64, shape (1,)."""
    last[0] = c
    for q in range(len(fade)):
        for k in range(fade.shape[1]):
            hot = np.int64(1) << _HISTORY_STATE_FRACTION if k == c else np.int64(0)
            fade[q, k] += shifted(hot - fade[q, k], HISTORY_SPANS[q])


@leaf
def history_inputs(fade, last, out):
    """What a network reads of the known labels: the last one, and their running means, seven fraction bits.

    out: shape (HISTORY_BLOCKS, classes).
    """
    for k in range(fade.shape[1]):
        out[0, k] = 127 if k == last[0] else 0
        for q in range(len(fade)):
            out[1 + q, k] = min(fade[q, k], (1 << _HISTORY_STATE_FRACTION) - 1) >> 8


@dataclass(frozen=True, slots=True)
class InputStage:
    """Frozen parameters of the stage.

    Parameters
    ----------
    spans : tuple of int
        Of the running means; none, and a sensor has no context.
    mean : ndarray of int64, shape (d,)
        Raw units, 8 fraction bits.
    shift : ndarray of int64, shape (d,)
        How far V - mean is shifted to the right.
    on : ndarray of bool, shape (d * (1 + spans),)
        Which inputs are read at all: not those of a sensor that never moved, nor a clock in absolute form.
    key_start : ndarray of int64, shape (d + 1,)
        Where each sensor's table begins in `keys`; sensors without one have an empty range.
    keys : ndarray of int64, shape (k,)
        Raw values, ascending within each sensor.
    rows : ndarray of int64, shape (k,)
        Their rows in the first module's table.
    classes : int
        Classes whose label history is read, 0 for none: after the sensors' inputs come the last known label (127 for
        its class) and its running means, 7 fraction bits.
    """

    spans: tuple[int, ...]
    mean: np.ndarray
    shift: np.ndarray
    on: np.ndarray
    key_start: np.ndarray
    keys: np.ndarray
    rows: np.ndarray
    classes: int = 0

    @property
    def sensors(self) -> int:
        """How many sensors it reads."""
        return len(self.mean)

    @property
    def sensed(self) -> int:
        """Inputs that sensors become."""
        return self.sensors * (1 + len(self.spans))

    @property
    def width(self) -> int:
        """Inputs of the network."""
        return self.sensed + HISTORY_BLOCKS * self.classes

    @property
    def tables(self) -> int:
        """How many sensors are looked up."""
        return int((np.diff(self.key_start) > 0).sum())

    def inputs(self, v: np.ndarray, history: np.ndarray) -> np.ndarray:
        """Integer inputs of the network.

        Parameters
        ----------
        v : ndarray of int32, shape (n, 1 + spans, sensors)
            What :func:`context` wrote.
        history : ndarray of int, shape (n, HISTORY_BLOCKS, classes)

        Returns
        -------
        ndarray of int32, shape (n, width)
        """
        out = np.zeros((len(v), self.width), np.int32)
        _standardise(v.reshape(len(v), self.sensed), self.mean, self.shift, self.on, out[:, : self.sensed])
        out[:, self.sensed :] = history.reshape(len(v), -1)
        return out

    def ids(self, raw: np.ndarray) -> np.ndarray:
        """Category rows, shape (n, tables), -1 for none."""
        out = np.full((len(raw), self.tables), -1, np.int32)
        _look_up(raw, self.key_start, self.keys, self.rows, out)
        return out
