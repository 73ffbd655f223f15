"""Which columns a job looks at."""

from __future__ import annotations

from streamnn_connectors.wanted import Wanted

from ..spec.job import JobSpec


def roles(spec: JobSpec) -> set[str]:
    """Columns of events that are no features: label, times, key."""
    names = (spec.label.column, spec.source.event_time, spec.label.time, spec.label.key)
    return {name for name in names if name is not None}


def wanted_columns(spec: JobSpec) -> Wanted:
    """The columns that the source of a job's events hands on.

    Examples
    --------
    >>> from streamnn_jobs.spec.load import make_spec
    >>> spec = make_spec({"source": {"path": "a.jsonl"}, "label": {"column": "y"}, "features": {"ignore": ["meta"]}})
    >>> wanted = wanted_columns(spec)
    >>> [wanted.takes(name) for name in ("y", "price", "meta.id")]
    [True, True, False]
    """
    return Wanted(spec.features.include, spec.features.ignore or (), roles(spec))


def wanted_of_labels(spec: JobSpec) -> Wanted:
    """Of labels on a topic of their own only key and value count."""
    return Wanted(include=(), always=roles(spec))
