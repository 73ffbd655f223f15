"""The live page and the views it is drawn from: only what has changed is sent, several partitions, bounded cost."""

from __future__ import annotations

import gc
import re
import weakref
from dataclasses import replace
from typing import Any

import pytest
from fake_learner import FakeLearner, make_fake
from script import late_spec, stream
from served import Clock

from streamnn_connectors import ScriptedSource
from streamnn_jobs.live import JobMonitor, job_monitor, page
from streamnn_jobs.live.page import LivePage
from streamnn_jobs.live.partition_monitor import KEPT_S, PartitionMonitor
from streamnn_jobs.live.sections import make_report
from streamnn_jobs.live.stream_flow import stream_flow
from streamnn_jobs.run.control import Control
from streamnn_jobs.run.plan import make_plan
from streamnn_jobs.run.runner import Job
from streamnn_jobs.run.worker import Step, Worker

HAVE = "state:,standing:,now:,quality:,edge:,regret:,weights:,surprise:,slopes:,functions:,details:"


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(clock: Clock, *partitions: str, title: str = "t") -> tuple[JobMonitor, LivePage, list[Worker]]:
    """A job with these partitions, none of which has learnt anything."""
    found, control, workers = JobMonitor(clock, Clock(1.7e9)), Control(), []
    plan = make_plan(late_spec(None), ScriptedSource(stream()))
    for name in partitions:
        worker = Worker(plan.spec, "classification", FakeLearner(), "a <source>", name)
        found.opened(plan, worker, None)
        workers.append(worker)
    return found, LivePage(found, control, title), workers


def learn(found: JobMonitor, worker: Worker, clock: Clock, records: int = 50) -> None:
    """A batch, two seconds later."""
    partition = ScriptedSource(stream()).open("0", {"position": worker.counters.records})
    batch = partition.next_batch(records)
    partition.close()
    assert batch is not None
    clock.now += 2.0
    found.stepped(worker, worker.step(batch), int(batch.resume["position"]), 0.01, 7)


def test_only_what_has_changed_is_sent(clock: Clock) -> None:
    found, live, (worker,) = opened(clock, "0")
    first = live.parts(None, "")
    assert set(first["parts"]) == {pair.partition(":")[0] for pair in HAVE.split(",")}

    def have() -> str:
        return ",".join(f"{name}:{p['key']}" for name, p in seen.items())

    seen = dict(first["parts"])
    assert live.parts(None, have())["parts"] == {}
    learn(found, worker, clock)
    fresh = live.parts(None, have())["parts"]
    assert {"standing", "now", "state"} <= set(fresh) and "slopes" not in fresh
    seen |= fresh
    assert live.parts(None, have())["parts"] == {}
    assert live.parts(None, "rubbish,,:::,state")["parts"].keys() == seen.keys()


def test_many_alarms_leave_the_curves_to_be_seen(clock: Clock) -> None:
    found, _, (worker,) = opened(clock, "0")
    learn(found, worker, clock)
    (view,) = found.views()
    alarms = tuple({"event": i, "position": i, "cause": "more noise", "signal": "loss"} for i in range(100))
    assert found.plan is not None
    report = make_report(replace(view, alarms=alarms), found.plan, "t")
    assert [n for n, _ in report.numbered_alarms()][-1] == max(view.counters.alarms, 20)
    assert list(report.alarms) == list(alarms[-20:])


def test_a_source_that_knows_no_lag_is_said_to_know_none(clock: Clock) -> None:
    found, _, (worker,) = opened(clock, "0")
    learn(found, worker, clock)
    learn(found, worker, clock)
    (view,) = found.views()
    unknown = replace(view, samples=[(*s[:4], None, *s[5:]) for s in view.samples])
    assert "does not say how much" in stream_flow(unknown) and "does not say how much" not in stream_flow(
        view
    )


def test_slopes_and_functions_come_when_somebody_asks(clock: Clock) -> None:
    found, live, (worker,) = opened(clock, "0")
    learn(found, worker, clock)
    assert "No network to show yet" in live.parts(None, "")["parts"]["functions"]["html"]
    found.ask()
    learn(found, worker, clock)
    assert "data-plot='activations-0'" in live.parts(None, "")["parts"]["functions"]["html"]


