"""News from delays: labels that are late for their usual time, and known delays against the usual ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.ieee import exp64, log64
from .._kernels.jit import kernel, leaf
from ..stage import Stage, gathered, grown
from ..types import EXPIRE, LEARN, OBSERVE
from ._heap import sift_down, sift_up
from .history import ERROR_GAIN, MEAN_GAIN, MEAN_LABELS
from .inputs import INPUT_CLIP
from .layout import AT_DELAYS, AT_X

TRACKED_EVENTS = 1024
"""Most events whose due time is awaited. Those that come while it is full are passed over: the shares are
means, and the state stays small (docs/decisions.md, "Overdue labels are news")."""
DELAY_DECAYS = (0.7, 0.9, 0.99)
"""What remains at each label, or at each event decided, of the fading means of a row's block. No
comparison with other values is recorded."""
DUE_DEVIATIONS = (0.0, 1.0)
"""When a label counts as overdue: after the usual delay of its event, and after this many deviations more of
the logarithm of the delay."""
DELAY_STEP = 0.05
"""Step of the linear model of delays, over the root of a weight's summed squared gradients (Adagrad)."""
DELAY_FORGETTING = 0.001
"""Rate at which the mean delay and the model's root mean square error forget, a label."""
OVERDUE_MEAN_STEP = 0.1
"""Least step of a category value's share of overdue labels; a tenth of it is that of the overall share."""
LARGEST_SURPRISE = 20.0
"""A known delay counts as at most this many deviations from the usual one."""
SHORTEST_DELAY = 0.01
"""Least delay as a share of the mean delay: clocks may say that a label came before its event."""
N_DELAY_DECAYS, N_DUE_TIMES = len(DELAY_DECAYS), len(DUE_DEVIATIONS)
DELAY_VALUES = N_DELAY_DECAYS * (1 + N_DUE_TIMES)
"""Values of a row's block of delays: deviations of the known ones, then shares of labels overdue."""

LARGEST_TIME, MODEL_BIAS, MODEL_RMS, MEAN_DELAY = range(4)
"""Places in `DelayState.number`: largest event time, the model's bias and its error, mean delay."""
LABELS_LEARNT, FREE_RECORDS, HEAP_SIZES = range(3)
"""Places in `DelayState.counts`: labels learnt, free records, and from the last on the size of each heap."""


class DelayState(NamedTuple):
    """What is known of delays: the leaves of the stage. A record is the place of an event that is tracked."""

    counts: np.ndarray  # int64, at the places named above
    number: np.ndarray  # at the places named above
    w: np.ndarray  # (columns,): weights of the standardised columns
    w_2: np.ndarray  # (columns,): sums of squared gradients
    table: np.ndarray  # (category rows,): weights of category values
    table_2: np.ndarray  # (category rows,)
    surprise: np.ndarray  # (decays,): fading means of the deviations of known delays
    overdue: np.ndarray  # (due, decays): fading shares of labels overdue
    mean: np.ndarray  # (category rows, due): share of labels overdue of a category value
    seen: np.ndarray  # (category rows, due): events that it rests on
    prior: np.ndarray  # (due, 2): overall share of labels overdue, and events decided
    due: np.ndarray  # (due, records): when the label of a record is due
    heaps: np.ndarray  # (due, records), int64: records by due time, the earliest on top
    free: np.ndarray  # (records,), int64: stack of the free records
    came: np.ndarray  # (records,): when the label came, infinite while it has not
    whose: np.ndarray  # (records,), int64: ticket of the event
    who: np.ndarray  # (records, columns with label means), int32: its category rows, -1 for none


class DelayPending(NamedTuple):
    """What is read and written of pending events; the first axis of each is the slot."""

    row: np.ndarray  # (slots, width), float32
    ids: np.ndarray  # (slots, columns), int32: category rows of the event, then -1
    mean_ids: np.ndarray  # (slots, MAX_MEANS), int32: its category rows that have label means
    usual: np.ndarray  # (slots, 3): logarithm of the usual delay, its deviation, and the event's time
    record: np.ndarray  # (slots,), int64: the record that tracks the event, -1 for none


@leaf
def _usual(s, at, rows, ids, w, table, bias):
    # logarithm of the usual delay of the event in slot s, whose columns begin at `at`
    o = bias
    for i in range(len(w)):
        o += w[i] * np.float64(rows[s, at + i])
    for q in range(ids.shape[1]):
        r = ids[s, q]
        if r < 0:
            break
        o += table[r]
    return o


