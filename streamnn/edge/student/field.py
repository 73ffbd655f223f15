"""Scores in the field: every artefact frozen on what comes next, beside the float network of the same moment, the live
student, the pool and the majority."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._kernels.ieee import log64
from ..._kernels.jit import kernel
from ...stage import Stage, grown

ARMS = ("artefact", "bias", "layer", "float", "live", "pool", "majority", "long memory", "short memory")
"""The artefact as it was published, and with what its device would have learnt since; see the module. Last the two float
networks of which one is published: replayed from the whole reservoir, and from what came since something changed."""
OFF, BIAS, LAYER, FLOAT, LIVE, POOL, MAJORITY, LONG, SHORT = range(9)
MOST_WINDOWS = 512
CLEARLY = 0.97
"""Share of a loss below which another is clearly less."""
TELLING = 800
"""Events of evidence: a change that reverts sooner, as a day of storms, is not followed."""
LOOKED_BACK = 5000
"""Events over which two memories are compared, by whole windows."""
LEAST_PROBABILITY = 1e-7
EVENTS, CORRECT, LOSS = range(3)


@kernel
def _score(p, label, window, classify, sums):
    # p: (n, arms, outputs); NaN where an arm said nothing
    for i in range(len(label)):
        w = window[i]
        if w < 0:
            continue
        for a in range(p.shape[1]):
            if np.isnan(p[i, a, 0]):
                continue
            sums[w, a, EVENTS] += 1.0
            if not classify:
                sums[w, a, LOSS] += abs(p[i, a, 0] - label[i])
                continue
            best = 0
            for c in range(1, p.shape[2]):
                if p[i, a, c] > p[i, a, best]:
                    best = c
            y = int(label[i])
            sums[w, a, CORRECT] += 1.0 if best == y else 0.0
            sums[w, a, LOSS] -= log64(max(np.float64(p[i, a, y]), LEAST_PROBABILITY))


class Field(Stage):
    """Windows from one publication to the next, and what each arm scored in them.

    Parameters
    ----------
    classify : bool
    """

    compiled = False

    def __init__(self, classify: bool) -> None:
        super().__init__("edge/field")
        self.classify = classify
        self.windows: list[dict[str, Any]] = []
        self.dropped = 0
        self.s = {"sums": np.zeros((0, len(ARMS), 3)), "total": np.zeros((len(ARMS), 3))}

    @property
    def current(self) -> int:
        """Number of the window that goes on; -1 before the first publication."""
        return self.dropped + len(self.windows) - 1

    def begin(self, window: dict[str, Any]) -> None:
        """A new artefact is in the field."""
        if len(self.windows) == MOST_WINDOWS:
            self.s["total"] += self.s["sums"][0]
            self.s["sums"] = np.concatenate([self.s["sums"][1:], np.zeros((1, len(ARMS), 3))])
            del self.windows[0]
            self.dropped += 1
        else:
            self.s["sums"] = grown(self.s["sums"], len(self.windows) + 1, len(ARMS), 3)
        self.windows.append(window)

    def score(self, p: np.ndarray, label: np.ndarray, window: np.ndarray) -> None:
        """Labels came of events that each arm had predicted, in windows of these numbers.

        Parameters
        ----------
        p : ndarray of float32, shape (n, arms, outputs)
        label : ndarray of float64, shape (n,)
        window : ndarray of int64, shape (n,)
        """
        _score(np.ascontiguousarray(p), label, window - self.dropped, self.classify, self.s["sums"])

    def rows(self) -> list[dict[str, Any]]:
        """A row a window: what was published, and the scores."""
        return [
            {**w, "arms": self._scores(sums)} for w, sums in zip(self.windows, self.s["sums"], strict=True)
        ]

    def scores(self) -> dict[str, Any]:
        """Scores of each arm over all windows."""
        return self._scores(self.s["total"] + self.s["sums"].sum(0))

    def losses(self, last: int = 1) -> np.ndarray | None:
        """Mean loss of each arm over the last windows; None where one of them has no events."""
        sums = self.s["sums"][-last:].sum(0)
        if not len(self.windows) or not sums[[OFF, MAJORITY], EVENTS].all():
            return None
        out: np.ndarray = sums[:, LOSS] / np.maximum(sums[:, EVENTS], 1.0)
        return out

    def better(self, one: int, other: int) -> bool:
        """Whether an arm clearly lost less than another over the last events that both predicted."""
        sums = self.s["sums"][::-1]
        sums = sums[(sums[:, one, EVENTS] > 0) & (sums[:, other, EVENTS] > 0)]
        before = np.cumsum(sums[:, one, EVENTS]) - sums[:, one, EVENTS]
        both = sums[before < LOOKED_BACK].sum(0)
        return both[one, EVENTS] >= TELLING and bool(
            both[one, LOSS] * both[other, EVENTS] < CLEARLY * both[other, LOSS] * both[one, EVENTS]
        )

    def _scores(self, sums: np.ndarray) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for arm, (n, correct, loss) in zip(ARMS, sums.tolist(), strict=True):
            if not n:
                continue
            if self.classify:
                out[arm] = {"events": int(n), "accuracy": correct / n, "log_loss": loss / n}
            else:
                out[arm] = {"events": int(n), "mae": loss / n}
        return out

    def meta(self) -> dict[str, Any]:
        """What is no array, as JSON-able data."""
        return {"windows": self.windows, "dropped": self.dropped}

    def load(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        """Take over what `state_dict` and :meth:`meta` gave."""
        self.windows, self.dropped = list(meta["windows"]), meta["dropped"]
        self.s["sums"] = np.zeros((len(self.windows), len(ARMS), 3))
        self.load_state_dict(arrays)
