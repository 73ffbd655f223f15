"""Raw rows to standardised columns, their context and category rows: everything that needs no label."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.jit import kernel, leaf_options
from ..stage import Stage, grown
from ..types import LOOK, OBSERVE
from .steady import NO_ROWS, NO_UNITS, in_steady_units, missing_in_steady_units

CLIP = 5.0
"""Standardised values are clipped to this: a column that wakes up after long silence must not hurt."""
BEYOND = 1e100
"""Values as large as this count as missing."""
OUTLIER, OUTLIER_AFTER = 20.0, 20
"""After so many values one counts for the running mean and deviation as at most so many deviations off."""
TINY, TINIEST = 1e-24, 1e-200
"""A variance below this share of the squared mean, or below this, is rounding: the column is constant."""
MAX_VALUES = 400
"""A number column with more distinct values than this is no category."""
MAX_ROWS = 1 << 16
"""Category rows in all."""
MAX_MEANS = 24
"""Category columns that get label means."""
PAIR_COLUMNS, PAIRS = 9, 36
"""Pairs of this many category columns are hashed into rows of their own."""
SINGLES = 8
"""Columns with more values than a category may have, whose values are whole numbers or text, that are hashed."""
PAIR_BITS = 16
WIDE = 256
"""A stream whose first event has more columns than this gets no context: it would triple the first layer."""
SPANS = (4.0, 32.0)

PAIR_MASK = np.uint64((1 << PAIR_BITS) - 1)


@njit(**leaf_options)
def _mixed(a, b):
    h = a * np.uint64(0x9E3779B97F4A7C15) + b * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    return h ^ (h >> np.uint64(32))


@kernel
def _scan(
    op,
    slot,
    x,
    offsets,
    spans,
    count,
    stat,
    ema,
    missing,
    values,
    value_row,
    distinct,
    text,
    mean_slot,
    held,
    rows,
    ids,
    mean_ids,
    pairs,
    steady,
):
    d = count.shape[0]
    n_context = ema.shape[1]
    at_context, at_x = offsets[1], offsets[2]
    token = np.empty(PAIR_COLUMNS, np.uint64)
    r = -1
    before = stat[1] + stat[2]
    for i in range(len(op)):
        if op[i] != 0 and op[i] != LOOK:
            continue
        r += 1
        keep = op[i] == 0
        s = slot[i]
        t = stat[0]
        used, unseen, tokens, p = 0, 0, 0, 0
        for q in range(mean_ids.shape[1]):
            mean_ids[s, q] = -1
        for c in range(d):
            v = x[r, c]
            z, u = 0.0, 0.0
            if not (abs(v) < BEYOND):
                if keep and distinct[c] > 0:  # before its first value a column does not exist
                    missing[c] += 1
                if c < len(held):
                    u = missing_in_steady_units(held, c, count[c, 1])
            else:
                if not text[c]:
                    k = count[c, 0] + 1
                    e = v - count[c, 1]
                    if k > OUTLIER_AFTER:  # a lone outlier must not blind the column for good
                        far = OUTLIER * np.sqrt(count[c, 2] / count[c, 0])
                        if far > 0.0:
                            e = min(max(e, -far), far)
                    m = count[c, 1] + e / k
                    m2 = count[c, 2] + e * (e - e / k)
                    var = m2 / k
                    if var > TINY * m * m and var > TINIEST:
                        sd = np.sqrt(var)
                        z = min(max((v - m) / sd, -CLIP), CLIP)
                        if c < len(held):
                            u = in_steady_units(held, c, k, m, sd, z, keep)
                    if keep:
                        count[c, 0], count[c, 1], count[c, 2] = k, m, m2
                # category: a sorted table of the distinct values so far
                n = distinct[c]
                if n <= MAX_VALUES:
                    lo, hi = 0, n
                    while lo < hi:
                        mid = (lo + hi) >> 1
                        if values[c, mid] < v:
                            lo = mid + 1
                        else:
                            hi = mid
                    row = -1
                    if lo < n and values[c, lo] == v:
                        row = value_row[c, lo]
                    elif n == MAX_VALUES or stat[1] >= MAX_ROWS:
                        if keep:
                            distinct[c] = MAX_VALUES + 1
                            values[c, :] = 0.0
                            value_row[c, :] = 0
                    else:
                        row = stat[1] + unseen  # a look gives it the row that it would get
                        n += 1
                        if not keep:
                            unseen += 1
                        else:
                            for q in range(n - 1, lo, -1):
                                values[c, q] = values[c, q - 1]
                                value_row[c, q] = value_row[c, q - 1]
                            values[c, lo] = v
                            value_row[c, lo] = row
                            distinct[c] = n
                            stat[1] += 1
                    if row >= 0 and (n > 2 or text[c]):
                        ids[s, used] = row
                        used += 1
                        if tokens < PAIR_COLUMNS:
                            token[tokens] = np.uint64(row)
                            tokens += 1
                        if keep and mean_slot[c] < 0 and stat[2] < mean_ids.shape[1]:
                            mean_slot[c] = stat[2]
                            stat[2] += 1
                        if mean_slot[c] >= 0:
                            mean_ids[s, mean_slot[c]] = row
                if n > MAX_VALUES and p < SINGLES and v == np.floor(v):
                    h = _mixed(np.uint64(c + 1), np.uint64(np.int64(v)))
                    pairs[s, p] = np.int32(h & PAIR_MASK)
                    p += 1
                    if tokens < PAIR_COLUMNS:
                        token[tokens] = h | np.uint64(1 << 32)
                        tokens += 1
            rows[s, at_x + c] = z
            if c < len(held):
                steady[s, c] = u
            if c < n_context:
                for q in range(len(spans)):
                    e = ema[q, c]
                    v = 0.0
                    if t > 0:
                        v = min(max(z - e, -CLIP), CLIP)
                    rows[s, at_context + q * n_context + c] = v
                    if keep:
                        ema[q, c] = e + max(1.0 / spans[q], 1.0 / (t + 1)) * (z - e)
        for q in range(used, ids.shape[1]):
            ids[s, q] = -1
        for a in range(tokens):
            for b in range(a + 1, tokens):
                pairs[s, p] = np.int32(_mixed(token[a], token[b]) & PAIR_MASK)
                p += 1
        for q in range(p, pairs.shape[1]):
            pairs[s, q] = -1
        if keep:
            stat[0] = t + 1
    return stat[1] + stat[2] - before


class Inputs(Stage):
    """Running standardisation, categories found by themselves, and context.

    A column is standardised by the mean and deviation of all its values so far, its own included, and clipped.
    A number column with 3 to 400 distinct values so far also gets a table row for each value; a text column
    does so from its first value on. Context is the standardised row less its running means.
    Missing and non-finite values become 0, the mean, and are counted.

    Parameters
    ----------
    steady : bool
        Write the clipped rows to ``store["steady"]`` too, in units that hardly ever change.
    """

    def __init__(self, steady: bool = False) -> None:
        super().__init__("inputs")
        self.steady = steady
        self.context: bool | None = None
        self.s = {
            "count": np.zeros((0, 3)),  # values seen, mean, sum of squared deviations
            "stat": np.zeros(3, np.int64),  # events, category rows, columns with label means
            "ema": np.zeros((len(SPANS), 0)),
            "missing": np.zeros(0, np.int64),
            "values": np.zeros((0, MAX_VALUES)),
            "value_row": np.zeros((0, MAX_VALUES), np.int32),
            "distinct": np.zeros(0, np.int32),
            "text": np.zeros(0, np.bool_),
            "mean_slot": np.zeros(0, np.int32),
        }
        if steady:
            self.s["steady"] = np.zeros((0, 2))  # mean and deviation of the steady units
        self._spans = np.array(SPANS)

    @property
    def columns(self) -> int:
        """Columns known."""
        return len(self.s["distinct"])

    @property
    def context_columns(self) -> int:
        """Columns with context."""
        return self.s["ema"].shape[1]

    @property
    def category_rows(self) -> int:
        """Category rows in use."""
        return int(self.s["stat"][1])

    @property
    def mean_columns(self) -> int:
        """Category columns with label means."""
        return int(self.s["stat"][2])

    def grow(self, text: list[bool], first: int) -> None:
        """Make room for columns; `first` is the number of columns of the first event."""
        d, s = len(text), self.s
        old = self.columns
        if self.context is None:
            self.context = first <= WIDE
        s["count"] = grown(s["count"], d, 3)
        if self.steady:
            s["steady"] = grown(s["steady"], d, 2)
        s["ema"] = grown(s["ema"], len(SPANS), min(d, WIDE) if self.context else 0)
        s["missing"] = grown(s["missing"], d)
        s["values"] = grown(s["values"], d, MAX_VALUES)
        s["value_row"] = grown(s["value_row"], d, MAX_VALUES)
        s["distinct"] = grown(s["distinct"], d)
        s["text"] = grown(s["text"], d)
        s["text"][old:] = text[old:]
        s["mean_slot"] = grown(s["mean_slot"], d, fill=-1)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        x: np.ndarray,
        offsets: np.ndarray,
        store: dict[str, np.ndarray],
    ) -> int:
        """Encode the rows of OBSERVE (and LOOK) operations into the store's slots.

        Returns how many category rows and columns with label means there are more than before.
        """
        s = self.s
        more: int = _scan(
            op,
            slot,
            x,
            offsets,
            self._spans,
            s["count"],
            s["stat"],
            s["ema"],
            s["missing"],
            s["values"],
            s["value_row"],
            s["distinct"],
            s["text"],
            s["mean_slot"],
            s["steady"] if self.steady else NO_UNITS,
            store["row"],
            store["ids"],
            store["mean_ids"],
            store["pairs"],
            store["steady"] if self.steady else NO_ROWS,
        )
        return more
