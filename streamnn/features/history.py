"""History of labels for classification: known ones, filled ones, means of categories, recent errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._kernels.jit import kernel
from ..stage import Stage, grown

f4 = np.float32

DECAYS = (0.7, 0.97)
"""Label frequencies fade by these."""
REACH = 1024
"""A label that comes later than this many events has faded and changes the filled history no more."""
MEAN_STEP = 0.02
LAGS = 3
"""Labels remembered one by one."""
FILL_STEP = 0.005
"""Of the weights by which members stand in for labels that are not known yet."""


def powers(decays: tuple[float, ...]) -> np.ndarray:
    """decay**j for j < REACH by repeated multiplication; float64, shape (len(decays), REACH)."""
    out = np.empty((len(decays), REACH))
    for q, k in enumerate(decays):
        v = 1.0
        for j in range(REACH):
            out[q, j] = v
            v *= k
    return out


@kernel
def _known(op, slot, y, offsets, decays, last, fade, rows):
    C = fade.shape[1]
    m = len(decays)
    for i in range(len(op)):
        s = slot[i]
        if op[i] == 1:
            last[0] = y[i]
            for q in range(m):
                for c in range(C):
                    fade[q, c] *= decays[q]
                fade[q, y[i]] += 1.0 - decays[q]
        elif op[i] == 0 or op[i] == 3:
            o = offsets[0]
            for c in range(C):
                rows[s, o + c] = 1.0 if c == last[0] else 0.0
            for q in range(m):
                for c in range(C):
                    rows[s, o + C * (1 + q) + c] = fade[q, c]


@kernel
def _filled(
    op,
    slot,
    ticket,
    y,
    offsets,
    decays,
    powers,
    n_means,
    sources,
    p,
    fill,
    trust,
    count,
    recent,
    fade,
    error,
    mean,
    seen,
    prior,
    rows,
    mean_ids,
):
    # count: events observed, labels learnt. recent: labels of the last events, or predictions while unknown
    C = fade.shape[1]
    m = len(decays)
    at_fill, at_mean, at_res, at_lags = offsets[3], offsets[4], offsets[7], offsets[8]
    L = len(recent)
    for i in range(len(op)):
        s = slot[i]
        if op[i] == 0 or op[i] == 3:
            for c in range(C):
                rows[s, at_fill + c] = recent[0, c]
                for q in range(L):
                    rows[s, at_lags + q * C + c] = recent[q, c]
            for q in range(m):
                for c in range(C):
                    rows[s, at_fill + C * (1 + q) + c] = fade[q, c]
                for c in range(1, C):
                    rows[s, at_res + (C - 1) * q + c - 1] = 2.0 * error[q, c]
            for q in range(n_means):
                r = mean_ids[s, q]
                o = at_mean + q * (C - 1) - 1
                for c in range(1, C):
                    rows[s, o + c] = (
                        4.0 * (mean[r, c] - prior[c]) * seen[r] / (seen[r] + 5.0) if r >= 0 else 0.0
                    )
            if op[i] == 0:
                for c in range(C):
                    fill[s, c] = 0.0
                for j in range(len(sources)):
                    for c in range(C):
                        fill[s, c] += f4(trust[j]) * p[s, sources[j], c]
                for q in range(m):
                    for c in range(C):
                        fade[q, c] = decays[q] * fade[q, c] + (1.0 - decays[q]) * fill[s, c]
                for c in range(C):
                    for q in range(L - 1, 0, -1):
                        recent[q, c] = recent[q - 1, c]
                    recent[0, c] = fill[s, c]
                count[0] += 1
        elif op[i] == 1:
            age = count[0] - 1 - ticket[i]
            if age < L:
                for c in range(C):
                    recent[age, c] = 1.0 if c == y[i] else 0.0
            if age < powers.shape[1]:
                for q in range(m):
                    h = (1.0 - decays[q]) * powers[q, age]
                    for c in range(C):
                        fade[q, c] += h * ((1.0 if c == y[i] else 0.0) - fill[s, c])
            for q in range(m):
                for c in range(C):
                    error[q, c] += (1.0 - decays[q]) * (
                        (1.0 if c == y[i] else 0.0) - fill[s, c] - error[q, c]
                    )
            for q in range(n_means):
                r = mean_ids[s, q]
                if r >= 0:
                    seen[r] += 1.0
                    h = max(1.0 / seen[r], MEAN_STEP)
                    for c in range(C):
                        mean[r, c] += h * ((1.0 if c == y[i] else 0.0) - mean[r, c])
            count[1] += 1
            t = 0.0
            for j in range(len(sources)):
                t += trust[j] * p[s, sources[j], y[i]]
            if t > 1e-9:  # towards what each member explains of the label: the likeliest mixture
                h = max(1.0 / (count[1] + len(sources)), FILL_STEP)
                for j in range(len(sources)):
                    trust[j] += h * (trust[j] * p[s, sources[j], y[i]] / t - trust[j])
            h = max(1.0 / count[1], MEAN_STEP / 10)
            for c in range(C):
                prior[c] += h * ((1.0 if c == y[i] else 0.0) - prior[c])


class LabelHistory(Stage):
    """What the labels so far say about the next one, under late labels.

    ``known`` holds only labels that have come. ``filled`` stands in for those that have not with a mixture of the
    predictions of members that do not read it, and replaces them when they come. Means are the label frequencies of
    each category value less the overall ones; the residual is the fading mean error of that mixture.

    Parameters
    ----------
    classes : int
    sources : sequence of int
        Places of those members in ``store["p"]``.
    """

    rows = 1 + len(DECAYS)
    residuals = len(DECAYS)
    lags = LAGS

    def __init__(self, classes: int, sources: Sequence[int] = (0,)):
        super().__init__("history")
        m = len(DECAYS)
        self._decays, self._powers = np.array(DECAYS), powers(DECAYS)
        self._sources = np.array(sources, np.int64)
        self.s = {
            "last": np.full(1, -1, np.int64),
            "known_fade": np.zeros((m, classes)),
            "trust": np.full(len(self._sources), 1.0 / len(self._sources)),
            "count": np.zeros(2, np.int64),
            "recent": np.zeros((LAGS, classes)),
            "fade": np.zeros((m, classes)),
            "error": np.zeros((m, classes)),
            "mean": np.zeros((0, classes)),
            "seen": np.zeros(0),
            "prior": np.full(classes, 1.0 / classes),
        }

    def grow(self, classes: int, category_rows: int, spare: int = 0) -> None:
        """Make room; a new class starts without history."""
        s, m = self.s, len(DECAYS)
        for k in ("known_fade", "fade", "error"):
            s[k] = grown(s[k], m, classes)
        s["recent"] = grown(s["recent"], LAGS, classes)
        s["prior"] = grown(s["prior"], classes)
        s["mean"] = grown(s["mean"], len(s["mean"]), classes)
        self.reserve("mean", category_rows, spare)
        self.reserve("seen", category_rows, spare)

    def scan_known(
        self, op: np.ndarray, slot: np.ndarray, y: np.ndarray, offsets: np.ndarray, rows: np.ndarray
    ) -> None:
        """Write the known block of OBSERVE rows; take in labels."""
        _known(op, slot, y, offsets, self._decays, self.s["last"], self.s["known_fade"], rows)

    def scan_filled(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        ticket: np.ndarray,
        y: np.ndarray,
        offsets: np.ndarray,
        n_means: int,
        store: dict[str, np.ndarray],
    ) -> None:
        """Write the blocks that need predictions of the source members, which are in ``store["p"]``."""
        s = self.s
        _filled(
            op,
            slot,
            ticket,
            y,
            offsets,
            self._decays,
            self._powers,
            n_means,
            self._sources,
            store["p"],
            store["fill"],
            s["trust"],
            s["count"],
            s["recent"],
            s["fade"],
            s["error"],
            s["mean"],
            s["seen"],
            s["prior"],
            store["row"],
            store["mean_ids"],
        )
