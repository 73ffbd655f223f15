"""History and scale of a number target: running scale, lags and means, known and filled, means of categories."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.jit import kernel, leaf_options
from ..stage import Stage
from .history import MEAN_STEP, powers
from .inputs import OUTLIER, OUTLIER_AFTER, TINIEST, TINY

f4 = np.float32
LAGS = 3
DECAYS = (7 / 8, 47 / 48)
FORGET = 0.001
"""The target's running mean and deviation forget at this rate."""
CLIP = 5.0
LIMIT = 10.0
"""A scaled target is clipped to this: an outlier moves nothing far."""
UNKNOWN = 1e-150
"""Deviation of targets of which none is known."""
RESIDUAL_DECAYS = (0.7, 0.97)


@njit(**leaf_options)
def _deviation(stat):
    # with one value only its size is known, with none nothing: then every forecast is the mean
    if stat[2] > TINY * stat[1] * stat[1] and stat[2] > TINIEST:
        return np.sqrt(stat[2])
    return max(abs(stat[1]), UNKNOWN)


@njit(**leaf_options)
def _scaled(v, m, s):
    return min(max((v - m) / s, -CLIP), CLIP)


@njit(**leaf_options)
def _tamed(y, m, s, labels):
    # a lone outlier must not blind history and scale for hundreds of labels; a new level still gets through
    return min(max(y, m - OUTLIER * s), m + OUTLIER * s) if labels > OUTLIER_AFTER else y


@kernel
def _known(op, slot, y, offsets, decays, stat, lags, fade, rows, scale, controls, target, unit):
    # stat: labels, running mean, running variance, plain mean
    for e in range(len(op)):
        s = slot[e]
        if op[e] == 1:
            m, sd = stat[1] if stat[0] > 0.0 else y[e], _deviation(stat)
            # in today's units: those of the day of the prediction may have known no label at all
            unit[e, 0], unit[e, 1] = m, sd
            target[e] = min(max((y[e] - m) / sd, -LIMIT), LIMIT)
            v = _tamed(y[e], m, sd, stat[0])
            stat[0] += 1.0
            d = v - stat[1]
            h = max(1.0 / stat[0], FORGET)
            stat[1] += h * d
            stat[2] = (1.0 - h) * (stat[2] + h * d * d)
            stat[3] += (y[e] - stat[3]) / stat[0]
            for q in range(len(decays)):
                fade[q] = v if stat[0] == 1.0 else decays[q] * fade[q] + (1.0 - decays[q]) * v
            for q in range(len(lags) - 1, 0, -1):
                lags[q] = lags[q - 1]
            lags[0] = y[e]
        elif op[e] != 2:
            m, sd = stat[1], _deviation(stat)
            scale[s, 0], scale[s, 1] = m, sd
            o = offsets[0]
            for q in range(len(lags)):
                rows[s, o + q] = _scaled(lags[q], m, sd) if stat[0] > q else 0.0
            for q in range(len(decays)):
                rows[s, o + len(lags) + q] = _scaled(fade[q], m, sd) if stat[0] > 0.0 else 0.0
            controls[s, 0] = lags[0]
            controls[s, 1] = stat[3]


