"""Calendar features: a point in time as hour of day, day of week, season, and time since the last event."""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import cospi64, log64
from .._kernels.jit import kernel

DAY_S, WEEK_DAYS, YEAR_DAYS = 86_400.0, 7.0, 365.2425
MONDAY = 3.0
"""Days from a Monday to 1970-01-01, a Thursday."""
FURTHEST_S = 1e15
"""Times beyond this, some 30 million years, have no calendar: they count as missing."""
CALENDAR_VALUES = 7
"""Columns that a time becomes."""
_CALENDAR_PARTS = (
    "hour sin",
    "hour cos",
    "weekday sin",
    "weekday cos",
    "season sin",
    "season cos",
    "since last",
)


def calendar_names(name: str) -> list[str]:
    """Names of the columns that the time column `name` becomes.

    Examples
    --------
    >>> calendar_names("at")[::6]
    ['at: hour sin', 'at: since last']
    """
    return [f"{name}: {part}" for part in _CALENDAR_PARTS]


@kernel
def _fill(seconds, last, follow, out):
    # returns the last time; a turn is a share of a period, and sin(2 pi x) = cos(2 pi (x - 1/4))
    for i in range(len(seconds)):
        t = seconds[i]
        if not abs(t) <= FURTHEST_S:
            for k in range(CALENDAR_VALUES):
                out[i, k] = np.nan
            continue
        days = t / DAY_S
        for k in range(3):
            turns = days
            if k == 1:
                turns = (days + MONDAY) / WEEK_DAYS
            elif k == 2:
                turns = days / YEAR_DAYS
            turn = turns - np.floor(turns)
            quarter_before = abs(turn - 0.25)
            out[i, 2 * k] = cospi64(2.0 * min(quarter_before, 1.0 - quarter_before))
            out[i, 2 * k + 1] = cospi64(2.0 * min(turn, 1.0 - turn))
        out[i, 6] = np.nan if np.isnan(last) else log64(1.0 + max(t - last, 0.0))
        if follow:
            last = t
    return last


def calendar_columns(seconds: np.ndarray, last: float, follow: bool = True) -> tuple[np.ndarray, float]:
    """Calendar features of a column of times.

    Sine and cosine of the time of day, the time of the week (from Monday) and the season, in UTC, and ln(1 + seconds
    since the last event with a time). A time that is older than the last one counts as 0 s after it. The bits are
    those of :func:`calendar_row` one by one, on every machine.

    Parameters
    ----------
    seconds : ndarray of float64, shape (n,)
        Since 1970, UTC; NaN where there is none.
    last : float
        Time of the last event before these, NaN if there was none.
    follow : bool
        Whether each comes after the one before it; else after `last`, as in a look.

    Returns
    -------
    columns : ndarray of float64, shape (n, 7)
        In the order of :func:`calendar_names`; NaN where there is no time, and "since last" of the first one.
    last : float
        Of the last of these events, for the next call.

    Examples
    --------
    >>> columns, last = calendar_columns(np.array([0.0, 21600.0]), float("nan"))
    >>> columns[:, :2].round(9).tolist(), last  # midnight, and six in the morning
    ([[0.0, 1.0], [1.0, 0.0]], 21600.0)
    """
    seconds = np.ascontiguousarray(seconds, np.float64)
    out = np.empty((len(seconds), CALENDAR_VALUES))
    return out, float(_fill(seconds, float(last), follow, out))


def calendar_row(seconds: float, last: float) -> tuple[np.ndarray, float]:
    """Calendar features of one time, shape (7,), and the last time: :func:`calendar_columns` of one event.

    Examples
    --------
    >>> row, last = calendar_row(43200.0, 43190.0)
    >>> row[[0, 1, 6]].round(3).tolist(), last
    ([0.0, -1.0, 2.398], 43200.0)
    """
    columns, last = calendar_columns(np.array([seconds]), last)
    return columns[0], last
