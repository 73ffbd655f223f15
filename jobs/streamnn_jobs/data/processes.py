"""Processes with a known best loss, as streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dataset import Dataset

if TYPE_CHECKING:
    from streamnn_connectors import Source

PROCESS_PREFIX = "process/"
LABEL_COLUMN = "y"
LAG_FEATURES = tuple(f"lag{k}" for k in range(1, 17))
RECORDS = 40_000
SEED = 1
NOTES = {  # written here too, because importing the processes themselves loads compiled code
    "hmm": ("classification", "A hidden state that seldom switches, seen through noise"),
    "parity": ("classification", "The product of the last two values, sometimes flipped"),
    "period7": ("regression", "A pattern of period 7 with noise, from a random phase"),
    "tent": ("regression", "A noisy tent map with slope 1.3"),
    "setar": ("regression", "A threshold autoregression of order 2"),
}


def process_names() -> list[str]:
    """Names of the processes, such as ``"process/tent"``."""
    return [PROCESS_PREFIX + name for name in NOTES]


def process_stream(name: str) -> Dataset:
    """The first 40,000 events of a process whose best possible loss is known, with seed 1.

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
    short = name.removeprefix(PROCESS_PREFIX)
    task, note = NOTES[short]

    def opener() -> Source:
        import pyarrow as pa

        from streamnn.regret.processes import process
        from streamnn_connectors import MemorySource

        x, y = process(short, SEED).take(RECORDS)
        label = y.astype("int64") if task == "classification" else y
        columns = {c: x[:, k].copy() for k, c in enumerate(LAG_FEATURES)}
        return MemorySource(pa.table({**columns, LABEL_COLUMN: label}), name=name)

    return Dataset(
        name=name,
        origin="process",
        task=task,
        records=RECORDS,
        label=LABEL_COLUMN,
        opener=opener,
        note=f"{note}. Its best possible loss is known",
    )
