"""What the columns of a source were taken for: a table for a person, before anything is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from streamnn_connectors.base import Batch

from ..spec.job import JobSpec
from . import arrow
from .wanted import wanted_columns

MOST_EXAMPLES = 3


@dataclass(slots=True, frozen=True)
class ColumnRow:
    """A column, as the first records show it.

    Parameters
    ----------
    name : str
    kind : str
        One of :data:`streamnn.kinds.KINDS`, or ``"nothing"`` where all values are missing.
    why : str
        How that is known.
    missing : float
        Share of the records without a value, odd cells among them.
    examples : tuple of str
        Different values.
    use : str
        ``"feature"``, what role it has, or why it is left out.
    """

    name: str
    kind: str
    why: str
    missing: float
    examples: tuple[str, ...]
    use: str

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {k: getattr(self, k) for k in self.__slots__} | {"examples": list(self.examples)}


def describe_columns(
    spec: JobSpec, batch: Batch, dropped: Mapping[str, str] | None = None
) -> list[ColumnRow]:
    """A row a column, in the order of the source.

    Parameters
    ----------
    spec : JobSpec
        With the label filled in.
    batch : Batch
        The first records.
    dropped : mapping of str to str, optional
        Columns that the source leaves out, and their types.

    Examples
    --------
    >>> from streamnn_connectors import MemorySource
    >>> from streamnn_jobs.spec.load import make_spec
    >>> spec = make_spec({"source": {"path": "a.jsonl"}, "label": {"column": "y"}})
    >>> batch = MemorySource([{"price": 1.5, "y": 0}, {"price": "?", "y": 1}]).open("0").next_batch(10)
    >>> for row in describe_columns(spec, batch):
    ...     print(row.name, row.kind, row.missing, row.examples, row.use)
    price number 0.5 ('1.5',) feature
    y number 0.0 ('0', '1') label
    """
    wanted = wanted_columns(spec)
    role = {
        spec.label.key: "key",
        spec.label.time: "label time",
        spec.source.event_time: "event time",
        spec.label.column: "label",
    }
    rows = []
    for name, column in zip(batch.rows.schema.names, batch.rows.columns, strict=True):
        known = batch.columns.get(name)
        kind = known.kind if known is not None else arrow.kind_of(column.type) or "nothing"
        if column.null_count == len(column):
            kind = known.kind if known is not None else "nothing"
        missing = 1.0 - int(arrow.present(column).sum()) / max(len(column), 1)
        use = role.get(name) or (
            "feature" if wanted.takes(name) else "left out: features.ignore, features.include"
        )
        rows.append(
            ColumnRow(name, kind, "" if known is None else known.why, missing, _examples(column), use)
        )
    rows += [
        ColumnRow(n, "ignored", "", 0.0, (), "left out: features.ignore")
        for n in spec.features.ignore or ()
        if n not in batch.rows.schema.names
    ]
    rows += [
        ColumnRow(n, "ignored", f"its type, {t}", 0.0, (), "left out: binary")
        for n, t in (dropped or {}).items()
    ]
    rows += [
        ColumnRow(n, "ignored", "", 0.0, (), f"left out: too much in it in {c:,} records")
        for n, c in batch.left_out.items()
    ]
    return rows


def changed_kinds(rows: list[ColumnRow], learnt: Mapping[str, str]) -> list[str]:
    """Where the columns are not those of a checkpoint, in words.

    Examples
    --------
    >>> changed_kinds([ColumnRow("a", "text", "", 0.0, (), "feature")], {"a": "number", "b": "number"})
    ['a looks like a text here and was learnt as a number: it is read as a number', 'b was learnt and is not here']
    """
    here = {row.name: row.kind for row in rows if row.use == "feature"}
    said = [
        f"{name} looks like a {kind} here and was learnt as a {learnt[name]}: it is read as a {learnt[name]}"
        for name, kind in here.items()
        if name in learnt and learnt[name] != kind and kind != "nothing"
    ]
    said += [f"{name} is new: the checkpoint has not learnt it" for name in here if name not in learnt]
    return said + [f"{name} was learnt and is not here" for name in learnt if name not in here]


def _examples(column: pa.Array) -> tuple[str, ...]:
    if pa.types.is_union(column.type):
        found = [v for v in column.to_pylist() if v is not None]
    else:
        found = pc.unique(column.drop_null().slice(0, 100)).slice(0, MOST_EXAMPLES).to_pylist()
    return tuple(_shown(v) for v in dict.fromkeys(found[:MOST_EXAMPLES]))


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value).replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)
    return text if len(text) <= 24 else text[:21] + "..."
