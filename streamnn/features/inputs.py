"""Raw rows to standardised columns, their context and category rows: everything that needs no label."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import kernel, leaf
from ..stage import Stage, gathered, grown
from ..types import LOOK, OBSERVE
from .absurd import FIRST_VALUES, GUARD_FIGURES
from .layout import AT_CONTEXT, AT_X
from .moments import SMALLEST_VARIANCE, SMALLEST_VARIANCE_RATIO, take_value
from .steady import NO_NAMES, NO_ROWS, NO_UNITS, in_steady_units, missing_in_steady_units

INPUT_CLIP = 5.0
"""Standardised values are clipped to this: a column that wakes up after long silence must not hurt."""
LARGEST_INPUT = 1e100
"""Values this large count as missing (docs/decisions.md, "Statistics of a column")."""
LARGEST_HASHED = 2.0**63
"""Values this large are no whole numbers of 64 bits."""
MAX_VALUES = 400
"""A number column with more distinct values than this is no category (the prototype pool's number)."""
MAX_ROWS = 1 << 16
"""Most category rows of all columns together."""
MAX_MEANS = 24
"""Most category columns that get label means, the first ones."""
PAIR_COLUMNS = 9
PAIRS = PAIR_COLUMNS * (PAIR_COLUMNS - 1) // 2
"""All pairs of the first nine category columns are hashed into rows of their own."""
SINGLES = 8
"""Most columns that are hashed because they have more values than a category may have, and these are whole
numbers or text (docs/decisions.md, "Columns with more than 400 values are hashed")."""
PAIR_BITS = 16
"""Hashed rows are 2 to this power: 2^18 had the log loss of airlines_first200k at .5615 in place of .563, at
four times the state (the same decision)."""
PAIR_MASK = np.uint64((1 << PAIR_BITS) - 1)
"""The bits of a hash that name a row."""
MAX_CONTEXT_COLUMNS = 256
"""A stream whose first event has more columns than this gets no context: it would triple the first layer."""
CONTEXT_SPANS = (4.0, 32.0)
"""Events over which the running means of the context reach: the best of four sets of spans on electricity in
the prototype pool, where others mattered little elsewhere."""

EVENT_COUNT, CATEGORY_ROWS, MEAN_COLUMNS = range(3)
"""Places in `InputsState.stat`: events seen, category rows in use, columns with label means."""


class InputsState(NamedTuple):
    """What is known of the columns; the first axis of each but `stat` and `ema` is the column."""

    units: np.ndarray  # (columns, 2): mean and deviation of the steady units; no row where nothing reads them
    moments: np.ndarray  # (columns, 3): values taken in, their mean, their sum of squared deviations
    first: np.ndarray  # (columns, FIRST_VALUES, 2): the robust look at a column's first values, see `judge`
    guard: np.ndarray  # (columns, GUARD_FIGURES): likewise
    stat: np.ndarray  # (3,), int64, at the places named above
    ema: np.ndarray  # (spans, columns with context): running means of the standardised columns
    missing: np.ndarray  # (columns,), int64: values missing since the first
    values: np.ndarray  # (columns, MAX_VALUES): distinct values in their order
    value_row: np.ndarray  # (columns, MAX_VALUES), int32: the category row of each
    distinct: np.ndarray  # (columns,), int32: how many there are, MAX_VALUES + 1 for too many
    text: np.ndarray  # (columns,), bool: whether it holds codes of strings
    mean_slot: np.ndarray  # (columns,), int32: place among those with label means, -1 for none


class InputsPending(NamedTuple):
    """What is written of pending events; the first axis of each is the slot."""

    steady: np.ndarray  # (slots, columns), float32: columns in steady units; empty where nothing reads them
    names: np.ndarray  # (slots, columns), int32: as `ids`, of text columns alone; empty likewise
    row: np.ndarray  # (slots, width), float32
    ids: np.ndarray  # (slots, columns), int32: category rows of the event, then -1
    mean_ids: np.ndarray  # (slots, MAX_MEANS), int32: its category rows that have label means, -1 for none
    pairs: np.ndarray  # (slots, PAIRS + SINGLES), int32: its hashed rows, then -1


@leaf
def _mixed(a, b):
    h = a * np.uint64(0x9E3779B97F4A7C15) + b * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    return h ^ (h >> np.uint64(32))


@kernel
def _scan(op, slot, x, offsets, state: InputsState, pending: InputsPending):
    held, count, stat, ema, missing = state.units, state.moments, state.stat, state.ema, state.missing
    first, guard = state.first, state.guard
    values, value_row, distinct = state.values, state.value_row, state.distinct
    text, mean_slot = state.text, state.mean_slot
    rows, ids, mean_ids = pending.row, pending.ids, pending.mean_ids
    pairs, steady, names = pending.pairs, pending.steady, pending.names
    d = count.shape[0]
    n_context = ema.shape[1]
    at_context, at_x = offsets[AT_CONTEXT], offsets[AT_X]
    token = np.empty(PAIR_COLUMNS, np.uint64)
    tried, tried_guard = np.zeros((1, 3)), np.zeros((1, GUARD_FIGURES))
    tried_first = np.zeros((1, FIRST_VALUES, 2))
    r = -1
    before = stat[CATEGORY_ROWS] + stat[MEAN_COLUMNS]
    for i in range(len(op)):
        if op[i] != OBSERVE and op[i] != LOOK:
            continue
        r += 1
        keep = op[i] == OBSERVE
        s = slot[i]
        t = stat[EVENT_COUNT]
        used, unseen, named, tokens, p = 0, 0, 0, 0, 0
        for q in range(mean_ids.shape[1]):
            mean_ids[s, q] = -1
        for c in range(d):
            v = x[r, c]
            z, u = 0.0, 0.0
            if not (abs(v) < LARGEST_INPUT):
                if keep and distinct[c] > 0:  # before its first value a column does not exist
                    missing[c] += 1
                if c < len(held):
                    u = missing_in_steady_units(held, c, count[c, 1])
            else:
                if not text[c]:
                    if keep:
                        take_value(v, count, first, guard, c)
                        k, m, m2 = count[c, 0], count[c, 1], count[c, 2]
                    else:  # a look writes into no state
                        tried[0, :], tried_guard[0, :], tried_first[0, :, :] = count[c], guard[c], first[c]
                        take_value(v, tried, tried_first, tried_guard, 0)
                        k, m, m2 = tried[0, 0], tried[0, 1], tried[0, 2]
                    var = m2 / k
                    if var > SMALLEST_VARIANCE_RATIO * m * m and var > SMALLEST_VARIANCE:
                        sd = np.sqrt(var)
                        z = min(max((v - m) / sd, -INPUT_CLIP), INPUT_CLIP)
                        if c < len(held):
                            u = in_steady_units(held, c, k, m, sd, z, keep)
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
                    elif n == MAX_VALUES or stat[CATEGORY_ROWS] >= MAX_ROWS:
                        if keep:
                            distinct[c] = MAX_VALUES + 1
                            values[c, :] = 0.0
                            value_row[c, :] = 0
                    else:
                        row = stat[CATEGORY_ROWS] + unseen  # a look hashes the row that it would get
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
                            stat[CATEGORY_ROWS] += 1
                    if row >= 0 and (n > 2 or text[c]):
                        known = row < stat[CATEGORY_ROWS]  # else it would weigh nothing
                        if known:
                            ids[s, used] = row
                            used += 1
                            if text[c] and names.shape[1]:
                                names[s, named] = row
                                named += 1
                        if tokens < PAIR_COLUMNS:
                            token[tokens] = np.uint64(row)
                            tokens += 1
                        if keep and mean_slot[c] < 0 and stat[MEAN_COLUMNS] < mean_ids.shape[1]:
                            mean_slot[c] = stat[MEAN_COLUMNS]
                            stat[MEAN_COLUMNS] += 1
                        if known and mean_slot[c] >= 0:
                            mean_ids[s, mean_slot[c]] = row
                if n > MAX_VALUES and p < SINGLES and v == np.floor(v) and abs(v) < LARGEST_HASHED:
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
                for q in range(len(CONTEXT_SPANS)):
                    e = ema[q, c]
                    v = 0.0
                    if t > 0:
                        v = min(max(z - e, -INPUT_CLIP), INPUT_CLIP)
                    rows[s, at_context + q * n_context + c] = v
                    if keep:
                        ema[q, c] = e + max(1.0 / CONTEXT_SPANS[q], 1.0 / (t + 1)) * (z - e)
        for q in range(used, ids.shape[1]):
            ids[s, q] = -1
        for q in range(named, names.shape[1]):
            names[s, q] = -1
        for a in range(tokens):
            for b in range(a + 1, tokens):
                pairs[s, p] = np.int32(_mixed(token[a], token[b]) & PAIR_MASK)
                p += 1
        for q in range(p, pairs.shape[1]):
            pairs[s, q] = -1
        if keep:
            stat[EVENT_COUNT] = t + 1
    return stat[CATEGORY_ROWS] + stat[MEAN_COLUMNS] - before


class Inputs(Stage):
    """Running standardisation, categories found by themselves, and context.

    A column is standardised by the mean and deviation of all its values so far, its own included, and
    clipped; absurd ones are left out (:mod:`streamnn.features.absurd`). A number column with 3 to 400 distinct values so far also gets a table row for each value; a text
    column does so from its first value on. Context is the standardised row less its running means. Missing
    and non-finite values become 0, the mean; from a column's first value on they are counted.

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
            "count": np.zeros((0, 3)),
            "first": np.zeros((0, FIRST_VALUES, 2)),
            "guard": np.zeros((0, GUARD_FIGURES)),
            "stat": np.zeros(3, np.int64),
            "ema": np.zeros((len(CONTEXT_SPANS), 0)),
            "missing": np.zeros(0, np.int64),
            "values": np.zeros((0, MAX_VALUES)),
            "value_row": np.zeros((0, MAX_VALUES), np.int32),
            "distinct": np.zeros(0, np.int32),
            "text": np.zeros(0, np.bool_),
            "mean_slot": np.zeros(0, np.int32),
        }
        if steady:
            self.s["steady"] = np.zeros((0, 2))

    @property
    def columns(self) -> int:
        """Columns that there is room for."""
        return len(self.s["distinct"])

    @property
    def context_columns(self) -> int:
        """Columns with context."""
        return self.s["ema"].shape[1]

    @property
    def category_rows(self) -> int:
        """Category rows in use."""
        return int(self.s["stat"][CATEGORY_ROWS])

    @property
    def mean_columns(self) -> int:
        """Category columns with label means."""
        return int(self.s["stat"][MEAN_COLUMNS])

    def grow(self, text: list[bool], first: int) -> None:
        """Make room for columns; `text` says which hold codes of strings, `first` how many the first event had."""
        d, s = len(text), self.s
        if self.context is None:
            self.context = first <= MAX_CONTEXT_COLUMNS
        s["count"] = grown(s["count"], d, 3)
        s["first"], s["guard"] = grown(s["first"], d, FIRST_VALUES, 2), grown(s["guard"], d, GUARD_FIGURES)
        if self.steady:
            s["steady"] = grown(s["steady"], d, 2)
        s["ema"] = grown(s["ema"], len(CONTEXT_SPANS), min(d, MAX_CONTEXT_COLUMNS) if self.context else 0)
        s["missing"] = grown(s["missing"], d)
        s["values"] = grown(s["values"], d, MAX_VALUES)
        s["value_row"] = grown(s["value_row"], d, MAX_VALUES)
        s["distinct"] = grown(s["distinct"], d)
        s["text"] = grown(s["text"], d)
        s["text"][:] = text
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
        units, steady = (self.s["steady"], store["steady"]) if self.steady else (NO_UNITS, NO_ROWS)
        state, pending = (
            gathered(InputsState, self.s, units, self.s["count"]),
            gathered(InputsPending, store, steady, store.get("names", NO_NAMES)),
        )
        more: int = _scan(op, slot, x, offsets, state, pending)
        return more
