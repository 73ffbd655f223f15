"""What the commands of the command line do."""

from __future__ import annotations

import errno
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from streamnn.errors import SinkError, SpecError

from ..ask.predict import Predictor
from ..logs import logging_all, make_log
from ..process.pipes import Printed, quiet_pipe
from ..run import learner as learners
from ..run import summary as summaries
from ..run.plan import make_plan
from ..run.result import Result
from ..run.runner import Job
from ..run.sinks import check_output
from ..spec.fingerprint import learning_fields
from ..spec.job import JobSpec
from ..spec.load import make_spec, set_field
from ..spec.words import label_delay
from ..version import VERSION
from .progress import Progress
from .served import operated

_FILES = (".parquet", ".pq", ".csv", ".jsonl", ".ndjson", ".json", ".gz")


NOTHING_SCORED = 3
"""Exit code when records were there and none could be used."""


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
    is_file = _is_file(target)
    data: dict[str, Any] = {"source": {"path" if is_file else "dataset": target}}
    for change in changes_of(fields):
        set_field(data, change)
    folder = Path()
    if output is not None:
        if Path(output).suffix and not output.endswith("/") and not Path(output).is_dir():
            check_output(Path(output))
            data["output"] = {"predictions": output}
            folder = Path(output).parent
        else:
            data["output"] = {"directory": output}
            folder = Path(output)
    if default_report:
        name = Path(target).name.split(".")[0] if is_file else target.replace("/", "-")
        data["report"] = {"path": str(folder / f"{name}-report.html")}
    return make_spec(data, changes, where="")


def run_job(spec: JobSpec, as_json: bool, title: str | None = None) -> int:
    """Run a job with progress, summary and report; the exit code comes back."""
    console = Console(stderr=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    log = make_log(spec, say)
    if spec.source.topic is not None:
        from .kafka import run_kafka

        return run_kafka(spec, as_json, console, log, title)
    path = spec.report.path
    with logging_all(log):
        job = Job(spec, say=log.note)
        if path is not None:
            _check_report(Path(path))
        page = spec.report.title or title or job.plan.name
        with (
            operated(job, spec, log, page) as caught,
            Progress(console, spec.run.until_records, quiet=not log.plain) as progress,
        ):
            job.show(progress)
            result = job.run()
    networks = result.worker.learner.networks()
    figures = summaries.summarise(result, networks)
    _look_back(job, result, figures)
    cpu = time.process_time()
    failed: SinkError | None = None
    if path is not None:
        try:
            _report(path, job, result, networks, figures, page)
            figures["report"] = path
        except SinkError as e:  # the figures of a long run are not lost for a page
            failed = e
    if result.events:
        figures["events_per_cpu_s"] = result.events / (result.cpu_s + time.process_time() - cpu)
    with quiet_pipe():
        if not as_json:
            _show(figures, Printed(highlight=False), bool(spec.output.paths))
        elif log.plain:
            _show(figures, console, bool(spec.output.paths))
        if as_json:
            print(json.dumps(summaries.plain(figures), allow_nan=False))
    if failed is not None:
        raise failed
    return 128 + caught[0] if caught and result.outcome == "interrupted" else 0


def _look_back(job: Job, result: Result, figures: dict[str, Any]) -> None:
    """Add what would have been best in hindsight, where it is known or asked for."""
    from ..ask.hindsight import best_fixed_linear, best_possible

    found = {"best_possible": best_possible(job.plan, figures["labelled"])}
    if job.plan.spec.report.hindsight:
        found["linear_in_hindsight"] = best_fixed_linear(job.plan, figures["records"])
    figures.update({k: v for k, v in found.items() if v})
    for name, words in (
        ("linear_in_hindsight", "best fixed linear model"),
        ("best_possible", "best possible forecast"),
    ):
        row = summaries.against(figures, name, words)
        if row is not None:
            figures["regrets"].append(row)


def _show(figures: dict[str, Any], out: Console, kept: bool) -> None:
    """The table and the lines for a person."""
    out.print(summaries.title(figures), markup=False, soft_wrap=True)
    if figures["labelled"]:
        out.print(summaries.table(figures))
    for line in summaries.lines(figures):
        out.print(line, markup=False, soft_wrap=True)
    if figures["dead_letters"] and not kept:
        out.print("dead letters were counted only: name an output to keep them", markup=False)
    if figures["report"] is not None:
        out.print(f"report {figures['report']}", markup=False, soft_wrap=True)


def check_spec(spec: JobSpec, where: str, as_json: bool) -> None:
    """Everything a run would check before its first event."""
    if spec.source.topic is not None:
        from .kafka import check_kafka

        return check_kafka(spec, where, as_json)
    plan = make_plan(spec)
    learners.make_learner(plan.spec, plan.task)
    if as_json:
        with quiet_pipe():
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
    for note in plan.notes:
        print(note, file=sys.stderr)
    records = "" if plan.total is None else f", {plan.total:,} records"
    print(
        f"{where}: ok: {plan.task} of {plan.spec.label.column!r} in {plan.name}{records}; labels {label_delay(plan.spec)}"
    )


def predict_file(target: str, checkpoint: str, output: str | None, until: int | None, as_json: bool) -> int:
    """Score a file with the newest checkpoint."""
    console = Console(stderr=True, highlight=False)
    predictor = Predictor(checkpoint, say=lambda text: console.print(text, markup=False, soft_wrap=True))
    with quiet_pipe():
        figures = predictor.score(target, _is_file(target), output, until)
        if as_json:
            print(json.dumps(summaries.plain(figures), allow_nan=False))
    if not as_json:
        console.print(f"{figures['events']:,} scored, {figures['dead_letters']:,} could not be", markup=False)
    return NOTHING_SCORED if figures["dead_letters"] and not figures["events"] else 0


def _is_file(target: str) -> bool:
    """Whether a target is a path: by its suffix, or because there is such a file and no dataset of that name."""
    if target.lower().endswith(_FILES) or not Path(target).is_file():
        return target.lower().endswith(_FILES)
    from ..data.names import resolve

    try:
        resolve(target)
    except SpecError:
        return True
    return False


def _check_report(path: Path) -> None:
    """A page that can't be written is an error before the run, not after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as e:
        raise SinkError(f"{path}: the report can't be written: {e.strerror or e}") from e


def _report(
    path: str, job: Job, result: Result, networks: list[dict[str, Any]], figures: dict[str, Any], title: str
) -> None:
    from ..report import write_report

    plan, history = job.plan, result.worker.learner.history()
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_report(
            path,
            title=title,
            summary=figures,
            history=history | {"regrets": figures["regrets"]} if history else {},
            networks=networks,
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


__all__ = [
    "changes_of",
    "check_spec",
    "label_delay",
    "predict_file",
    "replay_spec",
    "run_job",
]
