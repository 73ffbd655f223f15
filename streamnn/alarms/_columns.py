"""Running statistics of input columns, and four scalars made of them."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.ieee import log64
from .._kernels.jit import kernel, leaf_options
from ..types import OBSERVE

BEYOND = 1e100
"""Values as large as this count as missing."""
# what is known of a column
COUNT, MEAN, VAR, LAST, REPEATS, NATS, RUN, FAST, FAST_VAR, WIDTH, WIDTH_MEAN, WIDTH_VAR, FAR, PRODUCT = (
    range(14)
)
TOLD, WOKEN = 14, 15  # events for which it has stood out; events left for which it is told that it woke up
TOP, PEAK = 16, 17  # nats of the present time it stands out, and the most of earlier times
WIDE = 18
MEMORY, SLOW = 20_000.0, 5000.0
CLIP, CLIP_PAIR = 4.0, 3.0
FAST_RATE, FAR_RATE, FAR_OFF = 1.0 / 32.0, 1.0 / 4.0, 8.0
MOST_NATS, TELLING, NOTICED = 1000.0, 6.0, 2.5
USUAL, RECORD = (
    14.0,
    1.5,
)  # nats that a column of independent values reaches once in some million events; of its own
FADES = 1.0 / 50_000.0  # of a column's record, an event
EVERY = 64
"""Events between two looks at how often values repeat."""
UNLEARNT = 1000
"""Events that a learner has to itself before it is watched."""
SETTLED = 500.0
"""Values from which a column has an opinion."""
SIGNED = 200.0
"""Values from which the sign of a pair of columns is fixed."""
STALE = 500.0
"""Events after which a column that stands out is learnt again from its next value on: it must not hide others."""
LATE = 64.0
"""Events for which a column has stood out until its mean has been followed."""
NAP, YOUNG = 64.0, 700


@njit(**leaf_options)
def _repeats(a: np.ndarray, c: int, same: bool) -> float:
    """Nats of the present run of one value (or of missing ones), if repeats were independent."""
    q = a[c, REPEATS]
    a[c, REPEATS] = q + ((1.0 if same else 0.0) - q) / min(a[c, COUNT] + 2.0, SLOW)
    a[c, RUN] = a[c, RUN] + 1.0 if same else 0.0
    return min(a[c, RUN] * a[c, NATS], MOST_NATS)


@njit(**leaf_options)
def _forget(a: np.ndarray, c: int) -> None:
    """A column is learnt again from its next value on; the sign of its pair stays."""
    for i in range(WOKEN):
        if i != LAST and i != PRODUCT:
            a[c, i] = 0.0
    a[c, COUNT] = 1.0
    a[c, REPEATS] = 0.5


@njit(**leaf_options)
def _standardise(a: np.ndarray, c: int, v: float) -> float:
    """A value less the column's mean, in its sd, which then learn it (as at most CLIP sd off)."""
    n = a[c, COUNT]
    d = v - a[c, MEAN]
    var = a[c, VAR]
    z = 0.0
    if var > 1e-24 * a[c, MEAN] * a[c, MEAN] and var > 1e-200:
        sd = np.sqrt(var)
        z = d / sd
        if n > EVERY:
            d = min(max(d, -CLIP * sd), CLIP * sd)
    g = 1.0 / min(n, MEMORY)
    a[c, MEAN] += g * d
    a[c, VAR] += g * ((1.0 - g) * d * d - a[c, VAR])
    return z