@kernel
def _filled(
    op,
    slot,
    ticket,
    y,
    offsets,
    decays,
    powers,
    residual_decays,
    n_means,
    base,
    count,
    lags,
    fade,
    error,
    mean,
    seen,
    scale,
    rows,
    mean_ids,
):
    at_fill, at_mean, at_res = offsets[3], offsets[4], offsets[7]
    L = len(lags)
    for e in range(len(op)):
        if op[e] == 2:
            continue
        s = slot[e]
        m, sd = scale[s, 0], scale[s, 1]
        guess = m + sd * np.float64(base[s, 0, 0])
        if op[e] == 1:
            age = count[0] - 1 - ticket[e]
            v = _tamed(y[e], m, sd, count[0])
            if age < L:
                lags[age] = y[e]
            if age < powers.shape[1]:
                for q in range(len(decays)):
                    fade[q] += (1.0 - decays[q]) * powers[q, age] * (v - guess)
            for q in range(len(residual_decays)):
                r = min(max((y[e] - guess) / sd, -CLIP), CLIP)
                error[q] += (1.0 - residual_decays[q]) * (r - error[q])
            for q in range(n_means):
                r = mean_ids[s, q]
                if r >= 0:
                    seen[r] += 1.0
                    mean[r] += max(1.0 / seen[r], MEAN_STEP) * (v - mean[r])
            continue
        for q in range(L):
            rows[s, at_fill + q] = _scaled(lags[q], m, sd) if count[0] > q else 0.0
        for q in range(len(decays)):
            rows[s, at_fill + L + q] = _scaled(fade[q], m, sd) if count[0] > 0 else 0.0
        for q in range(len(residual_decays)):
            rows[s, at_res + q] = 2.0 * error[q]
        for q in range(n_means):
            r = mean_ids[s, q]
            v = 0.0
            if r >= 0 and seen[r] > 0.0:
                v = _scaled(mean[r], m, sd) * seen[r] / (seen[r] + 2.0)
            rows[s, at_mean + q] = v
        if op[e] == 0:
            for q in range(len(decays)):
                fade[q] = guess if count[0] == 0 else decays[q] * fade[q] + (1.0 - decays[q]) * guess
            for q in range(L - 1, 0, -1):
                lags[q] = lags[q - 1]
            lags[0] = guess
            count[0] += 1


class TargetHistory(Stage):
    """What the targets so far say about the next one, under late labels; the scale in which networks learn.

    The target is learnt in units of its running mean and deviation as they are when it comes, clipped.
    History: the last three values and means over about 8 and 48 of them, as known (``known``) and with unknown
    ones stood in for by the base member's predictions (``filled``); mean target of each category value; recent
    errors of the base member.
    """

    rows = LAGS + len(DECAYS)
    residuals = len(RESIDUAL_DECAYS)

    def __init__(self) -> None:
        super().__init__("history")
        self._decays, self._powers = np.array(DECAYS), powers(DECAYS)
        self._residual = np.array(RESIDUAL_DECAYS)
        self.s = {
            "stat": np.zeros(4),
            "known_lags": np.zeros(LAGS),
            "known_fade": np.zeros(len(DECAYS)),
            "count": np.zeros(1, np.int64),
            "lags": np.zeros(LAGS),
            "fade": np.zeros(len(DECAYS)),
            "error": np.zeros(len(RESIDUAL_DECAYS)),
            "mean": np.zeros(0),
            "seen": np.zeros(0),
        }

    def grow(self, values: int, category_rows: int, spare: int = 0) -> None:
        """Make room for category rows."""
        self.reserve("mean", category_rows, spare)
        self.reserve("seen", category_rows, spare)

    def scan_known(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        y: np.ndarray,
        offsets: np.ndarray,
        store: dict[str, np.ndarray],
        target: np.ndarray,
        unit: np.ndarray,
    ) -> None:
        """Write the known block and the scale of OBSERVE rows; take in labels.

        At LEARN operations `target`, shape (m,), receives the scaled label and `unit`, shape (m, 2), its units.
        """
        s = self.s
        _known(
            op,
            slot,
            y,
            offsets,
            self._decays,
            s["stat"],
            s["known_lags"],
            s["known_fade"],
            store["row"],
            store["scale"],
            store["controls"],
            target,
            unit,
        )

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
        """Write the blocks that need the base member's predictions, member 0 of ``store["p"]``."""
        s = self.s
        _filled(
            op,
            slot,
            ticket,
            y,
            offsets,
            self._decays,
            self._powers,
            self._residual,
            n_means,
            store["p"],
            s["count"],
            s["lags"],
            s["fade"],
            s["error"],
            s["mean"],
            s["seen"],
            store["scale"],
            store["row"],
            store["mean_ids"],
        )
