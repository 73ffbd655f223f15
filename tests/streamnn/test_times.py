"""Times and durations: one instant is one number, whatever its type, unit and zone; calendar features."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamnn import Classifier
from streamnn.errors import SchemaError
from streamnn.features.calendar import CALENDAR_VALUES, calendar_columns, calendar_names, calendar_row
from streamnn.kinds.times import array_seconds, counted, duration, is_time, seconds, unit_by_size

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1973, 4, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))
NAN = float("nan")


@given(instants, zones)
def test_an_instant_is_one_number_whatever_it_is_written_as(at, zone):
    told = at.timestamp()
    there, naive = at.astimezone(zone), at.replace(tzinfo=None)
    forms = [
        at, there, naive, there.isoformat(), there.isoformat(" "), naive.isoformat(), f"{naive.isoformat()}Z",
        f"{naive.isoformat(sep=' ')} UTC", at.strftime("%Y%m%dT%H%M%S,%f000Z"), np.datetime64(naive, "us"),
        np.datetime64(naive, "ns"),
    ]  # fmt: skip
    assert [seconds(form) for form in forms] == [told] * len(forms)
    assert is_time(naive.isoformat()) and is_time(there.isoformat())


@given(instants, st.sampled_from(["s", "ms", "us", "ns", "m", "h", "D"]))
def test_every_unit_of_numpy_means_the_same_instant(at, unit):
    cut = np.datetime64(at.replace(tzinfo=None)).astype(f"datetime64[{unit}]")
    whole = cut.astype("datetime64[us]").item().replace(tzinfo=UTC).timestamp()
    assert seconds(cut) == whole == array_seconds(np.array([cut, "NaT"], f"datetime64[{unit}]"))[0]
    assert array_seconds(np.array([cut.item() if unit != "ns" else cut, None], object))[0] == whole


@given(instants, st.sampled_from([("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]))
def test_numbers_say_their_unit_by_their_size(at, unit):
    name, per = unit
    micro = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    count = micro * per // 10**6
    assert unit_by_size([count]) == name
    exact = counted(np.array([count]), name)[0]
    assert exact == pytest.approx(count / per, rel=1e-15)
    if name == "us":
        assert exact == at.timestamp() == counted(np.array([micro * 1000]), "ns")[0]


def test_dates_pandas_and_missing():
    pd = pytest.importorskip("pandas")
    assert seconds(date(2025, 2, 3)) == seconds("2025-02-03") == seconds(datetime(2025, 2, 3))
    stamp = pd.Timestamp("2025-02-03 05:30", tz="Asia/Karachi")
    assert seconds(stamp) == seconds("2025-02-03T00:30Z")
    assert seconds(pd.Timestamp("2025-02-03 00:30:00.000000001")) == seconds("2025-02-03T00:30:00.000000001Z")
    assert all(math.isnan(seconds(v)) for v in (None, pd.NaT, pd.NA, np.datetime64("NaT"), NAN))
    assert seconds(10**400) == math.inf and seconds(np.int32(5)) == 5.0
    assert array_seconds(pd.Series([stamp])).tolist() == [seconds(stamp)]
    assert array_seconds(np.array([3, 4], np.uint8)).dtype == np.float64
    assert seconds(datetime(1969, 12, 31, 23, 59, 59, 500_000)) == -0.5 == seconds("1969-12-31T23:59:59.5Z")
    assert seconds(np.datetime64("1969-12-31T23:59:59.500")) == -0.5


@pytest.mark.parametrize(
    "value", [True, "noon", "", "2025", "20250203", "2025-02-30", "2025-02-03T25:00", b"2025-02-03", [1], object()]
)  # fmt: skip
def test_what_is_no_time_is_refused_and_what_would_do_is_said(value):
    with pytest.raises(SchemaError, match=r"2025-02-03T10:00:00\+01:00"):
        seconds(value)


@pytest.mark.parametrize("array", [np.array([True]), np.array([1], "timedelta64[s]"), np.array(["soon"])])
def test_arrays_of_other_things_are_refused(array):
    with pytest.raises(SchemaError, match="allowed are a datetime"):
        array_seconds(array)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2025-02-03", True), (" 2025-02-03 ", True), ("2025-02-03T10", True), ("2025-02-03 10:00:00.123456789", True),
        ("2025-02-03T10:00:00+0530", True), ("2025-02-03t10:00:00z", True), ("20250203T1000", True),
        ("2025", False), ("20250203", False), ("2025-02", False), ("2025-13-01", False), ("2025-02-03T", False),
        ("2025-02-03T10:00:00 PST", False), ("12:30", False), ("03.02.2025", True), ("03/02/2025", False), ("a2025-02-03", False), ("", False),
        ("\u0662\u0660\u0662\u0665-02-03", False), ("2025-02-03-04", False),
    ],
)  # fmt: skip
def test_is_time_is_strict(text, told):
    assert is_time(text) is told


def test_units_by_size_heed_neither_one_lie_nor_missing_values():
    assert unit_by_size([NAN, 1.7e12, 1.7e12, 4e18, 0]) == "ms"
    assert unit_by_size([]) == unit_by_size([NAN]) == "s"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1000),
            st.sampled_from(
                [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1), ("Seconds", 1), ("min", 60), ("h", 3600), ("hours", 3600), ("d", 86400), ("Day", 86400), ("weeks", 604800)]
            ),
            st.sampled_from(["", " "]),
        ),
        min_size=1,
        max_size=4,
    )
)  # fmt: skip
def test_durations_add_up(parts):
    text = ", ".join(f"{n}{space}{unit[0]}" for n, unit, space in parts)
    assert duration(text) == pytest.approx(sum(n * unit[1] for n, unit, _ in parts), rel=1e-12)
    assert duration(text.replace(", ", " ")) == duration(text)


def test_durations_of_other_types():
    assert duration(timedelta(days=1, microseconds=1)) == 86400.000001
    assert duration(np.timedelta64(36, "h")) == duration("1.5 days") == 129600.0
    assert duration(90) == duration(np.float32(90)) == 90.0


@pytest.mark.parametrize(
    "value", ["", " ", "2", "days", "2 months", "1 y", "2 days x", "-2 days", "1 day 12", True, None, [], np.timedelta64(1, "M")]
)  # fmt: skip
def test_what_is_no_duration_says_what_is_allowed(value):
    with pytest.raises(SchemaError, match="90 min"):
        duration(value)


@given(st.floats(-1e11, 1e11), st.floats(-1e11, 1e11))
def test_calendar_features_are_sines_and_cosines_of_the_calendar(t, last):
    row, now = calendar_row(t, last)
    day = math.fmod(t, 86_400.0) / 86_400.0
    week = math.fmod(t + 3 * 86_400.0, 604_800.0) / 604_800.0
    season = math.fmod(t / 86_400.0 / 365.2425, 1.0)
    for k, turn in enumerate((day, week, season)):
        assert row[2 * k] == pytest.approx(math.sin(2 * math.pi * turn), abs=1e-7)
        assert row[2 * k + 1] == pytest.approx(math.cos(2 * math.pi * turn), abs=1e-7)
    assert row[6] == pytest.approx(math.log1p(max(t - last, 0.0)), abs=1e-7) and now == t


def test_calendar_features_of_a_day_that_is_known():
    monday_six = seconds("2025-02-03T06:00")
    row, _ = calendar_row(monday_six, NAN)
    assert row[:2].round(9).tolist() == [1.0, 0.0]
    assert row[2:4] == pytest.approx([math.sin(2 * math.pi * 0.25 / 7), math.cos(2 * math.pi * 0.25 / 7)])
    assert math.isnan(row[6])
    assert calendar_names("at") == [
        "at: hour sin", "at: hour cos", "at: weekday sin", "at: weekday cos", "at: season sin", "at: season cos",
        "at: since last",
    ]  # fmt: skip
    assert len(calendar_names("at")) == CALENDAR_VALUES


@given(
    st.lists(st.one_of(st.floats(-1e10, 1e10), st.just(NAN), st.just(math.inf)), max_size=30),
    st.integers(0, 30),
)
def test_calendar_features_have_the_same_bits_however_they_are_cut(times, cut):
    whole, end = calendar_columns(np.array(times, float), NAN)
    rows, last = [], NAN
    for t in times:
        row, last = calendar_row(t, last)
        rows.append(row)
    assert whole.tobytes() == np.array(rows).reshape(-1, CALENDAR_VALUES).tobytes()
    assert np.array(end).tobytes() == np.array(last).tobytes()
    first, between = calendar_columns(np.array(times[:cut], float), NAN)
    second, _ = calendar_columns(np.array(times[cut:], float), between)
    assert np.concatenate([first, second]).tobytes() == whole.tobytes()
    there = np.isfinite(times)
    assert np.isnan(whole[~there]).all() and np.isfinite(whole[there][1:]).all()


def _state(times, late):
    """The hash after events at these moments, each label three events later."""
    model = Classifier()
    for i, at in enumerate(times):
        _, ticket = model.observe({"a": float(i % 5)}, time=at)
        assert ticket == i
        if i >= 3:
            model.learn(i - 3, i % 2, time=late[i - 3])
    return model.state_hash()


def test_observe_and_learn_take_whatever_is_a_time():
    start, east = datetime(2025, 2, 3, tzinfo=UTC), timezone(timedelta(hours=5))
    at = [start + timedelta(minutes=i) for i in range(20)]
    late = [t + timedelta(minutes=3) for t in at]
    naive = [np.datetime64(t.replace(tzinfo=None)) for t in at]
    told = _state([t.timestamp() for t in at], [t.timestamp() for t in late])
    assert _state(at, late) == told
    assert _state([t.astimezone(east) for t in at], [t.isoformat() for t in late]) == told
    assert _state([t.astype("datetime64[s]") for t in naive], [t.replace(tzinfo=None) for t in late]) == told
    with pytest.raises(SchemaError, match="noon"):
        Classifier().observe({"a": 1.0}, time="noon")
