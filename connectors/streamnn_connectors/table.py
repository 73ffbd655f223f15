"""The columns of a stream: what kind each is, and its cells as Arrow arrays of that kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from streamnn.errors import SourceError
from streamnn.kinds import (
    LARGEST_EXACT,
    MISFIT,
    NUMBER_FORMATS,
    PLAIN,
    SETTLED_AFTER,
    YEAR_1,
    YEAR_10000,
    Column,
    declared,
    fits,
    is_missing,
    kind_of,
    look,
    missing_texts,
    name_of,
    number_format,
)

NO_KINDS: Mapping[str, str] = {}
"""No kind is declared."""
LOOK_RECORDS = 1000
"""Records of a file that are looked at before its kinds are settled."""
INSTANT = pa.timestamp("us", "UTC")
"""Arrow type of times that were texts or numbers; those of a table keep their own."""
ARROW_TYPES: dict[str, pa.DataType] = {
    "number": pa.float64(),
    "duration": pa.float64(),
    "boolean": pa.bool_(),
    "time": INSTANT,
    "category": pa.string(),
    "text": pa.string(),
    "id": pa.string(),
}
"""Arrow type in which the cells of each kind are handed on; durations are in seconds."""
_LAST = 253_402_300_799_999_999
"""The last microsecond that Python has."""
MOST_ODD = 1000
"""Different odd cells that are told apart."""
_ARRAY_ERRORS = (pa.ArrowException, TypeError, ValueError, OverflowError)
_Cell = tuple[str, str]


class Table:
    """Kinds of columns, found once; the one place where a source decides what its cells are.

    A kind is declared, or that of a look at the first records, or for a column that comes later that of its first
    value, and then decided again while it was seen but a few times (see :class:`streamnn.kinds.Column`). A cell that is
    of another kind is missing, and counted.

    Parameters
    ----------
    kinds : mapping of str to str
        Declared kinds, by the names of columns.
    missing : iterable of str
        Texts that stand for a missing value, beside those that always do.
    typed : bool
        Whether numbers are told from texts where cells come from, as in JSON.
    decimal, thousands : str, optional
        How numbers are written in texts, where that is declared.
    semicolons : bool
        Whether semicolons stand between the cells, as where a comma stands before decimals: "1,234" is below 2 then,
        unless a point stands there in another column.

    Examples
    --------
    >>> table = Table({"code": "category"})
    >>> table.array("price", [1.5, "n/a", "high", 2]).to_pylist(), table.array("code", [7, "07"]).to_pylist()
    ([1.5, None, None, 2.0], ['7', '07'])
    >>> table.columns["price"].kind, table.take_odd()
    ('number', Counter({('price', 'high'): 1}))
    """

    def __init__(
        self,
        kinds: Mapping[str, str] | None = None,
        missing: Iterable[str] = (),
        typed: bool = True,
        decimal: str | None = None,
        thousands: str | None = None,
        semicolons: bool = False,
    ):
        pair = (decimal, thousands)
        if not any(all(a is None or a == b for a, b in zip(pair, f, strict=True)) for f in NUMBER_FORMATS):
            raise SourceError(
                f"no numbers are written with {decimal!r} before the decimals and {thousands!r} between thousands: the first "
                "is '.' or ',', the second another sign: '.', ',', ' ', \"'\", or none"
            )
        self.declared = dict(kinds or {})
        self.named = frozenset(missing)
        self.missing = missing_texts(self.named)
        self.typed, self.decimal, self.thousands = typed, decimal, thousands
        self.columns: dict[str, Column] = {}
        self._semicolons = semicolons
        self._comma = semicolons and decimal is None
        self._odd: Counter[_Cell] = Counter()

    def like(self) -> Table:
        """A table of the same declarations and kinds, to go on from."""
        other = Table(self.declared, self.named, self.typed, self.decimal, self.thousands, self._semicolons)
        other._comma = self._comma
        other.load(self.state())
        return other

    def look(self, cells: Mapping[str, Sequence[Any]]) -> None:
        """Decide the kinds of columns by their first cells."""
        self._comma = False
        for name, values in cells.items():
            if self.declared.get(name) == "ignored":
                continue
            if name in self.declared:
                found: Column | None = self._declared(name, values)
            else:
                found = look(values, self.missing, self.decimal, self.thousands, self.typed)
            if found is None:
                continue
            self.columns[name] = found
        numbers = {name: column for name, column in self.columns.items() if column.kind == "number"}
        self._comma = self.decimal is None and (
            any(c.format.decimal == "," for c in numbers.values())
            or (
                self._semicolons
                and not any(_has_points(c, cells[name]) for name, c in numbers.items() if name in cells)
            )
        )
        for name in numbers.keys() & cells.keys():
            found = self._with_comma(numbers[name], cells[name])
            self.columns[name] = declared("number", format=found.format) if name in self.declared else found

    def _declared(self, name: str, values: Sequence[Any]) -> Column:
        kind = self.declared[name]
        if kind != "number":
            return declared(kind)
        format, _ = number_format([v for v in values if isinstance(v, str)], self.decimal, self.thousands)
        return declared(kind, format=self._with_comma(declared(kind, format=format), values).format)

    def finds(self, name: str, value: Any) -> bool:
        """Whether a value makes `name` a column, or it is one already."""
        return name in self.columns or self._first(name, value) is not None

    def _first(self, name: str, value: Any) -> Column | None:
        """The column that a first value makes; None where it says nothing."""
        kind = self.declared.get(name)
        if kind is not None:
            return None if kind == "ignored" or is_missing(value) else self._declared(name, [value])
        found = self._shown(value)
        return None if found is None else Column(found.kind, "its first value", found.format)

    def _shown(self, value: Any) -> Column | None:
        """The column that one value shows; None where it says nothing."""
        if isinstance(value, str):
            if not self.typed:
                found = look([value], self.missing, self.decimal, self.thousands)
                return found if found is None else self._with_comma(found, [value])
            if value.strip() in self.missing:
                return None
        kind = kind_of(value)
        return None if kind is None else Column(kind)

    def _with_comma(self, found: Column, values: Sequence[Any]) -> Column:
        """The column that was found, as one of a table whose decimals come after a comma: "1,234" is below 2 then."""
        if found.kind != "number" or not self._comma:
            return found
        if not any(isinstance(v, str) and ("." in v or "," in v) for v in values):
            return found
        again = look(values, self.missing, ",", self.thousands, self.typed)
        if again is None or again.kind != "number":
            return found
        lost = (
            found.read(v, self.missing) is not MISFIT and again.read(v, self.missing) is MISFIT
            for v in values
        )
        return found if any(lost) else again

    def _fits(self, column: Column, value: Any) -> bool:
        if self.typed:
            return fits(column, value)
        shown = self._shown(value)
        if shown is None:
            return True
        return shown.is_name if column.is_name else column.read(value, self.missing) is not MISFIT

    def array(self, name: str, cells: Sequence[Any]) -> pa.Array:
        """Cells of a column as an array of its kind.

        Where the kind is decided again within these cells, those before keep their own: the array is a union then.
        """
        found = self.quick(name, cells)
        if found is not None:
            return found
        column = self.columns.get(name)
        out: list[Any] = []
        kinds: list[str] = []
        switches: list[int] = []
        for i, value in enumerate(cells):
            if column is None and not is_missing(value):
                column = self._first(name, value)
                if column is not None:
                    self.columns[name] = column
            if column is None or is_missing(value) or (isinstance(value, str) and value in self.named):
                out.append(None)
                continue
            if not column.settled and column.count(self._fits(column, value)):
                kinds.append(column.kind)
                switches.append(i)
                shown = self._shown(value) or Column("text")
                column = self.columns[name] = column.decided_again(shown.kind, shown.format)
            got = column.read(value, self.missing)
            if got is MISFIT:
                got = None
                self._count(name, value)
            out.append(got)
        kind = "number" if column is None else column.kind
        if not switches:
            return _array(kind, out)
        return _union([*kinds, kind], [*switches, len(out)], out)

    def quick(self, name: str, cells: Sequence[Any]) -> pa.Array | None:
        """The array of cells that are all numbers, all booleans or all texts, as a column that is settled has them; None
        where one may be something else."""
        column = self.columns.get(name)
        if column is None or not column.settled or (self.named and column.is_name):
            return None
        if column.kind == "time":
            return _instants(cells)
        try:
            return pa.array(cells, ARROW_TYPES[column.kind])
        except _ARRAY_ERRORS:
            return None

    def nothing(self, name: str, rows: int) -> pa.Array:
        """Missing cells of a column that is known."""
        return pa.nulls(rows, ARROW_TYPES[self.columns[name].kind])

    def arrow(self, name: str, column: pa.Array) -> pa.Array:
        """A column of a table as one of its kind: as it is where its type is of that kind."""
        known = self.columns.get(name)
        kind = _kind_of_type(column)
        if known is None and column.null_count < len(column):
            known = (
                self._declared(name, column.drop_null()[:LOOK_RECORDS].to_pylist())
                if name in self.declared
                else _column_of_type(kind, column, self.missing)
            )
            if known is not None:
                self.columns[name] = known
        if known is None:
            return column
        if (
            known.kind == kind
            or (known.is_name and kind == "text")
            or (known.kind == "number" and kind == "boolean")
        ):
            return column
        if known.is_name and known.settled and pt.is_integer(column.type):
            return column.cast(pa.string())
        return self.array(name, _cells(column))

    def _count(self, name: str, value: Any) -> None:
        cell = name, name_of(value)[:40]
        if cell in self._odd or len(self._odd) < MOST_ODD:
            self._odd[cell] += 1
        else:
            self._odd[name, "..."] += 1

    def take_odd(self) -> Counter[_Cell]:
        """Cells of other kinds than their columns since the last call: by column and text, how many."""
        found, self._odd = self._odd, Counter()
        return found

    def state(self) -> list[Any]:
        """As JSON-able data."""
        return [[name, column.state()] for name, column in self.columns.items()]

    def load(self, state: Iterable[Any]) -> None:
        """Take over what :meth:`state` gave."""
        self.columns = {name: Column.of_state(data) for name, data in state}


def _has_points(column: Column, values: Sequence[Any]) -> bool:
    """Whether a column of numbers has a point before its decimals."""
    return column.format == PLAIN and any(isinstance(v, str) and "." in v for v in values)


def _array(kind: str, values: list[Any]) -> pa.Array:
    """Values of one kind; times are seconds."""
    if kind == "time":
        micro = [
            None if v is None or not YEAR_1 <= v <= YEAR_10000 else min(round(v * 1e6), _LAST) for v in values
        ]
        return pa.array(micro, pa.int64()).cast(INSTANT)
    if kind == "boolean":
        return pa.array([None if v is None else bool(v) for v in values], pa.bool_())
    return pa.array(values, ARROW_TYPES[kind])


def _union(kinds: list[str], ends: list[int], values: list[Any]) -> pa.Array:
    """Cells of several kinds, one after the other."""
    parts, types, begin = [], [], 0
    for number, (kind, end) in enumerate(zip(kinds, ends, strict=True)):
        parts.append(_array(kind, [None] * begin + values[begin:end] + [None] * (len(values) - end)))
        types += [number] * (end - begin)
        begin = end
    return pa.UnionArray.from_sparse(pa.array(types, pa.int8()), parts)


def _instants(cells: Sequence[Any]) -> pa.Array | None:
    """Texts of ISO 8601, all with a zone or all without (UTC); None where one is neither."""
    try:
        texts = pa.array(cells, pa.string())
    except _ARRAY_ERRORS:
        return None
    for kind in (pa.timestamp("us"), INSTANT):
        try:
            found = texts.cast(kind).cast(INSTANT)
        except _ARRAY_ERRORS:
            continue
        # beyond, seconds have no room for microseconds: cell by cell they are rounded
        far = pc.max(pc.abs(found.cast(pa.int64()))).as_py()
        return found if far is None or far <= LARGEST_EXACT else None
    return None


def _kind_of_type(column: pa.Array) -> str | None:
    """The kind that an Arrow type says."""
    kind = column.type
    if pt.is_dictionary(kind):
        kind = kind.value_type
    if pt.is_boolean(kind):
        return "boolean"
    if pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind):
        return "number"
    if pt.is_timestamp(kind) or pt.is_date(kind):
        return "time"
    return "text" if pt.is_string(kind) else None


def _column_of_type(kind: str | None, column: pa.Array, missing: frozenset[str]) -> Column | None:
    """The column that a type makes: a table says by itself what it holds, but for texts, which may be anything."""
    if kind is None:
        return None
    if kind == "text":
        return look(column.drop_null()[:LOOK_RECORDS].to_pylist(), missing, typed=True)
    if kind == "number" and pt.is_integer(column.type) and column.type.bit_width == 64 and _wide(column):
        return Column("id", "integers beyond 2^53", fits=SETTLED_AFTER)
    return Column(kind, f"its type, {column.type}", fits=SETTLED_AFTER)


def _wide(column: pa.Array) -> bool:
    found = pc.min_max(column)
    low, high = found["min"].as_py(), found["max"].as_py()
    return low is not None and kind_of(max(abs(low), abs(high))) == "id"


def _cells(column: pa.Array) -> list[Any]:
    """Values of records."""
    if pt.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    return column.to_pylist()
