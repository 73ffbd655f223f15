"""Tables of every kind mean what their rows mean, by every method that takes one."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamnn import Classifier, Regressor
from streamnn.errors import SchemaError
from streamnn.features._cells import column_of
from streamnn.features.frames import listed, table_of
from streamnn.features.schema import Schema
from streamnn.learners import NetworkClassifier

UTC, INDIA = dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30))


def objects(values):
    return np.array([*values, None], object)[:-1]


def in_zone(values):
    return [v and v.replace(tzinfo=UTC).astimezone(INDIA) for v in values]


def masked(values, dtype, empty):
    return np.ma.array([empty if v is None else v for v in values], dtype, mask=[v is None for v in values])


NUMBERS = {
    "list": list,
    "tuple": tuple,
    "objects": objects,
    "objects with NaN": lambda v: objects([np.nan if x is None else x for x in v]),
    "objects with NA": lambda v: pd.Series(objects([pd.NA if x is None else x for x in v])),
    "numpy": lambda v: np.array([np.nan if x is None else x for x in v], float),
    "masked": lambda v: masked(v, float, 0.0),
    # beyond, decimals are ids as integers are
    "decimals": lambda v: [x if x is None or abs(x) > 2**53 else Decimal(x) for x in v],
    "pandas": lambda v: pd.Series(v, dtype="float64"),
    "pandas Float64": lambda v: pd.Series(v, dtype="Float64"),
    "pandas object": lambda v: pd.Series(v, dtype=object),
    "pandas Arrow": lambda v: pd.Series(v, dtype="double[pyarrow]"),
    "pandas sparse": lambda v: pd.Series(v, dtype="Sparse[float]"),
    "polars": lambda v: pl.Series(v, dtype=pl.Float64),
    "Arrow": lambda v: pa.array(v, pa.float64()),
    "Arrow in pieces": lambda v: pa.chunked_array([v[:1], v[1:]], pa.float64()),
}
INTEGERS = {
    "list": list,
    "objects": objects,
    "masked": lambda v: masked(v, np.int64, 0),
    "pandas Int64": lambda v: pd.Series(v, dtype="Int64"),
    "pandas Arrow": lambda v: pd.Series(v, dtype="int64[pyarrow]"),
    "pandas category": lambda v: pd.Series(pd.Categorical(v)),
    "polars": lambda v: pl.Series(v, dtype=pl.Int64),
    "Arrow": lambda v: pa.array(v, pa.int64()),
    "Arrow decimals": lambda v: pa.array([None if x is None else Decimal(x) for x in v], pa.decimal128(38)),
}
BOOLS = {
    "list": list,
    "pandas boolean": lambda v: pd.Series(v, dtype="boolean"),
    "pandas object": lambda v: pd.Series(v, dtype=object),
    "polars": lambda v: pl.Series(v, dtype=pl.Boolean),
    "Arrow": lambda v: pa.array(v, pa.bool_()),
}
TEXTS = {
    "list": list,
    "objects": objects,
    "objects with NaN": lambda v: objects([np.nan if x is None else x for x in v]),
    "pandas str": lambda v: pd.Series(v, dtype="str"),
    "pandas string": lambda v: pd.Series(v, dtype="string"),
    "pandas object": lambda v: pd.Series(v, dtype=object),
    "pandas category": lambda v: pd.Series(pd.Categorical(v)),
    "pandas Arrow": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.string())),
    "polars": lambda v: pl.Series(v, dtype=pl.String),
    "polars categories": lambda v: pl.Series(v, dtype=pl.Categorical),
    "Arrow": lambda v: pa.array(v, pa.string()),
    "Arrow dictionary": lambda v: pa.array(v, pa.string()).dictionary_encode(),
    "Arrow dictionary in pieces": lambda v: pa.chunked_array(
        [pa.array(v, pa.large_string()).dictionary_encode()]
    ),
}
DURATIONS = {
    "list": list,
    "objects": objects,
    "objects of numpy": lambda v: objects([None if x is None else np.timedelta64(x) for x in v]),
    "numpy": lambda v: np.array(v, "timedelta64[us]"),
    "pandas": lambda v: pd.Series(v, dtype="timedelta64[us]"),
    "pandas Arrow": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.duration("us"))),
    "polars": lambda v: pl.Series(v, dtype=pl.Duration("us")),
    "Arrow": lambda v: pa.array(v, pa.duration("us")),
}
TIMES = {
    "list": list,
    "list in a zone": in_zone,
    "objects": objects,
    "numpy": lambda v: np.array(v, "datetime64[us]"),
    "index of pandas": lambda v: pd.DatetimeIndex(v),
    "index in a zone": lambda v: pd.DatetimeIndex(in_zone(v)),
    **{f"pandas {u}": lambda v, u=u: pd.Series(v, dtype=f"datetime64[{u}]") for u in ("us", "ns")},
    **{
        f"pandas {u} in a zone": lambda v, u=u: (
            pd.Series(v, dtype=f"datetime64[{u}]").dt.tz_localize("UTC").dt.tz_convert("Asia/Kolkata")
        )
        for u in ("us", "ns")
    },
    "pandas Arrow": lambda v: pd.Series(in_zone(v), dtype=pd.ArrowDtype(pa.timestamp("us", "Asia/Kolkata"))),
    "polars": lambda v: pl.Series(v, dtype=pl.Datetime("us")),
    "polars in a zone": lambda v: pl.Series(in_zone(v), dtype=pl.Datetime("us", "Asia/Kolkata")),
    **{
        f"Arrow {u}": lambda v, u=u: pa.array(in_zone(v), pa.timestamp(u, "Asia/Kolkata"))
        for u in ("us", "ns")
    },
}
KINDS = {
    "numbers": (st.floats(-1e300, 1e300), NUMBERS),
    "integers": (st.integers(-(1 << 53), 1 << 53), INTEGERS),
    "bools": (st.booleans(), BOOLS),
    "texts": (st.text("abc xyz", max_size=3).map("v".__add__), TEXTS),
    "durations": (st.timedeltas(dt.timedelta(-9999), dt.timedelta(9999)), DURATIONS),
    "times": (st.datetimes(dt.datetime(1680, 1, 1), dt.datetime(2260, 1, 1)), TIMES),
}
HOLDERS = [(kind, name) for kind, (_, holders) in KINDS.items() for name in holders]


def prepared(values, n):
    """The column's values in a row, and what is known of it."""
    schema = Schema()
    return schema.encode(schema.prepare({"c": column_of("c", values)}, n), n), schema.state()


