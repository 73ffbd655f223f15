"""What a pool says of itself: scores, curves, certificates, alarms' calibration."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..features.inputs import LOOK
from ..members.segment import Segment
from ..types import Output
from .certificates import Exhibit
from .saving import Saving

f4 = np.float32
_NONE = np.zeros(0, np.int64)


class Reading(Saving):
    """The part of a pool that is looked at."""

    def look(self, columns: Mapping[str, np.ndarray], n: int | None = None) -> Output:
        """Predictions for rows as if each were the next event. Changes nothing.

        Parameters
        ----------
        columns : mapping of str to ndarray, shape (n,)
        n : int, optional
            Number of rows, where there may be no columns.
        """
        if n is None:
            n = len(next(iter(columns.values()))) if columns else 0
        x = self.schema.encode(self.schema.prepare(columns, n), n, learn=False)
        ticket = np.full(n, self.events, np.int64)
        if not self._started:  # nothing is known: of every row the same
            return Output(
                ticket,
                np.zeros(n),
                np.zeros(n),
                [],
                **{k: np.zeros((n, *v.shape[1:]), v.dtype) for k, v in self._result(_NONE).items()},
            )
        parts: list[tuple[np.ndarray, ...]] = []
        step = 1024
        for a in range(0, n, step):
            b = min(a + step, n)
            op, zero = (
                np.full(b - a, LOOK, np.int8),
                np.zeros(b - a, np.int64 if self.classify else np.float64),
            )
            slot = self.pending_.take(b - a)
            latent = np.zeros((b - a, self._hidden()), f4)
            book = np.zeros((b - a, self.ledger.width))
            self.inputs.scan(op, slot, x[a:b], self.layout.offsets, self.pending_.a)
            one, now = np.ones(b - a, f4), np.full(b - a, np.nan)
            part = Segment(op, slot, ticket[a:b], zero, one, zero.astype(f4), now)
            self._stages(part, book, latent)
            surprise, entropy, deviation = self._doubt(part, latent)
            p_value = self.calibration.scan(part, surprise, deviation, self.pending_.a)
            parts.append((slot, surprise, entropy, deviation, p_value))
        out = self._output(ticket, parts, [])
        for each in parts:
            self.pending_.give_back(each[0])
        self._mask(out, None)
        return out

    def scores(self) -> dict[str, Any]:
        """Counts, prequential scores of the pool and the controls, and regret."""
        out: dict[str, Any] = {"events": self.events, "labelled": 0, "pending": self.pending}
        if self._started:
            labels = self.ledger.labels
            out["labelled"] = labels
            out |= self._scores()
            out |= self.calibration.summary()
            out["best_expert"] = self.ledger.best_expert
            out["regret"] = self.ledger.regret if labels else float("nan")
            out["regret_per_event"] = self.ledger.regret / labels if labels else float("nan")
            out["regret_bound"] = self.mixer.regret_bound
        return out

    def regrets(
        self, switches: Sequence[int] = (1, 4, 16), intervals: Sequence[tuple[int, int]] = ()
    ) -> list[dict[str, Any]]:
        """Regret to the best expert in hindsight, to the best sequences of experts, and on the worst interval.

        Parameters
        ----------
        switches : sequence of int
            For the best sequence with so many.
        intervals : sequence of (int, int)
            First and last label, counted from 1, of further intervals; widened to entries of the ledger's history.

        Returns
        -------
        list of dict
            ``comparator`` in words, its ``loss``, the pool's ``regret`` to it, and the ``bound`` that is proven for
            it: infinite where labels came late, None on intervals. Empty before the first label.
        """
        if not self._started:
            return []
        out = []
        more = [self.ledger.interval(first, last) for first, last in intervals]
        for s in [*self.ledger.against(switches), *more]:
            bound = None if s.switches is None else self.mixer.bound(s.switches)
            out.append({"comparator": s.comparator, "loss": s.loss, "regret": s.regret, "bound": bound})
        return out

    @abstractmethod
    def _scores(self) -> dict[str, Any]:
        """Scores that depend on the task."""

    def history(self) -> dict[str, Any]:
        """Curves of scores, losses, weights, surprise and entropy; at most 512 points each."""
        if not self._started:
            return {}
        out: dict[str, Any] = {**self.ledger.curves(), **self.trace.curves(), **self.calibration.curves()}
        out["experts"] = list(self.ledger.experts)
        out["regret_bound"] = self.mixer.regret_bound
        out["regrets"] = self.regrets()
        return out

    def networks(self) -> list[dict[str, Any]]:
        """Every certified network: its slope bound, the slope an attack found, and its activation functions."""
        found = self.exhibit()
        return [f | s for f, s in zip(found.functions(), found.slopes(), strict=True)]

    def exhibit(self) -> Exhibit:
        """The networks as they are now, for :meth:`networks` to be worked out elsewhere."""
        nets = self.networks_ if self._started else []
        spans = [self.layout.span(*net.spec.reads) for net in nets]
        return Exhibit(nets, spans, self.recent.rows if nets else np.zeros((0, 0), f4))

    def missing(self) -> dict[str, int]:
        """How often each column had no finite value since it first had one; such values count as the column's mean."""
        return dict(zip(self.schema.names, self.inputs.s["missing"].tolist(), strict=False))

    def alarm_status(self) -> dict[str, dict[str, Any]]:
        """What each watched signal's detector knows so far."""
        return self.monitor.status() if self.watches else {}
