"""News from delays: labels that are late for their usual time, and known delays against the usual ones."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._kernels.ieee import exp64, log64
from .._kernels.jit import kernel, leaf_options
from ..stage import Stage, grown

TRACKED = 1024
"""Most events whose due time is awaited; those that come while it is full are passed over."""
DECAYS = (0.7, 0.9, 0.99)
DUE = (0.0, 1.0)
"""A label counts as overdue after its usual delay, and after one deviation (of the logarithm) more."""
STEP, FORGET, MEAN_STEP = 0.05, 0.001, 0.1
SHORTEST = 0.01
"""Delays count as at least this share of the mean delay: clocks may say that a label came before its event."""
D, K = len(DECAYS), len(DUE)
ROWS = D * (1 + K)
"""Values of a row's block that are no category's."""

# places in the array of numbers
CLOCK, BIAS, RMS, MEAN = range(4)
# places in the array of counts
LEARNT, FREE, WAITING = 0, 1, 2  # labels; free records; then one count for each heap


@njit(**leaf_options)
def _up(due, heap, i):
    # the earliest on top
    while i > 0:
        up = (i - 1) >> 1
        if not _before(due, heap, i, up):
            break
        heap[i], heap[up] = heap[up], heap[i]
        i = up


@njit(**leaf_options)
def _down(due, heap, n):
    i = 0
    while True:
        low = i
        for child in (2 * i + 1, 2 * i + 2):
            if child < n and _before(due, heap, child, low):
                low = child
        if low == i:
            break
        heap[i], heap[low] = heap[low], heap[i]
        i = low


@njit(**leaf_options)
def _before(due, heap, i, j):
    a, b = due[heap[i]], due[heap[j]]
    return a < b or (a == b and heap[i] < heap[j])


@njit(**leaf_options)
def _usual(s, at, d, rows, ids, w, table, bias):
    # logarithm of the usual delay of the event in slot s
    o = bias
    for i in range(d):
        o += w[i] * np.float64(rows[s, at + i])
    for q in range(ids.shape[1]):
        r = ids[s, q]
        if r < 0:
            break
        o += table[r]
    return o


@njit(**leaf_options)
def _decide(k, now, due, heaps, count, came, who, overdue, mean, seen, prior, free):
    # every event that is due by now: has its label come in time?
    while count[WAITING + k] > 0 and due[k, heaps[k, 0]] < now:
        r = heaps[k, 0]
        n = count[WAITING + k] - 1
        heaps[k, 0] = heaps[k, n]
        count[WAITING + k] = n
        _down(due[k], heaps[k], n)
        late = 1.0 if came[r] > due[k, r] else 0.0
        for q in range(D):
            overdue[k, q] += (1.0 - DECAYS[q]) * (late - overdue[k, q])
        prior[k, 1] += 1.0
        prior[k, 0] += max(1.0 / prior[k, 1], MEAN_STEP / 10) * (late - prior[k, 0])
        for q in range(who.shape[1]):
            c = who[r, q]
            if c >= 0:
                seen[c, k] += 1.0
                mean[c, k] += max(1.0 / seen[c, k], MEAN_STEP) * (late - mean[c, k])
        if k == K - 1:  # the last time it is due
            free[count[FREE]] = r
            count[FREE] += 1


@kernel
def _scan(
    op,
    slot,
    ticket,
    time,
    d,
    at,
    offset,
    n_means,
    number,
    count,
    w,
    w_2,
    table,
    table_2,
    surprise,
    overdue,
    mean,
    seen,
    prior,
    due,
    heaps,
    free,
    came,
    whose,
    who,
    rows,
    ids,
    mean_ids,
    usual,
    record,
):
    for i in range(len(op)):
        if op[i] == 2:
            continue
        s = slot[i]
        now = time[i] if np.isfinite(time[i]) else number[CLOCK]
        if not np.isfinite(now):
            now = 0.0
        if op[i] != 1:
            keep = op[i] == 0
            if keep:
                number[CLOCK] = max(number[CLOCK], now)
                for k in range(K):
                    _decide(k, number[CLOCK], due, heaps, count, came, who, overdue, mean, seen, prior, free)
            o = offset
            for q in range(D):
                rows[s, o + q] = min(max(surprise[q], -5.0), 5.0)
                for k in range(K):
                    rows[s, o + D * (1 + k) + q] = 2.0 * overdue[k, q]
            o += ROWS
            for k in range(K):
                for q in range(n_means):
                    r = mean_ids[s, q]
                    v = 0.0
                    if r >= 0:
                        v = 4.0 * (mean[r, k] - prior[k, 0]) * seen[r, k] / (seen[r, k] + 5.0)
                    rows[s, o + q] = v
                o += n_means
            if not keep:
                continue
            usual[s, 0] = _usual(s, at, d, rows, ids, w, table, number[BIAS])
            usual[s, 1] = number[RMS]
            usual[s, 2] = now
            record[s] = -1
            if count[LEARNT] > 0 and count[FREE] > 0:
                count[FREE] -= 1
                r = free[count[FREE]]
                record[s] = r
                whose[r], came[r] = ticket[i], np.inf
                for q in range(who.shape[1]):
                    who[r, q] = mean_ids[s, q] if q < n_means else -1
                for k in range(K):
                    far = min(max(usual[s, 0] + DUE[k] * usual[s, 1], -600.0), 600.0)
                    due[k, r] = now + exp64(far)
                    n = count[WAITING + k]
                    heaps[k, n] = r
                    count[WAITING + k] = n + 1
                    _up(due[k], heaps[k], n)
            continue
        r = record[s]
        if r >= 0 and whose[r] == ticket[i]:
            came[r] = now
        delay = now - usual[s, 2]
        a = count[LEARNT] + 1
        number[MEAN] += max(1.0 / a, FORGET) * (max(delay, 0.0) - number[MEAN])
        delay = max(delay, SHORTEST * number[MEAN])
        if not delay > 0.0:
            continue
        count[LEARNT] = a
        y = log64(delay)
        if a > 1:
            off = (y - usual[s, 0]) / usual[s, 1]
            for q in range(D):
                surprise[q] += (1.0 - DECAYS[q]) * (min(max(off, -20.0), 20.0) - surprise[q])
        else:
            number[BIAS] = y
        g = _usual(s, at, d, rows, ids, w, table, number[BIAS]) - y
        rms = number[RMS]
        g2 = min(abs(g), 3.0 * rms)
        rms = np.sqrt(rms * rms + FORGET * (g2 * g2 - rms * rms))
        number[RMS] = max(rms, 1e-3)
        g = min(max(g, -2.0 * rms), 2.0 * rms)
        number[BIAS] -= max(1.0 / (a + 1), 0.002) * g
        for c in range(d):
            h = g * np.float64(rows[s, at + c])
            if h != 0.0:
                w_2[c] += h * h
                w[c] -= STEP * h / np.sqrt(w_2[c] + 1e-2)
        for q in range(ids.shape[1]):
            c = ids[s, q]
            if c < 0:
                break
            table_2[c] += g * g
            table[c] -= STEP * g / np.sqrt(table_2[c] + 1e-2)


class Delays(Stage):
    """What the times of labels say before the labels do.

    A linear model learns the logarithm of a label's usual delay. Where labels have times of their own, a delay
    unlike the usual one is news (a flight that lands late was late), and so is a label that has not come when it
    was due: it is known without the label. The block of a row holds fading means of the known delays' deviations,
    of labels overdue, and the share of overdue labels of each of the event's category values.

    Only streams with times have it; without them the block is empty.
    """

    def __init__(self, columns: int) -> None:
        super().__init__("delays")
        n = TRACKED
        self.s = {
            "number": np.array([-np.inf, 0.0, 1.0, 0.0]),
            "count": np.array([0, n] + [0] * K, np.int64),
            "w": np.zeros(columns),
            "w_2": np.zeros(columns),
            "table": np.zeros(0),
            "table_2": np.zeros(0),
            "surprise": np.zeros(D),
            "overdue": np.zeros((K, D)),
            "mean": np.zeros((0, K)),
            "seen": np.zeros((0, K)),
            "prior": np.zeros((K, 2)),  # overall share, events decided
            "due": np.zeros((K, n)),
            "heaps": np.zeros((K, n), np.int64),
            "free": np.arange(n)[::-1].copy(),
            "came": np.zeros(n),
            "whose": np.full(n, -1, np.int64),
            "who": np.full((n, 0), -1, np.int32),
        }

    def grow(self, columns: int, category_rows: int, mean_columns: int, spare: int = 0) -> None:
        """Make room."""
        s = self.s
        for k in ("w", "w_2"):
            s[k] = grown(s[k], columns)
        for k in ("table", "table_2", "mean", "seen"):
            self.reserve(k, category_rows, spare)
        s["who"] = grown(s["who"], TRACKED, mean_columns, fill=-1)

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

        A time is the event's at OBSERVE and the label's at LEARN; NaN stands for the largest event time so far.
        """
        s = self.s
        _scan(
            op,
            slot,
            ticket,
            time,
            len(s["w"]),
            offsets[2],
            offsets[5],
            n_means,
            *s.values(),
            store["row"],
            store["ids"],
            store["mean_ids"],
            store["usual"],
            store["record"],
        )