@njit(**leaf_options)
def _moved(a: np.ndarray, c: int, z: float) -> tuple[float, bool]:
    """Nats by which the column's latest values lie off or apart unlike before; whether as in another unit."""
    n = a[c, COUNT]
    cut = min(max(z, -CLIP), CLIP)
    g = 1.0 / min(n, SLOW)
    e = a[c, FAST] + FAST_RATE * (cut - a[c, FAST])
    w = a[c, WIDTH] + FAST_RATE * (np.abs(cut - e) - a[c, WIDTH])
    d = w - a[c, WIDTH_MEAN]
    off = 0.5 * e * e / max(a[c, FAST_VAR], 0.01)
    apart = 0.5 * d * d / max(a[c, WIDTH_VAR], 1e-4)
    a[c, FAST], a[c, WIDTH] = e, w
    a[c, FAST_VAR] += g * (e * e - a[c, FAST_VAR])
    a[c, WIDTH_MEAN] += g * d
    a[c, WIDTH_VAR] += g * (d * d - a[c, WIDTH_VAR])
    a[c, FAR] += FAR_RATE * ((1.0 if np.abs(z) > FAR_OFF else 0.0) - a[c, FAR])
    usual = a[c, WIDTH_MEAN]
    # a mean that moves is followed late, which looks wider at first
    sure = apart > off or (a[c, TOLD] > LATE and w > usual)
    unit = a[c, FAR] > 0.5 or (apart > TELLING and sure and (w > 1.5 * usual or w < 0.6 * usual))
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
        active, place, spread, pairs, worst, tag = 0.0, 0.0, 0.0, 0.0, 0.0, 0
        before = 0.0
        for c in range(a.shape[0]):
            v = x[r, c]
            missing = not np.abs(v) < BEYOND
            if missing and a[c, COUNT] == 0.0:
                continue  # before its first value a column does not exist
            v = BEYOND if missing else v
            a[c, COUNT] += 1.0
            if a[c, RUN] >= SETTLED and a[c, RUN] > 0.99 * a[c, COUNT] and v != a[c, LAST]:
                _forget(a, c)  # a constant came to life
                a[c, WOKEN] = NAP
            nats = _repeats(a, c, v == a[c, LAST])
            a[c, LAST] = v
            kind = 1
            if not missing and not text[c]:
                z = _standardise(a, c, v)
                moved, unit = _moved(a, c, z)
                if moved > nats:
                    nats, kind = moved, 2 if unit else 3
                cut = min(max(z, -CLIP_PAIR), CLIP_PAIR)
                active += 1.0
                place += cut if (c * 0x9E37 >> 7) & 1 else -cut
                spread += cut * cut
                p = cut * before
                if a[c, COUNT] < SIGNED:
                    a[c, PRODUCT] += (p - a[c, PRODUCT]) / a[c, COUNT]
                pairs += p if a[c, PRODUCT] > 0.0 else -p
                before = cut
            if a[c, COUNT] < SETTLED:
                nats = 0.0
            if a[c, WOKEN] > 0.0:
                a[c, WOKEN] -= 1.0
                nats, kind = MOST_NATS, 3
            a[c, TOLD] = a[c, TOLD] + 1.0 if nats > TELLING else 0.0
            if a[c, TOLD] > STALE:
                _forget(a, c)
                a[c, TOP] = 0.0
            if nats > NOTICED:
                a[c, TOP] = max(a[c, TOP], nats)
                odd = nats / max(RECORD * a[c, PEAK], USUAL)
                if odd > worst:
                    worst, tag = odd, 4 * c + kind if nats > TELLING else 0
            elif a[c, TOP] > 0.0:
                a[c, PEAK] = max(a[c, PEAK], a[c, TOP])
                a[c, TOP] = 0.0
            a[c, PEAK] -= a[c, PEAK] * FADES
        values[0, i] = place / np.sqrt(max(active, 1.0))
        values[1, i] = spread / max(active, 1.0)
        values[2, i] = pairs / np.sqrt(max(active - 1.0, 1.0))
        values[3, i] = worst
        if seen[0] < YOUNG:  # means and deviations still settle: no value yet
            values[:, i] = np.nan
        tags[i] = tag
        seen[0] += 1
        if seen[0] % EVERY == 0:
            for c in range(a.shape[0]):
                a[c, NATS] = -log64(min(max(a[c, REPEATS], 2e-4), 1.0)) if a[c, COUNT] > 0.0 else 0.0


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
