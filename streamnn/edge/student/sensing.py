"""Records to raw sensor integers: the format of each column, and what is known of its values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._kernels.jit import kernel
from ...features.schema import Schema
from ...stage import Stage, grown
from ..integers import NO_READING
from ..sensors import LABEL_SENSOR, SENSOR_TOP, Sensor, fraction_for, to_raw

MOST_DISTINCT = 400
"""Distinct values beyond which a column is no category."""
RECENT = 8192
"""Observed events from which means and shifts are taken."""
RECENT_BYTES = 8_000_000
READINGS_BEFORE, FEWEST_READINGS, LEAST_BITS, AT_JUMP = 512, 32, 2, 48
"""Readings before a change of units with which those since are compared, how few of both are enough, and how many bits a
change of units is at least; of other sensors, readings on both sides that tell whether they changed too."""
LEAST_TOP = 1 << 8
"""A format whose largest reading is below this, of a column that is not whole, is too coarse."""


class Track(NamedTuple):
    """What has been seen of each sensor."""

    top: np.ndarray  # float64: largest size of a value since the format was declared
    whole: np.ndarray  # bool: all values were whole numbers
    low: np.ndarray  # int64: smallest reading before the last look for clocks
    high: np.ndarray
    new_low: np.ndarray  # int64: since that look
    new_high: np.ndarray
    readings: np.ndarray  # int64: since that look
    outside: np.ndarray  # int64: of these, outside of low .. high


_FAR = np.int64(1) << 40


@kernel
def _follow(values, raw, track):
    n, d = raw.shape
    for t in range(n):
        for c in range(d):
            if raw[t, c] == NO_READING:
                continue
            v, r = abs(values[t, c]), raw[t, c]
            track.top[c] = max(track.top[c], v)
            if v != np.floor(v):
                track.whole[c] = False
            track.readings[c] += 1
            if r < track.low[c] or r > track.high[c]:
                track.outside[c] += 1
            track.new_low[c] = min(track.new_low[c], r)
            track.new_high[c] = max(track.new_high[c], r)


@kernel
def _squares(recent, out):
    # count and sum of squares of each sensor: exact
    for t in range(recent.shape[0]):
        for c in range(recent.shape[1]):
            r = np.int64(recent[t, c])
            if r >= -SENSOR_TOP:
                out[c, 0] += 1
                out[c, 1] += r * r


def _jumped(before: np.ndarray, after: np.ndarray, bits: int) -> bool:
    """Whether the sizes of readings around a change are nearer to each other in units that differ by so many bits."""
    before, after = before[before >= -SENSOR_TOP][-AT_JUMP:], after[after >= -SENSOR_TOP][:AT_JUMP]
    if len(before) < AT_JUMP or len(after) < AT_JUMP:
        return False
    old, new = int(np.abs(before.astype(np.int64)).sum()), int(np.abs(after.astype(np.int64)).sum())
    return new**2 > old**2 << bits if bits > 0 else new**2 << -bits < old**2


class Sensing(Stage):
    """Columns to sensors.

    Parameters
    ----------
    fixed : mapping of str to int
        Fraction bits of columns whose format is declared.
    label : bool
        Whether the first sensor reads the last number that was known.
    """

    compiled = False

    def __init__(self, fixed: Mapping[str, int], label: bool) -> None:
        super().__init__("edge/sensing")
        self.fixed, self.label = dict(fixed), label
        self.schema = Schema()
        self.extent: list[np.ndarray | None] = []
        """Distinct readings of each sensor, ascending; None where they are too many."""
        self.redeclared = 0
        self.s = {
            "fraction": np.zeros(0, np.int64),
            "declared": np.zeros(0, np.bool_),
            "top": np.zeros(0),
            "whole": np.zeros(0, np.bool_),
            **{
                k: np.zeros(0, np.int64)
                for k in ("low", "high", "new_low", "new_high", "readings", "outside")
            },
            "recent": np.zeros((0, 0), np.int16),
            "observed": np.zeros(1, np.int64),
        }

    @property
    def count(self) -> int:
        """How many sensors."""
        return len(self.s["fraction"])

    @property
    def first(self) -> int:
        """How many sensors the first event brought: what is decided once goes by them."""
        return self.schema.first + self.label

    @property
    def read_so_far(self) -> int:
        """How many sensors have come: places behind them are kept for others, that a later event of a chunk may bring."""
        declared = np.flatnonzero(self.s["declared"])
        return max(self.first, int(declared[-1]) + 1 if len(declared) else 0)

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        """Names and formats; places that no column has yet have no name."""
        names = ([LABEL_SENSOR] if self.label else []) + self.schema.names
        names += [""] * (self.count - len(names))
        seen = np.maximum(self.s["high"], self.s["new_high"])[self.label :] + 1  # codes that were read so far
        codes = [()] * self.label + [
            tuple(c)[: max(int(n), 0)] for c, n in zip(self.schema.codes, seen, strict=False)
        ]
        codes += [()] * (self.count - len(codes))
        return tuple(Sensor(n, int(f), c) for n, f, c in zip(names, self.s["fraction"], codes, strict=True))

    def values(self, columns: Mapping[str, Any], n: int) -> np.ndarray:
        """Values of the schema's columns, float64, shape (n, width); registers new ones."""
        out = self.schema.encode(self.schema.prepare(columns, n), n)
        width = self.schema.width + self.label
        if width > self.count or not len(self.s["recent"]):
            self._grow(width)
        return out

    def _grow(self, width: int) -> None:
        s = self.s
        for k, v in s.items():
            if k == "recent":
                rows = len(v) or min(RECENT, RECENT_BYTES // (2 * max(self.first, 1)))
                wider = np.full((rows, width), -SENSOR_TOP - 1, np.int16)
                wider[: len(v), : v.shape[1]] = v
                s[k] = wider
            elif k != "observed":
                s[k] = grown(v, width)
        new = slice(len(self.extent), width)
        s["whole"][new], s["low"][new], s["new_low"][new] = True, _FAR, _FAR
        s["high"][new], s["new_high"][new] = -_FAR, -_FAR
        self.extent += [np.zeros(0, np.int64) for _ in range(width - len(self.extent))]

    def read(self, values: np.ndarray) -> np.ndarray:
        """Readings of observed events, shape (n, sensors); what they say of the sensors is taken in."""
        s = self.s
        for c in np.flatnonzero(~s["declared"]).tolist():
            finite = values[np.isfinite(values[:, c]), c]
            if len(finite):
                self._declare(c, abs(float(finite[0])), float(finite[0]).is_integer())
        raw = to_raw(values, s["fraction"])
        _follow(values, raw, Track(*(s[k] for k in Track._fields)))
        recent, n = s["recent"], len(raw)
        at = (s["observed"][0] + np.arange(n)) % len(recent)
        recent[at[-len(recent) :]] = np.where(raw == NO_READING, -SENSOR_TOP - 1, raw)[-len(recent) :]
        s["observed"] += n
        for c, known in enumerate(self.extent):
            if known is not None:
                there = raw[raw[:, c] != NO_READING, c]
                found = np.union1d(known, there)
                self.extent[c] = found if len(found) <= MOST_DISTINCT else None
        return raw

    def _declare(self, c: int, top: float, whole: bool) -> None:
        name = self.sensors[c].name
        self.s["declared"][c] = True
        self.s["fraction"][c] = self.fixed.get(name, fraction_for(top, whole))

    def redeclare(self) -> np.ndarray:
        """New formats where values outgrew the old one, or it is too coarse; by how many bits readings are to be shifted
        to the left, shape (sensors,)."""
        s = self.s
        shift = np.zeros(self.count, np.int64)
        for c in np.flatnonzero(s["declared"]).tolist():
            if self.sensors[c].name in self.fixed or s["top"][c] <= 0:
                continue
            top, whole, now = float(s["top"][c]), bool(s["whole"][c]), int(s["fraction"][c])
            largest = top * 2.0**now
            if largest > SENSOR_TOP or (not whole and largest < LEAST_TOP):
                shift[c] = fraction_for(top, whole) - now
        if shift.any():
            self._shift(shift)
            self.redeclared += 1
        return shift

    def _shift(self, shift: np.ndarray) -> None:
        s = self.s
        s["fraction"] += shift
        for k in ("low", "high", "new_low", "new_high"):
            far = np.abs(s[k]) == _FAR
            s[k] = np.where(far, s[k], moved(s[k], shift))
        recent = s["recent"].astype(np.int64)
        gone = recent == -SENSOR_TOP - 1
        s["recent"] = np.where(gone, recent, np.clip(moved(recent, shift), -SENSOR_TOP, SENSOR_TOP)).astype(
            np.int16
        )
        for c in np.flatnonzero(shift).tolist():
            known = self.extent[c]
            if known is not None:
                self.extent[c] = np.unique(np.clip(moved(known, shift[c]), -SENSOR_TOP, SENSOR_TOP))

    def changed_units(self, began: int) -> np.ndarray:
        """By how many bits readings grew at an observed event, shape (sensors,): 0 where it was by less than a factor of
        three or so, or too little is known."""
        observed = int(self.s["observed"][0])
        after = np.ascontiguousarray(self.last(observed - began))
        both = np.ascontiguousarray(self.last(observed - began + READINGS_BEFORE))
        found = np.zeros((2, self.count, 2), np.int64)
        _squares(both[: len(both) - len(after)], found[0])
        _squares(after, found[1])
        shift = np.zeros(self.count, np.int64)
        for c, ((n, before), (m, now)) in enumerate(zip(*found.tolist(), strict=True)):
            if min(n, m) >= FEWEST_READINGS and before and now:
                bits = int(np.frexp(now * n / (before * m))[1]) // 2
                shift[c] = bits if abs(bits) >= LEAST_BITS else 0
        if shift.any():
            found_bits, often = np.unique(shift[shift != 0], return_counts=True)
            usual = int(found_bits[often.argmax()])
            at = len(both) - len(after)
            for c in range(self.count):
                bits = int(shift[c]) or usual
                shift[c] = bits * _jumped(both[:at, c], after[:, c], bits)
        return shift

    def change_units(self, shift: np.ndarray, began: int) -> None:
        """What was read before an observed event counts in the units that hold since."""
        recent = self.s["recent"]
        self._shift(shift)
        self.s["fraction"] -= shift
        since = min(int(self.s["observed"][0]) - began, len(recent))
        at = (int(self.s["observed"][0]) - since + np.arange(since)) % len(recent)
        self.s["recent"][at] = recent[at]

    def last(self, n: int) -> np.ndarray:
        """Readings of the last `n` observed events, as far as they are kept; int16, missing ones below -SENSOR_TOP."""
        recent, observed = self.s["recent"], int(self.s["observed"][0])
        n = min(n, len(recent), observed)
        return recent[(observed - n + np.arange(n)) % len(recent)]

    def meta(self) -> dict[str, Any]:
        """What is no array, as JSON-able data."""
        return {"schema": self.schema.state(), "redeclared": self.redeclared}

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all leaves."""
        out = super().state_dict()
        sizes = np.array([-1 if e is None else len(e) for e in self.extent], np.int64)
        out[f"{self.name}/extent_sizes"] = sizes
        known = [e for e in self.extent if e is not None]
        out[f"{self.name}/extent"] = np.concatenate([np.zeros(0, np.int64), *known])
        return out

    def load(self, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """Take over what :meth:`state_dict` and :meth:`meta` gave."""
        self.schema.load(meta["schema"])
        self.redeclared = meta["redeclared"]
        mine = dict(arrays)
        sizes = mine.pop(f"{self.name}/extent_sizes")
        values, at = mine.pop(f"{self.name}/extent"), 0
        self._grow(len(sizes))
        self.load_state_dict(mine)
        self.extent = []
        for size in sizes.tolist():
            self.extent.append(None if size < 0 else values[at : at + size].copy())
            at += max(size, 0)


def moved(v: np.ndarray, shift: np.ndarray | np.integer | int) -> np.ndarray:
    """v times 2**shift, rounded down."""
    out: np.ndarray = np.where(np.asarray(shift) >= 0, v << np.maximum(shift, 0), v >> np.maximum(-shift, 0))
    return out
