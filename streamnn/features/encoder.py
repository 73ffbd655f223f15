"""One record into one row, without arrays on the way."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from datetime import date, datetime
from operator import itemgetter
from typing import Any

import numpy as np

from ..errors import SchemaError
from .schema import Schema

_EPOCH = datetime(1970, 1, 1)  # dates are numbers of seconds since then
_PLAIN_TYPES = frozenset(
    (float, int, bool, np.float64, np.float32, np.int64, np.int32, np.int16, np.int8, np.uint8, np.bool_)
)


def plain(name: Any, v: Any) -> float | str | None:
    """A value of a record as a number, a string or None.

    Raises
    ------
    SchemaError
        When it is none of numbers, strings, bools, dates and None.
    """
    if v is None or isinstance(v, str):
        return v
    if isinstance(v, (bool, int, float, np.number, np.bool_)):
        try:
            return float(v)
        except OverflowError:  # an integer beyond every float is as good as missing
            return float("inf") if v > 0 else float("-inf")
    if isinstance(v, date):
        at = v if isinstance(v, datetime) else datetime(v.year, v.month, v.day)
        return (at.replace(tzinfo=None) - _EPOCH).total_seconds()
    raise SchemaError(
        f"column {name!r} holds a {type(v).__name__}: allowed are numbers, strings, bools, dates and None"
    )


def columns_of(x: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """A record as columns of one value each.

    Raises
    ------
    SchemaError
        As :func:`plain`.

    Examples
    --------
    >>> columns_of({"a": 1, 2: "b"})
    {'a': array([1.]), '2': array(['b'], dtype=object)}
    """
    columns = {}
    for k, value in x.items():
        v = plain(k, value)
        columns[str(k)] = np.array([v]) if isinstance(v, float) else np.array([v], object)
    return columns


class Encoder:
    """Records of a schema's columns into one float64 row that stays where it is.

    Parameters
    ----------
    schema : Schema
        As it is now; when it has grown a new encoder is needed.
    """

    def __init__(self, schema: Schema) -> None:
        d = len(schema.names)
        self._schema = schema
        self.columns = d
        self.row = np.full((1, d), np.nan)
        self._values = self.row.reshape(-1).data.cast("B")
        self._pack = struct.Struct(f"{d}d").pack_into
        self._empty = self.row.tobytes()
        numbers = d > 1 and not any(schema.text) and not schema.categories
        self._get: Callable[[Any], tuple[Any, ...]] | None = itemgetter(*schema.names) if numbers else None

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
        if self._get is not None and type(x) is dict and len(x) == self.columns:
            try:
                values = self._get(x)
                if _PLAIN_TYPES.issuperset(map(type, values)):
                    self._pack(self._values, 0, *values)
                    return True
            except (KeyError, OverflowError, struct.error):
                pass
        return self._each(x, learn)

    def _each(self, x: Mapping[Any, Any], learn: bool) -> bool:
        schema = self._schema
        self._values[:] = self._empty
        row = self.row[0]
        for k, value in x.items():
            name = str(k)
            try:
                v = plain(name, value)
            except SchemaError:
                return False
            if name in schema.categories and isinstance(v, float):
                v = None if v != v else repr(v)
            if v is None or v != v:
                continue
            i = schema.place(name)
            if i is None:
                if learn:
                    return False
                continue
            if isinstance(v, str) != schema.text[i]:
                return False
            if isinstance(v, str):
                if learn and v not in schema.codes[i]:
                    return False
                v = schema.code(i, v)
            row[i] = v
        return True
