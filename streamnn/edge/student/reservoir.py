"""The last labelled events, as a device would have read them: what is replayed, and what ranges are searched on."""

from __future__ import annotations

import numpy as np

from ...stage import Stage, grown
from ..input_stage import HISTORY_BLOCKS
from ..integers import CONTEXT_FRACTION, NO_READING
from .sensing import moved

MOST_BYTES = 64_000_000


class Reservoir(Stage):
    """A ring of labelled events.

    Parameters
    ----------
    size : int
        Events, fewer where they are wide.
    blocks : int
        Readings of a sensor: itself and its running means.
    sensors : int
        Of the first event.
    """

    compiled = False

    def __init__(self, size: int, blocks: int, sensors: int) -> None:
        super().__init__("edge/reservoir")
        self.blocks = blocks
        self.size = max(64, min(size, MOST_BYTES // (4 * blocks * max(sensors, 1))))
        self.s = {
            "v": np.zeros((0, blocks, 0), np.int32),
            "history": np.zeros((0, HISTORY_BLOCKS, 0), np.int16),
            "label": np.zeros(0),
            "forecast": np.zeros((0, 0), np.float32),
            "ticket": np.zeros(0, np.int64),
            "learnt": np.zeros(1, np.int64),
        }

    @property
    def learnt(self) -> int:
        """Labels so far."""
        return int(self.s["learnt"][0])

    def widen(self, sensors: int, classes: int, outputs: int) -> None:
        """Make room for sensors and classes that have come since."""
        s, rows = self.s, self.size
        s["v"] = _filled(s["v"], (rows, self.blocks, sensors), NO_READING)
        s["history"] = grown(s["history"], rows, HISTORY_BLOCKS, classes)
        s["label"], s["ticket"] = grown(s["label"], rows), grown(s["ticket"], rows)
        s["forecast"] = grown(s["forecast"], rows, outputs)

    def shift_format(self, shift: np.ndarray) -> None:
        """Sensors got new formats."""
        self.s["v"] = shifted_readings(self.s["v"], shift)

    def change_units(self, shift: np.ndarray, began: int) -> None:
        """Events before `began` count in the units that hold since."""
        old = self.s["ticket"] < began
        self.s["v"][old] = shifted_readings(self.s["v"][old], shift)

    def add(
        self, v: np.ndarray, history: np.ndarray, label: np.ndarray, forecast: np.ndarray, ticket: np.ndarray
    ) -> None:
        """Labelled events, in the order in which their labels came."""
        s, n = self.s, len(label)
        rows = len(s["label"])
        at = ((self.learnt + np.arange(n)) % rows)[-rows:]
        given = {"v": v, "history": history, "label": label, "forecast": forecast, "ticket": ticket}
        for k, values in given.items():
            s[k][at] = values[-rows:]
        s["learnt"] += n

    def last(self, n: int) -> np.ndarray:
        """Places of the last `n` events, as far as they are kept, the oldest first."""
        rows = len(self.s["label"])
        n = min(n, rows, self.learnt)
        return (self.learnt - n + np.arange(n)) % max(rows, 1)


def readings(v: np.ndarray) -> np.ndarray:
    """Raw readings out of what the feature stage keeps of events, shape (n, blocks, sensors)."""
    return np.where(v[:, 0] == NO_READING, NO_READING, v[:, 0] >> CONTEXT_FRACTION).astype(np.int32)


def shifted_readings(v: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """The same readings in formats with so many more fraction bits, shape (n, blocks, sensors)."""
    if not shift.any():
        return v
    return np.where(v == NO_READING, v, moved(v.astype(np.int64), shift)).astype(np.int32)


def _filled(a: np.ndarray, shape: tuple[int, ...], value: int) -> np.ndarray:
    if a.shape == shape:
        return a
    out = np.full(shape, value, a.dtype)
    out[tuple(slice(0, n) for n in a.shape)] = a
    return out
