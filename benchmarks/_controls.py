"""Controls for accuracy.py: the majority, or running mean, and no-change; both wait for their labels."""

from __future__ import annotations

from typing import Any

import _data
import _peers_scores
import _prequential
import numpy as np

from streamnn.types import LEARN, OBSERVE


def controls(stream: _data.Stream, log: _prequential.Log, n: int) -> dict[str, dict[str, Any]]:
    """Majority (or running mean) and no-change, over the first n events, from the labels known when an event came."""
    y, learn = stream.y, log.op == LEARN
    place = np.cumsum(learn)[log.op == OBSERVE]  # labels known when each event came
    known = log.ticket[learn]
    value = np.eye(int(y.max()) + 1)[y[known]] if stream.classify else y[known, None]
    total = np.vstack([np.zeros(value.shape[1]), np.cumsum(value, 0)])[place]
    last = np.where(place > 0, known[np.maximum(place, 1) - 1], -1)
    at = log.learnt()
    at = at[at < n]
    if stream.classify:
        share = (total + 1.0) / (total + 1.0).sum(1, keepdims=True)
        found = {"majority": _peers_scores.classes(share[at], y[at])}
        right = (last >= 0) & (y[np.maximum(last, 0)] == y)
        return {**found, "no-change": {"accuracy": float(right[at].mean())}}
    mean = np.divide(total, place[:, None], out=np.zeros_like(total), where=place[:, None] > 0)
    before = np.where(last >= 0, y[np.maximum(last, 0)], 0.0)
    return {
        k: _peers_scores.values(np.column_stack([p, p])[at], y[at])
        for k, p in (("majority", mean[:, 0]), ("no-change", before))
    }
