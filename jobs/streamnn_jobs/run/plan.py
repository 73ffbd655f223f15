"""From a spec to what can be run: roles of the columns, the source, the task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streamnn.errors import SourceError, SpecError
from streamnn_connectors.base import Batch, Source
from streamnn_connectors.opening import Recorded, has_open_columns
from streamnn_connectors.wanted import Wanted

from ..records import arrow
from ..records.columns import ColumnRow, describe_columns
from ..records.sorted import SortedSource
from ..records.times import TimeColumn
from ..records.wanted import declared_kinds, roles, wanted_columns
from ..spec.job import JobSpec
from ..spec.load import suggest
from ..spec.overrides import check_options
from .sinks import check_output

if TYPE_CHECKING:
    from ..data.names import Dataset

PROBE_RECORDS = 1000
"""Records looked at before a run: to tell the task and to find misspelt columns."""
_BACKWARD_SHARE, _BACKWARD_LEAST = 0.9, 20
"""From such a share of steps back in time on, of so many at least, a stream has its newest record first."""
MOST_CLASSES = 32
"""Whole numbers with more distinct values than this among the records looked at are amounts, not classes."""


@dataclass(slots=True)
class Plan:
    """A spec with every default filled in, its source, and what a first look at it showed."""

    spec: JobSpec
    source: Source
    name: str
    partition: str
    task: str
    total: int | None
    probe: Batch | None
    notes: list[str]

    def columns(self) -> list[ColumnRow]:
        """What the columns of the first records were taken for."""
        if self.probe is None:
            return []
        return describe_columns(self.spec, self.probe, self.source.info().metadata.get("dropped"))


def make_plan(spec: JobSpec, source: Source | None = None) -> Plan:
    """Fill in what the dataset or file says of itself, and check the names of columns against it.

    Parameters
    ----------
    spec : JobSpec
    source : Source, optional
        Instead of the one the spec names.

    Raises
    ------
    SpecError
        When a column is not there, or no label column or task can be told.
    SourceError
        When the source can't be read.
    """
    if spec.source.topic is not None and source is None:
        raise SpecError(
            "source.topic: this job reads a recorded stream; open_job(spec), or `streamnn run`, opens the "
            "job of a topic"
        )
    for path in spec.output.paths.values():
        check_output(path)
    dataset = wanted = None
    ignored = spec.features.ignore or []
    if source is None:
        source, dataset, wanted = _open(spec)
    if dataset is not None:
        spec = _filled(spec, dataset)
    partitions = source.partitions()
    if len(partitions) != 1:
        raise SpecError(f"source: has {len(partitions)} partitions; a job of this release reads one")
    if spec.source.sort:
        if spec.source.event_time is None:
            raise SpecError(
                "source.event_time: is missing; source.sort needs the column that says when an event happened"
            )
        source = SortedSource(source, spec.source.event_time, spec.source.time_unit)
    info = source.info()
    partition = source.open(partitions[0])
    try:
        probe = partition.next_batch(PROBE_RECORDS)
    finally:
        partition.close()
    if spec.label.time is not None and spec.source.event_time is None:
        raise SpecError(
            "source.event_time: is missing; label.time needs the column that says when an event happened"
        )
    if (spec.label.expire_after or spec.label.expire_after_events) and spec.label.time is None:
        raise SpecError(
            "label.time: is missing; labels that expire need the column that says when they were known"
        )
    if probe is None:
        raise SourceError(f"{info.path or info.name}: there are no records in it. Has what writes it failed?")
    fixed = not has_open_columns(source)
    notes = [
        *info.metadata.get("notes", ()),
        *_check_columns(spec, probe, fixed),
        *_not_there(ignored, wanted, probe),
    ]
    _check_order(spec, probe)
    task: str = spec.learner.task
    if task == "auto":
        task = _task_of(spec, probe, notes)
    name = dataset.name if dataset is not None else info.name
    return Plan(spec, source, name, partitions[0], task, info.records, probe, notes)


def _open(spec: JobSpec) -> tuple[Source, Dataset | None, Wanted | None]:
    from ..data.files import dataset_of_file
    from ..data.names import resolve

    s = spec.source
    if s.dataset is not None:
        if s.options:
            raise SpecError("source.options: go with source.path; a dataset has its own")
        dataset = resolve(s.dataset)
        return dataset.open(), dataset, None
    assert s.path is not None  # a topic is refused before
    recorded = Recorded(s.path, s.format)
    check_options(recorded.format.source, s.options)
    kinds = declared_kinds(spec)
    wanted = wanted_columns(spec)
    source = recorded.open(wanted=wanted, kinds=kinds, **s.options)
    # a file that says what its columns are
    about = source.info().metadata
    if about.get("kind") in ("cls", "reg", "image"):
        dataset = dataset_of_file(recorded.files[0])
        wanted = wanted_columns(_filled(spec, dataset))
        return recorded.open(wanted=wanted, kinds=kinds, **s.options), dataset, wanted
    return source, None, wanted


def _filled(spec: JobSpec, d: Dataset) -> JobSpec:
    """Defaults of a dataset, where the spec says nothing."""
    label, source, features, learner = spec.label, spec.source, spec.features, spec.learner
    own: dict[str, Any] = {}
    if label.column is None and d.label is not None:
        own["column"] = d.label
    if label.column in (None, d.label):
        if label.time is None and label.delay_events is None and d.label_time is not None:
            own["time"] = d.label_time
            overdue = label.expire_after is not None or label.expire_after_events is not None
            if d.expire_after_s is not None and not overdue:
                own["expire_after"] = float(d.expire_after_s)
        if label.missing is None and d.missing_label is not None:
            own["missing"] = [d.missing_label]
    else:  # another column is the label now: the dataset's own one may not leak into the features
        features = features.model_copy(
            update={"ignore": sorted({*(features.ignore or ()), *filter(None, [d.label])})}
        )
    if source.event_time is None and (source.sort or own.get("time", label.time) is not None):
        source = source.model_copy(update={"event_time": d.event_time})
    if source.time_unit == "auto" and source.event_time == d.event_time and d.time_unit is not None:
        source = source.model_copy(update={"time_unit": d.time_unit})
    wanted = set(features.include or ())
    ignore = sorted({*(features.ignore or ()), *(c for c in d.ignore if c not in wanted)})
    features = features.model_copy(update={"ignore": ignore})
    if learner.task == "auto" and d.task is not None and label.column in (None, d.label):
        learner = learner.model_copy(update={"task": d.task})
    return spec.model_copy(
        update={
            "label": label.model_copy(update=own),
            "source": source,
            "features": features,
            "learner": learner,
        }
    )


def _check_columns(spec: JobSpec, probe: Batch | None, fixed: bool) -> list[str]:
    """Refuses names that are not there. Where columns may come late, those of labels are only noted."""
    names = [] if probe is None else list(probe.rows.schema.names)
    if spec.label.column is None:
        raise SpecError(f"label.column: is missing; say which column to predict: {', '.join(names[:30])}")
    notes: list[str] = []
    if probe is None or not probe.rows.num_rows:
        return notes
    wanted: list[tuple[str, list[str | None]]] = [
        ("label.column", [spec.label.column]),
        ("source.event_time", [spec.source.event_time]),
        ("label.time", [spec.label.time]),
    ]
    if fixed:
        wanted.append(("features.include", list(spec.features.include or ())))
        wanted.append(("features.categories", list(spec.features.categories)))
    for field, columns in wanted:
        for column in columns:
            if column is None or column in names:
                continue
            if field == "features.include" and any(Wanted([column]).takes(n) for n in names):
                continue  # it is nested
            if not fixed and field.startswith("label.") and spec.learner.task != "auto":
                notes.append(
                    f"{field}: no record among the first {len(probe.position)} has a value in column "
                    f"{column!r}"
                )
            else:
                raise SpecError(f"{field}: there is no column {column!r}; {suggest(column, names)}")
    features = wanted_columns(spec)
    if fixed and not any(features.takes(n) for n in set(names) - roles(spec)):
        raise SpecError(
            "features: no column is left to learn from; look at features.include and features.ignore"
        )
    return notes


def _check_order(spec: JobSpec, probe: Batch | None) -> None:
    """Refuses a stream whose newest record comes first: its clock would stand still, and every label be known at once."""
    name = spec.source.event_time
    if probe is None or name is None or spec.label.time is None or name not in probe.rows.schema.names:
        return
    times, _ = TimeColumn(name, spec.source.time_unit).read(probe.rows.column(name))
    steps = np.diff(times[np.isfinite(times)])
    moved, back = int(np.count_nonzero(steps)), int(np.count_nonzero(steps < 0.0))
    if moved >= _BACKWARD_LEAST and back >= _BACKWARD_SHARE * moved:
        raise SpecError(
            f"source.event_time: {back:,} of the first {len(times):,} events come after a later one: the stream has its "
            f"newest record first. --set source.sort=true reads it in order of {name!r}"
        )


def _not_there(ignored: list[str], wanted: Wanted | None, probe: Batch) -> list[str]:
    """What is said of names to ignore that no column has."""
    names = list(probe.rows.schema.names)
    if not probe.rows.num_rows:
        return []
    unmatched = ignored if wanted is None else wanted.unmatched()  # what is ignored is not handed on
    return [
        f"features.ignore: there is no column {name!r} among the first {len(probe.position)} records; "
        f"{suggest(name, names)} (columns: {', '.join(names[:30])})"
        for name in ignored
        if name not in names and name in unmatched
    ]


def _task_of(spec: JobSpec, probe: Batch | None, notes: list[str]) -> str:
    """Text, true/false and few whole numbers are classes; other numbers are amounts."""
    name = spec.label.column
    if probe is not None and not probe.rows.num_rows and probe.bad:
        raise SourceError(
            f"none of the first {len(probe.bad)} records can be used; the first: {probe.bad[0].reason}"
        )
    names = [] if probe is None else probe.rows.schema.names
    column = probe.rows.column(names.index(name)) if probe is not None and name in names else None
    kind = None if column is None else arrow.kind_of(column.type)
    unknown = SpecError(
        f"learner.task: can't be told, no record has a label in column {name!r} yet; give learner.task "
        "(--task), classification or regression"
    )
    if column is None or kind in (None, "null"):
        raise unknown
    if kind == "text" or str(column.type) == "bool":
        return "classification"
    y = arrow.numbers(column)
    y = y[np.isfinite(y)]
    y = y[~np.isin(y, [float(m) for m in spec.label.missing or () if isinstance(m, (int, float))])]
    if not len(y):
        raise unknown
    found = np.unique(y)
    few = np.all(np.trunc(y) == y) and len(found) <= MOST_CLASSES
    if few and len(found) > 2:
        notes.append(
            f"label {name!r}: {len(found)} different whole numbers, {found[0]:g} to {found[-1]:g}, are taken as classes; "
            "if they are amounts, say --task regression (learner.task)"
        )
    return "classification" if few else "regression"
