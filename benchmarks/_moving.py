"""Ways to keep a density in step with an encoder that goes on learning."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from _uncertainty import Encoder, ask, auroc, learn_density

from streamnn.uncertainty import LatentDensity

HIDDEN = (128, 64)
STEP = 100  # events between moves of the slow copy
AGAIN = 1000  # learnt events between re-embeddings
RESERVOIR = 2000
CHECKS = (2000, 6000, 20_000)
ENCODERS = {
    "no forgetting": "every latent counts the same for ever",
    "half-life h": "h labels of a class halve a latent's weight",
    "slow copy": f"latents of weights that follow by a tenth each {STEP} events, half-life 1000",
    "re-embedding": f"every {AGAIN} labels the density is fitted anew to the last {RESERVOIR} events, embedded anew",
}


def moving(
    rows: np.ndarray, y: np.ndarray, near: np.ndarray, others: Mapping[str, np.ndarray], seed: int
) -> dict[str, dict[str, float]]:
    """Mean AUROC over the sets after so many events, and CPU time an event, for each way; layer 2, full, one size."""
    one, slow = (Encoder(HIDDEN, rows.shape[1], 10, seed, step=0.0003) for _ in range(2))
    one.look(rows[:1])
    at = one.layers["layer 2"]

    def fresh(half_life: float = 1000.0) -> LatentDensity:
        return LatentDensity(64, 10, half_life, covariance="full", normalise=True)

    ways = {"no forgetting": fresh(1e9), **{f"half-life {h}": fresh(h) for h in (100, 300, 1000, 3000)}}
    ways |= {"slow copy": fresh(), "re-embedding": fresh()}
    extra = dict.fromkeys(ways, 0.0)
    out: dict[str, dict[str, float]] = {k: {} for k in ways}
    for a in range(0, CHECKS[-1], STEP):
        part, labels = rows[a : a + STEP], y[a : a + STEP]
        started = time.process_time()
        stale = slow.look(part)[1][:, at]
        extra["slow copy"] += time.process_time() - started
        latent = one.learn(part, labels)[1][:, at]
        for k, density in ways.items():
            learn_density(density, stale if k == "slow copy" else latent, labels)
        started = time.process_time()
        for name, v in slow.net.s.items():
            if v.dtype == np.float32:
                v += np.float32(0.1) * (one.net.s[name] - v)
        extra["slow copy"] += time.process_time() - started
        seen = a + STEP
        if seen % AGAIN == 0:
            started = time.process_time()
            begin = max(0, seen - RESERVOIR)
            ways["re-embedding"] = learn_density(
                fresh(1e9), one.look(rows[begin:seen])[1][:, at], y[begin:seen]
            )
            extra["re-embedding"] += time.process_time() - started
        if seen in CHECKS:
            for k, density in ways.items():
                who = slow if k == "slow copy" else one
                base = ask(density, who.look(near)[1][:, at])[0]
                found = [auroc(ask(density, who.look(v)[1][:, at])[0], base) for v in others.values()]
                out[k][f"after {seen:,}"] = float(np.mean(found))
    for k, spent in extra.items():
        out[k]["us more an event"] = spent / CHECKS[-1] * 1e6
    return out
