"""One record into one row, without arrays on the way."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import SchemaError
from ..kinds import LARGEST_EXACT, MISFIT, Column, is_missing, kind_of
from .calendar import CALENDAR_VALUES, calendar_row
from .schema import Input, Schema, agrees, plain

_PLAIN_TYPES = frozenset(
    (float, int, bool, np.float64, np.float32, np.int64, np.int32, np.int16, np.int8, np.uint8, np.bool_)
)
_AS_THEY_ARE = frozenset((float, int, bool, str))


def columns_of(x: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """A record as columns of one value each.

    Raises
    ------
    SchemaError
        When two of its names are the same text, or a value can't be one of a column.

    Examples
    --------
    >>> columns_of({"a": 1, 2: "b"})
    {'a': array([1.]), '2': array(['b'], dtype=object)}
    """
    columns: dict[str, np.ndarray] = {}
    for k, value in x.items():
        name = str(k)
        if name in columns:
            raise SchemaError(
                f"a row has two columns that are both named {name!r}, {k!r} one of them: rename one"
            )
        columns[name] = _column_of(name, value)
    return columns


def _column_of(name: str, value: Any) -> np.ndarray:
    if type(value) is int and abs(value) <= LARGEST_EXACT:
        return np.array([value], np.float64)
    if isinstance(value, (bool, np.bool_)):
        return np.array([value])
    if isinstance(value, (float, np.floating)):
        return np.array([value], np.float64)
    out = np.empty(1, object)
    out[0] = None if is_missing(value) else value
    try:
        kind_of(out[0])
    except SchemaError as error:
        raise SchemaError(f"column {name!r} {error}") from None
    return out


class Encoder:
    """Records of a schema's columns into one float64 row that stays where it is.

    Parameters
    ----------
    schema : Schema
        When it has become wider a new encoder is needed.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema, self._names = schema, schema.names
        self.width = schema.width
        self.row = np.full((1, schema.width), np.nan)
        self._values = self.row.reshape(-1).data.cast("B")
        self._empty = self.row.tobytes()
        self._look_over()

    def _look_over(self) -> None:
        """See whether all columns known are numbers: records of exactly these are written at once."""
        schema, d = self._schema, len(self._names)
        self._columns = d
        self._pack = struct.Struct(f"{d}d").pack_into
        placed = schema.placed
        names = [name for name, _ in placed]
        numbers = d > 1 and names == schema.names and all(i.how == "number" for _, i in placed)
        self._get: Callable[[Any], tuple[Any, ...]] | None = itemgetter(*names) if numbers else None
        self._open = not all(i.column.settled for _, i in placed)

    def write(self, x: Mapping[Any, Any], learn: bool) -> bool:
        """Write a record into the row; False if this schema does not hold it as it is: then ask the schema.

        Parameters
        ----------
        x : mapping
            Column names to values.
        learn : bool
            Columns and category values not known yet are to be registered (which is for the schema to do);
            otherwise they are left out.
        """
        if type(x) is dict and len(x) == len(self._names):
            if len(x) != self._columns:
                self._look_over()
            get = self._get
            if get is not None:
                try:
                    values = get(x)
                    # an integer that no float holds is none of these columns; NaN at the front fails here as well
                    exact = min(values) >= -LARGEST_EXACT and max(values) <= LARGEST_EXACT
                    if exact and _PLAIN_TYPES.issuperset(map(type, values)):
                        self._pack(self._values, 0, *values)
                        if learn and self._open:
                            self._count(values)
                        return True
                except (ArithmeticError, KeyError, TypeError, struct.error):
                    pass
        return self._each(x, learn)

    def _each(self, x: Mapping[Any, Any], learn: bool) -> bool:
        schema = self._schema
        if learn and not schema.started:
            return False
        self._values[:] = self._empty
        row = self.row[0]
        seen: list[Column] = []
        times: list[tuple[Input, float]] = []
        names = 0
        for k, value in x.items():
            name = k if type(k) is str else str(k)
            names += name is not k
            if is_missing(value):
                continue
            known = schema.inputs.get(name)
            if known is None:
                try:
                    kind_of(value)
                except SchemaError:
                    return False
                if learn:
                    return False
                continue
            column, i = known.column, known.place
            if type(value) not in _AS_THEY_ARE:
                value = plain(value)
            if isinstance(value, (bool, np.bool_)) and name not in schema.categories:
                value = float(value)
            try:
                if not column.settled:
                    if learn and not agrees(column, value):
                        return False
                    seen.append(column)
                v = column.read(value)
            except SchemaError:
                return False
            if v is None or v is MISFIT:
                continue
            if known.how == "text":
                if learn and v not in schema.codes[i]:
                    return False
                row[i] = schema.code(i, v)
            elif known.how == "time":
                row[i : i + CALENDAR_VALUES], last = calendar_row(v, known.last)
                times.append((known, last))
            else:
                row[i] = v
        if names and len({str(k) for k in x}) < len(x):
            return False
        if learn:
            for column in seen:
                column.count(True)
            for known, last in times:
                known.last = last
        return True

    def _count(self, values: tuple[Any, ...]) -> None:
        """Numbers of columns whose kind may still change."""
        columns = [i.column for _, i in self._schema.placed]
        for column, v in zip(columns, values, strict=True):
            if v == v:
                column.count(True)
        self._open = not all(column.settled for column in columns)
