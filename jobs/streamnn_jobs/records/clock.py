"""The clock of a stream: the largest event time that is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEAST_JUMP_S = 86_400.0
"""No jump up to this is doubted, unless `limits.clock_jump` says so: nights have no events in many streams."""
JUMP_STEPS = 1000.0
"""Nor is one of so many mean steps from event to event."""
JUMP_GAPS = 4.0
"""Nor one of so many times the largest gap there was: after a first night or weekend the next ones are none."""
AGREEING = 10
"""So many records in a row that agree on a time which was not believed make it believed."""


@dataclass(slots=True)
class Judged:
    """What the clock says of some records.

    Parameters
    ----------
    wrong : dict of int to str
        Records whose time is not believed, and why.
    back : dict of int to float
        Records just before which the clock was put back, and what to.
    older : int
        Records, of those believed, whose time was before that of a record before them.
    notes : list of str
        What a person should know.
    """

    wrong: dict[int, str] = field(default_factory=dict)
    back: dict[int, float] = field(default_factory=dict)
    older: int = 0
    notes: list[str] = field(default_factory=list)


class StreamClock:
    """Doubts times that are far ahead of all others, and gives up a clock that was wrong itself.

    A jump forward is doubted if it is beyond a limit: `limit_s`, or else a day, 1,000 mean steps and four times the largest
    gap so far, whichever is most. The record does not count and the clock stays, until 10 records in a row agree: then the
    stream does go on there. At the beginning, before 10 records have agreed on a clock, a jump is taken at once. Records
    that are older than the clock by more than the limit are nothing to doubt, but when there are 10 in a row, and as many
    as had agreed on the clock, it was wrong and is put back to theirs. No other clock is looked at, and nothing depends on
    how the records are cut.

    Parameters
    ----------
    name : str
        Of the column, for messages.
    limit_s : float, optional

    Examples
    --------
    >>> clock = StreamClock("at")
    >>> times = np.arange(20.0)
    >>> times[15] = 3e9
    >>> list(clock.judge(times).wrong), clock.now
    ([15], 19.0)
    """

    def __init__(self, name: str, limit_s: float | None = None):
        self.name, self.limit_s = name, limit_s
        self.now = -np.inf
        self._gap, self._gap_before = 0.0, 0.0
        self._way, self._records = 0.0, 0  # of ordinary steps
        self._support = 0
        self._run, self._run_at = (
            0,
            np.nan,
        )  # doubted or old records in a row: above 0 and below 0; the last one's time
        self._run_top = np.nan
        self._told = False

    def judge(self, times: np.ndarray) -> Judged:
        """What to make of the finite times of the next records."""
        out = Judged()
        if not len(times):
            return out
        with np.errstate(invalid="ignore"):
            clock = np.maximum.accumulate(np.concatenate([[self.now], times]))
            steps = np.diff(clock)
            behind = clock[1:] - times
        least = LEAST_JUMP_S if self.limit_s is None else self.limit_s
        if np.isfinite(self.now) and steps.max() <= least and behind.max() <= least:
            # nothing to doubt, whatever the limit has grown to: the same sums at once
            self._way = float(np.add.accumulate(np.concatenate([[self._way], steps]))[-1])
            self._gap = max(self._gap, float(steps.max()))
            self._gap_before = max(self._gap_before, float(steps.max()))
            self._records += len(times)
            self._support += len(times)
            self._run = 0
            self.now = float(clock[-1])
            out.older = int(np.count_nonzero(behind > 0.0))
            return out
        for i, t in enumerate(times.tolist()):
            self._one(i, t, out)
        return out

    @property
    def limit(self) -> float:
        """How far ahead of the clock a time is believed, in seconds."""
        return self._limit(self._gap)

    def _limit(self, gap: float) -> float:
        if self.limit_s is not None:
            return self.limit_s
        mean = self._way / self._records if self._records else 0.0
        return max(LEAST_JUMP_S, JUMP_STEPS * mean, JUMP_GAPS * gap)

    def _one(self, i: int, t: float, out: Judged) -> None:
        if self.now == -np.inf:
            self.now, self._records, self._support = t, 1, 1
            return
        step, limit = t - self.now, self.limit
        if step > limit:
            agreed = self._agrees(1, t, limit)
            if self._support < AGREEING or agreed >= AGREEING:
                if agreed >= AGREEING:
                    out.notes.append(
                        f"{self.name}: {AGREEING} records in a row are {in_words(step)} after those before them, so the "
                        f"stream goes on there; {AGREEING - 1} of them are dead letters (limits.clock_jump)"
                    )
                self._gap_before, self._gap = self._gap, max(self._gap, step)
                self.now, self._support, self._run = t, max(agreed, 1), 0
                self._records += 1
            else:
                out.wrong[i] = (
                    f"the time in column {self.name!r} is {in_words(step)} after that of the records before it, more "
                    f"than the clock is believed to jump ({in_words(limit)}; limits.clock_jump)"
                )
                if not self._told:
                    self._told = True
                    out.notes.append(f"{out.wrong[i]}; such records are dead letters, and the clock stays")
            return
        self._records += 1
        limit = self._limit(self._gap_before)  # that last jump may be what was wrong
        if step < -limit:
            agreed = self._agrees(-1, t, limit)
            if agreed >= max(AGREEING, self._support):
                back = self._run_top
                out.notes.append(
                    f"{self.name}: the clock is put back by {in_words(self.now - back)}: {agreed} records in a row agree "
                    "that the time before theirs was wrong"
                )
                out.back[i] = self.now = back
                self._gap, self._support, self._run = self._gap_before, agreed, 0
            out.older += t < self.now
            return
        self._run = 0
        self._support += 1
        if step > 0.0:
            self._way += step
            self._gap, self._gap_before = max(self._gap, step), max(self._gap_before, step)
            self.now = t
        else:
            out.older += step < 0.0

    def _agrees(self, way: int, t: float, limit: float) -> int:
        """How many records in a row, with this one, are as far off and near each other."""
        same = self._run * way > 0 and abs(t - self._run_at) <= limit
        self._run = self._run + way if same else way
        self._run_top = max(self._run_top, t) if same else t
        self._run_at = t
        return abs(self._run)

    def state(self) -> dict[str, Any]:
        """As JSON-able data; floats by their bits."""
        floats = (self.now, self._gap, self._gap_before, self._way, self._run_at, self._run_top)
        return {"floats": [v.hex() for v in floats], "counts": [self._records, self._support, self._run]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` gave."""
        floats = map(float.fromhex, state["floats"])
        self.now, self._gap, self._gap_before, self._way, self._run_at, self._run_top = floats
        self._records, self._support, self._run = state["counts"]


def in_words(span_s: float) -> str:
    """A duration for people.

    Examples
    --------
    >>> in_words(2.5), in_words(5400), in_words(3 * 86400), in_words(75 * 31556952), in_words(1e300)
    ('2.5 seconds', '1.5 hours', '3 days', '75 years', '3.2e+292 years')
    """
    for name, size in (("years", 31_556_952.0), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if span_s >= 1.5 * size or (name != "years" and span_s >= size):
            value = span_s / size
            break
    else:
        name, value = "seconds", span_s
    return f"{value:,.0f} {name}" if 10 <= value < 1e6 else f"{value:.2g} {name}"
