"""The feature stage that is published: means and shifts with hysteresis, clocks, columns that wake, tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..._kernels.jit import kernel
from ...stage import Stage, grown
from ..input_stage import InputStage
from ..integers import CONTEXT_FRACTION, INPUT_FRACTION
from ..sensors import SENSOR_TOP
from .sensing import _FAR, Sensing, Track, moved

CLOCK_LOOK = 256
"""Readings between two looks for clocks."""
SHIFT_BAND = 2.0**1.5
"""A shift stays while the variance is within this factor of its square."""
MEAN_BAND = 0.25
"""A mean stays while it is within this many deviations."""
MOST_TABLE_VALUES, MOST_TABLE_ROWS, REPEATS = 128, 1024, 10
SMALLEST_SHIFT = -8
SPARSE_FROM = 128
"""Sensors beyond which a stream has no context, and is an image where most readings are 0."""


@kernel
def _moments(recent, out):
    # count, sum and sum of squares of each sensor: exact
    for c in range(recent.shape[1]):
        for k in range(4):
            out[c, k] = 0
        for t in range(recent.shape[0]):
            r = np.int64(recent[t, c])
            if r >= -SENSOR_TOP:
                out[c, 0] += 1
                out[c, 1] += r
                out[c, 2] += r * r
                out[c, 3] += 1 if r == 0 else 0


class Change(NamedTuple):
    """How inputs change: old z = factor * new z + offset (in units of z); factor 0: its weights begin at 0."""

    factor: np.ndarray  # float64, (sensors,)
    offset: np.ndarray

    @property
    def moved(self) -> bool:
        """Whether a sensor's unit changed."""
        return bool(((self.factor != 0) & (self.factor != 1)).any())


