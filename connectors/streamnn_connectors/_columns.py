"""What sinks take: positions that never decrease, and columns instead of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamnn.errors import SinkError

Columns = Mapping[str, np.ndarray | list[Any]]
"""Records as one array or list a field, all of one length, ``position`` among them."""


def check_positions(positions: Sequence[Any] | np.ndarray, last: int, where: str) -> int:
    """The last of `positions`, which go on from `last`; SinkError when they are no integers or decrease."""
    if len(positions) == 0:
        return last
    if isinstance(positions, np.ndarray):
        whole = positions.dtype.kind in "iu"
    else:
        whole = all(isinstance(p, int | np.integer) and not isinstance(p, bool) for p in positions)
    if not whole:
        raise SinkError(f"{where}: a record has no integer 'position'. Every record needs one.")
    steps = np.diff(np.asarray(positions, dtype=np.int64), prepend=last)
    if steps.min() < 0:
        at = int(positions[int(np.argmin(steps >= 0))])
        raise SinkError(f"{where}: position {at} comes after a later one. Write records in their order.")
    return int(positions[-1])


def check_lengths(columns: Columns, where: str) -> int:
    """How many records `columns` hold; SinkError when ``position`` is missing or the lengths differ."""
    if "position" not in columns:
        raise SinkError(f"{where}: the column 'position' is missing. Every record needs one.")
    rows = len(columns["position"])
    for name, values in columns.items():
        if len(values) != rows:
            raise SinkError(f"{where}: column {name!r} has {len(values)} values, 'position' {rows}.")
    return rows


def column_lists(columns: Columns) -> dict[str, list[Any]]:
    """`columns` as lists of Python values."""
    return {name: c.tolist() if isinstance(c, np.ndarray) else list(c) for name, c in columns.items()}


def column_rows(columns: Columns) -> list[dict[str, Any]]:
    """`columns` as records."""
    lists = column_lists(columns)
    names = tuple(lists)
    return [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def json_value(value: Any) -> Any:
    """A numpy value as JSON can hold it; TypeError for what has no JSON form."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} has no JSON form")
