"""Runs a job from the command line: what `streamnn run` and `streamnn replay` do."""

from __future__ import annotations

import contextlib
import errno
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from streamnn.errors import SinkError

from ..data.names import is_path
from ..job import open_job
from ..live.job_monitor import JobMonitor
from ..logs import JobLog, Log, Stopping, logging_all, make_log
from ..outputs.dropped import in_words
from ..process.exits import TOO_MANY_DEAD, Printed, quiet_pipe
from ..process.signals import stopping
from ..run import summary as summaries
from ..run.edge_figures import edge_windows
from ..run.job import BaseJob
from ..run.result import KafkaResult, Result
from ..run.runner import Job
from ..run.sinks import check_output
from ..spec.fingerprint import learning_fields
from ..spec.job import JobSpec, label_delay
from ..spec.load import make_spec, set_field
from ..version import VERSION
from .column_table import SHOWN_COLUMNS, show_columns
from .progress import Progress


def changes_of(fields: dict[str, Any]) -> list[str]:
    """Fields that were given, as ``--set`` takes them.

    Examples
    --------
    >>> changes_of({"run.until_records": 5, "label.column": None, "learner.task": "regression"})
    ['run.until_records=5', 'learner.task="regression"']
    """
    return [f"{name}={json.dumps(value)}" for name, value in fields.items() if value is not None]


def replay_spec(
    target: str,
    fields: dict[str, Any],
    output: str | None,
    changes: list[str],
    default_report: bool,
    keep: list[str] | None = None,
) -> JobSpec:
    """The job spec of ``streamnn replay``."""
    is_file = is_path(target)
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
    if keep:
        data.setdefault("output", {})["keep"] = keep
    if default_report:
        name = _page_name(target) if is_file else target.replace("/", "-")
        data["report"] = {"path": str(folder / f"{name}-report.html")}
    return make_spec(data, changes, where="")


def _page_name(target: str) -> str:
    """What the page of a file is called: without suffixes, and without the signs of a pattern.

    Examples
    --------
    >>> [_page_name(t) for t in ("a/orders.csv.gz", "a/orders/*.csv", "-", "s3://bucket/orders.parquet?v=1")]
    ['orders', 'orders', 'stdin', 'orders']
    """
    if target == "-":
        return "stdin"
    for part in reversed(Path(target.split("?v")[0] if "://" in target else target).parts):
        if (name := part.split(".")[0]) and not set(name) & set("*?[]~"):
            return name
    return "stream"


def run_job(spec: JobSpec, as_json: bool, title: str | None = None) -> int:
    """Run a job with progress, and with summary and report where it has an end; the exit code comes back."""
    console = Console(stderr=True, highlight=False)

    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    log = make_log(spec, say)
    path = spec.report.path
    with logging_all(log):
        job = open_job(spec, say=log.note)
        if path is not None:
            _check_report(Path(path))
        page = spec.report.title or title or job.name
        with (
            supervised(job, log, page) as caught,
            Progress(console, spec.run.until_records, quiet=not log.plain) as progress,
        ):
            job.show(progress)
            if isinstance(job, Job) and log.plain:
                show_columns(console, job.plan.columns(), SHOWN_COLUMNS)
            result = job.run()
    out = console if as_json else Printed(highlight=False)
    failed: SinkError | None = None
    show: Callable[[], None]
    if isinstance(result, KafkaResult):
        figures = result.summary()
        show = partial(_show_partitions, result, out)
    else:
        assert isinstance(job, Job)
        figures, failed = _look_back(job, result, page)
        show = partial(_show, figures, out, bool(spec.output.paths))
    with quiet_pipe():
        if log.plain or not as_json:
            show()
        if as_json:
            print(json.dumps(summaries.plain(figures), allow_nan=False))
    if failed is not None:
        raise failed
    if caught and result.outcome == "interrupted":
        return 128 + caught[0]
    return _exit_code(figures, spec) if isinstance(result, Result) else 0


