"""Times of any type, unit and zone in a job: one instant is one instant, and durations have units."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_learner import FakeLearner, make_fake
from hypothesis import given
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn_connectors import MemorySource, ParquetSource
from streamnn_connectors.base import Batch
from streamnn_jobs.outputs.dead_letters import reason_word
from streamnn_jobs.records.times import TimeColumn
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.worker import Step, Worker
from streamnn_jobs.spec.fingerprint import learning_fields, spec_of_fields
from streamnn_jobs.spec.load import make_spec

START = datetime(2025, 2, 3, tzinfo=UTC)
N, LATE = 120, 30
KNOWN = N - LATE - 1
"""Labels known before the last of `N` events, a minute apart, if each is known `LATE` minutes after its event."""
EAST = timezone(timedelta(hours=5, minutes=30))

PER = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _stamps(at: list[datetime], unit: str) -> pa.Array:
    return pa.array(_naive(at), pa.timestamp("us")).cast(pa.timestamp(unit))


def _counts(at: list[datetime], unit: str) -> pa.Array:
    return pa.array([_micro(t) * PER[unit] // 10**6 for t in at])


FORMS: dict[str, Callable[[list[datetime]], pa.Array]] = {
    **{f"timestamp {unit}": partial(_stamps, unit=unit) for unit in PER},
    **{f"int {unit}": partial(_counts, unit=unit) for unit in PER},
    "zoned": lambda at: pa.array(at, pa.timestamp("us", "Asia/Kolkata")),
    "dictionary": lambda at: _stamps(at, "ms").dictionary_encode(),
    "ISO": lambda at: pa.array([t.replace(tzinfo=None).isoformat() for t in at]),
    "ISO Z": lambda at: pa.array([t.isoformat().replace("+00:00", "Z") for t in at]),
    "ISO zone": lambda at: pa.array([t.astimezone(EAST).isoformat(" ") for t in at]),
    "mixed zones": lambda at: pa.array(
        [t.astimezone(EAST if i % 2 else UTC).isoformat() for i, t in enumerate(at)]
    ),
    "float s": lambda at: pa.array([t.timestamp() for t in at]),
    "float ms": lambda at: pa.array([t.timestamp() * 1e3 for t in at]),
    "digits": lambda at: pa.array([str(_micro(t) // 1000) for t in at]),
}


def _micro(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _naive(at: list[datetime]) -> list[datetime]:
    return [t.replace(tzinfo=None) for t in at]


def spec_of(label: dict[str, Any] | None = None, **source: Any) -> Any:
    return make_spec(
        {
            "source": {"path": "a.parquet", "event_time": "at", **source},
            "label": {"column": "y", "time": "known", **(label or {})},
            "learner": {"task": "classification"},
        }
    )


def worked(columns: dict[str, Any], size: int = 1000, **more: Any) -> tuple[Worker, list[Step]]:
    worker = Worker(spec_of(**more), "classification", FakeLearner())
    rows = pa.RecordBatch.from_pydict(columns)
    steps = []
    for i in range(0, rows.num_rows, size):
        part = rows.slice(i, size)
        steps.append(
            worker.step(Batch(part, np.arange(i, i + part.num_rows), {"position": i + part.num_rows}))
        )
    return worker, steps


def stream(at: pa.Array, known: pa.Array) -> dict[str, Any]:
    return {
        "at": at,
        "known": known,
        "x": [float(i % 7) for i in range(len(at))],
        "y": [i % 2 for i in range(len(at))],
    }


AT = [START + timedelta(minutes=i) for i in range(N)]
LATER = [t + timedelta(minutes=LATE) for t in AT]


@pytest.mark.parametrize("known", FORMS)
@pytest.mark.parametrize("at", FORMS)
def test_event_and_label_times_of_any_type_meet(at: str, known: str) -> None:
    worker, _ = worked(stream(FORMS[at](AT), FORMS[known](LATER)))
    assert (worker.counters.learnt, worker.counters.dead) == (KNOWN, 0)


@pytest.mark.parametrize("form", FORMS)
def test_one_instant_is_one_number(form: str) -> None:
    times, wrong = TimeColumn("at").read(FORMS[form](AT))
    assert times.tolist() == [t.timestamp() for t in AT] and not wrong


@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda t: t.replace(tzinfo=UTC)), min_size=1),
    st.sampled_from(["timestamp us", "timestamp ns", "zoned", "ISO", "ISO zone", "int us", "int ns"]),
)  # fmt: skip
def test_no_fraction_is_lost(at: list[datetime], form: str) -> None:
    times, _ = TimeColumn("at").read(FORMS[form](at))
    assert times.tolist() == [t.timestamp() for t in at]


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_is_the_instant_at_which_it_begins(kind: pa.DataType) -> None:
    days = pa.array([date(2025, 2, 3), None], kind)
    times, wrong = TimeColumn("at").read(days)
    assert times[0] == START.timestamp() and math.isnan(times[1]) and not wrong
    later = [date(2025, 2, 3 + i // 24) for i in range(N)]
    hours = [START + timedelta(hours=i) for i in range(N)]
    forms = [
        pa.array(later, kind),
        pa.array(later, kind).cast(pa.timestamp("s")),
        pa.array([d.isoformat() for d in later]),
    ]
    counts = [worked(stream(FORMS["timestamp us"](hours), form))[0].counters for form in forms]
    assert counts[0] == counts[1] == counts[2] and counts[0].learnt == N - 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2 days", 172_800.0), ("36 h", 129_600.0), ("90 min", 5400.0), ("1 day 12 h", 129_600.0), ("500 ms", 0.5), ("36:00:00", 129_600.0), ("1 days 12:00:00", 129_600.0), ("PT90M", 5400.0), ("P1DT12H", 129_600.0), (86_400, 86_400.0), (2.5, 2.5)],
)  # fmt: skip
def test_durations_are_seconds_in_the_spec_and_in_its_fingerprint(value: Any, seconds: float) -> None:
    spec = spec_of({"expire_after": value})
    fields = learning_fields(spec)
    assert spec.label.expire_after == seconds == fields["label.expire_after"]
    assert spec_of_fields(fields).label.expire_after == seconds
    spec = make_spec({"source": {"path": "a.csv"}, "limits": {"clock_jump": value}})
    assert spec.limits.clock_jump == seconds


@pytest.mark.parametrize("value", ["2 months", "soon", "", True, [1], "-1 day", "3"])
def test_a_wrong_duration_names_the_field_and_what_is_allowed(value: Any) -> None:
    with pytest.raises(
        SpecError, match=r'label.expire_after: .* is no duration; allowed: a number of seconds.*"2 days"'
    ):
        spec_of({"expire_after": value})


@pytest.mark.parametrize("value", [0, "0 days", float("nan")])
def test_a_duration_is_above_0(value: Any) -> None:
    with pytest.raises(SpecError, match=r"label.expire_after: .* out of range; allowed: a duration above 0"):
        spec_of({"expire_after": value})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("expire", "expired"), [("31 min", 0), (1860, 0), ("20 min", N - 21), (1200, N - 21), ("1 day", 0)]
)
def test_labels_expire_after_a_duration_whatever_the_unit_of_the_column(
    form: str, expire: Any, expired: int
) -> None:
    worker, _ = worked(stream(FORMS[form](AT), FORMS["int us"](LATER)), label={"expire_after": expire})
    assert worker.counters.expired == expired and worker.counters.learnt == (0 if expired else KNOWN)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "min", "h", "d"])
def test_a_unit_may_be_declared(unit: str) -> None:
    size = {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60, "h": 3600, "d": 86_400}[unit]
    column = TimeColumn("at", unit)
    assert column.read(pa.array([0.0, 3.0]))[0].tolist() == pytest.approx([0.0, 3 * size])
    assert column.read(pa.array([10**12, None]))[0][0] == pytest.approx(10**12 * size)
    assert column.read(pa.array([START.isoformat()]))[0].tolist() == [START.timestamp()]
    assert column.notes() == []
    worker, _ = worked(
        stream(pa.array(range(N)), pa.array(range(2, N + 2))),
        time_unit=unit,
        label={"expire_after": 10 * size},
    )
    assert (worker.counters.learnt, worker.counters.expired) == (N - 3, 0)


def test_a_clock_of_its_own_counts_seconds_however_far_it_gets() -> None:
    column = TimeColumn("at")
    assert column.read(pa.array([0, 5, 10**9]))[0].tolist() == [0, 5, 10**9]
    assert column.read(pa.array([10**12]))[0].tolist() == [10**12]
    assert column.notes() == [
        "at: numbers such as 0 are taken as seconds of a clock of its own (source.time_unit)"
    ]


def test_numbers_too_small_for_a_time_do_not_decide_what_larger_ones_are() -> None:
    column = TimeColumn("at")  # the first is no time, but what a device says that has none
    now = 1_738_540_800
    assert column.read(pa.array([0, now * 1000, now * 1000 + 1, 7]))[0].tolist() == [0, now, now + 0.001, 7]


@given(
    st.lists(st.sampled_from([0, 1, 7, 10**8, 1_738_540_800, 1_738_540_800_000, 1_738_540_800_000_000, 1_738_540_800_000_000_000, None]), max_size=8),
    st.integers(0, 8),
)  # fmt: skip
def test_units_do_not_depend_on_how_a_column_is_cut(values: list[int | None], cut: int) -> None:
    whole, first = TimeColumn("at"), TimeColumn("at")
    want = whole.read(pa.array(values, pa.int64()))[0]
    got = first.read(pa.array(values[:cut], pa.int64()))[0]
    second = TimeColumn("at")
    second.load(first.state())
    rest = second.read(pa.array(values[cut:], pa.int64()))[0]
    assert np.concatenate([got, rest]).tobytes() == want.tobytes()
    assert second.state() == whole.state()


def test_units_that_change_go_on_and_are_told() -> None:
    at = (
        [_micro(t) // 10**6 for t in AT[:40]]
        + [_micro(t) // 1000 for t in AT[40:80]]
        + [_micro(t) for t in AT[80:]]
    )
    worker, steps = worked(stream(pa.array(at), FORMS["int ns"](LATER)), label={"expire_after": "1 h"})
    assert (worker.counters.learnt, worker.counters.expired, worker.counters.dead) == (KNOWN, 0, 0)
    said = "\n".join(steps[0].notes)
    for words in (
        "1738540800 are taken as seconds",
        "milliseconds since 1970",
        "microseconds",
        "known: numbers",
    ):
        assert words in said


def test_what_is_no_time_is_a_dead_letter_that_says_so() -> None:
    at = pa.array(["2025-02-03T00:00:00", "noon", None, "2025-02-03T00:03:00"])
    worker, (step,) = worked(stream(at, pa.array([None, None, None, None], pa.timestamp("ns"))))
    assert [b.position for b in step.bad] == [1, 2] and worker.counters.predicted == 2
    assert (
        "column 'at' is 'noon', which is no time" in step.bad[0].reason
        and "2025-02-03T10" in step.bad[0].reason
    )
    assert step.bad[1].reason == "the time in column 'at' is missing"
    assert {reason_word(b.reason) for b in step.bad} == {"bad_time"}
    _, (step,) = worked(stream(pa.array([1.0, math.inf, math.nan]), pa.array([2.0, 3.0, math.nan])))
    assert [b.position for b in step.bad] == [1, 2] and "inf, not a finite number" in step.bad[0].reason
    _, (step,) = worked(stream(pa.array([True]), pa.array([2.0])))
    assert "of type bool, which is no time" in step.bad[0].reason


def test_a_dead_letter_shows_nanoseconds() -> None:
    at = pa.array([1_738_540_800_000_000_001], pa.timestamp("ns", "UTC"))
    _, (step,) = worked({"at": at, "known": at, "x": [1.0], "y": ["a" * 3]}, label={"column": "x"}, size=1)
    _, (step,) = worked({"at": pa.array(["?"]), "known": at, "x": [1.0], "y": [1]})
    assert b'"known":"2025-02-03 00:00:00.000000001Z"' in step.bad[0].raw


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_parquet_keeps_unit_and_zone(unit: str, tmp_path: Path) -> None:
    table = pa.table(
        stream(
            pa.array(AT, pa.timestamp(unit, "America/New_York")), pa.array(_naive(LATER), pa.timestamp("us"))
        )
    )
    pq.write_table(table, tmp_path / "a.parquet")
    for source in (ParquetSource(tmp_path / "a.parquet"), MemorySource(table)):
        result = Job(spec_of(), source=source, sinks={}, make=make_fake).run()
        assert result.worker.counters.learnt == KNOWN


def test_what_numbers_are_taken_for_is_said() -> None:
    said: list[str] = []
    columns = stream(FORMS["int ms"](AT), FORMS["float s"](LATER))
    Job(spec_of(), source=MemorySource(pa.table(columns)), sinks={}, make=make_fake, say=said.append).run()
    assert "at: numbers such as 1738540800000 are taken as milliseconds since 1970 (source.time_unit)" in said
    assert any(note.startswith("known: numbers such as 1738542600.0 are taken as seconds") for note in said)


def test_a_column_of_several_types_is_read_cell_by_cell() -> None:
    texts, numbers = pa.array([START.isoformat(), "noon"]), pa.array([1_738_540_800_000, math.nan, math.inf])
    types, places = pa.array([0, 1, 0, 1, 1], pa.int8()), pa.array([0, 0, 1, 1, 2], pa.int32())
    column = pa.UnionArray.from_dense(types, places, [texts, numbers])
    times, wrong = TimeColumn("at").read(column)
    assert times[:2].tolist() == [START.timestamp()] * 2 and np.isnan(times[2:]).all()
    assert list(wrong) == [2, 4] and "'noon'" in wrong[2]