def test_however_many_look_it_is_drawn_once(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    found, live, (worker,) = opened(clock, "0")
    drawn: list[int] = []
    monkeypatch.setitem(page.FAST, "now", lambda report, view: drawn.append(view.version) or "")
    for _ in range(5):
        live.parts(None, "")
    assert drawn == [0]
    learn(found, worker, clock)
    for _ in range(5):
        live.parts(None, "")
    assert len(drawn) == 2


def test_what_is_slow_to_draw_is_drawn_less_often(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    found, live, (worker,) = opened(clock, "0")
    spent = [0.0]

    def slow(report: Any, view: Any) -> str:
        spent[0] += 0.3
        return str(view.version)

    monkeypatch.setitem(page.FAST, "now", slow)
    monkeypatch.setattr(page.time, "thread_time", lambda: spent[0])
    looks = 0
    for _ in range(100):  # two seconds each
        learn(found, worker, clock, 1)
        before = spent[0]
        live.parts(None, "")
        looks += spent[0] > before
    assert looks <= 10  # .3 s of 25 are the share


def test_views_are_made_less_often_when_they_take_long(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _, (worker,) = opened(clock, "0")
    spent = [0.0]
    refresh = PartitionMonitor.refresh

    def slow(self: PartitionMonitor, *a: Any) -> None:
        spent[0] += 0.1
        refresh(self, *a)

    monkeypatch.setattr(PartitionMonitor, "refresh", slow)
    monkeypatch.setattr(job_monitor.time, "thread_time", lambda: spent[0])
    for _ in range(100):
        clock.now += 1.0
        found.idle()
    assert found.views()[0].version == 4  # the first and three more: .1 s of 33 are the share
    assert worker.counters.records == 0


def test_a_first_look_that_compiles_holds_no_other_up(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _, (worker,) = opened(clock, "0")
    spent = [0.0]
    kinds: set[bool] = set()
    look = JobMonitor._look

    def compiling(self: JobMonitor, now: float, parts: list[PartitionMonitor]) -> bool:
        networks = look(self, now, parts)
        spent[0] += 0.0 if networks in kinds else 10.0  # an hour's share
        kinds.add(networks)
        return networks

    monkeypatch.setattr(JobMonitor, "_look", compiling)
    monkeypatch.setattr(job_monitor.time, "thread_time", lambda: spent[0])
    for n in range(30):
        found.ask()
        learn(found, worker, clock, 1)
        assert found.views()[0].version == n + 1
    assert kinds == {False, True} and spent[0] == 20.0


def test_a_look_at_nothing_is_not_the_first(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job over Kafka looks round long before its first partition is open; what that one compiles is no cost either."""
    found, _, _ = opened(clock)
    for _ in range(5):
        clock.now += 2.0
        found.idle()
    plan = make_plan(late_spec(None), ScriptedSource(stream()))
    worker = Worker(plan.spec, "classification", FakeLearner(), "a <source>", "0")
    found.opened(plan, worker, None)
    costs = iter([10.0])
    refresh, spent = PartitionMonitor.refresh, [0.0]

    def compiling(self: PartitionMonitor, *told: Any) -> None:
        spent[0] += next(costs, 0.0)
        refresh(self, *told)

    monkeypatch.setattr(PartitionMonitor, "refresh", compiling)
    monkeypatch.setattr(job_monitor.time, "thread_time", lambda: spent[0])
    for n in range(3):
        learn(found, worker, clock, 1)
        assert found.views()[0].version == n + 1


def test_names_are_escaped_and_partitions_can_be_chosen(clock: Clock) -> None:
    found, live, workers = opened(clock, "10", "2", "a&b", title="<script>x</script>")
    learn(found, workers[1], clock)
    text, _ = live.page("2")
    assert "<script>x" not in text and "&lt;script&gt;x" in text and "a &lt;source&gt;, partition 2" in text
    assert re.findall(r"<a href='([^']*)'( aria-current=page)?>", text) == [
        ("?partition=2", " aria-current=page"),
        ("?partition=10", ""),
        ("?partition=a%26b", ""),
    ]
    assert "record 50<" in text and "record 0<" in live.page("10")[0]
    assert "partition 2<" in live.page("nowhere")[0]


def test_a_partition_that_was_given_up_is_shown_no_more(clock: Clock) -> None:
    found, live, workers = opened(clock, "0", "1")
    found.closed(workers[0])
    text, _ = live.page(None)
    assert "<nav" not in text and [v.partition for v in found.views()] == ["1"]
    found.closed(workers[1])
    assert [v.partition for v in found.views()] == ["0", "1"]  # at the end, all


def test_a_partition_that_was_given_up_keeps_its_last_view_and_no_learner(clock: Clock) -> None:
    found, live, workers = opened(clock, "0")
    found.ask()
    learn(found, workers[0], clock)
    gone = weakref.ref(workers[0]), weakref.ref(workers[0].learner)
    found.closed(workers[0])
    del workers[:]
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    (view,) = found.views()
    assert view.counters.records == 50 and "record 50<" in live.page(None)[0]
    clock.now += 60.0
    found.ask()
    found.idle()
    assert found.views() == [view]


def test_a_page_before_the_first_partition(clock: Clock) -> None:
    found = JobMonitor(clock, clock)
    live = LivePage(found, Control(), "t")
    text, policy = live.page(None)
    assert "Starting" in text and "default-src 'none'" in policy
    assert live.parts(None, "")["state"] == "starting"


def test_rates_and_means_are_those_of_the_last_seconds(clock: Clock) -> None:
    found, _, (worker,) = opened(clock, "0")
    assert found.views()[0].rate() is None and found.views()[0].lately() is None
    part = found.partitions["0"]
    for second in range(100):
        clock.now += 1.0
        worker.counters.records += 10 if second < 80 else 100
        part.step(Step(records=1, events=2, surprise=2.0 * second, entropy=1.0), 0, 0.001, None)
        found.idle()
    view = found.views()[0]
    assert view.rate() == 100.0 and view.rate(1000.0) == pytest.approx((79 * 10 + 20 * 100) / 99)
    assert view.lately(10.0) == (pytest.approx(sum(range(90, 100)) / 10), 0.5)


def test_samples_are_bounded(clock: Clock) -> None:
    found, _, _ = opened(clock, "0")
    for _ in range(KEPT_S + 50):
        clock.now += 1.0
        found.idle()
    assert len(found.views()[0].samples) == KEPT_S


def test_a_view_never_changes() -> None:
    seen: list[Any] = []

    class Keeping(JobMonitor):
        def stepped(self, *told: Any) -> None:
            super().stepped(*told)
            view = self.views()[0]
            seen.append((view, repr(view.counters), len(view.alarms), len(view.samples)))

    ticks = iter(range(10_000))
    job = Job(
        late_spec(None),
        source=ScriptedSource(stream()),
        sinks={},
        make=make_fake,
        observers=[Keeping(lambda: 2.0 * next(ticks))],
    )
    job.run()
    assert len({id(v) for v, *_ in seen}) > 40
    assert all(repr(v.counters) == c and len(v.alarms) == a and len(v.samples) == s for v, c, a, s in seen)
