"""Absurd values: fill values, sentinels, glitches. A robust look at the first values, and a guard afterwards."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf

FIRST_VALUES = 20
"""Distinct values that the look holds, each with how often it came; the next one closes it."""
LEAST_LOOK = 10
"""Values from which on the look tells any: fewer may agree by chance, and units that move cost a linear member much."""
STANDING = 5
"""A column that stands still at its beginning has said no more than so many values, however long it did."""
ABSURD_DEVIATIONS = 50.0
"""A value further off than so many deviations, robust ones while the look is open, is absurd: it is left out
(docs/decisions.md, "A robust look at the first values", as the next four)."""
ROBUST_DEVIATION = 1.4826
"""Deviation of a Gaussian over its median absolute deviation."""
SAMPLES = 16
"""Values looked at again whenever twice as many have come, evenly spread over that half of the past."""
BLIND_DEVIATIONS = 100.0
"""A deviation so many times theirs comes from a past that tells nothing of them: it is forgotten."""
LEVEL_VALUES, VALUES_TO_FORGET = 8.0, 16.0
"""So many absurd values, less one for every so many others, are a new level and no glitch."""
TAKE, LEAVE_OUT, BEGIN_AGAIN = range(3)
"""What a value means: it is one like the others; it is absurd; it shows that others were, or were not."""
ENTRIES, ABSURD_LATELY, LAST_ABSURD, WAS_ABSURD, VALUES_SEEN, SAMPLED_FROM, GUARD_FIGURES = range(7)
"""Places in a row of `guard`: distinct values held, more than fit once the look is closed; absurd values lately; the
last one; whether it was the value before; values seen; from which of them on samples are taken, 0 for not yet."""


@leaf
def _middle(first, c, n, far_from, beyond, centre):
    # lower weighted median of the values held, or of their distances from the centre if beyond that
    total = 0.0
    for i in range(n):
        d = abs(first[c, i, 0] - centre) if far_from else first[c, i, 0]
        if not far_from or d > beyond:
            total += abs(first[c, i, 1])
    for i in range(n):
        v = abs(first[c, i, 0] - centre) if far_from else first[c, i, 0]
        if far_from and not v > beyond:
            continue
        below, upto = 0.0, 0.0
        for j in range(n):
            d = abs(first[c, j, 0] - centre) if far_from else first[c, j, 0]
            if far_from and not d > beyond:
                continue
            w = abs(first[c, j, 1])
            below += w if d < v else 0.0
            upto += w if d <= v else 0.0
        if 2.0 * below < total <= 2.0 * upto:
            return v
    return 0.0


@leaf
def _look(first, c, n):
    # middle of the values held, and their robust deviation
    centre = _middle(first, c, n, False, 0.0, 0.0)
    return centre, ROBUST_DEVIATION * _middle(first, c, n, True, -1.0, centre)


@leaf
def _mark(first, c, n, centre, spread, new):
    # which of the values held are absurd; whether that has changed of any but the newest, which enters nothing yet
    if spread == 0.0:  # most are the same: the others have a spread of their own
        spread = _middle(first, c, n, True, 0.0, centre)
    changed = False
    for i in range(n):
        absurd = abs(first[c, i, 0] - centre) > ABSURD_DEVIATIONS * spread
        if absurd != (first[c, i, 1] < 0.0):
            first[c, i, 1] = -first[c, i, 1]
            changed = changed or i != new
    return changed


@leaf
def _blind(v, deviation, first, guard, c):
    # take a sample now and then; whether mean and deviation say nothing of the last samples
    seen, start = np.int64(guard[c, VALUES_SEEN]), np.int64(guard[c, SAMPLED_FROM])
    if seen >= 2 * SAMPLES and seen & (seen - 1) == 0:
        start = seen
        guard[c, SAMPLED_FROM] = start
    every = start // SAMPLES
    if start == 0 or seen & (every - 1) != 0:
        return False
    i = (seen - start) // every
    first[c, i, 0], first[c, i, 1] = v, 1.0
    if i < SAMPLES - 1:
        return False
    centre, spread = _look(first, c, SAMPLES)
    if not 0.0 < BLIND_DEVIATIONS * spread < deviation:
        return False
    _mark(first, c, SAMPLES, centre, spread, -1)
    return True


@leaf
def _level(v, guard, c, repeats):
    # one more absurd value: whether these are a new level by now
    more = 1.0
    if v == guard[c, LAST_ABSURD]:  # fill values are the same for ever, and so are some levels
        more = repeats * guard[c, WAS_ABSURD]
    guard[c, ABSURD_LATELY] = min(guard[c, ABSURD_LATELY] + more, 2.0 * LEVEL_VALUES)
    guard[c, LAST_ABSURD], guard[c, WAS_ABSURD] = v, 1.0
    return guard[c, ABSURD_LATELY] >= LEVEL_VALUES


@leaf
def judge(v, mean, deviation, first, guard, c, repeats):
    """Take value `v` into the look at row `c` of `first` and `guard`, and say what it means.

    Parameters
    ----------
    v, mean, deviation : float
        A value, and what is known of those before it.
    first : ndarray of float64, shape (rows, FIRST_VALUES, 2)
        Distinct values in the order in which they came, and how often each came; negative if it is left out.
    guard : ndarray of float64, shape (rows, GUARD_FIGURES)
    c : int
    repeats : float
        What an absurd value counts towards a new level if it is the same as the one before.

    Returns
    -------
    int
        TAKE, LEAVE_OUT or BEGIN_AGAIN; after the last mean and deviation are those of :func:`sums`.
    """
    n = int(guard[c, ENTRIES])
    guard[c, VALUES_SEEN] += 1.0
    absurd = False
    if n <= FIRST_VALUES:
        i = 0
        while i < n and first[c, i, 0] != v:
            i += 1
        if i < FIRST_VALUES:
            first[c, i, 1] = 1.0 if i == n else first[c, i, 1] + (1.0 if first[c, i, 1] > 0.0 else -1.0)
            held = np.int64(guard[c, VALUES_SEEN])
            # at a new value, and whenever twice as many have come
            due, new = held & (held - 1) == 0, -1
            if i == n:
                due, new = True, i
                if i == 1 and first[c, 0, 1] > STANDING:
                    first[c, 0, 1], guard[c, VALUES_SEEN] = STANDING, STANDING + 1
                first[c, i, 0] = v
                n += 1
                guard[c, ENTRIES] = n
            if due and held >= LEAST_LOOK:
                centre, spread = _look(first, c, n)
                if _mark(first, c, n, centre, spread, new):
                    guard[c, WAS_ABSURD] = 0.0
                    return BEGIN_AGAIN
            absurd = first[c, i, 1] < 0.0
        else:
            n = FIRST_VALUES + 1
            guard[c, ENTRIES] = n
    if n > FIRST_VALUES:
        if _blind(v, deviation, first, guard, c):
            return BEGIN_AGAIN
        absurd = deviation > 0.0 and abs(v - mean) > ABSURD_DEVIATIONS * deviation
    if absurd:
        if not _level(v, guard, c, repeats):
            return LEAVE_OUT
        guard[c, ENTRIES] = FIRST_VALUES + 1
        return TAKE
    if guard[c, ABSURD_LATELY] > 0.0:
        guard[c, ABSURD_LATELY] = max(guard[c, ABSURD_LATELY] - 1.0 / VALUES_TO_FORGET, 0.0)
    guard[c, WAS_ABSURD] = 0.0
    return TAKE


@leaf
def sums(first, guard, c):
    """How many values of the look, or samples, are not absurd, their mean and their sum of squared deviations."""
    k, m, m2 = 0.0, 0.0, 0.0
    n = int(guard[c, ENTRIES])
    for i in range(n if n <= FIRST_VALUES else SAMPLES):
        w = first[c, i, 1]
        if w > 0.0:
            k += w
            e = first[c, i, 0] - m
            m += e * w / k
            m2 += w * e * (first[c, i, 0] - m)
    return k, m, m2
