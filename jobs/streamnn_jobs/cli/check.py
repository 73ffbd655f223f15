"""What `streamnn check` and `streamnn predict` do."""

from __future__ import annotations

import json
import sys

from rich.console import Console

from ..ask.checkpoints import learnt_kinds
from ..ask.predict import Predictor
from ..data.names import is_path
from ..process.exits import Printed, quiet_pipe
from ..records.columns import changed_kinds
from ..run import learner as learners
from ..run import student as students
from ..run import summary as summaries
from ..run.plan import make_plan
from ..run.roads import roads
from ..spec.fingerprint import learning_fields
from ..spec.job import JobSpec, label_delay
from .column_table import show_columns

NOTHING_SCORED = 3
"""Exit code when records were there and none could be used."""


def check_spec(spec: JobSpec, where: str, as_json: bool) -> None:
    """Everything a run would check before its first event."""
    if spec.source.topic is not None:
        return _check_kafka(spec, where, as_json)
    plan = make_plan(spec)
    learners.make_learner(plan.spec, plan.task)
    students.make_student(plan.spec, plan.task)
    known = [] if plan.probe is None else roads(plan.spec, plan.task, plan.probe)
    rows = plan.columns()
    kept = learnt_kinds(plan.spec.checkpoint.directory)
    changed = [] if kept is None else changed_kinds(rows, kept)
    if as_json:
        with quiet_pipe():
            print(
                json.dumps(
                    {
                        "ok": True,
                        "task": plan.task,
                        "source": plan.name,
                        "records": plan.total,
                        "columns": [row.to_dict() for row in rows],
                        "networks": [road.to_dict() for road in known],
                        "notes": [*plan.notes, *changed],
                        "spec": learning_fields(plan.spec),
                    }
                )
            )
        return
    for note in [*plan.notes, *changed]:
        print(note, file=sys.stderr)
    show_columns(Printed(highlight=False), rows)
    for road in known:
        print(f"{road.title}: {road.explanation}")
    records = "" if plan.total is None else f", {plan.total:,} records"
    print(
        f"{where}: ok: {plan.task} of {plan.spec.label.column!r} in {plan.name}{records}; labels "
        f"{label_delay(plan.spec)}"
    )


def _check_kafka(spec: JobSpec, where: str, as_json: bool) -> None:
    """Everything a run would check before its first event, without making a topic or joining the group."""
    from ..kafka.sample import notes_on, sample
    from ..kafka.topics import check_topics

    notes: list[str] = []
    topics = check_topics(spec, notes.append, create=False)
    notes += notes_on(spec, sample(spec))
    learners.make_learner(spec, spec.learner.task)
    students.make_student(spec, spec.learner.task)
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


def predict_file(target: str, checkpoint: str, output: str | None, until: int | None, as_json: bool) -> int:
    """Score a file with the newest checkpoint."""
    console = Console(stderr=True, highlight=False)
    predictor = Predictor(checkpoint, say=lambda text: console.print(text, markup=False, soft_wrap=True))
    with quiet_pipe():
        figures = predictor.score(target, is_path(target), output, until)
        if as_json:
            print(json.dumps(summaries.plain(figures), allow_nan=False))
    if not as_json:
        console.print(f"{figures['events']:,} scored, {figures['dead_letters']:,} could not be", markup=False)
    return NOTHING_SCORED if figures["dead_letters"] and not figures["events"] else 0
