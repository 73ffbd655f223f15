"""The ledger: what the pool, its experts and the controls have lost so far, and how that came about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._kernels.jit import kernel
from ..errors import SpecError
from ..stage import Stage
from ..types import LEARN
from .comparators import best_sequences, worst_interval

LEDGER_ENTRIES = 512
"""Most entries of the history, which are state and what a report draws: half of them go when it is full
(docs/decisions.md, "The ledger's history and the curves are state")."""
FIRST_SPACING = 32
"""Labels between two entries of the history at first; they are doubled whenever the history is full."""


@kernel
def _scan(op, losses, total, clock, at, history):
    # clock: labels, labels between entries, entries
    A, W = len(total), losses.shape[1]
    for e in range(len(op)):
        if op[e] != LEARN:
            continue
        for i in range(A):
            total[i] += losses[e, i]
        clock[0] += 1
        if clock[0] % clock[1]:
            continue
        if clock[2] == len(at):  # full: every second entry stays
            for b in range(len(at) // 2):
                at[b] = at[2 * b + 1]
                for i in range(W):
                    history[b, i] = history[2 * b + 1, i]
            for b in range(len(at) // 2, len(at)):
                at[b] = 0
                for i in range(W):
                    history[b, i] = 0.0
            clock[1] *= 2
            clock[2] = len(at) // 2
            if clock[0] % clock[1]:
                continue
        b = clock[2]
        at[b] = clock[0]
        for i in range(A):
            history[b, i] = total[i]
        for i in range(A, W):
            history[b, i] = losses[e, i]
        clock[2] += 1


@dataclass(frozen=True, slots=True)
class Standing:
    """The pool beside one comparator.

    Parameters
    ----------
    comparator : str
        In words.
    loss : float
        Its cumulative loss.
    regret : float
        The pool's loss over the same labels, less that.
    switches : int, optional
        How often it changes its expert; None for an interval.
    """

    comparator: str
    loss: float
    regret: float
    switches: int | None


class Ledger(Stage):
    """Sums over the labels learnt, and their history.

    Every LEARN operation has a row in the matrix of losses: scores, losses of the experts and the pool,
    weights. The first two are summed; all are entered into a history of at most 512 entries.

    Parameters
    ----------
    scores : list of str
        Names of the score columns.
    experts : list of str
        Names of the experts.
    """

    def __init__(self, scores: list[str], experts: list[str]):
        super().__init__("ledger")
        self.scores, self.experts = scores, experts
        A = len(scores) + len(experts) + 1
        W = A + len(experts)
        self.width = W
        self.s = {
            "total": np.zeros(A),
            "clock": np.array([0, FIRST_SPACING, 0], np.int64),
            "at": np.zeros(LEDGER_ENTRIES, np.int64),
            "history": np.zeros((LEDGER_ENTRIES, W)),
        }

    @property
    def labels(self) -> int:
        """Labels learnt."""
        return int(self.s["clock"][0])

    def scan(self, op: np.ndarray, losses: np.ndarray) -> None:
        """Take in the rows of LEARN operations; `losses` has shape (m, width)."""
        _scan(op, losses, self.s["total"], self.s["clock"], self.s["at"], self.s["history"])

    def total(self, score: str) -> float:
        """Sum of a score."""
        return float(self.s["total"][self.scores.index(score)])

    def mean(self, score: str) -> float:
        """Mean of a score over the labels, NaN before the first."""
        return self.total(score) / self.labels if self.labels else float("nan")

    @property
    def losses(self) -> dict[str, float]:
        """Cumulative loss of every expert."""
        k = len(self.scores)
        return dict(zip(self.experts, self.s["total"][k : k + len(self.experts)].tolist(), strict=True))

    @property
    def pool_loss(self) -> float:
        """Cumulative loss of the pool."""
        return float(self.s["total"][-1])

    @property
    def best_expert(self) -> str | None:
        """The expert with the least cumulative loss."""
        return min(self.experts, key=self.losses.__getitem__) if self.labels else None

    @property
    def regret(self) -> float:
        """Cumulative loss of the pool less that of its best expert."""
        return self.pool_loss - min(self.losses.values())

    def against(self, switches: Sequence[int] = (1, 4, 16)) -> list[Standing]:
        """Regret to what would have been best in hindsight, the best expert first.

        Sequences change their expert, and intervals begin and end, where the history's buckets do.

        Parameters
        ----------
        switches : sequence of int
            How many switches the best sequences of experts may have.

        Returns
        -------
        list of Standing
            Empty before the first label.
        """
        if not self.labels:
            return []
        curves = self.curves()
        at = curves["labelled"]
        losses = np.diff(curves["expert_loss"], axis=0, prepend=0.0)
        pool = np.diff(curves["pool_loss"], prepend=0.0)
        out = [Standing(f"best expert, {self.best_expert}", self.pool_loss - self.regret, self.regret, 0)]
        best = best_sequences(losses, max(switches, default=0)).total[-1]
        for m in switches:
            if m < len(at):
                total = float(best[m])
                words = f"best sequence with {m} switch{'' if m == 1 else 'es'}"
                out.append(Standing(words, total, self.pool_loss - total, m))
        worst = worst_interval(pool, losses)
        start = int(at[worst.start - 1]) if worst.start else 0
        words = (
            f"{self.experts[worst.expert]} where it did best: labels {start + 1:,} to {at[worst.stop - 1]:,}"
        )
        own = float(pool[worst.start : worst.stop].sum())
        return [*out, Standing(words, own - worst.regret, worst.regret, None)]

    def interval(self, first: int, last: int) -> Standing:
        """Regret to the expert that is best on labels `first` to `last`, counted from 1.

        The interval is widened to where the history has entries; the words name the labels that count.

        Raises
        ------
        SpecError
            When there are no such labels.
        """
        if not 1 <= first <= last <= self.labels:
            raise SpecError(f"labels {first} to {last}: allowed are intervals within 1 to {self.labels}")
        curves = self.curves()
        at = curves["labelled"]
        stop = int(np.searchsorted(at, last))
        start = int(np.searchsorted(at, first)) - 1  # the entry before the first label
        lost = curves["expert_loss"][stop] - (curves["expert_loss"][start] if start >= 0 else 0.0)
        own = float(curves["pool_loss"][stop] - (curves["pool_loss"][start] if start >= 0 else 0.0))
        best = int(lost.argmin())
        words = (
            f"{self.experts[best]} on labels {int(at[start]) + 1 if start >= 0 else 1:,} to {int(at[stop]):,}"
        )
        return Standing(words, float(lost[best]), own - float(lost[best]), None)

    def curves(self) -> dict[str, np.ndarray]:
        """History as arrays: ``labelled``, ``expert_loss``, ``pool_loss``, ``weights``, and means of scores.

        The means are those over the labels between two entries.
        """
        s, k, n = self.s, len(self.scores), len(self.experts)
        b = int(s["clock"][2])
        at, rows = s["at"][:b].copy(), s["history"][:b]
        if self.labels and (b == 0 or at[-1] != self.labels):  # the bucket not yet full
            last = np.concatenate([s["total"], rows[-1, -n:] if b else np.full(n, 1.0 / n)])
            at, rows = np.append(at, self.labels), np.vstack([rows, last])
        width = np.diff(at, prepend=0)
        out: dict[str, np.ndarray] = {"labelled": at}
        for i, name in enumerate(self.scores):
            out[name] = np.diff(rows[:, i], prepend=0.0) / np.maximum(width, 1)
        out["expert_loss"] = rows[:, k : k + n].copy()
        out["pool_loss"] = rows[:, k + n].copy()
        out["weights"] = rows[:, k + n + 1 :].copy()
        return out
