"""The job spec: what a job reads, learns and writes. Unknown keys are refused; units are in the names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..redaction import hide_user
from ..stores.opening import LEASE_S, STORE_TIMEOUT_S, is_url, wrong_url
from .edge import EdgeSpec
from .kafka import KafkaSpec
from .learner import LearnerSpec
from .section import Count, Duration, Seconds, Section

Value = bool | int | float | str


class SourceSpec(Section):
    """``[source]``: where events come from."""

    dataset: str | None = Field(default=None, description="a name that `streamnn datasets` lists")
    path: str | list[str] | None = Field(
        default=None,
        description="path of a file, folder or pattern such as 'orders/*.csv', a URL, - for standard input, or a list",
    )
    topic: str | None = Field(default=None, description="name of a Kafka topic; section kafka says the rest")
    format: Literal["auto", "parquet", "csv", "jsonl"] = Field(
        default="auto", description="auto (told by suffix and content), parquet, csv or jsonl"
    )
    event_time: str | None = Field(
        default=None, description="name of the column that says when an event happened"
    )
    time_unit: Literal["auto", "s", "ms", "us", "ns", "min", "h", "d"] = Field(
        default="auto",
        description="auto (told by the size of the numbers), s, ms, us, ns, min, h or d: unit of event and label times "
        "that are numbers",
    )
    sort: bool = Field(
        default=False,
        description="true or false: read a recorded stream whole and in the order of event_time",
    )
    options: dict[str, Any] = Field(default={}, description="a table of options of the file format")

    @model_validator(mode="after")
    def _one(self) -> SourceSpec:
        if sum(where is not None for where in (self.dataset, self.path, self.topic)) != 1:
            raise ValueError("give either dataset (a name) or path (a file) or topic (of Kafka): exactly one")
        if self.sort and self.topic is not None:
            raise ValueError("sort: is of recorded streams; a topic has no end to be sorted by")
        return self


class LabelSpec(Section):
    """``[label]``: what is predicted, and when it becomes known."""

    column: str | None = Field(default=None, description="name of the column to predict")
    time: str | None = Field(
        default=None, description="name of the column that says when the label was known"
    )
    topic: str | None = Field(
        default=None, description="name of the Kafka topic that labels come on, if not with their events"
    )
    key: str | None = Field(
        default=None,
        description="name of the column, in events and labels, that says which event a label is of",
    )
    delay_events: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="a whole number, 0 or more: how many events later a label is known; 0 and 1 are at once",
    )
    missing: list[Value] | None = Field(default=None, description="a list of values that mean: no label")
    expire_after: Duration | None = Field(
        default=None,
        description='a duration above 0 of event time: a number of seconds, or a text such as "2 days", "36 h", "90 min"',
    )
    expire_after_events: Count | None = Field(default=None, description="a whole number, 1 or more")


class FeaturesSpec(Section):
    """``[features]``: which columns are learnt from."""

    include: list[str] | None = Field(
        default=None, description="a list of column names; all others are left out"
    )
    ignore: list[str] | None = Field(default=None, description="a list of column names")
    kinds: dict[
        str, Literal["number", "category", "text", "boolean", "id", "time", "duration", "ignored"]
    ] = Field(
        default={},
        description="a table of columns and what they are: number, category, text, boolean, id, time, duration or ignored",
    )
    categories: list[str] = Field(
        default=[], description="a list of columns whose numbers are codes, not amounts"
    )


WRITTEN = (
    *(
        "position",
        "prediction",
        "probability",
        "probabilities",
        "mean",
        "surprise",
        "entropy",
        "p_value",
        "set",
    ),
    *("low", "high", "label"),
)
"""Columns of predictions: a column to keep can't have such a name."""


