"""Names to columns, append-only; strings to category codes, append-only and bounded."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from ..errors import SchemaError
from ..kinds import (
    LARGEST_EXACT,
    MISFIT,
    SETTLED_AFTER,
    Column,
    array_seconds,
    declared,
    duration,
    fits,
    is_missing,
    kind_of,
)
from .calendar import CALENDAR_VALUES, calendar_columns, calendar_names

OWN_CODES, HASHED_CODES = 336, 64
"""How many category values of a text column have a code of their own, and how many hashed codes the others
share: together the 400 that `inputs.MAX_VALUES` allows a category column."""

_TEXT = {str, type(None)}
"""Types of the values of a text column; strings of derived types are taken too, less quickly."""
_NAN = float("nan")
_A_TIME = np.datetime64(0, "us")
_QUANTITIES = ("number", "boolean", "duration")
_LEAST_ROOM, _SHARE_OF_ROOM = 8, 4
"""Columns that room is made for at once: so many, or that part of those there is room for, if these are more."""


@dataclass(slots=True)
class Input:
    """A column of the records, and where its values go.

    Parameters
    ----------
    column : Column
        Its kind, and how often it was seen.
    place : int
        Of its first column in a row; -1 where there was no room for it.
    last : float
        Of a time: the one before, seconds.
    """

    column: Column
    place: int
    last: float = _NAN

    @property
    def how(self) -> str:
        """``"text"``, ``"time"`` or ``"number"``: what its prepared values are."""
        return _how(self.column.kind)


@dataclass(slots=True)
class Prepared:
    """Values of a column, one an event: seconds of a ``time``, objects of a ``text``, float64 of a ``number``; values of
    records as they are where they are ``mixed``."""

    how: str
    values: np.ndarray

    def cut(self, start: int, stop: int) -> Prepared:
        """Those of the events from `start` to `stop`."""
        return Prepared(self.how, self.values[start:stop])


@dataclass(slots=True)
class _Run:
    """Values from a row on that are read by one column."""

    row: int
    column: Column
    name: str
    place: int = -1
    new: bool = True


class Schema:
    """The feature map of a learner.

    A column is registered when it first has a value; columns first seen in the same event are registered in
    the order of their names, so neither the order of a record's fields nor the cutting into chunks matters.
    Its kind is that of its first values: where others are soon the more, the name gets a column of theirs and the old
    one stays behind; later a value of another kind is missing, or in a column of names a name. A time becomes
    calendar features.

    Rows are as wide as the first event needs. Where others bring further columns they are wider than the columns known
    need, so that arrays grow once in a while and not with each; the width depends on the two numbers of columns alone,
    and a column that has not come yet is missing.

    Parameters
    ----------
    max_columns : int
        Columns beyond this are ignored and counted.
    categories : sequence of str
        Columns whose values are names whatever they are: each gets its own code, none is a quantity.

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
        self.width = 0  # columns that there is room for
        self.refused: int = 0  # values of columns beyond max_columns
        self.inputs: dict[str, Input] = {}
        self._started = False

    def prepare(self, columns: Mapping[str, Any], n: int) -> dict[str, Prepared]:
        """Columns by what they hold, of length n. Changes nothing.

        Raises
        ------
        SchemaError
            When a column has another length, or a value that can't be one of a column.
        """
        return {str(name): self._prepared(str(name), v, n) for name, v in columns.items()}

    def _prepared(self, name: str, values: Any, n: int) -> Prepared:
        v = np.asarray(values)
        if v.shape != (n,):
            raise SchemaError(
                f"column {name!r} has shape {v.shape}, expected ({n},): one value an event observed"
            )
        names = name in self.categories
        if v.dtype.kind in "fiub" and not names:
            if v.dtype.kind not in "iu" or v.dtype.itemsize < 8 or not _wide(v):
                return Prepared("number", v.astype(np.float64, copy=False))
        elif v.dtype.kind == "M":
            if not names:
                return Prepared("time", array_seconds(v))
            v = _objects(_datetimes(array_seconds(v)))
        elif v.dtype.kind == "m":
            v = np.asarray(v / np.timedelta64(1, "s"))
            if not names:
                return Prepared("number", v)
        elif v.dtype.kind == "U":
            v = v.astype(object)
        if v.dtype != object:
            v = v.astype(object)
        if names:
            read = declared("category").read
            return Prepared("text", _objects([read(x if x is None else plain(x)) for x in v.tolist()]))
        if _TEXT.issuperset(map(type, v)):
            return Prepared("text", v)
        return self._of_objects(name, v)

    def _of_objects(self, name: str, v: np.ndarray) -> Prepared:
        """Values of records of any type: numbers or times where all are."""
        try:
            kinds = {kind_of(x) for x in v.tolist()} - {None}
        except SchemaError as error:
            raise SchemaError(f"column {name!r} {error}") from None
        if kinds and kinds.issubset(_QUANTITIES) and not any(isinstance(x, str) for x in v.tolist()):
            read = Column("number").read
            got = [read(x) for x in v.tolist()]
            if MISFIT not in got:
                return Prepared("number", np.array([_NAN if x is None else x for x in got], np.float64))
        if kinds == {"time"} and not any(isinstance(x, str) for x in v.tolist()):
            return Prepared("time", np.array([array_seconds([x])[0] for x in v.tolist()]))
        values = [None if is_missing(x) else plain(x) for x in v.tolist()]
        # alone, a truth is a number: so it is among others
        return Prepared(
            "mixed", _objects([float(x) if isinstance(x, (bool, np.bool_)) else x for x in values])
        )

    def encode(self, columns: Mapping[str, Prepared], n: int, learn: bool = True) -> np.ndarray:
        """Rows as float64, shape (n, width afterwards); NaN is missing.

        Parameters
        ----------
        columns : mapping of str to Prepared
            What :meth:`prepare` gave.
        n : int
            Number of rows.
        learn : bool
            Register new columns and codes; otherwise unknown ones are ignored (they have no weight yet).
        """
        runs: dict[str, list[_Run]] = {}
        if learn and n:
            for name, prepared in columns.items():
                known = self.inputs.get(name)
                if known is None or not known.column.settled:
                    runs[name] = self._runs(name, prepared)
            self._register(runs, columns)
            self._started = True
        out = np.full((n, self.width), np.nan)
        for name, prepared in columns.items():
            pieces = runs.get(name)
            if pieces is None:
                known = self.inputs.get(name)
                if known is not None:
                    self._fill(out, 0, n, known, prepared, learn)
                continue
            for run, end in zip(pieces, [*(r.row for r in pieces[1:]), n][: len(pieces)], strict=True):
                given = Input(run.column, run.place) if run.new else self.inputs[name]
                self._fill(out, run.row, end, given, prepared, learn)
                if given.place >= 0:
                    self.inputs[name] = given
        return out

    def _runs(self, name: str, prepared: Prepared, begin: int = 0) -> list[_Run]:
        """Which columns the values of a name from row `begin` on go to that is new, or whose kind may still change."""
        known = self.inputs.get(name)
        runs = [] if known is None else [_Run(0, known.column, name, known.place, new=False)]
        values = prepared.values[begin:].tolist()
        for row, value in enumerate(values, begin):
            if is_missing(value):
                continue
            if runs and runs[-1].column.settled:
                break
            if not runs:
                runs.append(_Run(row, _new_column(name in self.categories, prepared.how, value), name))
            column = runs[-1].column
            fit = agrees(column, _A_TIME if prepared.how == "time" else value)
            if column.count(fit):
                column = column.decided_again(_kind(prepared.how, value))
                runs.append(_Run(row, column, name))
        return runs

    def _register(self, runs: dict[str, list[_Run]], columns: Mapping[str, Prepared]) -> None:
        fresh = [(run.row, name, i) for name, some in runs.items() for i, run in enumerate(some) if run.new]
        heapq.heapify(fresh)
        while fresh:
            row, name, i = heapq.heappop(fresh)
            if i >= len(runs[name]) or runs[name][i].row != row:
                continue
            run = runs[name][i]
            width = CALENDAR_VALUES if run.column.kind == "time" else 1
            if len(self.names) + width > self.max_columns:
                if i:  # it stays what it is, then
                    runs[name][i - 1].column.fits = SETTLED_AFTER
                    del runs[name][i:]
                elif width > 1:  # a value that is no time may have room
                    again = self._after_times(name, columns[name], row + 1)
                    runs[name] = [run, *again]
                    fresh = [f for f in fresh if f[1] != name] + [
                        (r.row, name, k) for k, r in enumerate(again, 1)
                    ]
                    heapq.heapify(fresh)
                continue
            run.place = len(self.names)
            self._leave_behind(name, runs[name][i - 1] if i else None)
            self.names += calendar_names(name) if width > 1 else [name]
            self.text += [run.column.is_name] * width
            self.codes += [{} for _ in range(width)]
            if row == 0 and not self._started:
                self.first += width
        self._make_room()

    def _after_times(self, name: str, prepared: Prepared, begin: int) -> list[_Run]:
        """The columns of a name from its next value on that is no time."""
        if prepared.how == "time":
            return []
        for row, value in enumerate(prepared.values[begin:].tolist(), begin):
            if not is_missing(value) and _kind(prepared.how, value) != "time":
                return self._runs(name, prepared, row)
        return []

    def _make_room(self) -> None:
        if len(self.names) > self.width:
            self.width = min(room_for(len(self.names), max(self.width, self.first)), self.max_columns)

    def _leave_behind(self, name: str, before: _Run | None) -> None:
        """Name the column, or columns, that a name had before, after their kind."""
        if before is None or before.place < 0 or before.column.kind == "time":
            return
        left = f"{name} ({before.column.kind})"
        while left in self.names:
            left += "'"
        self.names[before.place] = left

    def _fill(self, out: np.ndarray, a: int, b: int, given: Input, prepared: Prepared, learn: bool) -> None:
        """Write the values of rows `a` to `b`."""
        i, how, v = given.place, given.how, prepared.values[a:b]
        if i < 0:
            if learn:
                self.refused += sum(not is_missing(x) for x in v.tolist())
            return
        if prepared.how != how:
            read = given.column.read
            got = [read(x) for x in (v.tolist() if prepared.how != "time" else _datetimes(v))]
            got = [None if x is MISFIT else x for x in got]
            v = (
                _objects(got)
                if how == "text"
                else np.array([_NAN if x is None else x for x in got], np.float64)
            )
        if how == "text":
            out[a:b, i] = self._coded(i, v, learn)
        elif how == "time":
            columns, last = calendar_columns(v, given.last, follow=learn)
            out[a:b, i : i + CALENDAR_VALUES] = columns
            if learn:
                given.last = last
        else:
            out[a:b, i] = v

    def close(self) -> None:
        """Take no further columns: they are refused as those beyond ``max_columns``."""
        self.max_columns = len(self.names)

    @property
    def text_in_width(self) -> list[bool]:
        """For every column that there is room for, whether it holds text; those that have not come yet do not."""
        return self.text + [False] * (self.width - len(self.text))

    @property
    def started(self) -> bool:
        """Whether there has been an event."""
        return self._started

    @property
    def placed(self) -> list[tuple[str, Input]]:
        """Names and columns in the order of their places."""
        return sorted(self.inputs.items(), key=lambda named: named[1].place)

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
            "inputs": [
                [name, i.column.state(), i.place, None if i.last != i.last else i.last]
                for name, i in self.placed
            ],
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.names = list(state["names"])
        self.text = list(state["text"])
        self.codes = [{v: i for i, v in enumerate(c)} for c in state["codes"]]
        self.first = state["first"]
        self._make_room()
        self.refused = state["refused"]
        self._started = state["started"]
        self.inputs = {
            name: Input(Column.of_state(column), place, _NAN if last is None else last)
            for name, column, place, last in state["inputs"]
        }