@leaf
def _decide(k, now, state):
    # every event that is due by now: has its label come in time?
    due, heaps, count, came, who, free = (
        state.due,
        state.heaps,
        state.counts,
        state.came,
        state.who,
        state.free,
    )
    overdue, mean, seen, prior = state.overdue, state.mean, state.seen, state.prior
    while count[HEAP_SIZES + k] > 0 and due[k, heaps[k, 0]] < now:
        r = heaps[k, 0]
        n = count[HEAP_SIZES + k] - 1
        heaps[k, 0] = heaps[k, n]
        count[HEAP_SIZES + k] = n
        sift_down(due[k], heaps[k], n)
        late = 1.0 if came[r] > due[k, r] else 0.0
        for q in range(N_DELAY_DECAYS):
            overdue[k, q] += (1.0 - DELAY_DECAYS[q]) * (late - overdue[k, q])
        prior[k, 1] += 1.0
        prior[k, 0] += max(1.0 / prior[k, 1], OVERDUE_MEAN_STEP / 10) * (late - prior[k, 0])
        for q in range(who.shape[1]):
            c = who[r, q]
            if c >= 0:
                seen[c, k] += 1.0
                mean[c, k] += max(1.0 / seen[c, k], OVERDUE_MEAN_STEP) * (late - mean[c, k])
        if k == N_DUE_TIMES - 1:  # the last time it is due
            free[count[FREE_RECORDS]] = r
            count[FREE_RECORDS] += 1


@kernel
def _scan(op, slot, ticket, time, offsets, n_means, state: DelayState, pending: DelayPending):
    number, count, surprise, overdue = state.number, state.counts, state.surprise, state.overdue
    w, w_2, table, table_2 = state.w, state.w_2, state.table, state.table_2
    mean, seen, prior, due, heaps = state.mean, state.seen, state.prior, state.due, state.heaps
    free, came, whose, who = state.free, state.came, state.whose, state.who
    rows, ids, mean_ids = pending.row, pending.ids, pending.mean_ids
    usual, record = pending.usual, pending.record
    at = offsets[AT_X]
    for i in range(len(op)):
        if op[i] == EXPIRE:
            continue
        s = slot[i]
        now = time[i] if np.isfinite(time[i]) else number[LARGEST_TIME]
        if not np.isfinite(now):
            now = 0.0
        if op[i] != LEARN:
            keep = op[i] == OBSERVE
            if keep:
                number[LARGEST_TIME] = max(number[LARGEST_TIME], now)
                # by its own time, not the largest: one event from the future must not decide for all that follow
                for k in range(N_DUE_TIMES):
                    _decide(k, now, state)
            o = offsets[AT_DELAYS]
            for q in range(N_DELAY_DECAYS):
                rows[s, o + q] = min(max(surprise[q], -INPUT_CLIP), INPUT_CLIP)
                for k in range(N_DUE_TIMES):
                    rows[s, o + N_DELAY_DECAYS * (1 + k) + q] = ERROR_GAIN * overdue[k, q]
            o += DELAY_VALUES
            for k in range(N_DUE_TIMES):
                for q in range(n_means):
                    r = mean_ids[s, q]
                    v = 0.0
                    if r >= 0:
                        v = MEAN_GAIN * (mean[r, k] - prior[k, 0]) * seen[r, k] / (seen[r, k] + MEAN_LABELS)
                    rows[s, o + q] = v
                o += n_means
            if not keep:
                continue
            usual[s, 0] = _usual(s, at, rows, ids, w, table, number[MODEL_BIAS])
            usual[s, 1] = number[MODEL_RMS]
            usual[s, 2] = now
            record[s] = -1
            if count[LABELS_LEARNT] > 0 and count[FREE_RECORDS] > 0:
                count[FREE_RECORDS] -= 1
                r = free[count[FREE_RECORDS]]
                record[s] = r
                whose[r], came[r] = ticket[i], np.inf
                for q in range(who.shape[1]):
                    who[r, q] = mean_ids[s, q] if q < n_means else -1
                for k in range(N_DUE_TIMES):
                    far = min(max(usual[s, 0] + DUE_DEVIATIONS[k] * usual[s, 1], -600.0), 600.0)
                    due[k, r] = now + exp64(far)
                    n = count[HEAP_SIZES + k]
                    heaps[k, n] = r
                    count[HEAP_SIZES + k] = n + 1
                    sift_up(due[k], heaps[k], n)
            continue
        r = record[s]
        if r >= 0 and whose[r] == ticket[i]:
            came[r] = now
        delay = now - usual[s, 2]
        a = count[LABELS_LEARNT] + 1
        number[MEAN_DELAY] += max(1.0 / a, DELAY_FORGETTING) * (max(delay, 0.0) - number[MEAN_DELAY])
        delay = max(delay, SHORTEST_DELAY * number[MEAN_DELAY])
        if not delay > 0.0:
            continue
        count[LABELS_LEARNT] = a
        y = log64(delay)
        if a > 1:
            off = (y - usual[s, 0]) / usual[s, 1]
            for q in range(N_DELAY_DECAYS):
                surprise[q] += (1.0 - DELAY_DECAYS[q]) * (
                    min(max(off, -LARGEST_SURPRISE), LARGEST_SURPRISE) - surprise[q]
                )
        else:
            number[MODEL_BIAS] = y
        g = _usual(s, at, rows, ids, w, table, number[MODEL_BIAS]) - y
        rms = number[MODEL_RMS]
        g2 = min(abs(g), 3.0 * rms)
        rms = np.sqrt(rms * rms + DELAY_FORGETTING * (g2 * g2 - rms * rms))
        number[MODEL_RMS] = max(rms, 1e-3)
        g = min(max(g, -2.0 * rms), 2.0 * rms)
        number[MODEL_BIAS] -= max(1.0 / (a + 1), 0.002) * g
        for c in range(len(w)):
            h = g * np.float64(rows[s, at + c])
            if h != 0.0:
                w_2[c] += h * h
                w[c] -= DELAY_STEP * h / np.sqrt(w_2[c] + 1e-2)
        for q in range(ids.shape[1]):
            c = ids[s, q]
            if c < 0:
                break
            table_2[c] += g * g
            table[c] -= DELAY_STEP * g / np.sqrt(table_2[c] + 1e-2)


