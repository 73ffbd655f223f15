"""Constants of the detector, and the record that holds everything known about one signal."""

from __future__ import annotations

from typing import Any

import numpy as np

VIEWS = 2  # the value itself, and what an autoregression leaves of it
LAGS = 8
POINTS = 128  # of the reference law, at most
BLOCK = 64  # events between two refreshes of law and thresholds
SCORES = 4  # place, spread, skew, shape
ALLOWANCES = np.array([0.125, 0.25, 0.5, 1.0])  # of the cumulative sums, in sd of the score
CUSUMS = SCORES * 2 * ALLOWANCES.size
SPANS = np.array([1, 4, 16, 64, 256])  # half widths of the jump contrasts
RAW = 2  # that many first spans look at the value, the others at the place score
RAW_END = CUSUMS + 2 * RAW
STATS = CUSUMS + 2 * SPANS.size
PEAKS = 32  # largest peaks that shape a threshold; one more is kept as their base
LEVELS = 16  # dyadic levels of batch means
SUM_RING, TICKET_RING, VALUE_RING = 1024, 512, 16  # powers of two, > 2 * 256, > 256, > 3 * 4 + 2
NEVER = 1e300  # a threshold that nothing reaches
LARGEST = 1e100  # values are cut to this, so that no square overflows

MEMORY = 50_000.0  # events the reference law and the batch means remember
EXPOSURE = 40.0  # false-alarm intervals the peaks remember
ARM_BLOCKS, ARM_EVENTS = 60.0, 200  # watched from so many independent blocks and events on
RECORD_BLOCKS = 20.0  # peaks are taken from so many blocks on
TRIAL_BLOCKS = 20.0  # a new law is taken over after so many blocks
CARRIED = 1000.0  # weight of the autoregression that outlives a change
PEAK_GAP, JUMP_GAP = 6.0, 1.2  # blocks a peak stands for
PEAK_DIVISOR = 12.0  # blocks a kept peak stands for
FEWEST = 9  # peaks before a threshold exists
YOUNG = 2.0  # false-alarm intervals until the whole budget may be spent
PURSE_START, PURSE_FLOOR, PURSE_COST, PURSE_AIM = -1.4, -5.0, 0.7, 0.9
VAR_FLOOR = 0.02

f8, i8 = np.float64, np.int64
_VS = (VIEWS, STATS)

