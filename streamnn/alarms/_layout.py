"""Constants of the detector, and the records that hold everything known about one signal."""

from __future__ import annotations

from typing import Any

import numpy as np

VIEWS = 2  # the value itself, and what an autoregression leaves of it
LAGS = 8
POINTS = 128  # of the reference distribution, at most
BLOCK = 64  # values between two refreshes; operations between two of the family
SCORES = 4  # place, spread, skew, shape
SIDES = 2 * SCORES  # each up and down
ALLOWANCES = np.array([0.125, 0.25, 0.5, 1.0])  # of the cumulative sums, in sd of the score
CUSUMS = SIDES * ALLOWANCES.size  # statistic a * SIDES + 2 * score + down
SPANS = np.array([1, 4, 16, 64, 256])  # half widths of the jump contrasts
RAW = 3  # that many first spans look at the value, the others at the place score
JUMPS = 2 * SPANS.size  # statistic CUSUMS + 2 * span + down
RAW_JUMPS = 2 * RAW
STATS = CUSUMS + JUMPS
PEAKS = 32  # largest peaks that shape a threshold; one more is kept as their base
LEVELS = 14  # dyadic levels of batch means, from BATCH values on
BATCH = 4
RAW_STRIDE = 4  # values between two looks at the widest contrast of values
STRIDE = 8  # values between two looks at the wide contrasts and at the peaks
SUM_RING, VALUE_RING = 1024, 64  # powers of two, > 2 * 256, > 2 * 16 + 6 + 16
CONFIRMED = 4  # a raw jump is confirmed so many values later, plus 2, or its span if that is shorter
RING, COARSE = 512, 512  # values, and every BLOCK-th value, of which the sums are kept
NEVER = 1e300  # a threshold that nothing reaches
LARGEST = 1e100  # values are cut to this, so that no square overflows

MEMORY = 50_000.0  # values the reference distribution and the batch means remember
MATURE = 4096  # values from which the distribution takes only every THIN-th
THIN, THINNER = 4, 16
EXPOSURE = 40.0  # false-alarm intervals the peaks remember
ARM_BLOCKS, ARM_EVENTS = (
    60.0,
    200,
)  # watched with learnt thresholds from so many independent blocks and values on
RECORD_BLOCKS = 20.0  # peaks are taken, and coarse thresholds watched, from so many blocks on
CAUTION = 2.0  # coarse thresholds are so many times those of independent values
TRIAL_BLOCKS = 20.0  # a new distribution is taken over after so many blocks
CARRIED = 1000.0  # weight of the autoregression that outlives a change
PEAK_GAP, JUMP_GAP = 6.0, 1.2  # blocks a peak stands for
PEAK_DIVISOR = 12.0  # blocks a kept peak stands for
FEWEST = 9  # peaks before a threshold exists
YOUNG = 2.0  # false-alarm intervals until the whole budget may be spent
PURSE_START, PURSE_FLOOR, PURSE_CAP, PURSE_COST, PURSE_AIM = -1.4, -5.0, 1.5, 0.7, 0.9
VAR_FLOOR, VAR_LEAST = 0.02, 0.05  # below the second a score says nothing (the spread of a fair coin)
BLIND, COARSELY, ARMED = 0, 1, 2

f4, f8, i4, i8 = np.float32, np.float64, np.int32, np.int64

VIEW = np.dtype(
    [
        ("height", f4, (CUSUMS,)),
        ("allowance", f4, (CUSUMS,)),
        ("peak", f4, (CUSUMS,)),  # of the excursion under way, times its allowance
        ("held", f4, (CUSUMS,)),  # of the excursions closed in the present gap
        ("length", f4, (CUSUMS,)),  # of the excursion under way
        ("bar", f4, (CUSUMS,)),  # threshold
        ("mean", f8, (SCORES,)),  # of the scores
        ("var", f8, (SCORES,)),
        ("scale", f8, (SCORES,)),  # 1 / sd
        ("cosine", f8, (POINTS,)),
        # reference distribution: [0] in use, [1] on trial
        ("point", f8, (2, POINTS)),
        ("weight", f8, (2, POINTS)),
        ("size", i8, (2,)),
        ("total", f8, (2,)),
        ("buffer", f8, (BLOCK,)),
        ("filled", i8),
        # dependence
        ("batched", i8),
        ("batch_sum", f8, (LEVELS, SCORES)),
        ("batch_mean", f8, (LEVELS, SCORES)),
        ("batch_var", f8, (LEVELS, SCORES)),
        ("batch_n", f8, (LEVELS,)),
        ("batch_half", i8, (LEVELS,)),
        ("lrv", f8, (SCORES,)),  # long-run variance of the scores
        ("lrv_was", f8, (SCORES,)),  # before the last refresh
        ("block", f8),  # length of an independent block
        ("floor", f8),
        # thresholds
        ("records", i8),
        ("armed", i8),  # BLIND, COARSELY or ARMED
        ("exposure", f8),  # values over which peaks were taken
        ("held_at", i8),
        ("jump_peak", f8, (JUMPS,)),
        ("jump_bar", f8, (JUMPS,)),
        ("jump_at", i8, (SPANS.size,)),
        ("trial_peak", f8, (STATS,)),
        ("top", f8, (STATS, PEAKS + 1)),
        ("kept", i8, (STATS,)),
        ("place_sum", f8, (SUM_RING,)),
    ],
    align=True,
)
"""State of one view of a signal."""

