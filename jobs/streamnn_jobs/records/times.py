"""A column that says when something happened, of any type, as seconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from streamnn.errors import SchemaError
from streamnn.kinds.times import ALLOWED_TIMES, SIZE_LIMITS, SIZED_UNITS, counted, seconds

from . import arrow

_OWN_CLOCK = 1e8
"""A first number below this is no time of our days in any unit, but of a clock that begins anywhere."""
_EPOCH_MS = 1e11
"""From here on a number can be a time of our days in milliseconds or less."""
_UNIT_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class TimeColumn:
    """Reads a time column: time stamps, dates, ISO 8601 texts, numbers.

    The unit of a number is declared, or told by its own size: then a stream that goes over from seconds to milliseconds
    goes on. If the first numbers are too small to be a time of our days, all are seconds of a clock of its own, until one
    comes that can be nothing but milliseconds or less.

    Parameters
    ----------
    name : str
    unit : str
        ``auto`` or what :func:`streamnn.kinds.times.counted` takes.

    Examples
    --------
    >>> column = TimeColumn("at")
    >>> column.read(pa.array([1738540800000, None]))[0].tolist(), column.notes()
    ([1738540800.0, nan], ['at: numbers such as 1738540800000 are taken as milliseconds since 1970 (source.time_unit)'])
    >>> column.read(pa.array(["2025-02-03T00:00:00Z", "soon"]))[0].tolist()
    [1738540800.0, nan]
    """

    def __init__(self, name: str, unit: str = "auto"):
        self.name, self.unit = name, unit
        self._units: list[str] = []
        self._own_clock: bool | None = None
        self._largest = 0.0
        self._notes: list[str] = []

    def read(self, column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
        """Seconds, NaN where there is no time, and what is wrong with the values that are none.

        Returns
        -------
        seconds : ndarray of float64
        wrong : dict of int to str
            Row to reason, where there is a value that is no time.
        """
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        kind, t = column.type, pa.types
        if t.is_timestamp(kind):
            return self._counts(column, kind.unit), {}
        if t.is_date(kind):
            return self._counts(column, "d" if t.is_date32(kind) else "ms"), {}
        if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind):
            return self._cells(column.to_pylist())
        if t.is_union(kind):  # its kind was decided again within these rows
            return self._cells(column.to_pylist())
        if t.is_boolean(kind) or arrow.kind_of(kind) != "number":
            there = arrow.present(column)
            wrong = dict.fromkeys(
                np.flatnonzero(there).tolist(), f"of type {kind}, which is no time: {ALLOWED_TIMES}"
            )
            return np.full(len(column), np.nan), wrong
        return self._numbers(column)

    def notes(self) -> list[str]:
        """What has been found out since it was last asked, in words."""
        notes, self._notes = self._notes, []
        return notes

    @staticmethod
    def _counts(column: pa.Array, unit: str) -> np.ndarray:
        counts = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
        return np.where(arrow.present(column), counted(counts.fill_null(0).to_numpy(), unit), np.nan)

    def _cells(self, cells: list[Any]) -> tuple[np.ndarray, dict[int, str]]:
        """One by one: texts, and what a column of several types holds."""
        found, wrong = np.full(len(cells), np.nan), {}
        for i, cell in enumerate(cells):
            if cell is None or (isinstance(cell, str) and not cell.strip()):
                continue
            number = _number(cell)
            try:
                found[i] = seconds(cell) if number is None else self._scaled(number)[0]
            except SchemaError:
                wrong[i] = f"{str(cell)[:60]!r}, which is no time: {ALLOWED_TIMES}"
            else:
                if np.isinf(found[i]):
                    found[i], wrong[i] = np.nan, f"{cell}, not a finite number"
        return found, wrong

    def _numbers(self, column: pa.Array) -> tuple[np.ndarray, dict[int, str]]:
        floats = arrow.numbers(column)
        there = np.isfinite(floats)
        wrong = {i: f"{floats[i]}, not a finite number" for i in np.flatnonzero(np.isinf(floats)).tolist()}
        if pa.types.is_integer(column.type):  # nanoseconds have more digits than a float64
            values = column.fill_null(0).to_numpy(zero_copy_only=False)
        else:
            values = np.where(there, floats, 0.0)
        found = np.full(len(floats), np.nan)
        found[there] = self._scaled(values[there])
        return found, wrong

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        """Finite numbers as seconds."""
        if self.unit != "auto":
            return counted(values, self.unit)
        if not len(values):
            return np.zeros(0)
        out = values.astype(np.float64)
        size = np.abs(out)
        if self._own_clock is None:
            self._own_clock = bool(size[0] < _OWN_CLOCK)
        first = 0
        if self._own_clock:
            first = self._leaves_its_clock(size)
            self._told("s", values[0], "of a clock of its own")
        sizes = np.searchsorted(SIZE_LIMITS, size[first:], side="right")
        for k in np.unique(sizes).tolist():
            at, unit = np.flatnonzero(sizes == k) + first, SIZED_UNITS[k]
            out[at] = counted(values[at], unit)
            self._told(unit, values[at[0]], "since 1970")
        return out

    def _leaves_its_clock(self, size: np.ndarray) -> int:
        """From which number on they are no longer of a clock of its own; how many there are if they all are."""
        before = np.maximum.accumulate(np.concatenate([[self._largest], size]))
        leaves = np.flatnonzero((size >= _EPOCH_MS) & (before[:-1] < _OWN_CLOCK))
        if not len(leaves):
            self._largest = float(before[-1])
            return len(size)
        self._own_clock, self._largest = False, 0.0
        return int(leaves[0])

    def _told(self, unit: str, example: Any, since: str) -> None:
        if unit not in self._units:
            self._units.append(unit)
            self._notes.append(
                f"{self.name}: numbers such as {example} are taken as {_UNIT_WORDS[unit]} {since} (source.time_unit)"
            )

    def state(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"units": sorted(self._units), "own_clock": self._own_clock, "largest": self._largest}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self._units, self._own_clock = list(state["units"]), state["own_clock"]
        self._largest = float(state["largest"])


def _number(cell: Any) -> np.ndarray | None:
    """A finite number, written as one or as a text, as an array of one; None for anything else."""
    if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
        return None
    try:
        number = np.array(
            [
                cell
                if isinstance(cell, (int, float))
                else int(cell)
                if cell.strip("+- ").isdecimal()
                else float(cell)
            ]
        )
    except (ValueError, OverflowError):
        return None
    return number if number.dtype.kind in "iuf" and np.isfinite(number[0]) else None
