"""Clocks that lie: times far ahead are doubted, a clock that was wrong is put back, rows in the wrong order are told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fake_learner import FakeLearner, make_fake
from hypothesis import given
from hypothesis import strategies as st

from streamnn.errors import SpecError
from streamnn.state import state_hash
from streamnn.types import EXPIRE
from streamnn_connectors import JsonLinesSource, MemorySink, MemorySource, check_source
from streamnn_connectors.base import Batch
from streamnn_jobs.labels.live import KeyJoin
from streamnn_jobs.labels.recorded import LabelJoin
from streamnn_jobs.outputs.dead_letters import reason_word
from streamnn_jobs.records.clock import AGREEING, LEAST_JUMP_S, StreamClock, in_words
from streamnn_jobs.records.sorted import SortedSource
from streamnn_jobs.run.joined_worker import EVENT, LABEL, JoinedWorker
from streamnn_jobs.run.plan import make_plan
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.summary import lines, summarise
from streamnn_jobs.run.time_notes import LOOKED_AT_EVENTS
from streamnn_jobs.run.worker import Worker
from streamnn_jobs.spec.load import make_spec

NOW, DAY, YEAR = 1_700_000_000.0, 86_400.0, 31_556_952.0
N, WAIT = 400, 50
IN_2100, IN_1970 = 4_102_444_800.0, 0.0


def spec_of(label: dict[str, Any] | None = None, **sections: Any) -> Any:
    sections["source"] = {"path": "a.jsonl", "event_time": "at"} | sections.get("source", {})
    label = {"column": "y", "time": "known", **(label or {})}
    return make_spec({"label": label, "learner": {"task": "classification"}, **sections})


def columns(at: np.ndarray, known: np.ndarray) -> dict[str, Any]:
    return {"at": at, "known": known, "x": np.arange(len(at)) % 7.0, "y": np.arange(len(at)) % 2}


def steps_of(worker: Worker, data: dict[str, Any], size: int, first: int = 0) -> list[Any]:
    rows = pa.RecordBatch.from_pydict(data)
    pieces = [rows.slice(i, size) for i in range(0, rows.num_rows, size)]
    places = [first + i * size for i in range(len(pieces))]
    return [
        worker.step(Batch(p, np.arange(at, at + p.num_rows), {"position": 0}))
        for at, p in zip(places, pieces, strict=True)
    ]


def worked(
    at: np.ndarray, known: np.ndarray, size: int = 10_000, **more: Any
) -> tuple[Worker, list[str], list[Any]]:
    """The worker, what was said, and the dead records."""
    worker = Worker(spec_of(**more), "classification", FakeLearner())
    steps = steps_of(worker, columns(at, known), size)
    return worker, [note for step in steps for note in step.notes], [b for step in steps for b in step.bad]


def judged(times: Any, limit_s: float | None = None) -> tuple[StreamClock, Any]:
    clock = StreamClock("at", limit_s)
    return clock, clock.judge(np.asarray(times, float))


STEPS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": DAY, "weeks": 7 * DAY, "years": YEAR}


# one that lies


@pytest.mark.parametrize("step", list(STEPS.values())[:4], ids=list(STEPS)[:4])
@pytest.mark.parametrize("place", [0, 1, 5, 9, 10, 11, 200, N - 2, N - 1])
@pytest.mark.parametrize("expire", [None, 2])
def test_one_record_from_the_future_changes_nothing_for_the_others(
    step: float, place: int, expire: int | None
) -> None:
    at = NOW + step * np.arange(N)
    known = at + step * (WAIT - 0.5)
    honest, *_ = worked(at, known, label={"expire_after": 2 * WAIT * step} if expire else None)
    at[place], known[place] = IN_2100, IN_2100 + step * WAIT
    worker, said, bad = worked(at, known, label={"expire_after": 2 * WAIT * step} if expire else None)
    assert honest.counters.learnt == N - WAIT and honest.counters.expired == 0
    if place >= AGREEING:  # it is a dead letter, and nothing else has happened
        assert [b.position for b in bad] == [place] and " years after that of" in bad[0].reason
        assert reason_word(bad[0].reason) == "bad_time" and "limits.clock_jump" in bad[0].reason
        assert len(said) == 3 and "limits.clock_jump" in said[-1] and "dead letter" in said[-1]
        others = np.arange(N) != place
        learnt = np.count_nonzero(known[others] < at[others][-1])
        assert (worker.counters.learnt, worker.counters.expired) == (learnt, 0)
        assert worker.join.pending == N - 1 - learnt
    else:  # nothing was known of its clock: it was believed, and given up
        assert not bad and any("the clock is put back" in note for note in said)
        # events that came before it was given up are those that may have lost their label
        assert worker.counters.expired <= AGREEING + place
        assert worker.counters.learnt >= N - WAIT - AGREEING - place - 1
        assert worker.counters.older >= AGREEING - 1


@pytest.mark.parametrize("ahead", [1.01 * DAY, 30 * DAY, YEAR, 75 * YEAR, 2900 * YEAR])
def test_however_far_ahead(ahead: float) -> None:
    at = NOW + np.arange(N)
    at[150] += ahead
    worker, _, bad = worked(at, at + WAIT - 0.5)
    assert [b.position for b in bad] == [150] and worker.join.pending == WAIT


def test_one_in_another_unit_is_no_lie() -> None:
    at = NOW + np.arange(N)
    at[150] *= 1000.0
    worker, said, bad = worked(at, NOW + np.arange(N) + WAIT - 0.5)
    assert not bad and worker.join.pending == WAIT and any("milliseconds" in note for note in said)


@pytest.mark.parametrize("behind", [DAY + 600, YEAR, NOW])
def test_one_record_from_the_past_is_only_older(behind: float) -> None:
    at = NOW + np.arange(N)
    at[150] -= behind
    worker, said, bad = worked(at, at + WAIT - 0.5)
    assert not bad and not [s for s in said if "clock" in s and "put" in s] and worker.counters.older == 1
    assert worker.counters.learnt == N - WAIT


@given(st.sets(st.integers(AGREEING, N - 1), max_size=30), st.integers(0, 2**32 - 1))
def test_many_that_lie_now_and_then(places: set[int], seed: int) -> None:
    lies = np.random.default_rng(seed).uniform(DAY * 2, 1e11, N)
    at = NOW + np.arange(N)
    runs, before = 0, -2
    for place in sorted(places):
        runs = runs + 1 if place == before + 1 else 1
        before = place
        if runs < AGREEING:
            at[place] += lies[place]
    _, told = judged(at)
    assert set(told.wrong) == {i for i in range(N) if at[i] > NOW + N} and not told.back


def test_a_device_that_always_lies_is_never_believed_among_others() -> None:
    at = np.repeat(NOW + np.arange(N), 2)
    at[31::2] += 40 * YEAR
    clock, told = judged(at)
    assert len(told.wrong) == len(at[31::2]) and clock.now == NOW + N - 1


# a stream that goes on elsewhere


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("gap", [3 * DAY, 90 * DAY, 400 * DAY, 10 * YEAR])
@pytest.mark.parametrize("place", [1, 5, 100, N - 20])
def test_a_gap_costs_a_few_records_at_most(step: float, gap: float, place: int) -> None:
    at = NOW + step * np.arange(N)
    at[place:] += gap
    known = at + step * (WAIT - 0.5)
    worker, said, bad = worked(at, known)
    known[[b.position for b in bad]] = 0.0
    free = place < AGREEING or gap + step <= max(LEAST_JUMP_S, 999 * step)
    assert [b.position for b in bad] == ([] if free else list(range(place, place + AGREEING - 1)))
    assert free == (not any("the stream goes on there" in note for note in said))
    assert worker.counters.predicted == N - len(bad)
    assert worker.counters.expired == 0 and worker.join.pending == np.count_nonzero(known >= at[-1])
    assert worker.counters.older == 0


def test_the_next_gap_of_that_kind_costs_nothing() -> None:
    at = NOW + np.arange(1000.0)
    for place in range(100, 1000, 100):
        at[place:] += 2.6 * DAY  # an event a second, on working days
    _, told = judged(at)
    assert list(told.wrong) == list(range(100, 109))


def test_nights_and_weekends_cost_nothing() -> None:
    minute = np.arange(0, 6.5 * 3600, 60)
    days = [d for d in range(100) if d % 7 < 5]
    _, told = judged(np.concatenate([NOW + d * DAY + minute for d in days]))
    assert not told.wrong and not told.notes
    _, told = judged(np.repeat(NOW + DAY * np.array([d for d in range(300) if d % 7 < 5]), 50))
    assert not told.wrong


def test_a_clock_that_was_believed_is_given_up_for_the_one_before() -> None:
    at = NOW + np.arange(N)
    at[100:115] += 40 * YEAR  # fifteen in a row
    clock, told = judged(at)
    assert list(told.wrong) == list(range(100, 109)) and list(told.back) == [129]
    assert clock.now == NOW + N - 1 and clock.limit == LEAST_JUMP_S
    assert "goes on there" in told.notes[1] and "put back by 40 years: 15 records" in told.notes[2]
    at[250] += 40 * YEAR  # and is doubted again
    assert list(judged(at)[1].wrong)[-1] == 250


def test_late_batches_do_not_put_a_clock_back() -> None:
    at = NOW + np.arange(2000.0)
    at[500:600] -= 10 * DAY  # a phone that was offline
    clock, told = judged(at)
    assert not told.back and not told.wrong and told.older == 100 and clock.now == NOW + 1999


@pytest.mark.parametrize("limit", [10.0, 3600.0, YEAR])
def test_the_limit_may_be_set(limit: float) -> None:
    at = NOW + np.arange(100.0)
    at[50] += limit + 2
    at[60] += limit - 2
    assert list(judged(at, limit)[1].wrong) == [50]
    _, _, bad = worked(at, at + 5, limits={"clock_jump": f"{limit} s"})
    assert [b.position for b in bad] == [50]


def test_without_label_times_and_expiry_no_time_is_doubted() -> None:
    at = NOW + np.arange(30.0)
    at[20] += 75 * YEAR
    spec = make_spec({"source": {"path": "a", "event_time": "at"}, "label": {"column": "y"}})
    worker = Worker(spec, "classification", FakeLearner())
    (step,) = steps_of(worker, columns(at, at), 100)
    assert not step.bad and worker.counters.learnt == 30


# however it is cut

wild = st.lists(
    st.one_of(
        st.integers(0, 40).map(float), st.sampled_from([DAY / 2, 3 * DAY, -3 * DAY, YEAR, -YEAR, 75 * YEAR, -75 * YEAR, math.nan])
    ),
    min_size=1,
    max_size=120,
)  # fmt: skip


def _walk(jumps: list[float]) -> np.ndarray:
    """Times: small steps add up, a large one is of one record, or of all from there on."""
    at, now = np.zeros(len(jumps)), NOW
    for i, jump in enumerate(jumps):
        if not abs(jump) > 40:
            now += jump if jump == jump else 0.0
        elif i % 3 == 0:
            now += jump
        at[i] = math.nan if jump != jump else now if abs(jump) <= 40 or i % 3 == 0 else now + jump
    return at


@given(wild, st.integers(1, 50))
def test_the_clock_does_not_depend_on_cuts(jumps: list[float], size: int) -> None:
    at = _walk(jumps)
    at = at[np.isfinite(at)]
    whole, told = judged(at)
    clock, wrong, back, notes = StreamClock("at"), {}, {}, []
    for i in range(0, len(at), size):
        fresh = StreamClock("at")
        fresh.load(json.loads(json.dumps(clock.state())))
        part = fresh.judge(at[i : i + size])
        wrong |= {i + k: v for k, v in part.wrong.items()}
        back |= {i + k: v for k, v in part.back.items()}
        clock = fresh
    assert (wrong, back) == (told.wrong, told.back)
    assert clock.state() == whole.state() and not notes


@given(wild, st.sampled_from([1, 7, 40]), st.sampled_from([None, 30.0, 2 * DAY]))
def test_a_job_does_not_depend_on_cuts(jumps: list[float], size: int, expire: float | None) -> None:
    at = _walk(jumps)
    found = []
    for cut in (1000, size):
        worker, _, bad = worked(at, at + 17.5, cut, label={"expire_after": expire} if expire else None)
        worker.check()
        arrays, meta = worker.state_dict()
        found.append((state_hash(arrays, meta), [(b.position, b.reason) for b in bad]))
    assert found[0] == found[1]


@given(wild, st.integers(0, 120))
def test_a_job_goes_on_from_its_state(jumps: list[float], cut: int) -> None:
    at = _walk(jumps)
    whole, *_ = worked(at, at + 17.5)
    first, *_ = worked(at[:cut], (at + 17.5)[:cut])
    second = Worker(spec_of(), "classification", FakeLearner())
    arrays, meta = first.state_dict()
    second.load_state_dict(arrays, json.loads(json.dumps(meta)))
    data = {k: v[cut:] for k, v in columns(at, at + 17.5).items()}
    steps_of(second, data, 1000, cut)
    assert state_hash(*second.state_dict()) == state_hash(*whole.state_dict())


# events and labels apart


def _joined(at: np.ndarray, size: int, late: int = 50, **more: Any) -> tuple[JoinedWorker, list[str]]:
    spec = make_spec(
        {
            "source": {"topic": "e", "event_time": "at"},
            "label": {"column": "y", "topic": "l", "key": "key", "expire_after": "1 h"},
            "learner": {"task": "classification"},
            "kafka": {"merge_log": "m"},
        }
    )
    worker = JoinedWorker(spec, "classification", FakeLearner())
    n = len(at)
    keys = [f"k{i}" for i in range(n)]
    events = pa.RecordBatch.from_pydict({"key": keys, "x": np.arange(n) % 5.0, "at": at})
    labels = pa.RecordBatch.from_pydict({"key": keys, "y": np.arange(n) % 2})
    order = np.array(
        [kind for i in range(n + late) for kind in ([EVENT] * (i < n) + [LABEL] * (i >= late))], np.int8
    )
    said: list[str] = []
    e = y = 0
    for i in range(0, len(order), size):
        part = order[i : i + size]
        m = int(part.sum())
        k = len(part) - m
        step = worker.merge(
            Batch(events.slice(e, k), np.arange(e, e + k), {}) if k else None,
            Batch(labels.slice(y, m), np.arange(y, y + m), {}) if m else None,
            part,
        )
        e, y = e + k, y + m
        said += step.notes
    worker.check()
    return worker, said


@pytest.mark.parametrize("place", [0, 3, 10, 450])
@pytest.mark.parametrize("size", [1, 64, 10_000])
def test_one_event_of_a_topic_from_the_future(place: int, size: int) -> None:
    at = NOW + np.arange(500.0)
    at[place] = IN_2100
    worker, said = _joined(at, size)
    c = worker.counters
    assert said
    if place >= AGREEING:
        assert (c.dead, c.expired, c.learnt) == (1, 0, 499)
    else:
        assert c.dead == 0 and c.expired <= AGREEING + place and c.learnt == 500 - c.expired


@given(wild, st.integers(1, 60))
def test_a_joined_job_does_not_depend_on_cuts(jumps: list[float], size: int) -> None:
    at = _walk(jumps)
    whole, _ = _joined(at, 1000, late=9)
    parts, _ = _joined(at, size, late=9)
    assert state_hash(*whole.state_dict()) == state_hash(*parts.state_dict())


def test_nothing_waits_from_a_time_that_is_given_up() -> None:
    join = LabelJoin(by_time=True, expire_after=10.0)
    n, never = 40, np.full(40, np.nan)
    at = np.arange(40.0)
    at[0] = 1e9
    ops = join.push(never, at, never, {5: 5.0})  # clock 1e9 until then, so 1 to 4 are over at once
    assert ops.ticket[ops.op == EXPIRE].tolist() == [1, 2, 3, 4, *[0, *range(5, 29)]]
    assert join.pending == 11 and ops.expired == n - 11

    keyed = KeyJoin(expire_after=10.0)
    keyed.merge(np.array([0, 1]), ["a", "early"], np.array([np.nan, 1.0]), np.array([1e9, 0.0]))
    ops = keyed.merge(
        np.zeros(20), [f"k{i}" for i in range(20)], np.full(20, np.nan), np.arange(20.0), {0: 0.0}
    )
    assert (
        ops.ticket[ops.op == EXPIRE].tolist() == list(range(10)) and ops.unmatched == 1 and keyed.waiting == 0
    )


# rows in the wrong order


def _rows(order: np.ndarray, late: float = WAIT) -> list[dict[str, float]]:
    return [
        {"at": NOW + i, "known": NOW + i + late - 0.5, "x": i % 7.0, "y": float(i % 2)}
        for i in order.tolist()
    ]


def test_the_newest_row_first_is_refused_and_how_to_sort_is_said() -> None:
    source = MemorySource(_rows(np.arange(3000)[::-1]))
    with pytest.raises(
        SpecError, match=r"999 of the first 1,000 .* newest record first. --set source.sort=true .* 'at'"
    ):
        make_plan(spec_of(), source)
    make_plan(spec_of(), MemorySource(_rows(np.arange(1000))))
    make_plan(spec_of(), MemorySource(_rows(np.arange(10)[::-1])))  # too few to tell


@pytest.mark.parametrize(
    "shuffle", [np.arange(600)[::-1], np.random.default_rng(0).permutation(600)], ids=["reversed", "mixed"]
)
def test_sorted_on_request_it_is_the_stream_in_order(shuffle: np.ndarray) -> None:
    def run(order: np.ndarray, sort: bool) -> Any:
        out = {"predictions": MemorySink()}
        job = Job(
            spec_of(source={"sort": sort}), source=MemorySource(_rows(order)), sinks=out, make=make_fake
        )
        return job.run(), out["predictions"].records

    want, told = run(np.arange(600), False)
    got, said = run(shuffle, True)
    assert got.worker.learner.state_hash() == want.worker.learner.state_hash() and repr(said) == repr(told)
    assert got.worker.counters.older == 0 and got.worker.join.pending == WAIT


def test_a_sorted_source_keeps_the_contract(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"at": 3, "x": 1}\noops\n{"x": 5}\n{"at": 1, "x": 2}\n{"at": 3, "x": 3, "b": "new"}\n')
    rows = [{"at": 1.0, "x": 2.0}, {"at": 3.0, "x": 1.0}, {"at": 3.0, "x": 3.0, "b": "new"}, {"x": 5.0}]
    source = SortedSource(JsonLinesSource(str(file)), "at")
    check_source(lambda: SortedSource(JsonLinesSource(str(file)), "at"), rows)
    batch = source.open("0", {"position": 3}).next_batch(10)
    assert batch is not None and batch.position.tolist() == [3] and batch.bad[0].position == 4
    assert batch.bad[0].raw == b"oops" and source.info().records == 5
    file.write_text('{"at": 2, "x": 1, "long": {"list": %s}}\n{"at": 1, "x": "odd"}\n' % ([0] * 100))
    source = SortedSource(JsonLinesSource(str(file)), "at")
    whole, rest = source.open("0").next_batch(10), source.open("0", {"position": 1}).next_batch(10)
    assert whole is not None and rest is not None
    assert whole.left_out == {"long.list": 1} and not rest.left_out  # told once
    with pytest.raises(SpecError, match="no column 'when'"):
        SortedSource(JsonLinesSource(str(file)), "when").info()


def test_sorting_is_for_recorded_streams_with_a_time() -> None:
    with pytest.raises(SpecError, match="source: sort: is of recorded streams"):
        make_spec(
            {
                "source": {"topic": "t", "sort": True},
                "label": {"column": "y"},
                "learner": {"task": "regression"},
            }
        )
    spec = make_spec({"source": {"path": "a", "sort": True}, "label": {"column": "y"}})
    with pytest.raises(SpecError, match=r"source.event_time: is missing; source.sort needs"):
        make_plan(spec, MemorySource(_rows(np.arange(5))))


def _told(
    order: np.ndarray, late: float = WAIT, size: int = 128
) -> tuple[list[str], list[str], dict[str, Any]]:
    said: list[str] = []
    spec = spec_of(run={"batch_records": size})
    result = Job(
        spec, source=MemorySource(_rows(order, late)), sinks={}, make=make_fake, say=said.append
    ).run()
    summary = summarise(result)
    return said, lines(summary), summary


def test_days_in_the_wrong_order_are_told_in_the_run_and_at_its_end() -> None:
    order = np.concatenate([np.arange(b * 300, b * 300 + 300) for b in range(10)[::-1]])
    said, end, summary = _told(order)
    assert "2,700 of 3,000 events came after a later one: sort by 'at'" in end
    assert summary["older_than_the_clock"] == 2700 and summary["event_time"] == "at"
    assert any("came after a later one" in note and "source.sort=true" in note for note in said)
    said, end, summary = _told(np.arange(3000))
    assert summary["older_than_the_clock"] == 0 and not any("later one" in text for text in [*said, *end])


@pytest.mark.parametrize(
    ("late", "word"),
    [(1e7, "no label was known"), (0.6, "every label was known"), (-1e6, "every label was known")],
)
@pytest.mark.parametrize("size", [1, 128, 4096])
def test_labels_that_all_come_at_once_or_never_are_told(late: float, word: str, size: int) -> None:
    said, *_ = _told(np.arange(LOOKED_AT_EVENTS + 200), late, size)
    assert len([note for note in said if word in note and "'known'" in note and "'at'" in note]) == 1
    assert not any("label.time" in note for note in _told(np.arange(LOOKED_AT_EVENTS + 200), WAIT, size)[0])
    assert not any("label.time" in note for note in _told(np.arange(LOOKED_AT_EVENTS - 1), late, size)[0])


def test_spans_in_words() -> None:
    assert [in_words(v) for v in (0.25, 1, 90, 7200, 36 * 3600, 20 * DAY, 2 * YEAR, 7.5e9 * YEAR)] == [
        "0.25 seconds", "1 seconds", "1.5 minutes", "2 hours", "1.5 days", "20 days", "2 years", "7.5e+09 years"
    ]  # fmt: skip
