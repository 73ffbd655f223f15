"""Tables of pandas, polars, Arrow and numpy, and lists of rows, as columns; labels as a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import SchemaError
from ._cells import column_of

_A_ROW = "it is a dict of column names to values, such as {'a': 1.5, 'shop': 'north'}"


class Table(NamedTuple):
    """Columns, and what they were.

    Examples
    --------
    >>> table_of([{"a": 1, "b": "x"}, {"a": 2}])
    Table(columns={'a': array([1., 2.]), 'b': array(['x', None], dtype=object)}, rows=2, index=None)
    """

    columns: dict[str, np.ndarray]
    """float64 with NaN, int64, bool, datetime64 in UTC, timedelta64, or object with None for missing."""
    rows: int
    index: Any = None
    """That of a pandas frame."""

    def series(self, values: Any) -> Any:
        """A value a row as they are, or as a Series where the table was a pandas frame."""
        if self.index is None:
            return values
        import pandas as pd

        return pd.Series(values, index=self.index)

    def frame(self, values: np.ndarray, names: Sequence[Any]) -> Any:
        """Values a row as they are, or as a DataFrame where the table was one."""
        if self.index is None:
            return values
        import pandas as pd

        return pd.DataFrame(values, index=self.index, columns=list(names))


def row_of(x: Any) -> Mapping[Any, Any]:
    """A row as a dict.

    Raises
    ------
    SchemaError
        When it has no names.
    """
    if isinstance(x, Mapping):
        return x
    if hasattr(x, "items") and not hasattr(x, "columns"):  # a row of a pandas frame
        return dict(x.items())
    raise SchemaError(
        f"a row is a {type(x).__name__}: {_A_ROW}; many rows go through learn_many, predict_many or look"
    )


def table_of(X: Any, rows: int | None = None) -> Table:
    """A table as columns by name.

    Parameters
    ----------
    X : DataFrame, pyarrow.Table, mapping of str to array, sequence of dict, or ndarray of shape (n, columns)
        DataFrames of pandas and polars. Columns of an array without names are "0", "1", ...
    rows : int, optional
        How many rows there are where a mapping has no columns.

    Raises
    ------
    SchemaError
        When it is none of these, or two columns have one name.
    """
    index = None
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        named: Iterable[tuple[Any, Any]] = ((k, X.iloc[:, i]) for i, k in enumerate(X.columns))
        rows, index = len(X), X.index
    elif isinstance(X, Mapping):
        named = X.items()
    elif hasattr(X, "get_columns") and hasattr(X, "to_arrow"):  # of polars
        named, rows = zip(X.columns, X.get_columns(), strict=True), len(X)
    elif hasattr(X, "column_names") and hasattr(X, "num_rows"):  # of Arrow
        named, rows = zip(X.column_names, X.columns, strict=True), X.num_rows
    elif isinstance(X, np.ndarray) and X.ndim == 2:
        named, rows = enumerate(X.T), len(X)
    elif isinstance(X, (list, tuple)) and all(isinstance(x, Mapping) for x in X):
        named, rows = _turned(X), len(X)
    else:
        shape = f" of shape {X.shape}" if hasattr(X, "shape") else ""
        raise SchemaError(
            f"a table is a {type(X).__name__}{shape}: expected is a DataFrame of pandas or polars, an Arrow table, "
            "a dict of column names to arrays, a list of dicts, or an array of shape (rows, columns)"
        )
    columns: dict[str, np.ndarray] = {}
    for name, values in named:
        if str(name) in columns:
            raise SchemaError(f"two columns are named {str(name)!r}: give each a name of its own")
        columns[str(name)] = column_of(str(name), values)
    if isinstance(X, Mapping) and columns:
        rows = next((len(v) for v in columns.values() if v.ndim), rows)
    return Table(columns, rows or 0, index)


def _turned(rows: Sequence[Mapping[Any, Any]]) -> Iterator[tuple[Any, list[Any]]]:
    for name in dict.fromkeys(name for row in rows for name in row):
        yield name, [row.get(name) for row in rows]


def batch_of(X: Any, y: Any, w: Any = None) -> tuple[Table, list[Any], list[Any] | None]:
    """A table, its labels, and its weights if there are any.

    Raises
    ------
    SchemaError
        When one is none, or there are not as many of each.

    Examples
    --------
    >>> table, labels, weights = batch_of({"a": [1, 2]}, np.array([[1], [2]]))
    >>> table.rows, labels, weights
    (2, [1, 2], None)
    """
    labels = listed(y, "labels")
    table = table_of(X, len(labels))
    weights = None if w is None else listed(w, "weights")
    for what, values in (("labels", labels), ("weights", weights)):
        if values is not None and len(values) != table.rows:
            raise SchemaError(f"there are {len(values)} {what} for {table.rows} rows")
    return table, labels, weights


def listed(y: Any, what: str) -> list[Any]:
    """Labels or weights, one a row, as Python's values.

    Parameters
    ----------
    y : sequence
        A list, a Series, a column of a table, a table of one column, or an array of shape (n,) or (n, 1).
    what : str
        For messages.

    Raises
    ------
    SchemaError
        When it is none of these.
    """
    table = hasattr(y, "column_names")
    if isinstance(y, (str, bytes, Mapping, set, frozenset)) or not (table or isinstance(y, Iterable)):
        raise SchemaError(
            f"{what} are a {type(y).__name__}: expected is a list, an array or a Series, one a row"
        )
    shape = tuple(getattr(y, "shape", ()))
    if len(shape) == 2 and shape[1] == 1:
        if hasattr(y, "iloc"):
            y = y.iloc[:, 0]
        elif hasattr(y, "columns"):
            y = next(iter(y.get_columns() if hasattr(y, "get_columns") else y.columns))
        else:
            y = y[:, 0]
    elif shape and len(shape) != 1:
        raise SchemaError(f"{what} have the shape {shape}: expected is one column, one a row")
    if getattr(getattr(y, "dtype", None), "kind", "") in "mM" and isinstance(y, np.ndarray):
        raise SchemaError(f"{what} are {y.dtype}: allowed are numbers, strings and bools")
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(y, method):
            y = getattr(y, method)()
            break
    return list(y)
