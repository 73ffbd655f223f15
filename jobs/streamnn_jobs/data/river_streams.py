"""The streams that ship inside the package river, as tables."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from streamnn.errors import MissingPackage, SourceError

from .dataset import Dataset

if TYPE_CHECKING:
    import pyarrow as pa

    from streamnn_connectors import Source

RIVER_PREFIX = "river/"
LABEL_COLUMN = "y"
_TASKS = {
    "Binary classification": "classification",
    "Multi-class classification": "classification",
    "Regression": "regression",
}


def river_names() -> list[str]:
    """Names of river's bundled streams with one label, such as ``"river/Phishing"``; none without river.

    Streams that river would download and those with several labels are left out.
    """
    try:
        return [RIVER_PREFIX + name for name in _bundled()]
    except MissingPackage:
        return []


def river_stream(name: str) -> Dataset:
    """One of river's streams.

    Parameters
    ----------
    name : str
        As listed by :func:`river_names`.

    Raises
    ------
    KeyError
        When river ships no such stream.
    MissingPackage
        When river isn't installed.
    """
    stream = _bundled()[name.removeprefix(RIVER_PREFIX)]

    def opener() -> Source:
        from streamnn_connectors import MemorySource

        return MemorySource(_table(stream, name), name=name)

    return Dataset(
        name=name,
        origin="package river",
        task=_TASKS[stream.task],
        records=stream.n_samples,
        label=LABEL_COLUMN,
        opener=opener,
        note=stream.desc.strip().splitlines()[0].rstrip("."),
    )


def _bundled() -> dict[str, Any]:
    try:
        from river import datasets
    except ImportError as e:
        raise MissingPackage("river", "river", "a stream named river/...") from e
    base = datasets.base
    found = {}
    for name in datasets.__all__:
        kind = getattr(datasets, name)
        bundled = isinstance(kind, type) and issubclass(kind, base.FileDataset)
        if bundled and not issubclass(kind, base.RemoteDataset):
            stream = kind()
            if stream.task in _TASKS:
                found[name] = stream
    return found


def _table(stream: Any, name: str) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    labels: list[Any] = []
    for x, y in stream:
        for key, value in x.items():
            # a feature may turn up late: it was missing in all rows before
            column = columns.setdefault(key, [None] * len(labels))
            column.append(_seconds(value) if isinstance(value, date) else value)
        labels.append(y)
        for column in columns.values():
            if len(column) < len(labels):
                column.append(None)
    if LABEL_COLUMN in columns:
        raise SourceError(f"{name}: has a feature named {LABEL_COLUMN!r}, the name of its label")
    return pa.table({**columns, LABEL_COLUMN: labels})


def _seconds(when: date) -> float:
    """Seconds since 1970; a time without a zone is taken as UTC, so that every machine gives the same number."""
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
