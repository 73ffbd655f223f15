"""History of labels for classification: known ones, imputed ones, means of categories, recent errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._kernels.jit import kernel
from ..stage import Stage, gathered, grown
from ..types import LEARN, LOOK, OBSERVE
from .layout import AT_IMPUTED, AT_KNOWN, AT_LAGS, AT_MEANS, AT_RESIDUAL

f4 = np.float32

CLASS_DECAYS = (0.7, 0.97)
"""What remains of the fading label frequencies at each label: they reach over some 3 and 33 labels. They are
the prototype pool's, where they took electricity's log loss from .116 to .110."""
FADED_AFTER = 1024
"""A label that comes later than this many events has faded and changes the imputed history no more."""
MEAN_STEP = 0.02
"""Least step of the mean label of a category value; a tenth of it is that of the overall mean. No comparison
with other values is recorded."""
MEAN_GAIN, MEAN_LABELS = 4.0, 5.0
"""A row holds the mean of a category value less the overall one times this gain, shrunk to nothing as if this
many labels had been at the overall mean."""
ERROR_GAIN = 2.0
"""A row holds mean errors, and shares of labels overdue, times this, nearer to the size of other columns."""
LABEL_LAGS = 3
"""Labels remembered one by one, of classes and of numbers."""
IMPUTATION_STEP = 0.005
"""Least step of the weights by which members impute labels that are not known yet (docs/decisions.md, "Labels
not known yet are imputed by a mixture": .001 is worse)."""


def powers(decays: tuple[float, ...]) -> np.ndarray:
    """decay**j for j < FADED_AFTER by repeated multiplication; float64, shape (len(decays), FADED_AFTER)."""
    out = np.empty((len(decays), FADED_AFTER))
    for q, k in enumerate(decays):
        v = 1.0
        for j in range(FADED_AFTER):
            out[q, j] = v
            v *= k
    return out


class ImputedState(NamedTuple):
    """What the imputed history is made of: classes C, sources S."""

    sources: np.ndarray  # (S,), int64, fixed: the members that impute
    powers: np.ndarray  # (decays, FADED_AFTER), fixed: see `powers`
    counts: np.ndarray  # (2,), int64: events observed, labels learnt
    trust: np.ndarray  # (S,): their weights
    recent: np.ndarray  # (LABEL_LAGS, C): labels of the last events, predictions while they are unknown
    fade: np.ndarray  # (decays, C): fading frequencies of both
    error: np.ndarray  # (decays, C): fading mean errors of the mixture
    mean: np.ndarray  # (category rows, C): label frequencies of each category value
    seen: np.ndarray  # (category rows,): labels that they rest on
    prior: np.ndarray  # (C,): overall label frequencies


class ImputedPending(NamedTuple):
    """What the imputed history reads and writes of pending events; the first axis of each is the slot."""

    row: np.ndarray  # (slots, width), float32
    mean_ids: np.ndarray  # (slots, MAX_MEANS), int32: category rows of the event that have label means, or -1
    p: np.ndarray  # (slots, members, C), float32: what members say
    fill: np.ndarray  # (slots, C), float32: what was imputed


@kernel
def _known(op, slot, y, offsets, last, fade, rows):
    C = fade.shape[1]
    m = len(CLASS_DECAYS)
    for i in range(len(op)):
        s = slot[i]
        if op[i] == LEARN:
            last[0] = y[i]
            for q in range(m):
                for c in range(C):
                    fade[q, c] *= CLASS_DECAYS[q]
                fade[q, y[i]] += 1.0 - CLASS_DECAYS[q]
        elif op[i] == OBSERVE or op[i] == LOOK:
            o = offsets[AT_KNOWN]
            for c in range(C):
                rows[s, o + c] = 1.0 if c == last[0] else 0.0
            for q in range(m):
                for c in range(C):
                    rows[s, o + C * (1 + q) + c] = fade[q, c]


@kernel
def _impute(op, slot, ticket, y, offsets, n_means, state: ImputedState, pending: ImputedPending):
    sources, powers, trust, count = state.sources, state.powers, state.trust, state.counts
    recent, fade, error = state.recent, state.fade, state.error
    mean, seen, prior = state.mean, state.seen, state.prior
    rows, mean_ids, p, imputed = pending.row, pending.mean_ids, pending.p, pending.fill
    C = fade.shape[1]
    m = len(CLASS_DECAYS)
    at_imputed, at_mean = offsets[AT_IMPUTED], offsets[AT_MEANS]
    at_res, at_lags = offsets[AT_RESIDUAL], offsets[AT_LAGS]
    L = len(recent)
    for i in range(len(op)):
        s = slot[i]
        if op[i] == OBSERVE or op[i] == LOOK:
            for c in range(C):
                rows[s, at_imputed + c] = recent[0, c]
                for q in range(L):
                    rows[s, at_lags + q * C + c] = recent[q, c]
            for q in range(m):
                for c in range(C):
                    rows[s, at_imputed + C * (1 + q) + c] = fade[q, c]
                for c in range(1, C):
                    rows[s, at_res + (C - 1) * q + c - 1] = ERROR_GAIN * error[q, c]
            for q in range(n_means):
                r = mean_ids[s, q]
                o = at_mean + q * (C - 1) - 1
                for c in range(1, C):
                    rows[s, o + c] = (
                        MEAN_GAIN * (mean[r, c] - prior[c]) * seen[r] / (seen[r] + MEAN_LABELS)
                        if r >= 0
                        else 0.0
                    )
            if op[i] == OBSERVE:
                for c in range(C):
                    imputed[s, c] = 0.0
                for j in range(len(sources)):
                    for c in range(C):
                        imputed[s, c] += f4(trust[j]) * p[s, sources[j], c]
                for q in range(m):
                    for c in range(C):
                        fade[q, c] = CLASS_DECAYS[q] * fade[q, c] + (1.0 - CLASS_DECAYS[q]) * imputed[s, c]
                for c in range(C):
                    for q in range(L - 1, 0, -1):
                        recent[q, c] = recent[q - 1, c]
                    recent[0, c] = imputed[s, c]
                count[0] += 1
        elif op[i] == LEARN:
            age = count[0] - 1 - ticket[i]
            if age < L:
                for c in range(C):
                    recent[age, c] = 1.0 if c == y[i] else 0.0
            if age < powers.shape[1]:
                for q in range(m):
                    h = (1.0 - CLASS_DECAYS[q]) * powers[q, age]
                    for c in range(C):
                        fade[q, c] += h * ((1.0 if c == y[i] else 0.0) - imputed[s, c])
            for q in range(m):
                for c in range(C):
                    error[q, c] += (1.0 - CLASS_DECAYS[q]) * (
                        (1.0 if c == y[i] else 0.0) - imputed[s, c] - error[q, c]
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
                h = max(1.0 / (count[1] + len(sources)), IMPUTATION_STEP)
                for j in range(len(sources)):
                    trust[j] += h * (trust[j] * p[s, sources[j], y[i]] / t - trust[j])
            h = max(1.0 / count[1], MEAN_STEP / 10)
            for c in range(C):
                prior[c] += h * ((1.0 if c == y[i] else 0.0) - prior[c])


class KnownLabels(Stage):
    """The labels that have come, in the ``known`` block; nothing is imputed, and there is no further block.

    Parameters
    ----------
    classes : int
    """

    rows = 1 + len(CLASS_DECAYS)
    residuals = 0
    lags = 0

    def __init__(self, classes: int) -> None:
        super().__init__("history")
        self.s = {
            "last": np.full(1, -1, np.int64),
            "known_fade": np.zeros((len(CLASS_DECAYS), classes)),
        }

    def grow(self, classes: int, category_rows: int) -> None:
        """Make room; a new class starts without history."""
        self.s["known_fade"] = grown(self.s["known_fade"], len(CLASS_DECAYS), classes)

    def scan_known(
        self, op: np.ndarray, slot: np.ndarray, y: np.ndarray, offsets: np.ndarray, rows: np.ndarray
    ) -> None:
        """Write the known block of OBSERVE rows; take in labels."""
        _known(op, slot, y, offsets, self.s["last"], self.s["known_fade"], rows)

    def impute(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        ticket: np.ndarray,
        y: np.ndarray,
        offsets: np.ndarray,
        n_means: int,
        store: dict[str, np.ndarray],
    ) -> None:
        """Nothing to do."""


class LabelHistory(KnownLabels):
    """What the labels so far say about the next one, under late labels.

    ``known`` holds only labels that have come. ``imputed`` puts a mixture of the predictions of members that
    do not read it in the place of those that have not, and replaces them when they come. Means are the label
    frequencies of each category value less the overall ones; the residual is the fading mean error of that
    mixture.

    Parameters
    ----------
    classes : int
    sources : sequence of int
        Places of those members in ``store["p"]``.
    """

    residuals = len(CLASS_DECAYS)
    lags = LABEL_LAGS

    def __init__(self, classes: int, sources: Sequence[int] = (0,)):
        super().__init__(classes)
        m = len(CLASS_DECAYS)
        self._powers = powers(CLASS_DECAYS)
        self._sources = np.array(sources, np.int64)
        self.s |= {
            "trust": np.full(len(self._sources), 1.0 / len(self._sources)),
            "count": np.zeros(2, np.int64),
            "recent": np.zeros((LABEL_LAGS, classes)),
            "fade": np.zeros((m, classes)),
            "error": np.zeros((m, classes)),
            "mean": np.zeros((0, classes)),
            "seen": np.zeros(0),
            "prior": np.full(classes, 1.0 / classes),
        }

    def grow(self, classes: int, category_rows: int) -> None:
        """Make room; a new class starts without history."""
        super().grow(classes, category_rows)
        s, m = self.s, len(CLASS_DECAYS)
        for k in ("fade", "error"):
            s[k] = grown(s[k], m, classes)
        s["recent"] = grown(s["recent"], LABEL_LAGS, classes)
        s["prior"] = grown(s["prior"], classes)
        s["mean"] = grown(s["mean"], len(s["mean"]), classes)
        self.reserve("mean", category_rows)
        self.reserve("seen", category_rows)

    def impute(
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
        state = gathered(ImputedState, self.s, self._sources, self._powers, self.s["count"])
        _impute(op, slot, ticket, y, offsets, n_means, state, gathered(ImputedPending, store))
