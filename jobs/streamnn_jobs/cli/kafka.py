"""What the command line does with a job whose source is a topic."""

from __future__ import annotations

import json
import sys

from rich.console import Console

from ..kafka.job import KafkaJob
from ..kafka.topics import check_topics
from ..logs import Log, logging_all
from ..process.pipes import Printed, quiet_pipe
from ..run import learner as learners
from ..run import summary as summaries
from ..run.result import KafkaResult
from ..spec.fingerprint import learning_fields
from ..spec.job import JobSpec
from .progress import Progress
from .served import operated


def run_kafka(spec: JobSpec, as_json: bool, console: Console, log: Log, title: str | None = None) -> int:
    """Run a job until it is stopped; the exit code comes back."""
    with logging_all(log):
        job = KafkaJob(spec, say=log.note)
        with (
            operated(job, spec, log, title or str(spec.source.topic)) as caught,
            Progress(console, spec.run.until_records, quiet=not log.plain) as progress,
        ):
            job.show(progress)
            result = job.run()
    out = console if as_json else Printed(highlight=False)
    with quiet_pipe():
        for line in lines(result) if log.plain or not as_json else ():
            out.print(line, markup=False, soft_wrap=True)
        if as_json:
            print(json.dumps(summaries.plain(result.summary()), allow_nan=False))
    return 128 + caught[0] if caught and result.outcome == "interrupted" else 0


def check_kafka(spec: JobSpec, where: str, as_json: bool) -> None:
    """Everything a run would check before its first event, without making a topic or joining the group."""
    notes: list[str] = []
    topics = check_topics(spec, notes.append, create=False)
    learners.make_learner(spec, spec.learner.task)
    if as_json:
        found = {
            "ok": True,
            "task": spec.learner.task,
            "source": topics.events,
            "partitions": topics.partitions,
        }
        with quiet_pipe():
            print(json.dumps({**found, "notes": notes, "spec": learning_fields(spec)}))
        return
    for note in notes:
        print(note, file=sys.stderr)
    labels = "with their events" if topics.labels is None else f"on {topics.labels}"
    print(
        f"{where}: ok: {spec.learner.task} of {spec.label.column!r} in topic {topics.events}, "
        f"{topics.partitions} partitions, {spec.kafka.mode}; labels come {labels}"
    )


def lines(result: KafkaResult) -> list[str]:
    """A line a partition, for a person."""
    out = []
    for number, p in result.partitions.items():
        c = p.counters
        apart = f", waiting labels {p.waiting:,}, duplicate {c['duplicates']:,}" if c["label_records"] else ""
        shown = ("accuracy", "log_loss", "mae")
        scores = ", ".join(
            f"{name.replace('_', ' ')} {summaries.number(p.scores[name])}"
            for name in shown
            if name in p.scores
        )
        out.append(
            f"{result.source}/{number} at {' and '.join(map(str, p.next))}: events {c['predicted']:,}, learnt "
            f"{c['learnt']:,}, pending {p.pending:,}, expired {c['expired']:,}, without label {c['unlabelled']:,}"
            f"{apart}; dead letters {c['dead'] + c['label_dead']:,}; alarms {c['alarms']:,}; {scores}; state "
            f"{p.state_hash[:16]}"
        )
    if not out:
        out.append(f"{result.source}: no partition was this process's at the end")
    return out
