"""Logs: every event with its fields, no secret, no content of records unless asked."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from cli_run import Run, good
from fake_learner import make_fake
from hypothesis import given
from hypothesis import strategies as st
from script import late_spec, stream
from served import Clock

from streamnn_connectors import ScriptedSource
from streamnn_jobs.logs import LOG_EVENTS, JobLog, Log
from streamnn_jobs.logs.events import LOG_LEVELS
from streamnn_jobs.logs.setup import bridged
from streamnn_jobs.redaction import Redactor
from streamnn_jobs.run.observer import Observer
from streamnn_jobs.run.runner import Job


class Ticking(Observer):
    def __init__(self, clock: Clock, step_s: float):
        self._clock, self._step_s = clock, step_s

    def stepped(self, *told: Any) -> None:
        self._clock.now += self._step_s


def logged(
    directory: str | None = None, level: str = "debug", step_s: float = 1.0, **log: Any
) -> list[dict[str, Any]]:
    """What a job of 300 records logs as JSON."""
    spec = late_spec(directory, every_events=100)
    spec = spec.model_copy(update={"log": spec.log.model_copy(update={"every_s": 10.0, **log})})
    stream_, clock = io.StringIO(), Clock()
    job = Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake)
    job.audience.add(Ticking(clock, step_s))
    job.audience.add(JobLog(Log("json", level, stream_), spec, job.control, clock))
    job.run()
    return [json.loads(line) for line in stream_.getvalue().splitlines()]


def test_a_job_tells_its_story(tmp_path: Any) -> None:
    lines = logged(str(tmp_path))
    events = [line["event"] for line in lines]
    assert set(events) <= set(LOG_EVENTS) and all(
        line["level"] == LOG_EVENTS[line["event"]][0] for line in lines
    )
    # the place before the first record is saved before anything else
    assert events[:3] == ["checkpoint_written", "job_started", "partition_opened"]
    assert events[-2:] == ["partition_closed", "job_ended"]
    assert lines[-1]["outcome"] == "ended" and lines[-1]["records"] == 300
    assert events.count("checkpoint_written") == 4
    assert events.count("progress") == 4  # 43 batches, a second each, told every ten
    told = [line for line in lines if line["event"] == "progress"]
    assert [line["records_per_s"] for line in told] == [7.0] * 4
    closed = lines[-2]
    alarms = [line for line in lines if line["event"] == "alarm"]
    assert len(alarms) == closed["alarms"] > 20 and {"position", "cause", "signal"} <= set(alarms[0])


def test_dead_letters_are_listed_ten_a_minute_and_the_rest_counted() -> None:
    lines = logged()
    dead = [line for line in lines if line["event"] == "dead_letter"]
    more = sum(line["count"] for line in lines if line["event"] == "dead_letters_unlisted")
    assert len(dead) == 10 and len(dead) + more == lines[-2]["dead_letters"] > 20
    hourly = [line for line in logged(step_s=100.0) if line["event"] == "dead_letter"]
    assert len(hourly) == lines[-2]["dead_letters"]


def test_content_of_records_is_logged_only_when_asked() -> None:
    quiet = json.dumps(logged(step_s=100.0))
    assert "broken" not in quiet and "text where" not in quiet and "malformed_json" in quiet
    loud = json.dumps(logged(step_s=100.0, records=True))
    assert "{broken" in loud


def test_a_level_leaves_out_what_is_below() -> None:
    assert {line["level"] for line in logged(level="warning")} == {"warning"}
    assert logged(level="error") == []


def test_pause_and_resume_are_logged() -> None:
    class Pausing(Observer):
        def stepped(self, *told: Any) -> None:
            if not done:
                done.append(1)
                job.control.pause()

        def idle(self) -> None:
            job.control.resume()

    done: list[int] = []
    out = io.StringIO()
    spec = late_spec(None)
    job = Job(spec, source=ScriptedSource(stream()), sinks={}, make=make_fake, observers=[Pausing()])
    job.audience.add(JobLog(Log("json", "info", out), spec, job.control))
    job.run()
    events = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert events.count("paused") == 1 == events.count("resumed")
    assert events.index("paused") < events.index("resumed")


@given(
    message=st.text(), field=st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.text()))
)
def test_any_value_is_one_line(message: str, field: Any) -> None:
    for kind in ("json", "text"):
        out = io.StringIO()
        Log(kind, stream=out).event("note", message, field=field)  # type: ignore[arg-type]
        line = out.getvalue()
        assert line.endswith("\n") and line.count("\n") == 1
        if kind == "json":
            found = json.loads(line)
            assert found.get("message", "") == message and found["event"] == "note"


def test_plain_writes_only_words_for_a_person() -> None:
    said: list[str] = []
    out = io.StringIO()
    log = Log("plain", stream=out, say=said.append)
    log.note("a limit was reached")
    log.event("alarm", "new inputs", position=3)
    assert said == ["a limit was reached"] and out.getvalue() == ""


def test_secrets_are_blanked_out_wherever_they_stand() -> None:
    places = [
        {
            "KAFKA_PASSWORD": "hunter2!",
            "STREAMNN_TOKEN": "tttttttt",
            "PASSWORD_FILE": "/run/x",
            "PIN_TOKEN": "12",
        },
        {"source": {"options": {"sasl_plain_password": 'pa"ss\\word'}}},
    ]
    hide = Redactor(places)
    out = io.StringIO()
    log = Log("json", stream=out, hide=hide)
    log.event("failed", "hunter2! at https://me:secret@host/x", error="tttttttt")
    assert "hunter2" not in out.getvalue() and "tttt" not in out.getvalue() and "secret" not in out.getvalue()
    assert hide("/run/x has 12") == "/run/x has 12"
    assert hide('told pa"ss\\word') == "told ***"


def test_what_libraries_say_is_logged() -> None:
    out = io.StringIO()
    with bridged(Log("json", stream=out)):
        logging.getLogger("kafka.conn").warning("lost %s", "broker")
        logging.getLogger("kafka.conn").info("chatter")
    logging.getLogger("kafka.conn").debug("after")
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert (line["event"], line["library"], line["message"]) == ("library", "kafka.conn", "lost broker")


def test_the_command_line_logs_json_to_standard_error(run: Run, tmp_path: Any) -> None:
    code, out, err = run(
        "replay", good(tmp_path / "a.jsonl"), "--label", "y", "--log", "json", "--json", "--report", "none"
    )
    lines = [json.loads(line) for line in err.splitlines()]
    assert code == 0 and json.loads(out)["events"] == 300
    assert lines[0]["event"] == "job_started" and lines[-1]["event"] == "job_ended"


@pytest.mark.parametrize("log", ["json", "text", "plain"])
def test_a_failure_is_told_once(run: Run, log: str, tmp_path: Any) -> None:
    code, _, err = run(
        "replay", good(tmp_path / "a.jsonl"), "--label", "nope", "--log", log, "--report", "none"
    )
    assert code == 2 and err.count("no column 'nope'") == 1
    if log == "json":
        assert json.loads(err)["exit_code"] == 2
    assert err.startswith("streamnn: ") == (log == "plain")


def test_events_have_levels_and_words() -> None:
    for name, (level, words) in LOG_EVENTS.items():
        assert level in LOG_LEVELS and name.replace("_", "").isalpha() and words.endswith(".")