class Delays(Stage):
    """What the times of labels say before the labels do.

    A linear model learns the logarithm of a label's usual delay. Where labels have times of their own, a
    delay unlike the usual one is news (a flight that lands late was late), and so is a label that has not
    come when it was due: it is known without the label. The block of a row holds fading means of the known
    delays' deviations, of labels overdue, and the share of overdue labels of each of the event's category
    values.

    Only streams with times have it; without them the block is empty.
    """

    def __init__(self, columns: int) -> None:
        super().__init__("delays")
        n = TRACKED_EVENTS
        self.s = {
            "number": np.array([-np.inf, 0.0, 1.0, 0.0]),
            "count": np.array([0, n] + [0] * N_DUE_TIMES, np.int64),
            "w": np.zeros(columns),
            "w_2": np.zeros(columns),
            "table": np.zeros(0),
            "table_2": np.zeros(0),
            "surprise": np.zeros(N_DELAY_DECAYS),
            "overdue": np.zeros((N_DUE_TIMES, N_DELAY_DECAYS)),
            "mean": np.zeros((0, N_DUE_TIMES)),
            "seen": np.zeros((0, N_DUE_TIMES)),
            "prior": np.zeros((N_DUE_TIMES, 2)),  # overall share, events decided
            "due": np.zeros((N_DUE_TIMES, n)),
            "heaps": np.zeros((N_DUE_TIMES, n), np.int64),
            "free": np.arange(n)[::-1].copy(),
            "came": np.zeros(n),
            "whose": np.full(n, -1, np.int64),
            "who": np.full((n, 0), -1, np.int32),
        }

    def grow(self, columns: int, category_rows: int, mean_columns: int) -> None:
        """Make room."""
        s = self.s
        for k in ("w", "w_2"):
            s[k] = grown(s[k], columns)
        for k in ("table", "table_2", "mean", "seen"):
            self.reserve(k, category_rows)
        s["who"] = grown(s["who"], TRACKED_EVENTS, mean_columns, fill=-1)

    def scan(
        self,
        op: np.ndarray,
        slot: np.ndarray,
        ticket: np.ndarray,
        time: np.ndarray,
        offsets: np.ndarray,
        n_means: int,
        store: dict[str, np.ndarray],
    ) -> None:
        """Write the block of OBSERVE rows; take in when labels came.

        A time is the event's at OBSERVE, the label's at LEARN; NaN stands for the largest event time so far.
        """
        state, pending = gathered(DelayState, self.s, self.s["count"]), gathered(DelayPending, store)
        _scan(op, slot, ticket, time, offsets, n_means, state, pending)
