"""Processes with a known best loss, as streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamnn.regret.processes import PROCESSES

from .dataset import Dataset

if TYPE_CHECKING:
    from streamnn_connectors import Source

PREFIX = "process/"
LABEL = "y"
RECORDS = 40_000
SEED = 1


def process_names() -> list[str]:
    """Names of the processes, such as ``"process/tent"``."""
    return [PREFIX + name for name in PROCESSES]


def process_stream(name: str) -> Dataset:
    """The first 40,000 events of a process, with seed 1.

    A row holds the last 16 values, so the memory that a learner needs is in the row. Values -1 and 1 are
    classes; all others are numbers to predict.

    Parameters
    ----------
    name : str
        As listed by :func:`process_names`.

    Raises
    ------
    KeyError
        When there is no such process.

    Examples
    --------
    >>> process_stream("process/parity").task
    'classification'
    """
    kind = PROCESSES[name.removeprefix(PREFIX)]

    def opener() -> Source:
        import pyarrow as pa

        from streamnn_connectors import MemorySource

        x, y = kind(SEED).take(RECORDS)
        label = y.astype("int64") if kind.binary else y
        columns = {c: x[:, k].copy() for k, c in enumerate(kind.features)}
        return MemorySource(pa.table({**columns, LABEL: label}), name=name)

    return Dataset(
        name=name,
        origin="process",
        task="classification" if kind.binary else "regression",
        records=RECORDS,
        features=kind.features,
        label=LABEL,
        opener=opener,
        note=f"{(kind.__doc__ or '').strip().splitlines()[0]} Best loss known",
    )
