"""Nested values as columns: an object gives ``cart.price``, a list ``x[0]``, ``x[1]``, in JSON and Arrow alike.

A value nested too deep, a list with too many elements and a column with too many values in one record are left
out of that record and counted; no record is refused for them. Where two places of a record have one name, such as
``{"a.b": 1, "a": {"b": 2}}``, the one nested least that has a value counts.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from .base import MOST_DEPTH, MOST_ELEMENTS, MOST_VALUES
from .wanted import EVERYTHING, Wanted

_MOST_NEW = 10_000
"""Columns that one nested column of a batch gives."""

NESTED = frozenset((dict, list))
"""Types of nested values, as JSON is decoded."""
Left = Counter[str]
"""How often a column was left out, by its name."""
_Path = tuple[str | int, ...]


def flatten(row: dict[str, Any], wanted: Wanted = EVERYTHING, left: Left | None = None) -> dict[str, Any]:
    """The wanted values of a record by the names of their columns.

    Parameters
    ----------
    row : dict
        As JSON is decoded. Empty objects and lists give nothing.
    wanted : Wanted
    left : Counter, optional
        Counts what is left out.

    Examples
    --------
    >>> flatten({"id": 7, "cart": {"price": 2.5, "tags": ["a", None]}, "x": [[1], [2, 3]]})
    {'id': 7, 'cart.price': 2.5, 'cart.tags[0]': 'a', 'cart.tags[1]': None, 'x[0][0]': 1, 'x[1][0]': 2, 'x[1][1]': 3}
    >>> flatten({"a": 1, "meta": {"trace": "t1"}}, Wanted(ignore=["meta"]))
    {'a': 1}
    """
    if NESTED.isdisjoint(map(type, row.values())):
        if wanted.everything:
            return row
        return {name: value for name, value in row.items() if wanted.takes(name)}
    out: dict[str, Any] = {}
    places: dict[str, tuple[int, _Path]] = {}
    for name, value in row.items():
        if type(value) not in NESTED:
            leaves: list[tuple[str, _Path, Any]] = [(name, (name,), value)] if wanted.takes(name) else []
        else:
            leaves = _leaves(name, value, wanted, left)
        for leaf, path, cell in leaves:
            place = (len(path), path)
            if out.get(leaf) is None or (cell is not None and place < places[leaf]):
                out[leaf], places[leaf] = cell, place
    return out


def _leaves(top: str, value: Any, wanted: Wanted, left: Left | None) -> list[tuple[str, _Path, Any]]:
    """Name, path and value of what is wanted in a nested column, in the order of the record."""
    found: list[tuple[str, _Path, Any]] = []
    values = 0
    waiting: list[tuple[str, _Path, Any]] = [(top, (top,), value)]
    while waiting:
        name, path, at = waiting.pop()
        if type(at) not in NESTED:
            if wanted.takes(name):
                found.append((name, path, at))
                values += at is not None
            continue
        if not wanted.enters(name):
            continue
        if len(path) >= MOST_DEPTH or (type(at) is list and len(at) > MOST_ELEMENTS):
            if left is not None:
                left[name] += 1
            continue
        if type(at) is dict:
            below = [(f"{name}.{key}", (*path, key), cell) for key, cell in at.items()]
        else:
            below = [(f"{name}[{i}]", (*path, i), cell) for i, cell in enumerate(at)]
        waiting += reversed(below)
        if values > MOST_VALUES:
            break
    if values > MOST_VALUES:
        if left is not None:
            left[top] += 1
        return []
    return found


def is_nested(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds values by name or by number."""
    if isinstance(kind, pa.BaseExtensionType):
        return is_nested(kind.storage_type)
    return pt.is_struct(kind) or pt.is_map(kind) or _is_list(kind)


def flatten_batch(
    batch: pa.RecordBatch, wanted: Wanted = EVERYTHING, left: Left | None = None
) -> pa.RecordBatch:
    """What :func:`flatten` gives, for all rows of a batch: null where a row has no such value.

    Variable lists and maps give as many columns as the rows of the batch have need of.

    Examples
    --------
    >>> rows = pa.RecordBatch.from_pylist([{"id": 1, "x": [1.5]}, {"id": 2, "x": [2.5, 3.5]}])
    >>> flatten_batch(rows).to_pylist()
    [{'id': 1, 'x[0]': 1.5, 'x[1]': None}, {'id': 2, 'x[0]': 2.5, 'x[1]': 3.5}]
    """
    schema = batch.schema
    if wanted.everything and not any(is_nested(field.type) for field in schema):
        return batch
    out: dict[str, tuple[tuple[int, _Path], pa.Array]] = {}
    for name, column in zip(schema.names, batch.columns, strict=True):
        if not is_nested(column.type):
            leaves: list[tuple[str, _Path, pa.Array]] = (
                [(name, (name,), column)] if wanted.takes(name) else []
            )
        elif wanted.enters(name):
            leaves = _columns(name, column, wanted, left)
        else:
            leaves = []
        for leaf, path, cells in leaves:
            place = (len(path), path)
            if leaf not in out:
                out[leaf] = place, cells
                continue
            first, second = sorted([out[leaf], (place, cells)], key=lambda found: found[0])
            if first[1].type == second[1].type:
                first = first[0], pc.coalesce(first[1], second[1])
            elif left is not None:
                left[leaf] += 1
            out[leaf] = first
    if not out:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
    return pa.RecordBatch.from_pydict({name: cells for name, (_, cells) in out.items()})


