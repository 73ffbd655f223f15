"""Constants of the detector, and the records that hold everything known about one signal.

Where no other source is named, a constant was chosen by hand so that stationary streams (white noise, autoregressions,
hidden Markov chains, seasons, GARCH, log-normal and rare values) keep to one false alarm per 10,000 events; the tables
of docs/alarms.md, by benchmarks/alarms.py, are from streams that had no part in the choice. Lengths are in values of
the signal unless a name says otherwise; a block of such a length is one that can be taken for independent of the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np

VIEWS = 2
"""Views of a signal: the value itself, and what an autoregression leaves of it."""
AR_LAGS = 8
"""Order of the autoregression."""
POINTS = 128
"""Most points of a reference distribution."""
BLOCK_VALUES = 64
"""Values between two recalibrations of a signal, and operations between two of the family: one pass of 64 operations
keeps a signal's state in the cache (docs/decisions.md)."""
SCORES = 4
"""Scores of a rank: place, spread, skew and shape."""
SIDES = 2 * SCORES
"""Each score is watched upwards and downwards."""
ALLOWANCES = np.array([0.125, 0.25, 0.5, 1.0])
"""Allowances of the cumulative sums, in standard deviations of the score: half the shift that each is best at."""
CUSUMS = SIDES * ALLOWANCES.size
"""Cumulative sums: number a * SIDES + 2 * score + down."""
JUMP_SPANS = np.array([1, 4, 16, 64, 256])
"""Values in each of the two neighbouring windows that a jump contrast compares."""
RAW = 3
"""The first three spans look at the value, the others at the place score."""
JUMPS = 2 * JUMP_SPANS.size
"""Jump contrasts: statistic CUSUMS + 2 * span + down."""
RAW_JUMPS = 2 * RAW
"""Jump contrasts of the value."""
STATS = CUSUMS + JUMPS
"""Statistics of a view."""
PEAKS = 32
"""Largest peaks that shape a threshold; one more is kept as their base."""
SHORTEST_BATCH = 4
"""Values in the shortest batch mean; those of each level are twice as long as those below."""
BATCH_LEVELS = 14
"""Levels of batch means: the longest are of 32,768 values."""
RAW_STRIDE = 4
"""Values between two looks at the widest contrast of values."""
JUMP_STRIDE = 8
"""Values between two looks at the wide contrasts and at the peaks: the rates are the same as with a look at
every value (docs/decisions.md)."""
SUM_RING, VALUE_RING = 1024, 64
"""Sums and values remembered: powers of two, above twice the widest contrast that needs them and what confirms it."""
CONFIRMED = 4
"""A jump of the value is confirmed this many values later, plus 2, or its span and 2 if that is shorter."""
RING, COARSE = 512, 512
"""Values, and values that end a block, up to which sums are remembered, to say what moved since a change."""
NEVER = 1e300
"""A threshold that nothing reaches."""
VALUE_LIMIT = 1e100
"""Values are cut to this, so that no square overflows."""

REFERENCE_MEMORY = 50_000.0
"""Values that the reference distribution, the autoregression and the batch means remember."""
MATURE = 4096
"""Values of one regime from which the reference distribution takes only every fourth value or fewer."""
THIN, THINNER = 4, 16
"""An old distribution takes every fourth value; of a view that is not watched every sixteenth."""
EXPOSURE = 40.0
"""False-alarm intervals that the peaks remember, at most."""
ARM_BLOCKS, ARM_EVENTS = 60.0, 200
"""Independent blocks, and values, from which learnt thresholds are watched. With 30 blocks and three times as many peaks
a block, slow and bursty streams raised 1.4 to 1.9 times the alarms of their budget."""
RECORD_BLOCKS = 20.0
"""Independent blocks from which peaks are taken and coarse thresholds are watched."""
CAUTION = 2.0
"""Coarse thresholds are this much higher than those of independent values."""
TRIAL_BLOCKS = 20.0
"""Independent blocks after which a new distribution replaces the old one."""
CARRIED = 1000.0
"""Values that the autoregression is worth after a change, at most."""
PEAK_GAP, JUMP_GAP = 6.0, 1.2
"""Independent blocks for which one peak stands, of a cumulative sum and of a jump contrast."""
PEAK_DIVISOR = 12.0
"""Independent blocks for each peak that shapes the tail."""
FEWEST = 9
"""Peaks before a threshold exists."""
WHOLE_BUDGET_AFTER = 2.0
"""False-alarm intervals over which peaks must have been taken before the whole budget may be spent."""
PURSE_START, PURSE_FLOOR, PURSE_CAP, PURSE_COST, PURSE_AIM = -1.4, -5.0, 1.5, 0.7, 0.9
"""The purse is the log of the share of its budget that the family may use: where it starts, its bounds, what an alarm
costs, and the share of the budget at which earning and spending balance."""
VAR_FLOOR, VAR_LEAST = 0.02, 0.05
"""Least variance of a score, and the one below which it says nothing (such as the spread of a fair coin)."""
BLIND, COARSELY, ARMED = 0, 1, 2
"""How a view is watched: not at all, by thresholds of independent values, or by thresholds of its own past."""

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
        ("buffer", f8, (BLOCK_VALUES,)),
        ("filled", i8),
        # dependence
        ("batched", i8),
        ("batch_sum", f8, (BATCH_LEVELS, SCORES)),
        ("batch_mean", f8, (BATCH_LEVELS, SCORES)),
        ("batch_var", f8, (BATCH_LEVELS, SCORES)),
        ("batch_n", f8, (BATCH_LEVELS,)),
        ("batch_half", i8, (BATCH_LEVELS,)),
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
        ("jump_at", i8, (JUMP_SPANS.size,)),
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
        ("ar_cov", f8, (AR_LAGS + 1,)),
        ("ar_coef", f8, (AR_LAGS,)),
        ("ar_lag", f8, (AR_LAGS,)),
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
        ("work", f8, (2, POINTS + BLOCK_VALUES)),
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
    s["bound"] = (-VALUE_LIMIT, VALUE_LIMIT)
    v["var"] = v["scale"] = v["block"] = v["floor"] = v["lrv"] = v["lrv_was"] = 1.0
    v["bar"] = np.finfo(f4).max
    v["jump_bar"] = NEVER
    v["point"] = 10 * VALUE_LIMIT
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
        return f"{rest}jump{'+-'[down]} {JUMP_SPANS[span]}{' raw' if span < RAW else ''}"
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