def room_for(columns: int, width: int) -> int:
    """How wide rows become that are `width` wide when there are so many columns.

    Examples
    --------
    >>> room_for(4, 4), room_for(5, 4), room_for(101, 100)
    (4, 12, 125)
    """
    while width < columns:
        width += max(_LEAST_ROOM, width // _SHARE_OF_ROOM)
    return width


def _how(kind: str) -> str:
    return "number" if kind in _QUANTITIES else "time" if kind == "time" else "text"


def _kind(how: str, value: Any) -> str:
    """The kind of a value that is not missing. A string is a text: who means a number or a time gives one."""
    if how in ("time", "number"):
        return how
    kind = "text" if isinstance(value, str) else kind_of(value) or "text"
    return "number" if kind in _QUANTITIES else kind


def _new_column(category: bool, how: str, value: Any) -> Column:
    if category:
        return declared("category")
    return Column(_kind(how, value), "its first value")


def plain(value: Any) -> Any:
    """A value of a record as an array hands it on: times to the microsecond, durations in seconds."""
    if isinstance(value, (timedelta, np.timedelta64)):
        return duration(value)
    if isinstance(value, (date, np.datetime64)):
        return _datetimes(array_seconds([value]))[0]
    return value


def agrees(column: Column, value: Any) -> bool:
    """Whether a value that is not missing is one of a column's kind."""
    if isinstance(value, str):
        return column.is_name or column.read(value) is not MISFIT
    return fits(column, value)


def _wide(v: np.ndarray) -> bool:
    """Whether there are integers that a float64 can't tell apart."""
    return bool(v.size) and (int(v.max()) > LARGEST_EXACT or int(v.min()) < -LARGEST_EXACT)


def _objects(values: list[Any]) -> np.ndarray:
    out = np.empty(len(values), object)
    out[:] = values
    return out


def _datetimes(seconds: np.ndarray) -> list[Any]:
    """Seconds as values of records."""
    micro = np.where(np.isnan(seconds), 0.0, seconds * 1e6).astype("datetime64[us]")
    return [None if s != s else t for s, t in zip(seconds.tolist(), micro, strict=True)]
