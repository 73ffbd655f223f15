"""Integer rows of recorded streams, as a device's feature stage gives them: published now and then from the past alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow.parquet as pq
from _data import folder, load

from streamnn.edge.input_stage import INPUT_SPANS, InputStage, context
from streamnn.edge.integers import CONTEXT_FRACTION, INPUT_FRACTION, NO_READING
from streamnn.edge.sensors import fraction_for, to_raw

EARLY = (64, 128, 256, 512, 1000, 2000, 3500)
"""Events at which the stage is published before the schedule begins."""
WINDOW = 8192
SHIFT_BAND, MEAN_BAND = 0.75, 0.25
MOST_VALUES, MOST_ROWS, REPEATS = 128, 1024, 10
CLOCK_LOOK = 256


@dataclass(frozen=True, slots=True)
class IntegerRows:
    """A stream as integers.

    Parameters
    ----------
    name : str
    x : ndarray of int32, shape (n, width)
        Inputs, five fraction bits.
    ids : ndarray of int32, shape (n, k)
        Category rows, ended by -1.
    y : ndarray of int64, shape (n,)
    categories : int
        Category rows in all.
    every : int
        Events between two publications.
    """

    name: str
    x: np.ndarray
    ids: np.ndarray
    y: np.ndarray
    categories: int
    every: int

    @property
    def rows(self) -> np.ndarray:
        """Inputs as a float network reads them."""
        return np.ascontiguousarray(self.x, np.float32) * np.float32(2.0**-INPUT_FRACTION)

    @property
    def classes(self) -> int:
        """How many."""
        return int(self.y.max()) + 1


@dataclass
class _Publisher:
    d: int
    mean: np.ndarray = field(init=False)
    shift: np.ndarray = field(init=False)
    alive: np.ndarray = field(init=False)
    clock: np.ndarray = field(init=False)
    tables: list[dict[int, int]] = field(init=False)
    values: list[set[int]] = field(init=False)
    last: int = 0
    rows: int = 0

    def __post_init__(self) -> None:
        d = self.d
        self.mean, self.shift, self.clock = (np.zeros(d, np.int64) for _ in range(3))
        self.alive = np.zeros(d, np.bool_)
        self.tables, self.values = [{} for _ in range(d)], [set() for _ in range(d)]

    def publish(self, raw: np.ndarray, t: int) -> InputStage:
        """The stage from the events before t."""
        for c in range(self.d):
            self._look(c, raw[:t, c], t)
        self.last = t
        start = np.cumsum([0, *(len(v) for v in self.tables)])
        keys = [k for v in self.tables for k in sorted(v)]
        rows = [v[k] for v in self.tables for k in sorted(v)]
        on = np.concatenate([self.alive & (self.clock < 2), *[self.alive] * len(INPUT_SPANS)])
        return InputStage(INPUT_SPANS, self.mean.copy(), self.shift.copy(), on, start, np.array(keys, np.int64), np.array(rows, np.int64))  # fmt: skip

    def _look(self, c: int, r: np.ndarray, t: int) -> None:
        new = r[self.last :]
        old, new = r[: self.last][r[: self.last] != NO_READING], new[new != NO_READING]
        if t - self.last >= CLOCK_LOOK and self.clock[c] < 2 and len(old) and len(new):
            outside = ((new > old.max()) | (new < old.min())).mean() > 0.5
            self.clock[c] = self.clock[c] + 1 if outside else 0
        if len(self.values[c]) <= 400:
            self.values[c] |= set(np.unique(new).tolist())
        k = len(self.values[c])
        if self.clock[c] < 2 and 2 < k <= MOST_VALUES and REPEATS * k <= t:
            for v in sorted(self.values[c] - self.tables[c].keys()):
                if self.rows < MOST_ROWS:
                    self.tables[c][v] = self.rows
                    self.rows += 1
        else:
            self.tables[c] = {}
        recent = r[max(0, t - WINDOW) :].astype(np.float64)
        recent = recent[recent != NO_READING]
        deviation = recent.std() if len(recent) else 0.0
        if deviation <= 0:
            return
        place = np.log2(deviation)
        woken, self.alive[c] = not self.alive[c], True
        if woken or abs(place - self.shift[c] + CONTEXT_FRACTION - INPUT_FRACTION) > SHIFT_BAND:
            self.shift[c] = int(np.round(place)) + CONTEXT_FRACTION - INPUT_FRACTION
        mean = int(np.round(recent.mean() * 2.0**CONTEXT_FRACTION))
        if woken or abs(mean - self.mean[c]) > MEAN_BAND * 2.0 ** (self.shift[c] + INPUT_FRACTION):
            self.mean[c] = mean


def table(name: str) -> IntegerRows:
    """A table, its stage published at EARLY events and on schedule, each from the past alone."""
    stream = load(name)
    keep = stream.y >= 0
    values = np.stack(list(stream.columns.values()), 1)[keep]
    n, d = values.shape
    top = np.nanmax(np.abs(values), 0)
    whole = np.array([bool((v[np.isfinite(v)] % 1 == 0).all()) for v in values.T])
    raw = to_raw(values, np.array([fraction_for(a, b, 0) for a, b in zip(top, whole, strict=True)]))
    q = len(INPUT_SPANS)
    v = np.zeros((n, 1 + q, d), np.int32)
    context(raw, np.array(INPUT_SPANS), np.zeros((q, d), np.int64), np.zeros(d, np.bool_), v)
    every = 2500 if name == "noaa_weather" else 5000
    cuts = sorted({e for e in EARLY if e < every} | set(range(every, n, every)))
    x, ids, publisher = np.zeros((n, (1 + q) * d), np.int32), np.full((n, d), -1, np.int32), _Publisher(d)
    for a, b in zip(cuts, [*cuts[1:], n], strict=True):
        stage = publisher.publish(raw, a)
        x[a:b] = stage.inputs(v[a:b], np.zeros((b - a, 0, 0), np.int32))
        found = stage.ids(raw[a:b])
        order = np.argsort(found < 0, 1, kind="stable")  # those that are there first, in the order of sensors
        ids[a:b, : found.shape[1]] = np.take_along_axis(found, order, 1)
    widest = max(1, int((ids >= 0).sum(1).max()))
    return IntegerRows(name, x, np.ascontiguousarray(ids[:, :widest]), stream.y[keep], publisher.rows, every)


def mnist(events: int = 20000) -> IntegerRows:
    """Digits: pixels shifted to five fraction bits, so that zeros stay zeros."""
    t = pq.read_table(folder() / "mnist.parquet").slice(0, events)
    pixels = np.frombuffer(b"".join(t["image"].to_pylist()), np.uint8).reshape(events, 784).astype(np.int32)
    return IntegerRows("mnist", (pixels + 4) >> 3, np.full((events, 1), -1, np.int32), t["y"].to_numpy().astype(np.int64), 0, 5000)  # fmt: skip


def integer_rows(name: str) -> IntegerRows:
    """Rows of a stream by its name; "mnist" is the first 20,000 digits."""
    return mnist() if name == "mnist" else table(name)