@pytest.mark.parametrize(("kind", "holder"), HOLDERS, ids=[f"{k}, {h}" for k, h in HOLDERS])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_column_is_its_values_whatever_holds_them(kind, holder, data):
    value, holders = KINDS[kind]
    values = data.draw(
        st.lists(st.none() | value, min_size=1, max_size=6).filter(lambda v: any(x is not None for x in v))
    )
    got, known = prepared(holders[holder](values), len(values))
    want, wanted = prepared(list(values), len(values))
    assert got.tobytes() == want.tobytes() and known == wanted


@given(st.lists(st.none() | st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=5))
@settings(deadline=None)
def test_an_integer_keeps_its_digits(values):
    whole = [v for v in values if v is not None]
    assert all(int(v) == w for v, w in zip(column_of("c", np.array(whole, np.int64)), whole, strict=True))
    for name in ("list", "objects", "pandas Int64", "pandas Arrow", "polars", "Arrow"):
        got = column_of("c", INTEGERS[name](values))
        assert [None if v is None or v != v else int(v) for v in got.tolist()] == values


def rows_of(n=60):
    """Rows of every kind, each column with missing values."""
    rows = []
    for i in range(n):
        row = {
            "number": i % 7 * 1.5,
            "whole": i % 5,
            "truth": i % 3 == 0,
            "text": f"shop {i % 4}",
            "time": dt.datetime(2025, 3, 1) + dt.timedelta(hours=5 * i),
            "id": (1 << 60) + i % 3,
            "amount": Decimal(i % 4) / 4,
            "lasts": dt.timedelta(minutes=i % 6),
        }
        rows.append({k: None if (i + j) % 11 == 10 else v for j, (k, v) in enumerate(row.items())})
    return rows


def columns(rows):
    return {k: [x[k] for x in rows] for k in rows[0]}


def pandas_frame(rows, texts="str"):
    c = columns(rows)
    types = {
        "number": "float64",
        "whole": "Int64",
        "truth": "boolean",
        "text": texts,
        "time": "datetime64[ns]",
    }
    types |= {"id": "Int64", "amount": object, "lasts": "timedelta64[us]"}
    made = {k: pd.Series(v, dtype=types[k]) for k, v in c.items()}
    return pd.DataFrame(made).set_index(pd.Index(range(50, 50 + len(rows))))