class OutputSpec(Section):
    """``[output]``: predictions, dead letters and alarms."""

    directory: str | None = Field(
        default=None, description="a folder for predictions, dead_letters.jsonl and alarms.jsonl"
    )
    predictions: str | None = Field(default=None, description="path of a .jsonl, .csv or .parquet file")
    format: Literal["jsonl", "csv", "parquet"] = Field(default="jsonl", description="jsonl, csv or parquet")
    keep: list[str] = Field(
        default=[], description="a list of columns of the records to write beside their predictions"
    )
    probabilities: bool = Field(
        default=False, description="true or false: whether the probabilities of all classes are written"
    )
    flush_timeout_s: Seconds = Field(default=30.0, description="a number of seconds above 0")

    @model_validator(mode="after")
    def _kept_apart(self) -> OutputSpec:
        for name in self.keep:
            if name in WRITTEN:
                raise ValueError(
                    f"keep: {name!r} is the name of a column that is written anyway: rename one of them"
                )
        return self

    @property
    def paths(self) -> dict[str, Path]:
        """Files by what they hold; empty when nothing is written."""
        if self.predictions is not None:
            file = Path(self.predictions)
            folder, stem = file.parent, file.stem + "."
        elif self.directory is not None:
            folder, stem = Path(self.directory), ""
            file = folder / f"predictions.{self.format}"
        else:
            return {}
        return {
            "predictions": file,
            "dead_letters": folder / f"{stem}dead_letters.jsonl",
            "alarms": folder / f"{stem}alarms.jsonl",
        }


class CheckpointSpec(Section):
    """``[checkpoint]``: where and how often the state is saved."""

    directory: str | None = Field(
        default=None, description="a folder of its own for this job, or s3://bucket/prefix"
    )
    every_events: Count | None = Field(default=20_000, description="a whole number of records, 1 or more")
    every_s: Seconds | None = Field(default=10.0, description="a number of seconds above 0")
    keep: Count = Field(default=2, description="a whole number, 1 or more: how many checkpoints are kept")

    lease_s: Annotated[float, Field(ge=1)] = Field(
        default=LEASE_S,
        description="a number of seconds, 1 or more: how long a job that writes to an object store counts as alive "
        "after its last sign of life",
    )
    timeout_s: Seconds = Field(
        default=STORE_TIMEOUT_S,
        description="a number of seconds above 0: for one request to an object store; an operation ends within twice that",
    )

    @model_validator(mode="after")
    def _is_a_place(self) -> CheckpointSpec:
        if self.directory is not None and is_url(self.directory) and (wrong := wrong_url(self.directory)):
            raise ValueError(f"directory: {hide_user(self.directory)!r} {wrong}; or name a path of a folder")
        return self


class ReportSpec(Section):
    """``[report]``: the HTML page."""

    path: str | None = Field(default=None, description="path of the .html file to write")
    title: str | None = Field(default=None, description="a text")
    hindsight: bool = Field(default=False, description="true or false: compare with a linear fit afterwards")


class LimitsSpec(Section):
    """``[limits]``: bounds of what grows."""

    pending: Count = Field(
        default=100_000, description="a whole number, 1 or more: most events waiting for their label"
    )
    early_labels: Count = Field(
        default=100_000,
        description="a whole number, 1 or more: most labels, on a topic of their own, waiting for their event",
    )
    classes: Annotated[int, Field(ge=2, le=256)] = Field(
        default=256,
        description="a whole number from 2 to 256: most classes; records with further ones are dead letters",
    )
    clock_jump: Duration | None = Field(
        default=None,
        description='a duration above 0, such as "30 days": events further ahead of those before them are dead letters, '
        "until 10 in a row agree; by default a day, 1,000 mean steps or 4 times the largest gap, whichever is most",
    )
    dead_share: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.2,
        description="a number from 0 to 1: with more dead letters than this share of all records the exit code is 7",
    )


class RunSpec(Section):
    """``[run]``: how far, and in what pieces; nothing here changes a result."""

    until_records: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="a whole number: stop after this many records from the beginning of the stream",
    )
    batch_records: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=2048, description="a whole number from 1 to 1000000: most records read at a time"
    )
    stop_timeout_s: Seconds = Field(
        default=25.0,
        description="a number of seconds above 0: a job told to stop that has not ended by then is ended hard",
    )


class HttpSpec(Section):
    """``[http]``: metrics, status and the live page of a running job."""

    address: str | None = Field(
        default=None, description="host:port to listen on, such as 127.0.0.1:8321; port 0 takes a free one"
    )

    @model_validator(mode="after")
    def _is_an_address(self) -> HttpSpec:
        if self.address is not None:
            host, colon, port = self.address.rpartition(":")
            if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
                raise ValueError(f"address: {self.address!r} is no host:port, such as 127.0.0.1:8321")
        return self


