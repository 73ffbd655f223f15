"""One way to open a job: the spec says which it is, and the wrong class says where to go."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_learner import make_fake

from streamnn.errors import SpecError
from streamnn_jobs import Job, JobSpec, KafkaJob, load_spec, make_spec, open_job
from streamnn_jobs.kafka import job as module
from streamnn_jobs.kafka.topics import Topics

TOPIC = {"source": {"topic": "e"}, "label": {"column": "y"}, "learner": {"task": "classification"}}


def recorded(folder: Path, rows: int = 40) -> JobSpec:
    path = folder / "s.csv"
    path.write_text("x,y\n" + "".join(f"{i % 7},{i % 2}\n" for i in range(rows)))
    return make_spec({"source": {"path": str(path)}, "label": {"column": "y"}})


def test_a_recorded_job_is_opened_and_runs(tmp_path: Path) -> None:
    seen: list[int] = []
    job = open_job(
        recorded(tmp_path), make=make_fake, progress=lambda plan, worker: seen.append(worker.counters.records)
    )
    assert isinstance(job, Job) and job.name == "s"
    result = job.run()
    assert result.outcome == "ended" and seen == [40]


def test_a_kafka_job_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "check_topics", lambda spec, say: Topics("e", None, 2, {}))
    said: list[str] = []
    job = open_job(make_spec(TOPIC), make=make_fake, say=said.append)
    assert isinstance(job, KafkaJob) and job.name == "e" and job.spec.source.topic == "e"
    job.stop()
    assert job.control.stopping


def test_the_shipped_specs_are_opened_each_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[2] / "jobs"
    monkeypatch.setattr(module, "check_topics", lambda spec, say: Topics("e", None, 1, {}))
    assert isinstance(open_job(load_spec(folder / "kafka.toml")), KafkaJob)
    assert isinstance(open_job(load_spec(folder / "flights.toml")), Job)


def test_a_class_that_is_given_the_other_kind_says_how_to_open_it(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^source\.topic: .* open_job\(spec\)"):
        Job(make_spec(TOPIC))
    with pytest.raises(SpecError, match=r"^source: is no topic.* open_job\(spec\)"):
        KafkaJob(recorded(tmp_path))


def test_an_option_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="policy"):
        open_job(recorded(tmp_path), policy=None)
