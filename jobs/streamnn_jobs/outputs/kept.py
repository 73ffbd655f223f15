"""Columns of the records that are written beside their predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from streamnn_connectors.base import Batch


def kept_columns(batch: Batch, position: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The columns `names` of the rows of a batch at `position`, as objects: None where there is no value.

    Examples
    --------
    >>> rows = pa.RecordBatch.from_pydict({"order": ["a", "b", None]})
    >>> kept_columns(Batch(rows, np.array([3, 4, 6]), {}), np.array([4, 6]), ["order", "shop"])
    {'order': array(['b', None], dtype=object), 'shop': array([None, None], dtype=object)}
    """
    at = pa.array(np.searchsorted(batch.position, position))
    out = {}
    for name in names:
        values = np.full(len(position), None, object)
        if name in batch.rows.schema.names:
            values[:] = [_plain(v) for v in batch.rows.column(name).take(at).to_pylist()]
        out[name] = values
    return out


def _plain(value: object) -> object:
    """A value as JSON and CSV have it: a whole number as one, and what is neither number nor text as text."""
    if isinstance(value, float):
        return None if value != value else int(value) if value.is_integer() and abs(value) < 2**53 else value
    return value if value is None or isinstance(value, bool | int | str) else str(value)