TABLES = {
    "pandas": pandas_frame,
    "pandas, categories": lambda rows: pandas_frame(rows, "category"),
    "pandas, in a zone": lambda rows: pandas_frame(rows).assign(
        time=lambda f: f["time"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    ),
    "pandas, objects": lambda rows: pd.DataFrame(rows, dtype=object),
    "polars": lambda rows: pl.DataFrame(rows),
    "Arrow": lambda rows: pa.Table.from_pylist(rows),
    "a batch of Arrow": lambda rows: pa.RecordBatch.from_pylist(rows),
    "lists": columns,
    "a Series a column": lambda rows: {k: pd.Series(v, dtype=object) for k, v in columns(rows).items()},
    "rows": list,
    "rows without what is missing": lambda rows: [
        {k: v for k, v in x.items() if v is not None} for x in rows
    ],
}
LEARNERS = {"Classifier": Classifier, "Regressor": Regressor, "NetworkClassifier": NetworkClassifier}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", LEARNERS)
def test_a_table_gives_the_bits_of_its_rows(name, table):
    rows, labels = rows_of(), [i % 3 for i in range(60)]
    weights = [1.0 + i % 2 for i in range(60)]
    one, many = LEARNERS[name](), LEARNERS[name]()
    for x, y, w in zip(rows, labels, weights, strict=True):
        one.learn_one(x, y, w)
    for a, b in ((0, 1), (1, 40), (40, 60)):
        many.learn_many(TABLES[table](rows[a:b]), labels[a:b], weights[a:b])
    assert many.state_hash() == one.state_hash()
    before = many.state_hash()
    X = TABLES[table](rows)
    assert list(many.predict_many(X)) == [one.predict_one(x) for x in rows]
    if name != "Regressor":
        want = [list(one.predict_proba_one(x).values()) for x in rows]
        np.testing.assert_allclose(np.asarray(many.predict_proba_many(X)), want, rtol=1e-6, atol=1e-7)
    if name != "NetworkClassifier":
        np.testing.assert_array_equal(many.look(X).surprise, many.look(rows).surprise)
    assert many.state_hash() == before


@pytest.mark.parametrize("table", [name for name in TABLES if name.startswith("pandas")])
def test_the_rows_that_pandas_gives_are_those_of_its_frame(table):
    frame = TABLES[table](rows_of())  # its missing values are NaN, NA, NaT and None
    one, many = Classifier(), Classifier()
    for i, x in enumerate(frame.to_dict("records")):
        one.learn_one(x, i % 3)
    many.learn_many(frame, [i % 3 for i in range(60)])
    assert one.state_hash() == many.state_hash()
    series = Classifier()
    for i, (_, x) in enumerate(frame.iterrows()):
        series.learn_one(x, i % 3)
    assert series.state_hash() == many.state_hash()


def test_an_array_has_numbered_columns():
    a = np.arange(12.0).reshape(6, 2)
    one, many = Regressor(), Regressor()
    many.learn_many(a, a[:, 0])
    for row in a.tolist():
        one.learn_one({0: row[0], 1: row[1]}, row[0])
    assert one.state_hash() == many.state_hash() and many.columns == ["0", "1"]


@pytest.mark.parametrize("labels", [["no", "yes"], [0, 1], [False, True]])
def test_pandas_in_gives_pandas_out_with_its_index(labels):
    rows = rows_of()
    frame = pandas_frame(rows)
    model = Classifier()
    assert model.predict_many(frame).isna().all() and model.predict_proba_many(frame).shape == (60, 0)
    model.learn_many(frame, [labels[i % 2] for i in range(60)])
    told, proba = model.predict_many(frame), model.predict_proba_many(frame)
    assert isinstance(told, pd.Series) and isinstance(proba, pd.DataFrame)
    assert told.index.equals(frame.index) and proba.index.equals(frame.index)
    assert list(proba.columns) == labels and (proba.idxmax(axis=1) == told).all()
    assert isinstance(model.predict_many(pl.DataFrame(rows)), list)
    assert isinstance(model.predict_proba_many(rows), np.ndarray)
    numbers = Regressor()
    numbers.learn_many(frame, frame["whole"].fillna(0))
    assert numbers.predict_many(frame).index.equals(frame.index)


LABELS = {
    "list": list,
    "iterator": iter,
    "array": np.array,
    "column of an array": lambda y: np.array(y)[:, None],
    "objects": lambda y: np.array(y, object),
    "Series": pd.Series,
    "Series of objects": lambda y: pd.Series(y, dtype=object),
    "Series of categories": lambda y: pd.Series(pd.Categorical(y)),
    "index": pd.Index,
    "frame": lambda y: pd.DataFrame({"target": y}),
    "frame without names": lambda y: pd.DataFrame(y),
    "polars": pl.Series,
    "polars frame": lambda y: pl.DataFrame({"target": y}),
    "Arrow": pa.array,
    "Arrow table": lambda y: pa.table({"target": y}),
}


@pytest.mark.parametrize(
    "labels", [["b", "a", "c"], [3, 1, 2], [(1 << 60) + 1, 1 << 60, 5], [True, False, True]]
)
@pytest.mark.parametrize("holder", LABELS)
def test_labels_are_their_values_whatever_holds_them(holder, labels):
    assert listed(LABELS[holder](labels), "labels") == labels
    model = Classifier()
    model.learn_many({"a": [1.0, 2.0, 3.0]}, LABELS[holder](labels))
    assert model.classes == list(dict.fromkeys(labels)) and all(
        type(c) is type(labels[0]) for c in model.classes
    )


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"a": 1, "b": 2, "c": 3}, "a dict"),
        ("abc", "a str"),
        (5, "a int"),
        ({1, 2, 3}, "a set"),
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
        (pd.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}), r"shape \(3, 2\)"),
        (pl.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}), r"shape \(3, 2\)"),
        (np.array(["2025-01-01"] * 3, "datetime64[ns]"), "datetime64"),
        ([1, 2], "2 labels for 3 rows"),
        ([1, 2, 3, 4], "4 labels for 3 rows"),
        (pd.DataFrame({"target": [1, 2]}), "2 labels for 3 rows"),
        ([[1], [2], [3]], r"\[1\]"),
        (pd.Series([1, None, 3], dtype="Int64"), "NA"),
    ],
)
@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
def test_labels_that_are_none_are_refused(make, labels, said):
    model = make()
    model.learn_many(pd.DataFrame({"a": [1.0, 2.0]}), [1, 0])
    before = model.state_hash()
    with pytest.raises(SchemaError, match=said):
        model.learn_many(pd.DataFrame({"a": [1.0, 2.0, 3.0]}), labels)
    with pytest.raises(SchemaError, match="weights"):
        model.learn_many({"a": [1.0, 2.0, 3.0]}, [1, 0, 1], [1.0])
    with pytest.raises(SchemaError, match="weights"):
        model.learn_many({"a": [1.0, 2.0, 3.0]}, [1, 0, 1], [1.0, -1.0, 1.0])
    assert model.state_hash() == before


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([1.0, 2.0], "a table is a list"),
        (np.zeros(3), r"a ndarray of shape \(3,\)"),
        (pd.Series([1.0]), "a Series"),
        (pl.LazyFrame({"a": [1]}), "a LazyFrame"),
        (None, "a NoneType"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are named 'a'"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), "two columns are named '1'"),
        ({"a": "text"}, "column 'a' is 'text'"),
        ({"a": 5}, "column 'a' is 5"),
        ({"a": [1, 2], "b": [1]}, "column 'b'"),
    ],
)
@pytest.mark.parametrize("method", ["learn_many", "look", "predict_many", "predict_proba_many"])
def test_what_is_no_table_is_refused(method, table, said):
    model = Classifier(classes=[0, 1])
    with pytest.raises(SchemaError, match=said):
        getattr(model, method)(table, *([[0, 1]] if method == "learn_many" else []))
    assert model.events == 0


