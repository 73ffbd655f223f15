"""Running statistics of input columns, and four scalars made of them.

Where no other source is named, constants were chosen by hand; docs/alarms.md has what comes of them, measured
by benchmarks/alarms.py.
"""

from __future__ import annotations

import numpy as np

from .._kernels.ieee import log64
from .._kernels.jit import kernel, leaf
from ..types import OBSERVE

MISSING_FROM = 1e100
"""Values as large as this count as missing, as in the features."""
# figures of a column: values; mean and variance; the last value; how often values repeat, the nats of a repeat and the
# length of the present run; mean of the latest values and how it wandered; their width and how it wandered; share of
# latest values that are far off; mean product with the column before
C_COUNT, C_MEAN, C_VAR, C_LAST, C_REPEATS, C_NATS, C_RUN = range(7)
C_FAST, C_FAST_VAR, C_WIDTH, C_WIDTH_MEAN, C_WIDTH_VAR, C_FAR, C_PRODUCT = range(7, 14)
# events for which it has stood out; events left for which it counts as come to life; most nats of the present time it
# stands out, and of earlier times
C_STOOD_OUT, C_WOKEN, C_TOP, C_PEAK, COLUMN_FIGURES = range(14, 19)
COLUMN_MEMORY, HABIT_MEMORY = 20_000.0, 5000.0
"""Values that a column's mean and variance remember; and its habits: repeats, and how its latest values wander."""
CLIP_SD, CLIP_SD_PAIR = 4.0, 3.0
"""Standard deviations at which an outlier is cut, in the column's own statistics and in the scalars of all columns."""
FAST_RATE, FAR_RATE = 1.0 / 32.0, 1.0 / 4.0
"""Weight of one value in the means of the latest 32 or so, and of the latest four."""
FAR_OFF = 8.0
"""Standard deviations from which a value is so far off that it may be in another unit."""
MOST_NATS, STANDS_OUT, NOTICED = 1000.0, 6.0, 2.5
"""Nats at which a column's oddity is cut, from which the column stands out, and from which it counts for a record."""
USUAL, RECORD = 14.0, 1.5
"""What is 1 on the scale of "feature worst": the nats that a column of independent values reaches once in a million
events or so, or this multiple of the column's own record."""
FADES = 1.0 / 50_000.0
"""Share of a column's record that is forgotten with every event."""
DIED, UNIT, SHIFTED = 1, 2, 3
"""Kinds in a tag of "feature worst": 4 * column + kind."""
REPEATS_EVERY = 64
"""Events between two looks at how often values repeat."""
UNLEARNT = 1000
"""Events that a learner has to itself before it is watched."""
OPINION_FROM = 500.0
"""Values from which a column has an opinion."""
SIGNED = 200.0
"""Values from which the sign of a pair of columns is fixed."""
STALE = 500.0
"""Events after which the statistics of a column that stands out begin again: it must not hide others."""
MEAN_FOLLOWED = 64.0
"""Events for which a column has stood out until its mean has been followed."""
NAP = 64.0
"""Events for which a column that was constant counts as come to life."""
FIRST_ROW = 700
"""Rows before the first scalar: until then means and deviations still settle."""


@leaf
def _repeats(a: np.ndarray, c: int, same: bool) -> float:
    """Nats of the present run of one value (or of missing ones), if repeats were independent."""
    q = a[c, C_REPEATS]
    a[c, C_REPEATS] = q + ((1.0 if same else 0.0) - q) / min(a[c, C_COUNT] + 2.0, HABIT_MEMORY)
    a[c, C_RUN] = a[c, C_RUN] + 1.0 if same else 0.0
    return min(a[c, C_RUN] * a[c, C_NATS], MOST_NATS)


@leaf
def _forget(a: np.ndarray, c: int) -> None:
    """A column's statistics begin again; the sign of its pair stays."""
    for i in range(C_WOKEN):
        if i != C_LAST and i != C_PRODUCT:
            a[c, i] = 0.0
    a[c, C_COUNT] = 1.0
    a[c, C_REPEATS] = 0.5


@leaf
def _standardise(a: np.ndarray, c: int, v: float) -> float:
    """A value less the column's mean, in its sd, which then learn it (as at most CLIP_SD sd off)."""
    n = a[c, C_COUNT]
    d = v - a[c, C_MEAN]
    var = a[c, C_VAR]
    z = 0.0
    if var > 1e-24 * a[c, C_MEAN] * a[c, C_MEAN] and var > 1e-200:
        sd = np.sqrt(var)
        z = d / sd
        if n > REPEATS_EVERY:
            d = min(max(d, -CLIP_SD * sd), CLIP_SD * sd)
    g = 1.0 / min(n, COLUMN_MEMORY)
    a[c, C_MEAN] += g * d
    a[c, C_VAR] += g * ((1.0 - g) * d * d - a[c, C_VAR])
    return z