SIGNAL = np.dtype(
    [
        # counts and places in time, in values taken
        ("taken", i8),
        ("skipped", i8),
        ("alarms", i8),
        ("evidence", i8),
        ("filled", i8),  # of the buffer
        ("regime", i8),  # values since the present law began
        ("last", i8),  # the last alarm
        ("quiet_until", i8),  # no jump alarm before
        # trial of a new law after an alarm
        ("on_trial", i8),
        ("trial_view", i8),
        ("trial_stat", i8),
        ("trial_age", i8),
        ("trial_peak", f8, _VS),
        # a jump waiting to be confirmed; -1: none
        ("jump_at", i8),
        ("jump_view", i8),
        ("jump_stat", i8),
        ("jump_size", f8),
        # spending
        ("recent", f8),  # alarms lately
        ("purse", f8),  # log of the share of the budget now allowed
        # autoregression
        ("follows", i8),  # its view is watched
        ("ar_weight", f8),
        ("ar_mean", f8),
        ("ar_cov", f8, (LAGS + 1,)),
        ("ar_coef", f8, (LAGS,)),
        ("ar_lag", f8, (LAGS,)),
        # reference law: [0] in use, [1] on trial
        ("point", f8, (2, VIEWS, POINTS)),
        ("weight", f8, (2, VIEWS, POINTS)),
        ("size", i8, (2, VIEWS)),
        ("total", f8, (2, VIEWS)),
        ("cosine", f8, (VIEWS, POINTS)),
        ("bound", f8, (2,)),  # values beyond are cut before sums are made of them
        ("buffer", f8, (VIEWS, BLOCK)),
        # scores and their dependence
        ("mean", f8, (VIEWS, SCORES)),
        ("var", f8, (VIEWS, SCORES)),
        ("batch_sum", f8, (VIEWS, LEVELS, SCORES)),
        ("batch_mean", f8, (VIEWS, LEVELS, SCORES)),
        ("batch_var", f8, (VIEWS, LEVELS, SCORES)),
        ("batch_n", f8, (VIEWS, LEVELS)),
        ("batch_half", i8, (VIEWS, LEVELS)),
        ("block", f8, (VIEWS,)),  # length of an independent block
        ("floor", f8, (VIEWS,)),
        ("records", i8, (VIEWS,)),
        ("armed", i8, (VIEWS,)),
        ("exposure", f8, (VIEWS,)),  # values over which peaks were taken
        # statistics
        ("allowance", f8, (VIEWS, CUSUMS)),
        ("height", f8, (VIEWS, CUSUMS)),
        ("zero_at", i8, (VIEWS, CUSUMS)),
        ("zero_ticket", i8, (VIEWS, CUSUMS)),
        ("peak", f8, _VS),
        ("held", f8, _VS),  # largest peak of the present gap
        ("held_at", i8, _VS),
        ("bar", f8, _VS),  # threshold
        ("top", f8, (*_VS, PEAKS + 1)),
        ("kept", i8, _VS),
        # the recent past
        ("place_sum", f8, (VIEWS, SUM_RING)),
        ("value", f8, (VIEWS, VALUE_RING)),
        ("ticket", i8, (TICKET_RING,)),
        # passed within one value or one refresh, no part of the state
        ("fired", i8, (3,)),  # ticket, view * STATS + statistic, ticket where the change began
        ("score", f8, (SCORES,)),
        ("z", f8, (SCORES,)),
        ("signed", f8, (CUSUMS,)),
        ("work", f8, (2, POINTS + BLOCK)),
    ],
    align=True,
)
"""State of one signal."""

Signal = Any  # one element of such an array; kernels reach its fields as attributes

SCRATCH = ("fired", "score", "z", "signed", "work")
STATE = tuple(name for name in SIGNAL.names or () if name not in SCRATCH)


def new_signals(n: int) -> np.ndarray:
    """State of n signals that have seen nothing."""
    s = np.zeros(n, SIGNAL)
    s["last"] = s["jump_at"] = s["quiet_until"] = -1
    s["purse"] = PURSE_START
    s["var"] = s["block"] = s["floor"] = 1.0
    s["bar"] = NEVER
    s["bound"] = (-LARGEST, LARGEST)
    return s


def shares() -> np.ndarray:
    """How the budget is split: float64[VIEWS, STATS], sum 1."""
    w = np.ones((VIEWS, STATS))
    per = CUSUMS // SCORES
    for i, share in enumerate([(4.0, 0.5), (2.0, 2.0), (1.0, 1.0), (1.0, 1.0)]):
        w[:, i * per : (i + 1) * per] = np.array(share)[:, None]
    w[1, CUSUMS:RAW_END], w[1, RAW_END:] = 1.5, 0.5
    total = 0.0
    for v in w.ravel():
        total += v
    return w / total


def statistic_name(code: int) -> str:
    """Readable name of statistic ``view * STATS + index``.

    Examples
    --------
    >>> statistic_name(2), statistic_name(STATS + CUSUMS)
    ('place+ cusum 0.5', 'AR jump+ 1 raw')
    """
    view, j = divmod(int(code), STATS)
    rest = "AR " if view else ""
    if j >= CUSUMS:
        span, down = divmod(j - CUSUMS, 2)
        return f"{rest}jump{'+-'[down]} {SPANS[span]}{' raw' if j < RAW_END else ''}"
    score, j = divmod(j, 2 * ALLOWANCES.size)
    down, a = divmod(j, ALLOWANCES.size)
    return f"{rest}{('place', 'spread', 'skew', 'shape')[score]}{'+-'[down]} cusum {ALLOWANCES[a]:g}"
