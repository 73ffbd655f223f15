"""What a report is made of, with the small conversions that several sections need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .formats import as_float, whole
from .plot_area import Mark

_MOST_ALARMS = 200


@dataclass(slots=True)
class Report:
    """Everything the pages' sections draw from.

    Parameters
    ----------
    title : str
    summary : dict
        The figures of the run, as printed by ``--json``.
    history : dict
        Curves, as ``learner.history()`` gives them. Missing ones are taken as empty. ``edge`` are the windows of a
        student, as its ``field()`` gives them.
    networks : list of dict
        As ``learner.networks()`` gives them.
    alarms : list of dict
        ``position``, ``event``, ``signal``, ``statistic``, ``cause``, ``began``; ``labelled`` (the
        labels learnt when the alarm fired) is optional and places the marks exactly.
    info : dict
        ``source``, ``task``, ``label_delay``, ``version``, ``spec`` and anything else.

    Examples
    --------
    >>> Report("t", {"events": 3}).classification
    True
    """

    title: str
    summary: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, Any] = field(default_factory=dict)
    networks: Sequence[Mapping[str, Any]] = ()
    alarms: Sequence[Mapping[str, Any]] = ()
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classification(self) -> bool:
        """Whether labels are classes; said by ``info["task"]``, else by what was measured."""
        task = self.info.get("task")
        return task != "regression" if task else "mae" not in self.summary

    @property
    def loss_unit(self) -> str:
        """Unit of the pool's loss."""
        return str(self.info.get("loss_unit", "nats" if self.classification else "scaled loss"))

    def curve(self, key: str, axis: str = "labelled") -> np.ndarray:
        """A curve of the history, as long as its axis: missing points are NaN."""
        length = self.axis(axis).size
        found = self.history.get(key)
        values = np.asarray([] if found is None else found, float)
        values = values.ravel()[:length]
        return np.concatenate([values, np.full(length - values.size, np.nan)])

    def axis(self, key: str = "labelled") -> np.ndarray:
        """Labels learnt, or events observed, at the end of each bucket."""
        found = self.history.get(key)
        return np.asarray([] if found is None else found, float).ravel()

    def bucket_sizes(self, key: str = "labelled") -> np.ndarray:
        """Labels, or events, in each bucket."""
        axis = self.axis(key)
        return np.diff(axis, prepend=0.0)

    def experts(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Names, cumulative losses and weights of the experts, both of shape (buckets, experts)."""
        names = [str(n) for n in self.history.get("experts", [])]
        shape = (self.axis().size, len(names))
        grids = []
        for key in ("expert_loss", "weights"):
            found = self.history.get(key)
            values = np.asarray([] if found is None else found, float)
            grids.append(values if values.shape == shape else np.full(shape, np.nan))
        return names, grids[0], grids[1]

    def figure(self, who: str, what: str, curve: str = "") -> float:
        """A figure of a control: in the summary as a number or a dict, else the mean of its curve."""
        found = self.summary.get(who)
        main = "accuracy" if self.classification else "mae"
        if isinstance(found, Mapping):
            value = as_float(found.get(what))
        else:
            value = as_float(found) if what == main else float("nan")
        if np.isfinite(value) or not curve:
            return value
        values, sizes = self.curve(curve), self.bucket_sizes()
        good = np.isfinite(values) & (sizes > 0)
        return float(np.average(values[good], weights=sizes[good])) if good.any() else float("nan")

    def alarm_count(self) -> int:
        """Alarms raised, which may be more than are listed."""
        told = as_float(self.summary.get("alarm_count"))
        if np.isfinite(told):
            return max(int(told), len(self.alarms))
        found = self.summary.get("alarms")
        if isinstance(found, Sequence) and not isinstance(found, str):
            return max(len(found), len(self.alarms))
        count = as_float(found)
        return int(count) if np.isfinite(count) else len(self.alarms)

    def numbered_alarms(self) -> list[tuple[int, Mapping[str, Any]]]:
        """The alarms kept, with their numbers: of many, the last ones are kept."""
        first = self.alarm_count() - len(self.alarms) + 1
        return list(enumerate(self.alarms, first))[-_MOST_ALARMS:]

    def marks(self, axis: str) -> list[Mark]:
        """Alarms as vertical marks on an axis of labels or of events.

        Events and labels differ where labels come late: an alarm that does not say how many labels
        had been learnt is placed in proportion.
        """
        events = as_float(self.summary.get("events"))
        seen = self.axis("observed")
        total = seen[-1] if seen.size else events
        labels = self.axis("labelled")
        scale = labels[-1] / total if labels.size and total > 0 else 1.0
        out = []
        for i, alarm in self.numbered_alarms():
            place = as_float(alarm.get("event"))
            if axis == "labelled":
                place = as_float(alarm.get("labelled", place * scale))
            if np.isfinite(place):
                hint = f"Alarm {i}: {alarm.get('cause', 'change')} ({alarm.get('signal', '')}), event {whole(alarm.get('event'))}"
                out.append((float(place), str(i), hint))
        return out