def _exit_code(figures: dict[str, Any], spec: JobSpec) -> int:
    """What is returned, and said, where too many records were dropped."""
    dead, most = figures["dead_letters"], spec.limits.dead_share
    if dead <= most * figures["records"]:
        return 0
    print(
        f"streamnn: {dead:,} of {figures['records']:,} records were dead letters, more than limits.dead_share "
        f"({most:g}): {in_words(figures['dead_reasons'])}",
        file=sys.stderr,
    )
    return TOO_MANY_DEAD


@contextlib.contextmanager
def supervised(job: BaseJob, log: Log, title: str) -> Iterator[list[int]]:
    """Signals stop the job, what it does is logged, and it is served, while inside.

    Yields
    ------
    list of int
        Signals that came.
    """
    if not log.plain:
        job.audience.add(JobLog(log, job.spec, job.control))
    end = Stopping(log, job.control, job.spec, lambda text: print(text, file=sys.stderr))
    with contextlib.ExitStack() as stack:
        caught = stack.enter_context(
            stopping(end.stop, tell=end.tell, timeout_s=end.timeout_s, too_late=end.too_late)
        )
        if job.spec.http.address is not None:
            from ..http import JobServer

            monitor = JobMonitor()
            job.audience.add(monitor)
            server = stack.enter_context(JobServer(job.spec.http.address, monitor, job.control, title))
            log.note(f"live page {server.url}")
        yield caught


def _look_back(job: Job, result: Result, title: str) -> tuple[dict[str, Any], SinkError | None]:
    """The figures of a run that has ended, with its report written; and why the report could not be."""
    networks = result.worker.learner.networks()
    figures = summaries.summarise(result, networks)
    _add_hindsight(job, figures)
    cpu = time.process_time()
    failed: SinkError | None = None
    path = job.spec.report.path
    if path is not None:
        try:
            _report(path, job, result, networks, figures, title)
            figures["report"] = path
        except SinkError as e:  # the figures of a long run are not lost for a page
            failed = e
    if result.events:
        figures["events_per_cpu_s"] = result.events / (result.cpu_s + time.process_time() - cpu)
    return figures, failed


def _add_hindsight(job: Job, figures: dict[str, Any]) -> None:
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


def _show_partitions(result: KafkaResult, out: Console) -> None:
    """A line a partition, for a person."""
    lines = []
    for number, p in result.partitions.items():
        c = p.counters
        apart = f", waiting labels {p.waiting:,}, duplicate {c['duplicates']:,}" if c["label_records"] else ""
        shown = ("accuracy", "log_loss", "mae")
        order = f"; {c['older']:,} came after a later one" if c["older"] else ""
        scores = ", ".join(
            f"{name.replace('_', ' ')} {summaries.number(p.scores[name])}"
            for name in shown
            if name in p.scores
        )
        lines.append(
            f"{result.source}/{number} at {' and '.join(map(str, p.next))}: events {c['predicted']:,}, "
            f"learnt {c['learnt']:,}, pending {p.pending:,}, expired {c['expired']:,}, without label "
            f"{c['unlabelled']:,}{apart}; dead letters {c['dead'] + c['label_dead']:,}{order}; alarms "
            f"{c['alarms']:,}; {scores}; state {p.state_hash[:16]}"
        )
        if p.edge is not None:
            lines += [f"  {line}" for line in summaries.edge_lines(p.edge)]
    if not lines:
        lines.append(f"{result.source}: no partition was this process's at the end")
    for line in lines:
        out.print(line, markup=False, soft_wrap=True)


def _no_report(path: Path | str, error: OSError) -> SinkError:
    return SinkError(f"{path}: the report can't be written: {error.strerror or error}")


def _check_report(path: Path) -> None:
    """A page that can't be written is an error before the run, not after it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as e:
        raise _no_report(path, e) from e


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
            history=(history | {"regrets": figures["regrets"]} if history else {})
            | {"edge": edge_windows(result.worker)},
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
        raise _no_report(path, e) from e
