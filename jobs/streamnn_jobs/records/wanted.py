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
    ignored = [name for name, kind in spec.features.kinds.items() if kind == "ignored"]
    return Wanted(
        spec.features.include, [*(spec.features.ignore or ()), *ignored], [*roles(spec), *spec.output.keep]
    )


def declared_kinds(spec: JobSpec) -> dict[str, str]:
    """Kinds of columns that a spec declares; a key is an id, the same text in events and labels.

    Examples
    --------
    >>> from streamnn_jobs.spec.load import make_spec
    >>> features = {"categories": ["account"], "kinds": {"zip": "id"}}
    >>> declared_kinds(make_spec({"source": {"path": "a.csv"}, "features": features}))
    {'account': 'category', 'zip': 'id'}
    """
    kinds = {} if spec.label.key is None else {spec.label.key: "id"}
    return kinds | dict.fromkeys(spec.features.categories, "category") | spec.features.kinds


def wanted_of_labels(spec: JobSpec) -> Wanted:
    """Of labels on a topic of their own only key and value count."""
    return Wanted(include=(), always=roles(spec))
