"""Records to raw sensor integers, by the formats of an artefact's sensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SchemaError
from ..features.calendar import calendar_columns, calendar_names
from ..kinds import array_seconds, duration, is_missing
from .sensors import Sensor, to_raw

Rows = Mapping[str, Any] | Sequence[Mapping[str, Any]] | np.ndarray


class Readings:
    """What sensors read of records.

    Parameters
    ----------
    sensors : tuple of Sensor

    Examples
    --------
    >>> Readings((Sensor("speed", 2), Sensor("gear", 0, ("low", "high")))).of({"speed": [1.5, None], "gear": ["high", "no"]})
    array([[          6,           1],
           [-1073741824, -1073741824]], dtype=int32)
    """

    def __init__(self, sensors: tuple[Sensor, ...]):
        self.sensors = sensors
        self.fraction = np.array([s.fraction for s in sensors], np.int64)
        self._codes = [{c: i for i, c in enumerate(s.codes)} for s in sensors]
        self._last_time: dict[str, float] = {}

    def of(self, rows: Rows) -> np.ndarray:
        """Raw integers of records.

        Parameters
        ----------
        rows : mapping of str to column, sequence of mappings, or ndarray of integers, shape (n, sensors)
            Columns by the sensors' names, and times by the names of columns of which sensors read parts. What is
            missing, or unknown to a sensor of names, is no reading. An array of integers is taken as it is.

        Returns
        -------
        ndarray of int32, shape (n, sensors)

        Raises
        ------
        SchemaError
            When rows are none of these, an array has not a column for each sensor or is not of integers, columns differ
            in length, or a value is no number.
        """
        if isinstance(rows, np.ndarray):
            return self._integers(rows)
        _check(rows)
        if not isinstance(rows, Mapping):
            names = dict.fromkeys(k for r in rows for k in r)
            rows, n = {k: [r.get(k) for r in rows] for k in names}, len(rows)
        else:
            n = len(next(iter(rows.values()), ()))
        for k, v in rows.items():
            if len(v) != n:
                raise SchemaError(
                    f"column {k!r} has {len(v)} values, others have {n}: give one for each event"
                )
        rows = {**rows, **self._times(rows)}
        values = np.full((n, len(self.sensors)), np.nan)
        for c, s in enumerate(self.sensors):
            if s.name in rows:
                values[:, c] = self._column(c, rows[s.name])
        return to_raw(values, self.fraction)

    def _integers(self, rows: np.ndarray) -> np.ndarray:
        if rows.ndim != 2 or rows.shape[1] != len(self.sensors) or rows.dtype.kind not in "iu":
            raise SchemaError(
                f"an array of {rows.dtype} of shape {rows.shape}: raw readings are integers of shape "
                f"(events, {len(self.sensors)}); give quantities as columns by name"
            )
        return np.ascontiguousarray(rows, np.int32)

    def _column(self, c: int, values: Any) -> np.ndarray:
        a = np.asarray(values)
        if a.dtype.kind in "fiub" and not self._codes[c]:
            return a.astype(np.float64)
        return np.array([self._value(c, v) for v in values], np.float64)

    def _value(self, c: int, v: Any) -> float:
        if is_missing(v):
            return np.nan
        if self._codes[c]:
            code = self._codes[c].get(v if isinstance(v, str) else str(v))
            return np.nan if code is None else float(code)
        try:
            return float(v)
        except (TypeError, ValueError):
            pass
        try:
            return duration(v)
        except SchemaError as e:
            raise SchemaError(f"sensor {self.sensors[c].name!r} reads numbers: {e}") from None

    def _times(self, rows: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Parts of times that sensors read, by the sensors' names."""
        wanted = {s.name for s in self.sensors} - set(rows)
        found: dict[str, np.ndarray] = {}
        for name, values in rows.items():
            parts = calendar_names(name)
            if wanted.isdisjoint(parts):
                continue
            at = array_seconds(values)
            columns, self._last_time[name] = calendar_columns(at, self._last_time.get(name, np.nan))
            found |= dict(zip(parts, columns.T, strict=True))
        return found


def _check(rows: Any) -> None:
    if isinstance(rows, Mapping):
        for k, v in rows.items():
            if isinstance(v, str) or not hasattr(v, "__len__"):
                raise SchemaError(f"column {k!r} is {v!r}: give a list, of one value for each event")
    elif (
        isinstance(rows, str)
        or not isinstance(rows, Sequence)
        or not all(isinstance(r, Mapping) for r in rows)
    ):
        raise SchemaError(f"rows are {repr(rows)[:60]}: give a list of dicts, a dict of lists, or an array")