class StageFit(Stage):
    """The parameters in use, and from them the next ones."""

    compiled = False

    def __init__(self) -> None:
        super().__init__("edge/stage")
        self.sparse = False
        self.s = {
            "mean": np.zeros(0, np.int64),
            "scale": np.zeros(0, np.int64),
            "alive": np.zeros(0, np.bool_),
            "clock": np.zeros(0, np.int64),
            "keys": np.zeros((0, 3), np.int64),
            "rows": np.zeros(1, np.int64),
            "fitted": np.zeros(1, np.int64),
        }

    @property
    def rows(self) -> int:
        """Table rows given out; those of values that left a table are not given out again."""
        return int(self.s["rows"][0])

    def shift_format(self, shift: np.ndarray) -> None:
        """Sensors got new formats: the same function in the new readings."""
        s = self.s
        n = len(s["scale"])
        s["scale"] += shift[:n]
        s["mean"] = moved(s["mean"], shift[:n])
        s["keys"][:, 1] = moved(s["keys"][:, 1], shift[s["keys"][:, 0]] if len(s["keys"]) else 0)

    def fit(self, sensing: Sensing, since: int = 0) -> Change:
        """New parameters from the readings of the last events, from observed event `since` on."""
        s, d = self.s, sensing.read_so_far
        first = s["fitted"][0] == 0
        for k in ("mean", "scale", "alive", "clock"):
            s[k] = grown(s[k], d)
        factor, offset = np.ones(d), np.zeros(d)
        self._look_for_clocks(sensing, factor)
        observed = int(sensing.s["observed"][0])
        recent = np.ascontiguousarray(sensing.last(observed - since)[:, :d])
        found = np.zeros((d, 4), np.int64)
        _moments(recent, found)
        if first and sensing.first > SPARSE_FROM:
            self.sparse = 2 * int(found[:, 3].sum()) > int(found[:, 0].sum())
        if self.sparse:
            self._fit_sparse(sensing, found, factor)
        else:
            self._fit_dense(found, factor, offset, bool(first))
            self._tables(sensing)
        s["fitted"][0] = 1
        return Change(factor, offset)

    def _look_for_clocks(self, sensing: Sensing, factor: np.ndarray) -> None:
        """A column that leaves its past range most of the time, twice running, only counts up."""
        s = self.s
        t = {k: sensing.s[k][: len(factor)] for k in Track._fields}  # views
        look = t["readings"] >= CLOCK_LOOK
        known = look & (t["low"] < _FAR) & (s["clock"] < 2)
        out = 2 * t["outside"] > t["readings"]
        s["clock"] = np.where(known, np.where(out, s["clock"] + 1, 0), s["clock"])
        factor[known & (s["clock"] == 2)] = 0.0
        fresh = look | (s["fitted"][0] == 0)
        t["low"][:] = np.where(fresh, np.minimum(t["low"], t["new_low"]), t["low"])
        t["high"][:] = np.where(fresh, np.maximum(t["high"], t["new_high"]), t["high"])
        for k, v in (("new_low", _FAR), ("new_high", -_FAR), ("readings", 0), ("outside", 0)):
            t[k][:] = np.where(fresh, v, t[k])

    def _fit_dense(self, found: np.ndarray, factor: np.ndarray, offset: np.ndarray, first: bool) -> None:
        s = self.s
        for c in range(len(found)):
            n, total, squares = (int(v) for v in found[c, :3])
            above = n * squares - total * total  # n**2 times the variance, exact
            if n == 0 or above <= 0:
                continue
            variance = above / (n * n)
            exponent = int(
                np.frexp(variance)[1]
            )  # the variance is below 2**exponent, and not below half of it
            scale = max(exponent // 2, SMALLEST_SHIFT)  # the nearest power of two of the deviation
            old, woken = int(s["scale"][c]), not s["alive"][c]
            s["alive"][c] = True
            if not woken and 4.0**old / SHIFT_BAND <= variance <= 4.0**old * SHIFT_BAND:
                scale = old
            mean = (2 * (total << CONTEXT_FRACTION) + n) // (2 * n)
            if not woken and abs(mean - int(s["mean"][c])) <= MEAN_BAND * 2.0 ** (scale + CONTEXT_FRACTION):
                mean = int(s["mean"][c])
            if woken:
                factor[c] = 0.0 if not first else 1.0
            elif factor[c] > 0:
                factor[c] = 2.0 ** (scale - old)
                offset[c] = (mean - int(s["mean"][c])) / 2.0 ** (old + CONTEXT_FRACTION)
            s["mean"][c], s["scale"][c] = mean, scale

    def _fit_sparse(self, sensing: Sensing, found: np.ndarray, factor: np.ndarray) -> None:
        # raw values of which the largest is about 1: zeros stay zeros, and cost nothing
        s, t = self.s, sensing.s
        top = int(
            max(
                np.abs(t["low"][t["low"] < _FAR]).max(initial=1),
                np.abs(t["high"][t["high"] > -_FAR]).max(initial=1),
            )
        )
        old = int(s["scale"].max(initial=0))
        s["scale"][:] = top.bit_length()
        moves = (found[:, 0] > 0) & (found[:, 0] * found[:, 2] > found[:, 1] ** 2)
        woken = moves & ~s["alive"]
        s["alive"] |= moves
        if s["fitted"][0]:
            factor[:] = 2.0 ** (top.bit_length() - old)
            factor[woken] = 0.0

    def _tables(self, sensing: Sensing) -> None:
        s = self.s
        known: dict[tuple[int, int], int] = {(int(c), int(v)): int(r) for c, v, r in s["keys"]}
        rows, observed, keys = self.rows, int(sensing.s["observed"][0]), []
        for c, extent in enumerate(sensing.extent[: len(s["clock"])]):
            if s["clock"][c] >= 2 or extent is None:
                continue
            if not 2 < len(extent) <= MOST_TABLE_VALUES or REPEATS * len(extent) > observed:
                continue
            for v in extent.tolist():
                row = known.get((c, v))
                if row is None and rows < MOST_TABLE_ROWS:
                    row, rows = rows, rows + 1
                if row is not None:
                    keys.append((c, v, row))
        s["keys"], s["rows"][0] = np.array(keys, np.int64).reshape(-1, 3), rows

    def stage(self, spans: tuple[int, ...], classes: int) -> InputStage:
        """The parameters as they are published."""
        s = self.s
        d = len(s["mean"])
        on = np.concatenate([s["alive"] & (s["clock"] < 2), *[s["alive"]] * len(spans)])
        start = np.searchsorted(s["keys"][:, 0], np.arange(d + 1)) if len(s["keys"]) else np.zeros(d + 1)
        return InputStage(
            spans,
            s["mean"].copy(),
            s["scale"] + CONTEXT_FRACTION - INPUT_FRACTION,
            on,
            start.astype(np.int64),
            s["keys"][:, 1].copy(),
            s["keys"][:, 2].copy(),
            classes,
        )