@pytest.mark.parametrize("row", [[1.0, 2.0], (1.0,), "a", None, 5, np.zeros(2), pd.DataFrame({"a": [1.0]})])
@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
def test_a_row_that_is_no_dict_is_refused(make, row):
    model = make()
    model.learn_one({"a": 1.0}, 1)
    before = model.state_hash()
    methods = [model.predict_one, lambda x: model.learn_one(x, 1)]
    methods += [getattr(model, m) for m in ("predict_proba_one", "observe") if hasattr(model, m)]
    for method in methods:
        with pytest.raises(SchemaError, match=r"a row is a .*: it is a dict of column names to values"):
            method(row)
    assert model.state_hash() == before


def test_a_row_of_a_frame_is_a_row():
    frame = pd.DataFrame({"a": [1.0, 2.0], "s": ["x", "y"]})
    one, other = Classifier(), Classifier()
    for (_, series), x in zip(frame.iterrows(), frame.to_dict("records"), strict=True):
        one.learn_one(series, 1)
        other.learn_one(x, 1)
    assert one.state_hash() == other.state_hash()


def test_an_empty_table_changes_nothing():
    model = Classifier()
    model.learn_many(pd.DataFrame({"a": [1.0]}), [1])
    before = model.state_hash()
    for empty in (pd.DataFrame({"a": []}), {}, [], {"a": []}, pl.DataFrame({"a": []})):
        model.learn_many(empty, [])
        assert len(model.predict_many(empty)) == 0 and table_of(empty).rows == 0
    assert model.state_hash() == before


def test_tables_need_no_package_but_numpy():
    code = """
import sys
from streamnn import Classifier
model = Classifier()
model.learn_many({"a": [1.0, None], "s": ["x", None]}, [0, 1])
model.learn_many([{"a": 1}, {"a": 2}], [0, 1])
model.predict_many([{"a": 1}])
print(*sorted({m.partition(".")[0] for m in sys.modules} & {"pandas", "polars", "pyarrow", "narwhals", "river", "sklearn"}))
"""
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "\n"
    )
