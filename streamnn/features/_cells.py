"""Values of one column, whatever holds them, as an array that a schema takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from ..errors import SchemaError
from ..kinds import LARGEST_EXACT, is_missing, kind_of

_TEXT = {str, type(None)}
_ANY_NUMBER = (bool, int, float, Decimal, np.bool_, np.number)


def column_of(name: str, values: Any) -> np.ndarray:
    """Numbers, times and durations as they are, or as float64 where some are missing; all else as objects and None.

    An integer that no float64 holds stays an integer. Times with a zone become UTC.

    Parameters
    ----------
    name : str
        For messages.
    values : sequence
        An array of numpy, pandas, polars or Arrow, or a list.

    Raises
    ------
    SchemaError
        When it is one value, and not a column of them.

    Examples
    --------
    >>> column_of("a", [1, None, 2.5]), column_of("b", ["x", float("nan")])
    (array([1. , nan, 2.5]), array(['x', None], dtype=object))
    """
    if isinstance(values, np.ndarray):
        if isinstance(values, np.ma.MaskedArray):
            return masked(np.array(values.data), np.ma.getmaskarray(values))
        return values if values.dtype != object else _texts(values)
    if hasattr(values, "to_series") and not hasattr(values, "to_arrow"):  # an index of pandas
        values = values.to_series()
    if hasattr(values, "iloc"):
        return _of_pandas(values)
    if hasattr(values, "to_arrow"):  # of polars
        values = values.to_arrow()
    if hasattr(values, "to_pylist"):
        return _of_arrow(values)
    if hasattr(values, "__array__"):
        return column_of(name, np.asarray(values))
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise SchemaError(f"column {name!r} is {values!r}: expected is an array or a list, a value a row")
    return _objects(list(values))


def masked(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """An array of which some values are missing; those of integers and bools as float64 if it holds them.

    Examples
    --------
    >>> masked(np.array([1, 2]), np.array([True, False])), masked(np.array([1, 1 << 60]), np.array([True, False]))
    (array([nan,  2.]), array([None, 1152921504606846976], dtype=object))
    """
    if not missing.any():
        return values
    kind = values.dtype.kind
    if kind in "mM":
        return np.where(missing, np.array("NaT", values.dtype), values)
    exact = kind in "fb" or (
        kind in "iu" and int(values.max()) <= LARGEST_EXACT and int(values.min()) >= -LARGEST_EXACT
    )
    out = values.astype(np.float64 if exact else object)
    out[missing] = np.nan if exact else None
    return out


def _texts(values: np.ndarray) -> np.ndarray:
    plain = values.ndim != 1 or _TEXT.issuperset(map(type, values))
    return values if plain else _objects(list(values))


def _objects(values: list[Any]) -> np.ndarray:
    """Python values, together one of the kinds that an array has, or as they are."""
    out = np.empty(len(values), object)  # of None
    given = [(i, v) for i, v in enumerate(values) if not is_missing(v)]
    missing = np.ones(len(values), bool)
    missing[[i for i, _ in given]] = False

    def all_are(kinds: type | tuple[type, ...]) -> bool:
        return bool(given) and all(isinstance(v, kinds) for _, v in given)

    for kinds, convert, empty in _SPANS:
        if all_are(kinds):
            spans = np.array([convert(v) for _, v in given])
            return _filled(spans, missing, spans.dtype, empty)
    # numpy's durations are among its integers
    if all_are(_ANY_NUMBER) and all(map(_is_exact, (v for _, v in given))):
        return _filled([float(v) for _, v in given], missing, np.dtype(np.float64), np.nan)
    for i, v in given:
        out[i] = v
    return out


def _filled(given: Any, missing: np.ndarray, dtype: np.dtype[Any], empty: Any) -> np.ndarray:
    out = np.full(len(missing), empty, dtype)
    out[~missing] = given
    return out


def _is_exact(value: Any) -> bool:
    return type(value) is float or kind_of(value) != "id"


def _instant(value: Any) -> np.datetime64:
    """A date or time as numpy's, in UTC."""
    if isinstance(value, np.datetime64):
        return value
    if hasattr(value, "to_datetime64"):  # pandas' has nanoseconds
        found: np.datetime64 = value.to_datetime64()
        return found
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(value)


def _duration(value: Any) -> np.timedelta64:
    found: np.timedelta64
    found = value.to_timedelta64() if hasattr(value, "to_timedelta64") else np.timedelta64(value)
    return found


_SPANS: tuple[tuple[tuple[type, ...], Callable[[Any], Any], Any], ...] = (
    ((date, np.datetime64), _instant, np.datetime64("NaT")),
    ((timedelta, np.timedelta64), _duration, np.timedelta64("NaT")),
)


def _of_pandas(series: Any) -> np.ndarray:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return column_of("", series.to_numpy())
    if hasattr(dtype, "pyarrow_dtype"):
        return _of_arrow(series.array.__arrow_array__())
    if hasattr(dtype, "categories"):
        codes = series.cat.codes.to_numpy()
        if not len(dtype.categories):
            return np.full(len(codes), np.nan)
        found = column_of("", dtype.categories)
        found = found.astype(object) if found.dtype.kind == "U" else found
        return masked(found[codes], codes < 0)
    if hasattr(dtype, "tz"):
        found = series.to_numpy(dtype=f"datetime64[{dtype.unit}]")
        return found
    if hasattr(dtype, "numpy_dtype") and dtype.kind in "iufb":
        values = series.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type(0))
        return masked(values, series.isna().to_numpy(dtype=bool))
    return _texts(series.to_numpy(dtype=object))


def _of_arrow(array: Any) -> np.ndarray:
    kind = str(array.type)
    if kind.startswith("dictionary"):
        return _of_arrow(array.cast(array.type.value_type))
    if kind.startswith(("timestamp", "date", "duration", "float", "double", "halffloat")):
        found: np.ndarray = array.to_numpy(zero_copy_only=False)
        return found
    if kind.startswith(("int", "uint", "bool")) and not kind.startswith("interval"):
        filled = array.fill_null(False if kind == "bool" else 0) if array.null_count else array
        missing = array.is_null().to_numpy(zero_copy_only=False)
        return masked(filled.to_numpy(zero_copy_only=False), missing)
    return _objects(array.to_pylist())
