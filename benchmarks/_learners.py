"""Ours for accuracy.py: the default pool, one network with memory, one network alone; each run in a forked process."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import _data
import _peers_features
import _peers_run
import _peers_scores
import _prequential
import numpy as np

from streamnn.network import Network, NetworkSpec

f4 = np.float32
CHUNK = 1024
STEP = 0.001  # of the single networks; rule rms, 64 spline units, budget of the default pool


@dataclass(frozen=True, slots=True)
class Found:
    """What a learner reached.

    Parameters
    ----------
    whole : dict of str to float
        Scores over the stream, events per CPU second, memory in MB.
    part : dict of int to dict
        Scores over the first so many events.
    own : dict of str to Any
        The learner's own scores, pool only.
    """

    whole: dict[str, float]
    part: dict[int, dict[str, float]]
    own: dict[str, Any]


def _pool(
    stream: _data.Stream, log: _prequential.Log, seed: int, declare: bool
) -> tuple[np.ndarray, float, dict[str, Any]]:
    model = _prequential.learner(stream, seed, declare)
    p, cpu = _prequential.run(model, stream.columns, stream.y, log)
    learnt = log.learnt()
    recount = (_prequential.score_classes if stream.classify else _prequential.score_values)(
        p, stream.y, learnt
    )
    _prequential.check(model, recount, len(learnt))
    return (p if stream.classify else p[:, ::-1]), cpu, model.scores()


def _category_rows(stream: _data.Stream) -> np.ndarray:
    # columns with 3 to 400 values, a table row a value
    few = [c for c in stream.columns.values() if 3 <= len(np.unique(c)) <= _peers_features.MOST_VALUES]
    codes = _peers_features.codes(few, len(stream))
    first = np.cumsum([0, *(codes.max(0) + 1).tolist()]) if codes.size else np.zeros(1, np.int64)
    return (codes + first[:-1]).astype(np.int32)


def _network(
    stream: _data.Stream, log: _prequential.Log, seed: int, memory: bool
) -> tuple[np.ndarray, float, dict[str, Any]]:
    x = _peers_features.fed(stream, log, True)[0] if memory else _data.standardised(stream)
    x = np.ascontiguousarray(x, f4)
    ids, y, n = _category_rows(stream), stream.y, len(stream)
    outputs = max(2, int(y.max()) + 1) if stream.classify else 1
    net = Network(NetworkSpec("net", (64,), "rms", STEP), x.shape[1], outputs, stream.classify, seed)
    net.grow(np.arange(x.shape[1]), x.shape[1], outputs, int(ids.max()) + 1 if ids.size else 0)
    target = y.astype(f4)
    if not stream.classify:
        guess, today = _peers_features.units(y, log)
        target = np.clip((y - today[:, 0]) / today[:, 1], -10.0, 10.0).astype(f4)
    op, ticket = log.op, log.ticket
    p, one = np.zeros((n, 1, outputs), f4), np.ones(CHUNK, f4)
    start = time.process_time()
    for a in range(0, len(op), CHUNK):
        t = ticket[a : a + CHUNK]
        net.scan(op[a : a + CHUNK], t, target[t], one[: len(t)], 0, x, ids, p)
    cpu = time.process_time() - start
    if stream.classify:
        return p[:, 0].astype(np.float64), cpu, {}
    return np.repeat(guess[:, :1] + guess[:, 1:] * p[:, 0], 2, 1), cpu, {}


LEARNERS: dict[
    str, Callable[[_data.Stream, _prequential.Log, int, bool], tuple[np.ndarray, float, dict[str, Any]]]
] = {
    "pool": _pool,
    "network, memory": lambda stream, log, seed, _: _network(stream, log, seed, True),
    "network alone": lambda stream, log, seed, _: _network(stream, log, seed, False),
}
"""The single networks get the rows that peers get: standardised, or our features; category rows both."""


def warm() -> None:
    """Load every kernel, so that no learner's time or memory holds that."""
    _prequential.warm()
    for y in (np.arange(64) % 3, np.arange(64.0)):
        columns = {"a": np.arange(64.0) % 5, "b": np.arange(64.0)}
        stream = _data.Stream("warm", columns, y, y.dtype.kind == "i", {})
        for learner in LEARNERS:
            run(learner, stream, _prequential.at_once(y), 1, False, [])


def run(
    learner: str, stream: _data.Stream, log: _prequential.Log, seed: int, declare: bool, prefixes: list[int]
) -> Found:
    """One pass of a learner, its scores over the whole stream and over prefixes."""
    before = _peers_run.resident_mb()
    p, cpu, own = LEARNERS[learner](stream, log, seed, declare)
    memory = _peers_run.resident_mb() - before
    learnt = log.learnt()
    learnt = learnt[learnt < len(stream)]
    cut = {n: learnt[learnt < n] for n in (len(stream), *prefixes)}
    scored = {n: _peers_scores.scores(p[at], stream.y[at]) for n, at in cut.items() if len(at)}
    whole = {**scored[len(stream)], "events_per_cpu_s": len(stream) / cpu, "memory_mb": memory}
    return Found(whole, {n: scored[n] for n in prefixes if n in scored}, own)


def apart(*arguments: Any) -> Found:
    """:func:`run` in a forked process, so that its memory is its own and kernels need not be loaded again."""
    with multiprocessing.get_context("fork").Pool(1) as one:
        return one.apply(run, arguments)