SIGNAL = np.dtype(
    [
        # counts and places in time, in values taken
        ("taken", i8),
        ("skipped", i8),
        ("fires", i8),
        ("evidence", i8),
        ("regime", i8),  # values since the present distribution began
        ("refreshed", i8),  # operation of the last refresh
        ("last", i8),  # the last alarm
        ("quiet_until", i8),  # no jump alarm before
        # trial of a new distribution after an alarm
        ("on_trial", i8),
        ("trial_view", i8),
        ("trial_stat", i8),
        ("trial_age", i8),
        # a jump waiting to be confirmed; -1: none
        ("jump_at", i8),
        ("jump_view", i8),
        ("jump_stat", i8),
        ("jump_size", f8),
        # spending
        ("recent", f8),  # alarms lately
        ("purse", f8),  # log of the share of its budget this signal may use
        # autoregression
        ("follows", i8),  # its view is watched
        ("ar_weight", f8),
        ("ar_mean", f8),
        ("ar_cov", f8, (LAGS + 1,)),
        ("ar_coef", f8, (LAGS,)),
        ("ar_lag", f8, (LAGS,)),
        ("bound", f8, (2,)),  # values beyond are cut before sums are made of them
        ("value", f8, (VIEWS, VALUE_RING)),
        # the recent past, for change points and evidence: operation, ticket, sums of value, place and spread
        ("op", i8, (RING,)),
        ("ticket", i8, (RING,)),
        ("tag", i4, (RING,)),
        ("sums", f8, (RING, 3)),
        ("far_op", i8, (COARSE,)),
        ("far_ticket", i8, (COARSE,)),
        ("far_sums", f8, (COARSE, 3)),
        # passed within one value, no part of the state
        ("began", i8),
        ("score", f8, (SCORES,)),
        ("signed", f4, (CUSUMS,)),  # of each cumulative sum
        ("work", f8, (2, POINTS + BLOCK)),
    ],
    align=True,
)
"""State of one signal."""

Signal = Any  # one element of an array of SIGNAL; kernels reach its fields as attributes
View = Any  # one element of an array of VIEW

SCRATCH = ("began", "score", "signed", "work")
STATE = tuple(name for name in SIGNAL.names or () if name not in SCRATCH)


def new_signals(n: int) -> tuple[np.ndarray, np.ndarray]:
    """State of n signals that have seen nothing, and of their views."""
    s, v = np.zeros(n, SIGNAL), np.zeros(VIEWS * n, VIEW)
    s["last"] = s["jump_at"] = s["quiet_until"] = -1
    s["bound"] = (-LARGEST, LARGEST)
    v["var"] = v["scale"] = v["block"] = v["floor"] = v["lrv"] = v["lrv_was"] = 1.0
    v["bar"] = np.finfo(f4).max
    v["jump_bar"] = NEVER
    v["point"] = 10 * LARGEST
    return s, v


def shares() -> np.ndarray:
    """How the budget is split: float64[VIEWS, STATS], sum 1."""
    w = np.ones((VIEWS, STATS))
    for i, share in enumerate([(4.0, 0.5), (2.0, 2.0), (1.0, 1.0), (1.0, 1.0)]):
        for j in range(CUSUMS):
            if j % SIDES // 2 == i:
                w[:, j] = share
    w[1, CUSUMS : CUSUMS + RAW_JUMPS], w[1, CUSUMS + RAW_JUMPS :] = 1.5, 0.5
    total = 0.0
    for v in w.ravel():
        total += v
    return w / total


def statistic_name(code: int) -> str:
    """Readable name of statistic ``view * STATS + index``.

    Examples
    --------
    >>> statistic_name(2 * SIDES), statistic_name(STATS + CUSUMS)
    ('place+ cusum 0.5', 'AR jump+ 1 raw')
    """
    view, j = divmod(int(code), STATS)
    rest = "AR " if view else ""
    if j >= CUSUMS:
        span, down = divmod(j - CUSUMS, 2)
        return f"{rest}jump{'+-'[down]} {SPANS[span]}{' raw' if span < RAW else ''}"
    a, side = divmod(j, SIDES)
    score, down = divmod(side, 2)
    return f"{rest}{('place', 'spread', 'skew', 'shape')[score]}{'+-'[down]} cusum {ALLOWANCES[a]:g}"


def direction(code: int) -> str:
    """What a signal did when statistic `code` fired.

    Examples
    --------
    >>> direction(1), direction(2), direction(6)
    ('down', 'wider', 'another shape')
    """
    j = int(code) % STATS
    if j >= CUSUMS:
        return ("up", "down")[(j - CUSUMS) % 2]
    side = j % SIDES
    return ("up", "down", "wider", "narrower", *["another shape"] * 4)[side]
