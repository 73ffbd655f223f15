"""History and scale of a number target: running scale; lags and means, known and imputed; category means."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import kernel, leaf
from ..stage import Stage, gathered
from ..types import EXPIRE, LEARN, OBSERVE
from .absurd import BEGIN_AGAIN, FIRST_VALUES, GUARD_FIGURES, LEAVE_OUT, TAKE, judge, sums
from .history import ERROR_GAIN, LABEL_LAGS, MEAN_STEP, powers
from .inputs import INPUT_CLIP
from .layout import AT_IMPUTED, AT_KNOWN, AT_MEANS, AT_RESIDUAL
from .moments import OUTLIER_AFTER, OUTLIER_DEVIATIONS, SMALLEST_VARIANCE, SMALLEST_VARIANCE_RATIO

f4 = np.float32
TARGET_DECAYS = (7 / 8, 47 / 48)
"""What remains of fading means at each target: they reach over 8 and 48 (the prototype pool's)."""
SCALE_FORGETTING = 0.001
"""Rate at which the target's running mean and variance forget, a label; the prototype pool's."""
MEAN_TARGETS = 2.0
"""The mean target of a category value is shrunk as if this many targets had been at the overall mean."""
TARGET_LIMIT = 10.0
"""A scaled target is clipped to this many deviations: an outlier moves nothing far."""
FARTHEST_PREDICTION = 100.0
"""Running deviations from the mean at which a number that a member predicts is cut."""
UNKNOWN_DEVIATION = 1e-150
"""Deviation of targets of which none is known yet, or all were 0: next to nothing, but no division by 0."""
RESIDUAL_DECAYS = (0.7, 0.97)
"""What remains of the fading mean errors of the base member at each label: those of the label frequencies."""


class KnownTargetState(NamedTuple):
    """The history of targets that have come, and their scale."""

    stat: np.ndarray  # (4,): labels, running mean, running variance, plain mean
    first: np.ndarray  # (1, FIRST_VALUES, 2): the robust look at the first targets, see `judge`
    guard: np.ndarray  # (1, GUARD_FIGURES): likewise
    known_lags: np.ndarray  # (LABEL_LAGS,): the last targets
    known_fade: np.ndarray  # (decays,): fading means


class KnownTargetPending(NamedTuple):
    """What it writes of pending events; the first axis of each is the slot."""

    row: np.ndarray  # (slots, width), float32
    # (slots, 3): location and scale of the target when the event came, and its own target, tamed, once it is known
    scale: np.ndarray
    controls: np.ndarray  # (slots, 3): forecasts of no-change and of the plain mean; the third is another's


class ImputedTargetState(NamedTuple):
    """What the imputed history of targets is made of."""

    powers: np.ndarray  # (decays, FADED_AFTER), fixed: see `powers`
    events: np.ndarray  # (1,), int64: events observed
    lags: np.ndarray  # (LABEL_LAGS,): targets of the last events, forecasts while they are unknown
    fade: np.ndarray  # (decays,): fading means of both
    error: np.ndarray  # (residual decays,): fading mean errors of the base member, in scaled units
    mean: np.ndarray  # (category rows,): mean target of each category value
    seen: np.ndarray  # (category rows,): targets that it rests on


class ImputedTargetPending(NamedTuple):
    """What it reads and writes of pending events; the first axis of each is the slot."""

    row: np.ndarray  # (slots, width), float32
    mean_ids: np.ndarray  # (slots, MAX_MEANS), int32: category rows of the event that have label means, or -1
    p: np.ndarray  # (slots, members, 1), float32: what members say; member 0 is the base member
    scale: np.ndarray  # (slots, 3)


@leaf
def _moved(stat):
    return stat[2] > SMALLEST_VARIANCE_RATIO * stat[1] * stat[1] and stat[2] > SMALLEST_VARIANCE


@leaf
def _deviation(stat):
    # with one value only its size is known, with none nothing: then every forecast is the mean
    if _moved(stat):
        return np.sqrt(stat[2])
    return max(abs(stat[1]), UNKNOWN_DEVIATION)


@leaf
def _scaled(v, m, s):
    return min(max((v - m) / s, -INPUT_CLIP), INPUT_CLIP)


@leaf
def _tamed(y, m, s):
    # a lone outlier must not blind history and scale for hundreds of labels; a new level still gets through
    return min(max(y, m - OUTLIER_DEVIATIONS * s), m + OUTLIER_DEVIATIONS * s)


@leaf
def _take_target(y, stat, first, guard):
    # running mean and variance, and the plain mean, take in a target
    stat[0] += 1.0
    verdict = judge(y, stat[1], np.sqrt(stat[2]), first, guard, 0, 1.0)
    if verdict == BEGIN_AGAIN:
        n, stat[1], squares = sums(first, guard, 0)
        stat[2], stat[3] = squares / n, stat[1]
    elif verdict == TAKE:
        v = _tamed(y, stat[1], _deviation(stat)) if stat[0] > OUTLIER_AFTER + 1 and _moved(stat) else y
        d = v - stat[1]
        h = max(1.0 / stat[0], SCALE_FORGETTING)
        stat[1] += h * d
        stat[2] = (1.0 - h) * (stat[2] + h * d * d)
        stat[3] += (v - stat[3]) / stat[0]
    return verdict


@kernel
def _known(op, slot, y, offsets, state: KnownTargetState, pending: KnownTargetPending, target, unit):
    stat, lags, fade = state.stat, state.known_lags, state.known_fade
    rows, scale, controls = pending.row, pending.scale, pending.controls
    for e in range(len(op)):
        s = slot[e]
        if op[e] == LEARN:
            m, sd = stat[1] if stat[0] > 0.0 else y[e], _deviation(stat)
            # in today's units: those of the day of the prediction may have known no label at all
            unit[e, 0], unit[e, 1] = m, sd
            target[e] = min(max((y[e] - m) / sd, -TARGET_LIMIT), TARGET_LIMIT)
            verdict = _take_target(y[e], stat, state.first, state.guard)
            m, sd = stat[1], _deviation(stat)
            v = m if verdict == LEAVE_OUT else _tamed(y[e], m, sd)
            scale[s, 2] = v
            for q in range(len(TARGET_DECAYS)):
                fade[q] = v if stat[0] == 1.0 else TARGET_DECAYS[q] * fade[q] + (1.0 - TARGET_DECAYS[q]) * v
                fade[q] = _tamed(fade[q], m, sd)  # what it held may have turned out to be absurd
            for q in range(len(lags) - 1, 0, -1):
                lags[q] = lags[q - 1]
            lags[0] = y[e]
        elif op[e] != EXPIRE:
            m, sd = stat[1], _deviation(stat)
            scale[s, 0], scale[s, 1], scale[s, 2] = m, sd, 0.0
            o = offsets[AT_KNOWN]
            for q in range(len(lags)):
                rows[s, o + q] = _scaled(lags[q], m, sd) if stat[0] > q else 0.0
            for q in range(len(TARGET_DECAYS)):
                rows[s, o + len(lags) + q] = _scaled(fade[q], m, sd) if stat[0] > 0.0 else 0.0
            controls[s, 0] = lags[0]
            controls[s, 1] = stat[3]


@kernel
def _impute(op, slot, ticket, y, offsets, n_means, state: ImputedTargetState, pending: ImputedTargetPending):
    powers, count, lags, fade, error = state.powers, state.events, state.lags, state.fade, state.error
    mean, seen = state.mean, state.seen
    rows, mean_ids, base, scale = pending.row, pending.mean_ids, pending.p, pending.scale
    at_imputed, at_mean, at_res = offsets[AT_IMPUTED], offsets[AT_MEANS], offsets[AT_RESIDUAL]
    L = len(lags)
    for e in range(len(op)):
        if op[e] == EXPIRE:
            continue
        s = slot[e]
        m, sd = scale[s, 0], scale[s, 1]
        guess = m + sd * np.float64(base[s, 0, 0])
        if op[e] == LEARN:
            age = count[0] - 1 - ticket[e]
            v = scale[s, 2]
            if age < L:
                lags[age] = y[e]
            if age < powers.shape[1]:
                for q in range(len(TARGET_DECAYS)):
                    fade[q] += (1.0 - TARGET_DECAYS[q]) * powers[q, age] * (v - guess)
            for q in range(len(RESIDUAL_DECAYS)):
                r = min(max((y[e] - guess) / sd, -INPUT_CLIP), INPUT_CLIP)
                error[q] += (1.0 - RESIDUAL_DECAYS[q]) * (r - error[q])
            for q in range(n_means):
                r = mean_ids[s, q]
                if r >= 0:
                    seen[r] += 1.0
                    mean[r] += max(1.0 / seen[r], MEAN_STEP) * (v - mean[r])
            continue
        for q in range(L):
            rows[s, at_imputed + q] = _scaled(lags[q], m, sd) if count[0] > q else 0.0
        for q in range(len(TARGET_DECAYS)):
            rows[s, at_imputed + L + q] = _scaled(fade[q], m, sd) if count[0] > 0 else 0.0
        for q in range(len(RESIDUAL_DECAYS)):
            rows[s, at_res + q] = ERROR_GAIN * error[q]
        for q in range(n_means):
            r = mean_ids[s, q]
            v = 0.0
            if r >= 0 and seen[r] > 0.0:
                v = _scaled(mean[r], m, sd) * seen[r] / (seen[r] + MEAN_TARGETS)
            rows[s, at_mean + q] = v
        if op[e] == OBSERVE:
            for q in range(len(TARGET_DECAYS)):
                fade[q] = (
                    guess if count[0] == 0 else TARGET_DECAYS[q] * fade[q] + (1.0 - TARGET_DECAYS[q]) * guess
                )
                fade[q] = _tamed(fade[q], m, sd)
            for q in range(L - 1, 0, -1):
                lags[q] = lags[q - 1]
            lags[0] = guess
            count[0] += 1


class TargetHistory(Stage):
    """What the targets so far say about the next one, under late labels; the scale in which networks learn.

    The target is learnt in units of its running mean and deviation as they are when it comes, clipped.
    History: the last three values and means over about 8 and 48 of them, as known (``known``) and with
    unknown ones imputed by the base member's predictions (``imputed``); mean target of each category value;
    recent errors of the base member.
    """

    rows = LABEL_LAGS + len(TARGET_DECAYS)
    residuals = len(RESIDUAL_DECAYS)

    def __init__(self) -> None:
        super().__init__("history")
        self._powers = powers(TARGET_DECAYS)
        self.s = {
            "stat": np.zeros(4),
            "first": np.zeros((1, FIRST_VALUES, 2)),
            "guard": np.zeros((1, GUARD_FIGURES)),
            "known_lags": np.zeros(LABEL_LAGS),
            "known_fade": np.zeros(len(TARGET_DECAYS)),
            "count": np.zeros(1, np.int64),
            "lags": np.zeros(LABEL_LAGS),
            "fade": np.zeros(len(TARGET_DECAYS)),
            "error": np.zeros(len(RESIDUAL_DECAYS)),
            "mean": np.zeros(0),
            "seen": np.zeros(0),
        }

    def grow(self, values: int, category_rows: int) -> None:
        """Make room for category rows; `values`, the width of a label, is 1 here."""
        self.reserve("mean", category_rows)
        self.reserve("seen", category_rows)

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

        At LEARN operations `target`, shape (m,), receives the scaled label, `unit`, shape (m, 2), its units; the store
        the label itself, brought near to the others if it is absurd.
        """
        state, pending = gathered(KnownTargetState, self.s), gathered(KnownTargetPending, store)
        _known(op, slot, y, offsets, state, pending, target, unit)

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
        """Write the blocks that need the base member's predictions, member 0 of ``store["p"]``."""
        state, pending = (
            gathered(ImputedTargetState, self.s, self._powers, self.s["count"]),
            gathered(ImputedTargetPending, store),
        )
        _impute(op, slot, ticket, y, offsets, n_means, state, pending)
