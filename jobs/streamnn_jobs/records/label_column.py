"""Raw label values to numbers and back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from streamnn.kinds import MISFIT, Column, integer, name_of

from . import arrow

MOST_TARGET = 1e100
"""Targets beyond this are faults of the source: their squares would not be numbers any more."""
_TRUTH_OF = {"true": True, "false": False, "1": True, "0": False}
_KIND_WORDS = {
    "bool": "true and false",
    "int": "whole numbers",
    "text": "texts",
    "any": "whole numbers, texts and true/false",
}
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

    def encode(
        self, column: pa.Array | None, good: np.ndarray, ids: bool = False
    ) -> tuple[np.ndarray, dict[int, str]]:
        """Codes or targets of a column, and what is wrong with the rows that have neither.

        Parameters
        ----------
        column : pyarrow.Array or None
            None where the records have no such field.
        good : ndarray of bool
            Rows that count; only these bring new classes.
        ids : bool
            Whether texts of digits are whole numbers, too large for a float.

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
        return self._classes(column, good, ids)

    def objects(self, codes: np.ndarray) -> np.ndarray:
        """The label array of a chunk: targets, or the class values (None where there is none)."""
        if self.task == "regression":
            return codes
        return self._objects[np.where(np.isnan(codes), -1, codes).astype(np.intp)]

    def _targets(self, column: pa.Array, good: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
        bad: dict[int, str] = {}
        if arrow.kind_of(column.type) == "number":
            y = arrow.numbers(column)
        else:
            read = Column("number").read
            # a target may be a large integer: it is an amount, and no id
            cells = [
                read(v) if not isinstance(v, str) or (whole := integer(v.strip())) is None else float(whole)
                for v in column.to_pylist()
            ]
            reason = f"the label is {column.type}, not numbers as the task needs"
            bad = {i: reason for i, v in enumerate(cells) if v is MISFIT and good[i]}
            y = np.array([np.nan if v is None or v is MISFIT else v for v in cells], np.float64)
        for value in self.missing:
            if isinstance(value, (int, float)):
                y = np.where(y == float(value), np.nan, y)
        wild = np.abs(y) > MOST_TARGET
        bad |= {
            int(i): f"the label is {y[i]}, not a finite number of at most {MOST_TARGET:g} in magnitude"
            for i in np.flatnonzero(wild & good)
        }
        return np.where(wild, np.nan, y), bad

    def _classes(self, column: pa.Array, good: np.ndarray, ids: bool) -> tuple[np.ndarray, dict[int, str]]:
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if self.kind in (None, "int"):
            codes = self._whole(column, good)
            if codes is not None:
                return codes, {}
        values = column.to_pylist()
        bad: dict[int, str] = {}
        for i, v in enumerate(values):
            if v is None or v in self._codes:
                continue
            found = _class_of(v, "int" if ids and self.kind is None else self.kind)
            if found is None and v == v and good[i]:
                bad[i] = f"the label is {str(v)[:60]!r}, no class: {_KIND_WORDS[self.kind or 'any']} are"
            values[i] = found
        get = self._codes.get
        codes = np.array([get(v, -1.0) for v in values])
        fresh = np.flatnonzero((codes == -1.0) & good)
        if fresh.size:
            for i in fresh.tolist():
                if i in bad:
                    continue
                given = values[i]
                values[i] = _class_of(given, self.kind)  # the kind may be that of a class just before
                if values[i] is None:
                    bad[i] = (
                        f"the label is {str(given)[:60]!r}, no class: {_KIND_WORDS[self.kind or 'any']} are"
                    )
                elif values[i] in self._codes or len(self.values) < self.limit:
                    self._add(values[i])
                else:
                    self.full = True
                    bad[i] = (
                        f"the label {str(values[i])[:60]!r} would be one of more than {self.limit} classes"
                    )
            codes = np.array([get(v, -1.0) for v in values])
        return np.where(codes == -1.0, np.nan, codes), bad

    def _whole(self, column: pa.Array, good: np.ndarray) -> np.ndarray | None:
        """Codes of a column of whole numbers that are all known; None for any other."""
        if pa.types.is_integer(column.type) and column.null_count == 0:
            return self._known(column.to_numpy(zero_copy_only=False), good)
        if not pa.types.is_floating(column.type):
            return None
        raw = arrow.numbers(column)
        whole = np.isnan(raw) | ((np.trunc(raw) == raw) & ~np.isinf(raw))
        return self._known(raw, good) if whole[good].all() else None

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

    def _add(self, value: Any) -> None:
        if value in self._codes:
            return
        if self.kind is None:
            self.kind = _kind_of_value(value)
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


def _class_of(value: Any, kind: str | None) -> Any:
    """A label as a class of a kind, whatever it came in: 1, 1.0 and "1" are one class; None where it is none."""
    if isinstance(value, (float, Decimal)):
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):
            return None
        value = int(value)
    if kind is None or _kind_of_value(value) == kind:
        return value if isinstance(value, (bool, int, str)) else None
    if kind == "text":
        return name_of(value) if isinstance(value, (bool, int)) else None
    if isinstance(value, str):
        value = _TRUTH_OF.get(value.lower()) if kind == "bool" else integer(value.strip())
        return value
    if kind == "bool":
        return bool(value) if value in (0, 1) else None
    return int(value) if isinstance(value, bool) else None