class LogSpec(Section):
    """``[log]``: what a job says on standard error."""

    format: Literal["plain", "text", "json"] = Field(
        default="plain", description="plain (words for a person), text (time, level, event, fields) or json"
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )
    every_s: Seconds = Field(
        default=60.0, description="a number of seconds above 0: how often a running job says how it goes"
    )
    records: bool = Field(
        default=False, description="true or false: whether the content of dead letters may be logged"
    )


class JobSpec(Section):
    """A whole job. :func:`streamnn_jobs.load_spec` reads one from TOML.

    Examples
    --------
    >>> spec = JobSpec(source=SourceSpec(path="a.csv"), label=LabelSpec(column="y", delay_events=48))
    >>> spec.label.delay_events, spec.checkpoint.keep
    (48, 2)
    """

    source: SourceSpec = Field(description="a table with dataset or path")
    label: LabelSpec = Field(default=LabelSpec(), description="a table")
    features: FeaturesSpec = Field(default=FeaturesSpec(), description="a table")
    kafka: KafkaSpec = Field(default=KafkaSpec(), description="a table")
    learner: LearnerSpec = Field(default=LearnerSpec(), description="a table")
    edge: EdgeSpec | None = Field(default=None, description="a table; an empty one has the defaults")
    output: OutputSpec = Field(default=OutputSpec(), description="a table")
    checkpoint: CheckpointSpec = Field(default=CheckpointSpec(), description="a table")
    report: ReportSpec = Field(default=ReportSpec(), description="a table")
    limits: LimitsSpec = Field(default=LimitsSpec(), description="a table")
    run: RunSpec = Field(default=RunSpec(), description="a table")
    http: HttpSpec = Field(default=HttpSpec(), description="a table")
    log: LogSpec = Field(default=LogSpec(), description="a table")

    @model_validator(mode="after")
    def _labels_fit(self) -> JobSpec:
        label = self.label
        if label.time is not None and label.delay_events is not None:
            raise ValueError("label.time and label.delay_events: a label comes by one of them, not by both")
        if label.delay_events is not None:
            for name in ("expire_after", "expire_after_events"):
                if getattr(label, name) is not None:
                    raise ValueError(
                        f"label.{name}: goes with label.time; with delay_events a label is never overdue"
                    )
        if (label.delay_events or 0) > self.limits.pending:
            raise ValueError(
                f"label.delay_events: {label.delay_events} is more than limits.pending "
                f"({self.limits.pending}), so every label would come too late: raise limits.pending"
            )
        return self

    @model_validator(mode="after")
    def _kafka_fits(self) -> JobSpec:
        label, kafka = self.label, self.kafka
        if self.source.topic is None:
            for name in ("topic", "key"):
                if getattr(label, name) is not None:
                    raise ValueError(f"label.{name}: goes with source.topic")
            return self
        if self.learner.task == "auto":
            raise ValueError(
                "learner.task: must be given for a Kafka topic: classification or regression; nothing may "
                "have been written there yet"
            )
        if label.column is None:
            raise ValueError("label.column: must be given for a Kafka topic: the column to predict")
        if (label.topic is None) != (label.key is None):
            raise ValueError("label.topic and label.key: go together; the key joins labels with their events")
        if label.topic is not None:
            for name in ("time", "delay_events"):
                if getattr(label, name) is not None:
                    raise ValueError(
                        f"label.{name}: labels on a topic of their own come when they come; leave it out"
                    )
            if kafka.merge_log is None and kafka.mode != "plain":
                raise ValueError(
                    "kafka.merge_log: is missing: events and labels come on two topics, and the order in "
                    "which they met must be kept for a restart. Name a topic for it"
                )
        if self.output.paths:
            raise ValueError("output: names files; a Kafka job writes topics: kafka.predictions and so on")
        if self.report.path is not None:
            raise ValueError("report.path: a Kafka job has no end to report at; leave it out")
        return self


def label_delay(spec: JobSpec) -> str:
    """When labels come, in words.

    Examples
    --------
    >>> label_delay(JobSpec(source=SourceSpec(path="a.csv"), label=LabelSpec(delay_events=48)))
    'come 48 events later'
    """
    if spec.label.time is not None:
        return f"come at their true time, {spec.label.time}"
    delay = spec.label.delay_events or 0
    return "come at once" if delay <= 1 else f"come {delay} events later"
