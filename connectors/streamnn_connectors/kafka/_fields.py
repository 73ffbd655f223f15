"""What a message has beside its value, as columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa


@dataclass(slots=True, frozen=True)
class MessageFields:
    """Names of the columns that key, time and headers become; None or no entry for those not wanted.

    A column of that name in the value gives way. Bytes that are no UTF-8 are shown as ``\\xNN``.
    """

    key: str | None = None
    timestamp: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> bool:
        """Whether there are any."""
        return self.key is not None or self.timestamp is not None or bool(self.headers)

    def add(self, rows: pa.RecordBatch, records: list[Any], index: np.ndarray) -> pa.RecordBatch:
        """`rows` with these columns; row i belongs to ``records[index[i]]``."""
        columns: dict[str, pa.Array] = dict(zip(rows.schema.names, rows.columns, strict=True))
        messages = [records[i] for i in index.tolist()]
        if self.key is not None:
            columns[self.key] = pa.array([_text(m.key) for m in messages], pa.string())
        if self.timestamp is not None:
            columns[self.timestamp] = pa.array([m.timestamp for m in messages], pa.int64())
        for header, name in self.headers.items():
            found = [_text(dict(m.headers).get(header)) for m in messages]
            columns[name] = pa.array(found, pa.string())
        return pa.RecordBatch.from_pydict(columns)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")
