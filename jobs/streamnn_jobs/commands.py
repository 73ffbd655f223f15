"""What the commands of the command line do."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from streamnn.errors import SinkError

from . import learner as learners
from . import summary as summaries
from .fingerprint import learning_fields
from .load import make_spec, set_field
from .plan import Plan, make_plan
from .predict import Predictor
from .progress import Progress
from .result import Result
from .runner import Job
from .spec import JobSpec
from .version import VERSION

_FILES = (".parquet", ".pq", ".csv", ".jsonl", ".ndjson", ".json", ".gz")


def changes_of(fields: dict[str, Any]) -> list[str]:
    """Fields that were given, as ``--set`` takes them.

    Examples
    --------
    >>> changes_of({"run.until_records": 5, "label.column": None, "learner.task": "regression"})
    ['run.until_records=5', 'learner.task="regression"']
    """
    return [f"{name}={json.dumps(value)}" for name, value in fields.items() if value is not None]


def replay_spec(
    target: str, fields: dict[str, Any], output: str | None, changes: list[str], default_report: bool
) -> JobSpec:
    """The job spec of ``streamnn replay``."""
    is_file = target.lower().endswith(_FILES) or Path(target).exists()
    data: dict[str, Any] = {"source": {"path" if is_file else "dataset": target}}
    for change in changes_of(fields):
        set_field(data, change)
    folder = Path()
    if output is not None:
        if output.lower().endswith((".jsonl", ".ndjson", ".csv", ".parquet", ".pq")):
            data["output"] = {"predictions": output}
            folder = Path(output).parent
        else:
            data["output"] = {"directory": output}
            folder = Path(output)
    if default_report:
        name = Path(target).name.split(".")[0] if is_file else target.replace("/", "-")
        data["report"] = {"path": str(folder / f"{name}-report.html")}
    return make_spec(data, changes, where="replay")


def run_job(spec: JobSpec, as_json: bool, title: str | None = None) -> int:
    """Run a job with progress, summary and report; the exit code comes back."""
    console = Console(stderr=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    job = Job(spec, say=say)
    with _signals(job) as caught, Progress(console, spec.run.until_records) as progress:
        job.show(progress)
        result = job.run()
    figures = summaries.summarise(result)
    path = spec.report.path
    cpu = time.process_time()
    if path is not None:
        _report(path, job, result, figures, spec.report.title or title or job.plan.name)
        figures["report"] = path
    if result.events:
        figures["events_per_cpu_s"] = result.events / (result.cpu_s + time.process_time() - cpu)
    out = console if as_json else Console(highlight=False)
    out.print(summaries.table(figures))
    for line in summaries.lines(figures):
        out.print(line, markup=False, soft_wrap=True)
    if figures["dead_letters"] and not spec.output.paths:
        out.print("dead letters were counted only: name an output to keep them", markup=False)
    if path is not None:
        out.print(f"report {path}", markup=False, soft_wrap=True)
    if as_json:
        print(json.dumps(summaries.plain(figures), allow_nan=False), flush=True)
    return 128 + caught[0] if caught and result.outcome == "interrupted" else 0


def check_spec(spec: JobSpec, where: str, as_json: bool) -> None:
    """Everything a run would check before its first event."""
    plan = make_plan(spec)
    learners.make_learner(plan.spec, plan.task)
    if as_json:
        print(
            json.dumps(
                {
                    "ok": True,
                    "task": plan.task,
                    "source": plan.name,
                    "records": plan.total,
                    "spec": learning_fields(plan.spec),
                }
            )
        )
        return
    records = "" if plan.total is None else f", {plan.total:,} records"
    print(
        f"{where}: ok: {plan.task} of {plan.spec.label.column!r} in {plan.name}{records}; labels {label_delay(plan.spec)}"
    )


def predict_file(target: str, checkpoint: str, output: str | None, until: int | None, as_json: bool) -> int:
    """Score a file with the newest checkpoint."""
    console = Console(stderr=True, highlight=False)
    predictor = Predictor(checkpoint, say=lambda text: console.print(text, markup=False, soft_wrap=True))
    is_file = target.lower().endswith(_FILES) or Path(target).exists()
    figures = predictor.score(target, is_file, output, until)
    if as_json:
        print(json.dumps(summaries.plain(figures), allow_nan=False), flush=True)
    else:
        console.print(f"{figures['events']:,} scored, {figures['dead_letters']:,} could not be", markup=False)
    return 0


def list_datasets(as_json: bool) -> None:
    """Names, sizes and origins."""
    from .datasets import datasets

    found = datasets()
    if as_json:
        keys = ("name", "origin", "task", "records", "label", "event_time", "label_time", "note")
        print(json.dumps([{k: getattr(d, k) for k in keys} for d in found]))
        return
    rows = [["name", "records", "task", "label", "origin", "note"]]
    for d in found:
        late = f"{d.label}, late" if d.label_time else d.label or ""
        rows.append(
            [d.name, "" if d.records is None else f"{d.records:,}", d.task or "", late, d.origin, d.note]
        )
    wide = [max(len(row[i]) for row in rows) for i in range(5)]
    console = Console(highlight=False)
    for name, records, *rest in rows:
        cells = [
            name.ljust(wide[0]),
            records.rjust(wide[1]),
            *(c.ljust(w) for c, w in zip(rest, wide[2:], strict=False)),
            rest[-1],
        ]
        console.print("  ".join(cells), markup=False, no_wrap=True, overflow="ellipsis", crop=True)


def label_delay(spec: JobSpec) -> str:
    """When labels come, in words.

    Examples
    --------
    >>> label_delay(make_spec({"source": {"path": "a.csv"}, "label": {"delay_events": 48}}))
    'come 48 events later'
    """
    if spec.label.time is not None:
        return f"come at their true time, {spec.label.time}"
    delay = spec.label.delay_events or 0
    return "come at once" if delay <= 1 else f"come {delay} events later"


def _report(path: str, job: Job, result: Result, figures: dict[str, Any], title: str) -> None:
    from .report import write_report

    learner, plan = result.worker.learner, job.plan
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_report(
            path,
            title=title,
            summary=figures,
            history=learner.history(),
            networks=learner.networks(),
            alarms=result.worker.alarms.recent,
            info={
                "source": plan.name,
                "task": result.worker.task,
                "label_delay": f"labels {label_delay(plan.spec)}",
                "version": VERSION,
                "spec": learning_fields(plan.spec),
            },
        )
    except OSError as e:
        raise SinkError(f"{path}: the report can't be written: {e.strerror or e}") from e


@contextlib.contextmanager
def _signals(job: Job) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM end the job cleanly; a second one ends it at once."""
    caught: list[int] = []
    before: dict[signal.Signals, Any] = {}

    def handle(number: int, frame: Any) -> None:
        caught.append(number)
        job.stop()
        signal.signal(number, before[signal.Signals(number)])
        print("finishing the batch; once more to stop at once", file=sys.stderr)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, handle)
    try:
        yield caught
    finally:
        for caught_by, old in before.items():
            signal.signal(caught_by, old)


__all__ = [
    "Plan",
    "changes_of",
    "check_spec",
    "label_delay",
    "list_datasets",
    "predict_file",
    "replay_spec",
    "run_job",
]
