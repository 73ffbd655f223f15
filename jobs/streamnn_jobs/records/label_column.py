"""Raw label values to numbers and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from . import arrow

MOST_TARGET = 1e100
"""Targets beyond this are faults of the source: their squares would not be numbers any more."""
_KIND_WORDS = {"bool": "true or false", "int": "whole numbers", "text": "text", "number": "numbers"}
"""What a label column of each kind holds, for messages."""


class Labels:
    """The label column of a job: targets as they are, classes as codes in the order first seen.

    Parameters
    ----------
    task : str
        ``"classification"`` or ``"regression"``.
    missing : list
        Values that mean: no label.
    declared : list
        Classes known beforehand.
    limit : int
        Most classes; a record with a further one is a bad record.

    Examples
    --------
    >>> labels = Labels("classification", missing=[-1])
    >>> codes, bad = labels.encode(pa.array([7, 3, -1, None, 7]), np.ones(5, bool))
    >>> codes.tolist(), labels.values
    ([0.0, 1.0, nan, nan, 0.0], [7, 3])
    """

    def __init__(
        self, task: str, missing: list[Any] | None = None, declared: list[Any] | None = None, limit: int = 256
    ):
        self.task = task
        self.limit = limit
        self.missing = list(missing or [])
        self.kind: str | None = None if task == "classification" else "number"
        self.values: list[Any] = []
        self._codes: dict[Any, float]
        self.full = False
        """Whether a record was refused because there are too many classes."""
        for value in (declared or ()) if task == "classification" else ():
            if value not in self.values:
                self.kind = _kind_of_value(value)
                self.values.append(value)
        self._reset()

    def encode(self, column: pa.Array | None, good: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
        """Codes or targets of a column, and what is wrong with the rows that have neither.

        Parameters
        ----------
        column : pyarrow.Array or None
            None where the records have no such field.
        good : ndarray of bool
            Rows that count; only these bring new classes.

        Returns
        -------
        codes : ndarray of float64
            NaN where there is no label.
        bad : dict of int to str
            Row to reason.
        """
        n = len(good)
        if column is None or arrow.kind_of(column.type) == "null":
            return np.full(n, np.nan), {}
        if self.task == "regression":
            return self._targets(column, good)
        return self._classes(column, good)

    def objects(self, codes: np.ndarray) -> np.ndarray:
        """The label array of a chunk: targets, or the class values (None where there is none)."""
        if self.task == "regression":
            return codes
        return self._objects[np.where(np.isnan(codes), -1, codes).astype(np.intp)]

    def _targets(self, column: pa.Array, good: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
        if arrow.kind_of(column.type) != "number":
            return self._none_of(column, good, "numbers")
        y = arrow.numbers(column)
        for value in self.missing:
            if isinstance(value, (int, float)):
                y = np.where(y == float(value), np.nan, y)
        wild = np.abs(y) > MOST_TARGET
        bad = {
            int(i): f"the label is {y[i]}, not a finite number of at most {MOST_TARGET:g} in magnitude"
            for i in np.flatnonzero(wild & good)
        }
        return np.where(wild, np.nan, y), bad

    def _classes(self, column: pa.Array, good: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
        kind = _class_kind(column.type)
        if kind is None or (self.kind is not None and kind != self.kind):
            missing = set(map(str, self.missing))
            if kind == "text" and missing:  # "NA" among numbers
                found = [None if v in missing else v for v in arrow.texts(column)]
                column = pa.array(found, pa.string())
            return self._none_of(column, good, _KIND_WORDS[self.kind or "int"])
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        values: list[Any] = []
        bad: dict[int, str] = {}
        if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
            raw = arrow.numbers(column)
            whole = np.isnan(raw) | ((np.trunc(raw) == raw) & ~np.isinf(raw))
            bad = {
                int(i): f"the label is {raw[i]}, no class: whole numbers, text or true/false are"
                for i in np.flatnonzero(~whole & good)
            }
            codes = self._known(raw, whole & good)
            if codes is not None:
                return codes, bad
            values = [None if np.isnan(v) or not ok else int(v) for v, ok in zip(raw, whole, strict=True)]
        elif pa.types.is_integer(column.type) and column.null_count == 0:
            raw = column.to_numpy(zero_copy_only=False)
            codes = self._known(raw, good)
            if codes is not None:
                return codes, bad
            values = raw.tolist()
        else:
            values = column.to_pylist()
        get = self._codes.get
        codes = np.array([get(v, -1.0) for v in values])
        fresh = np.flatnonzero((codes == -1.0) & good)
        if fresh.size:
            for i in fresh.tolist():
                if values[i] in self._codes or len(self.values) < self.limit:
                    self._add(kind, values[i])
                else:
                    self.full = True
                    bad[i] = (
                        f"the label {str(values[i])[:60]!r} would be one of more than {self.limit} classes"
                    )
            codes = np.array([get(v, -1.0) for v in values])
        return np.where(codes == -1.0, np.nan, codes), bad

    def _known(self, raw: np.ndarray, use: np.ndarray) -> np.ndarray | None:
        """Codes of whole numbers, a look-up for each different one; None where one of them is new."""
        if raw.dtype.kind == "f":
            use = use & ~np.isnan(raw)
        found, which = np.unique(raw[use], return_inverse=True)
        known = np.array([self._codes.get(int(v), -1.0) for v in found.tolist()])
        if -1.0 in known:
            return None
        codes = np.full(len(raw), np.nan)
        if known.size:
            codes[use] = known[which]
        return codes

    def _none_of(self, column: pa.Array, good: np.ndarray, wanted: str) -> tuple[np.ndarray, dict[int, str]]:
        rows = np.flatnonzero(arrow.present(column) & good)
        reason = f"the label is {column.type}, not {wanted} as in the records before it or as the task needs"
        return np.full(len(column), np.nan), {int(i): reason for i in rows}

    def _add(self, kind: str, value: Any) -> None:
        if value in self._codes:
            return
        self.kind = kind
        self._codes[value] = float(len(self.values))
        self.values.append(value)
        self._objects = np.array([*self.values, None], object)

    def _reset(self) -> None:
        self._codes = {v: float(i) for i, v in enumerate(self.values)}
        self._codes.update({v: float("nan") for v in [None, *self.missing]})
        self._objects = np.empty(len(self.values) + 1, object)
        self._objects[:] = [*self.values, None]

    def state(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {"kind": self.kind, "values": list(self.values)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.kind, self.values = state["kind"], list(state["values"])
        self._reset()


def _kind_of_value(value: Any) -> str:
    return "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "int"


def _class_kind(kind: pa.DataType) -> str | None:
    t = pa.types
    if t.is_dictionary(kind):
        return _class_kind(kind.value_type)
    if t.is_boolean(kind):
        return "bool"
    if t.is_timestamp(kind) or t.is_date(kind):
        return None
    found = arrow.kind_of(kind)
    return "int" if found == "number" else found