def _columns(top: str, column: pa.Array, wanted: Wanted, left: Left | None) -> list[tuple[str, _Path, Any]]:
    """Name, path and cells of what is wanted in a nested column."""
    found: list[tuple[str, _Path, pa.Array]] = []
    waiting: list[tuple[str, _Path, pa.Array]] = [(top, (top,), column)]
    while waiting:
        name, path, at = waiting.pop()
        if isinstance(at.type, pa.BaseExtensionType) and is_nested(at.type):
            at = at.storage
        if not is_nested(at.type):
            if wanted.takes(name):
                found.append((name, path, at))
            continue
        if not wanted.enters(name):
            continue
        if len(path) >= MOST_DEPTH:
            if left is not None:
                left[name] += len(at) - at.null_count
            continue
        waiting += reversed(_below(name, path, at, left))
        if len(found) + len(waiting) > _MOST_NEW:
            if left is not None:
                left[top] += len(column) - column.null_count
            return []
    values = np.zeros(len(column), np.int64)
    for _, _, cells in found:
        values += cells.is_valid().to_numpy(zero_copy_only=False)
    over = values > MOST_VALUES
    if over.any():
        if left is not None:
            left[top] += int(over.sum())
        keep = pa.array(np.where(over, -1, np.arange(len(over))), pa.int64(), mask=over)
        found = [(name, path, cells.take(keep)) for name, path, cells in found]
    return found


def _below(name: str, path: _Path, at: pa.Array, left: Left | None) -> list[tuple[str, _Path, pa.Array]]:
    """What lies one step below an array."""
    if pt.is_struct(at.type):
        return [
            (f"{name}.{field.name}", (*path, field.name), cells)
            for field, cells in zip(at.type, at.flatten(), strict=True)
        ]
    start, size, values = _spans(at)
    if pt.is_map(at.type):
        return _entries(name, path, at, start, size)
    over = size > MOST_ELEMENTS
    if over.any():
        if left is not None:
            left[name] += int(over.sum())
        size = np.where(over, 0, size)
    most = int(size.max(initial=0))
    return [(f"{name}[{i}]", (*path, i), _take(values, start + i, size > i)) for i in range(most)]


def _entries(
    name: str, path: _Path, at: pa.Array, start: np.ndarray, size: np.ndarray
) -> list[tuple[str, _Path, pa.Array]]:
    """The entries of maps, key by key in the order first seen; of a key twice in a map the last counts."""
    rows = np.repeat(np.arange(len(size)), size)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
    entries = np.repeat(start, size) + within
    coded = at.keys.take(pa.array(entries, pa.int64())).cast(pa.string()).dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    cuts = np.searchsorted(codes[order], np.arange(len(coded.dictionary) + 1))
    found = []
    for k, key in enumerate(coded.dictionary.to_pylist()):
        mine = order[cuts[k] : cuts[k + 1]]
        index = np.full(len(size), -1, np.int64)
        index[rows[mine]] = entries[mine]
        found.append((f"{name}.{key}", (*path, key), _take(at.items, index, index >= 0)))
        if k >= _MOST_NEW:
            break
    return found


def _spans(at: pa.Array) -> tuple[np.ndarray, np.ndarray, pa.Array | None]:
    """Where the elements of each list begin among all values, how many there are (0 in a null), and the values."""
    n = len(at)
    if pt.is_fixed_size_list(at.type):
        start = (np.arange(n) + at.offset) * at.type.list_size
        size = np.full(n, at.type.list_size, np.int64)
    elif pt.is_list_view(at.type) or pt.is_large_list_view(at.type):
        start = at.offsets.to_numpy(zero_copy_only=False).astype(np.int64)[:n]
        size = at.sizes.to_numpy(zero_copy_only=False).astype(np.int64)
    else:
        offsets = at.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        start, size = offsets[:-1], np.diff(offsets)
    if at.null_count:
        size = np.where(at.is_valid().to_numpy(zero_copy_only=False), size, 0)
    return start, size, None if pt.is_map(at.type) else at.values


def _take(values: pa.Array, index: np.ndarray, there: np.ndarray) -> pa.Array:
    return values.take(pa.array(np.where(there, index, 0), pa.int64(), mask=~there))


def _is_list(kind: pa.DataType) -> bool:
    return (
        pt.is_list(kind)
        or pt.is_large_list(kind)
        or pt.is_fixed_size_list(kind)
        or pt.is_list_view(kind)
        or pt.is_large_list_view(kind)
    )
