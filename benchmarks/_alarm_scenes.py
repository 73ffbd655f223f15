"""What the default classifier raises on made streams with one change, and on recorded streams with dated ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from _alarm_streams import autoregressive, regimes
from _data import load

from streamnn.learners import Classifier, Regressor
from streamnn.types import LEARN, OBSERVE, Alarm, Chunk

N, AT, COLUMNS = 15_000, 10_000, 6
BACKGROUNDS = ("iid", "ar .9", "regimes .01", "season 48", "log-normal")
SCENES = {  # change: the cause that is right
    "none": "",
    "inputs shift 1 sd": "new inputs",
    "correlation flips": "new inputs",
    "feature dies": "feature died",
    "feature in another unit": "feature changed unit",
    "labels flip": "new concept",
    "labels noisier": "more noise",
    "class prior .5 to .85": "new label balance",
}
CHUNK = 1024


@dataclass
class Run:
    """A pool's run: its alarms, the log loss of every event, and what its detectors know at the end."""

    alarms: list[Alarm]
    loss: np.ndarray
    status: dict[str, dict[str, Any]]
    pool: Any


def run(columns: dict[str, np.ndarray], y: np.ndarray, classify: bool = True, **options: Any) -> Run:
    """Every event observed and learnt at once by a default pool."""
    pool = Classifier(**options) if classify else Regressor(**options)
    alarms: list[Alarm] = []
    loss = np.zeros(len(y))
    for a in range(0, len(y), CHUNK):
        b = min(a + CHUNK, len(y))
        op = np.tile(np.array([OBSERVE, LEARN], np.int8), b - a)
        label = np.empty(2 * (b - a), object)
        label[1::2] = y[a:b].tolist()
        out = pool.run(
            Chunk({k: v[a:b] for k, v in columns.items()}, op, np.repeat(np.arange(a, b), 2), label)
        )
        alarms += out.alarms
        if isinstance(pool, Classifier) and out.proba is not None:
            place = [pool.classes.index(v) for v in y[a:b].tolist()]
            loss[a:b] = -np.log(np.maximum(out.proba[np.arange(b - a), place], 1e-6))
        elif out.mean is not None:
            loss[a:b] = np.abs(out.mean - y[a:b])
    return Run(alarms, loss, pool.alarm_status(), pool)


def scene(background: str, change: str, seed: int, n: int = N) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Two classes around two centres, in noise of a kind, on six correlated columns; the change comes at event AT."""
    rng = np.random.default_rng([seed, BACKGROUNDS.index(background), 5])
    mix = np.eye(COLUMNS) + 0.5 * np.diag(np.ones(COLUMNS - 1), 1)
    x = rng.standard_normal((n, COLUMNS)) @ mix / np.sqrt(1.25)
    if background == "ar .9":
        x = np.stack([autoregressive(np.ascontiguousarray(c), 0.9) for c in x.T], 1)
    elif background == "regimes .01":
        x += 1.5 * (2.0 * regimes(rng, n, 0.01) - 1.0)[:, None]
    elif background == "season 48":
        x += np.sin(2 * np.pi * (np.arange(n) / 48)[:, None] + np.arange(COLUMNS))
    elif background == "log-normal":
        x = np.exp(0.7 * x)
    after = np.arange(n) >= AT
    prior = np.where(after & change.startswith("class prior"), 0.85, 0.5)
    y = (rng.random(n) < prior).astype(np.int64)
    at = int(rng.integers(COLUMNS))
    if change.startswith("correlation"):
        x[AT:, 1::2] = 2 * x[:AT, 1::2].mean(0) - x[AT:, 1::2]
    x += 0.8 * (2.0 * y - 1.0)[:, None] * np.array([1, -1, 1, -1, 0, 0])
    if change.startswith("inputs"):
        x[AT:] += x[:AT].std(0)
    elif change == "feature dies":
        x[AT:, at] = x[AT, at]
    elif change.startswith("feature in"):
        x[AT:, at] *= 2.54
    flip = after & (change == "labels flip")
    noisy = rng.random(n) < np.where(after & (change == "labels noisier"), 0.3, 0.05)
    return {f"x{i}": x[:, i] for i in range(COLUMNS)}, y ^ (flip ^ noisy)


DATED = {
    "electricity": {17_424: "three columns wake up"},
    "covertype_first100k": {15_120: "only classes 0, 1, 4 from here"},
    "metro_traffic": {15_971: "after an outage of 308 days"},
    "sea_50k": {12_500: "concept", 25_000: "concept", 37_500: "concept"},
}


def recorded(name: str) -> Run:
    """The default pool on a recorded stream."""
    s = load(name)
    return run(s.columns, s.y, s.classify)


def nab(budget: float, peers: dict[str, Any]) -> list[dict[str, Any]]:
    """The NAB series with its scorer (standard profile: a false positive costs .11, a miss 1), 0 for silence, 100 best."""
    from streamnn.alarms import DriftMonitor

    s = load("nab")
    series = s.extras["series"]
    value = next(iter(s.columns.values()))
    score = dict.fromkeys(("ours", *peers), 0.0)
    raised = dict.fromkeys(score, 0)
    windows = 0
    for name in np.unique(series):
        x, inside = value[series == name], s.y[series == name] == 1
        n = len(x)
        start = min(int(0.15 * n), 750)
        edge = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(int), [0]])))
        spans = [(int(a), int(b)) for a, b in edge.reshape(-1, 2) if b > start]
        windows += len(spans)
        z = (x - x[:start].mean()) / (x[:start].std() or 1.0)
        for who in score:
            if who == "ours":
                found = [a.event for a in DriftMonitor(["x"], budget).scan({"x": x}, np.arange(n))]
            else:
                f, knob = peers[who]
                found = f(z, knob).tolist()
            found = [t for t in found if t >= start]
            raised[who] += len(found)
            score[who] += _nab_score(found, spans)
    return [
        {
            "detector": k,
            "nab_score": round(100 * (v + windows) / (2 * windows), 2),
            "windows": windows,
            "alarms": raised[k],
        }
        for k, v in score.items()
    ]


def _nab_score(found: list[int], spans: list[tuple[int, int]]) -> float:
    best = 2.0 / (1.0 + np.exp(-5.0)) - 1.0
    score = 0.0
    hit = set()
    for t in found:
        span = next(((a, b) for a, b in spans if a <= t < b), None)
        if span is None:
            before = [(a, b) for a, b in spans if b <= t]
            if before:
                a, b = before[-1]
                score += 0.11 * (2.0 / (1.0 + np.exp(5.0 * min((t - b + 1) / (b - a), 10.0))) - 1.0)
            else:
                score -= 0.11
        elif span not in hit:
            hit.add(span)
            y = (t - span[1] + 1) / (span[1] - span[0])
            score += (2.0 / (1.0 + np.exp(5.0 * y)) - 1.0) / best
    return score - (len(spans) - len(hit))
