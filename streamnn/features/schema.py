"""Names to columns, append-only; strings to category codes, append-only and bounded."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import SchemaError

OWN_CODES, HASHED_CODES = 336, 64
"""Category values of a text column with a code of their own; further ones share this many hashed codes."""

_TEXT = {str, type(None)}
"""Types of the values of a text column; strings of derived types are taken too, less quickly."""
_NAN = float("nan")


class Schema:
    """The feature map of a learner.

    A column is registered when it first has a value; columns first seen in the same event are registered in
    the order of their names, so neither the order of a record's fields nor the cutting into chunks matters.

    Parameters
    ----------
    max_columns : int
        Columns beyond this are ignored and counted.
    categories : sequence of str
        Number columns whose values are names: each gets its own code, none is a quantity.

    Examples
    --------
    >>> import numpy as np
    >>> s = Schema()
    >>> s.encode(s.prepare({"b": [1, 2], "a": np.array(["x", None], object)}, 2), 2).tolist()
    [[0.0, 1.0], [nan, 2.0]]
    >>> s.names
    ['a', 'b']
    """

    def __init__(self, max_columns: int = 4096, categories: Sequence[str] = ()):
        self.max_columns = max_columns
        self.categories = frozenset(categories)
        self.names: list[str] = []
        self.text: list[bool] = []
        self.codes: list[dict[str, int]] = []
        self.first = 0  # columns of the first event
        self.refused: int = 0  # values of columns beyond max_columns
        self._index: dict[str, int] = {}
        self._started = False

    def prepare(self, columns: Mapping[str, Any], n: int) -> dict[str, np.ndarray]:
        """Columns as float64 or object arrays of length n, checked against what is known. Changes nothing.

        Raises
        ------
        SchemaError
            When a column has another length, holds neither numbers nor strings, or changes between the two.
        """
        return {str(name): self._prepared(str(name), v, n) for name, v in columns.items()}

    def _prepared(self, name: str, values: Any, n: int) -> np.ndarray:
        v = np.asarray(values)
        if v.shape != (n,):
            raise SchemaError(
                f"column {name!r} has shape {v.shape}, expected ({n},): one value an event observed"
            )
        if v.dtype.kind == "M":
            v = np.where(np.isnat(v), np.nan, v.astype("datetime64[us]").astype(np.int64) / 1e6)
        elif v.dtype.kind in "fiub":
            v = v.astype(np.float64, copy=False)
        elif v.dtype.kind == "U":
            v = v.astype(object)
        elif v.dtype != object or not _TEXT.issuperset(map(type, v)):
            others = (x for x in v.tolist() if not (x is None or isinstance(x, str)))
            if (bad := next(others, None if v.dtype == object else v.dtype)) is not None:
                raise SchemaError(f"column {name!r} holds {bad!r}: allowed are numbers, or strings and None")
        if name in self.categories:
            v = _as_text(v)
        i = self._index.get(name)
        if i is not None and (v.dtype == object) != self.text[i]:
            missing = all(x is None for x in v) if v.dtype == object else np.isnan(v).all()
            if not missing:
                was, now = ("text", "numbers") if self.text[i] else ("numbers", "text")
                raise SchemaError(
                    f"column {name!r} held {was} and now holds {now}: give it another name or mend the source"
                )
        return v

    def encode(self, columns: Mapping[str, np.ndarray], n: int, learn: bool = True) -> np.ndarray:
        """Rows as float64, shape (n, columns known afterwards); NaN is missing.

        Parameters
        ----------
        columns : mapping of str to ndarray
            What :meth:`prepare` gave.
        n : int
            Number of rows.
        learn : bool
            Register new columns and codes; otherwise unknown ones are ignored (they have no weight yet).
        """
        if learn and n:
            fresh = [k for k in columns if k not in self._index]
            if fresh:
                self._register(columns, fresh)
            self._started = True
        out = np.full((n, len(self.names)), np.nan)
        for name, v in columns.items():
            i = self._index.get(name)
            if i is not None and (v.dtype == object) == self.text[i]:
                out[:, i] = self._coded(i, v, learn) if self.text[i] else v
        return out

    def _register(self, columns: Mapping[str, np.ndarray], fresh: list[str]) -> None:
        seen = []
        for name in fresh:
            v = columns[name]
            has = np.flatnonzero([x is not None for x in v] if v.dtype == object else ~np.isnan(v))
            if has.size:
                seen.append((int(has[0]), name, has.size))
        for row, name, values in sorted(seen):
            if len(self.names) >= self.max_columns:
                self.refused += values
                continue
            self._index[name] = len(self.names)
            self.names.append(name)
            self.text.append(columns[name].dtype == object)
            self.codes.append({})
            if row == 0 and not self._started:
                self.first += 1

    def place(self, name: str) -> int | None:
        """Place of a column, None when it is not known."""
        return self._index.get(name)

    def code(self, i: int, value: str, learn: bool = False) -> int:
        """Code of a value of text column `i`; a new one gets the next, for good if it is to be learnt."""
        table = self.codes[i]
        c = table.get(value)
        if c is not None:
            return c
        if len(table) >= OWN_CODES:
            return OWN_CODES + zlib.crc32(value.encode("utf-8", "surrogatepass")) % HASHED_CODES
        if learn:
            table[value] = len(table)
            return len(table) - 1
        return len(table)

    def _coded(self, i: int, values: np.ndarray, learn: bool) -> list[float]:
        known = self.codes[i].get
        codes = [_NAN if v is None else known(v) for v in values]
        if None not in codes:
            return codes  # type: ignore[return-value]
        return [self.code(i, v, learn) if c is None else c for c, v in zip(codes, values, strict=True)]

    def state(self) -> dict[str, Any]:
        """As JSON-able data."""
        return {
            "names": list(self.names),
            "text": list(self.text),
            "codes": [list(c) for c in self.codes],
            "first": self.first,
            "refused": self.refused,
            "started": self._started,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.names = list(state["names"])
        self.text = list(state["text"])
        self.codes = [{v: i for i, v in enumerate(c)} for c in state["codes"]]
        self.first = state["first"]
        self.refused = state["refused"]
        self._started = state["started"]
        self._index = {k: i for i, k in enumerate(self.names)}


def _as_text(v: np.ndarray) -> np.ndarray:
    if v.dtype == object:
        return v
    out = np.empty(len(v), object)
    out[:] = [None if x != x else repr(x) for x in v.tolist()]
    return out