@leaf
def _moved(a: np.ndarray, c: int, z: float) -> tuple[float, bool]:
    """Nats by which the column's latest values lie off or apart unlike before; whether as in another unit."""
    n = a[c, C_COUNT]
    cut = min(max(z, -CLIP_SD), CLIP_SD)
    g = 1.0 / min(n, HABIT_MEMORY)
    e = a[c, C_FAST] + FAST_RATE * (cut - a[c, C_FAST])
    w = a[c, C_WIDTH] + FAST_RATE * (np.abs(cut - e) - a[c, C_WIDTH])
    d = w - a[c, C_WIDTH_MEAN]
    off = 0.5 * e * e / max(a[c, C_FAST_VAR], 0.01)
    apart = 0.5 * d * d / max(a[c, C_WIDTH_VAR], 1e-4)
    a[c, C_FAST], a[c, C_WIDTH] = e, w
    a[c, C_FAST_VAR] += g * (e * e - a[c, C_FAST_VAR])
    a[c, C_WIDTH_MEAN] += g * d
    a[c, C_WIDTH_VAR] += g * (d * d - a[c, C_WIDTH_VAR])
    a[c, C_FAR] += FAR_RATE * ((1.0 if np.abs(z) > FAR_OFF else 0.0) - a[c, C_FAR])
    usual = a[c, C_WIDTH_MEAN]
    # a mean that moves is followed late, which looks wider at first
    sure = apart > off or (a[c, C_STOOD_OUT] > MEAN_FOLLOWED and w > usual)
    unit = a[c, C_FAR] > 0.5 or (apart > STANDS_OUT and sure and (w > 1.5 * usual or w < 0.6 * usual))
    return min(max(off, apart), MOST_NATS), unit


@kernel
def scan(
    op: np.ndarray,
    x: np.ndarray,
    text: np.ndarray,
    a: np.ndarray,
    seen: np.ndarray,
    values: np.ndarray,
    tags: np.ndarray,
) -> None:
    """Rows of OBSERVE operations through the columns' statistics `a`; place, spread, pairs, worst go to `values`."""
    r = -1
    for i in range(op.size):
        if op[i] != OBSERVE:
            continue
        r += 1
        active, location, scale, pairs, worst, tag = 0.0, 0.0, 0.0, 0.0, 0.0, 0
        before = 0.0
        for c in range(a.shape[0]):
            v = x[r, c]
            missing = not np.abs(v) < MISSING_FROM
            if missing and a[c, C_COUNT] == 0.0:
                continue  # before its first value a column does not exist
            v = MISSING_FROM if missing else v
            a[c, C_COUNT] += 1.0
            if a[c, C_RUN] >= OPINION_FROM and a[c, C_RUN] > 0.99 * a[c, C_COUNT] and v != a[c, C_LAST]:
                _forget(a, c)  # a constant came to life
                a[c, C_WOKEN] = NAP
            nats = _repeats(a, c, v == a[c, C_LAST])
            a[c, C_LAST] = v
            kind = DIED
            if not missing and not text[c]:
                z = _standardise(a, c, v)
                moved, unit = _moved(a, c, z)
                if moved > nats:
                    nats, kind = moved, UNIT if unit else SHIFTED
                cut = min(max(z, -CLIP_SD_PAIR), CLIP_SD_PAIR)
                active += 1.0
                location += cut if (c * 0x9E37 >> 7) & 1 else -cut
                scale += cut * cut
                p = cut * before
                if a[c, C_COUNT] < SIGNED:
                    a[c, C_PRODUCT] += (p - a[c, C_PRODUCT]) / a[c, C_COUNT]
                pairs += p if a[c, C_PRODUCT] > 0.0 else -p
                before = cut
            if a[c, C_COUNT] < OPINION_FROM:
                nats = 0.0
            if a[c, C_WOKEN] > 0.0:
                a[c, C_WOKEN] -= 1.0
                nats, kind = MOST_NATS, SHIFTED
            a[c, C_STOOD_OUT] = a[c, C_STOOD_OUT] + 1.0 if nats > STANDS_OUT else 0.0
            if a[c, C_STOOD_OUT] > STALE:
                _forget(a, c)
                a[c, C_TOP] = 0.0
            if nats > NOTICED:
                a[c, C_TOP] = max(a[c, C_TOP], nats)
                odd = nats / max(RECORD * a[c, C_PEAK], USUAL)
                if odd > worst:
                    worst, tag = odd, 4 * c + kind if nats > STANDS_OUT else 0
            elif a[c, C_TOP] > 0.0:
                a[c, C_PEAK] = max(a[c, C_PEAK], a[c, C_TOP])
                a[c, C_TOP] = 0.0
            a[c, C_PEAK] -= a[c, C_PEAK] * FADES
        values[0, i] = location / np.sqrt(max(active, 1.0))
        values[1, i] = scale / max(active, 1.0)
        values[2, i] = pairs / np.sqrt(max(active - 1.0, 1.0))
        values[3, i] = worst
        if seen[0] < FIRST_ROW:  # means and deviations still settle: no value yet
            values[:, i] = np.nan
        tags[i] = tag
        seen[0] += 1
        if seen[0] % REPEATS_EVERY == 0:
            for c in range(a.shape[0]):
                a[c, C_NATS] = -log64(min(max(a[c, C_REPEATS], 2e-4), 1.0)) if a[c, C_COUNT] > 0.0 else 0.0


@kernel
def gather(
    op: np.ndarray,
    surprise: np.ndarray,
    entropy: np.ndarray,
    losses: np.ndarray,
    column: int,
    label: np.ndarray,
    seen: np.ndarray,
    values: np.ndarray,
) -> None:
    """Surprise, entropy, loss (a column of the losses of all members) and label of every operation, as the first four of `values`.

    After `seen` events. What a learner says of itself means little at first: those three have no value yet.
    """
    events = seen[0]
    for i in range(op.size):
        events += 1 if op[i] == OBSERVE else 0
        unlearnt = events < UNLEARNT
        values[0, i] = np.nan if unlearnt else surprise[i]
        values[1, i] = np.nan if unlearnt else entropy[i]
        values[2, i] = np.nan if unlearnt else losses[i, column]
        values[3, i] = label[i]
