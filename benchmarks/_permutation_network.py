"""A lowered network on bare rows, predict, then learn: what a guest does, less the pool around it."""

from __future__ import annotations

import numpy as np

from streamnn.lowered import Plan
from streamnn.lowered.arrays import Learnt
from streamnn.lowered.network import LoweredNetwork, Rules
from streamnn.lowered.optimisers import Optimiser
from streamnn.types import LEARN, LOOK, OBSERVE

f4 = np.float32
Array = np.ndarray

CHUNK = 4096


class Bare:
    """A network and all it has learnt.

    Parameters
    ----------
    plan : Plan
    step : float
        Of Adam without momentum.
    classify : bool
    """

    def __init__(self, plan: Plan, step: float = 0.003, classify: bool = False) -> None:
        optimiser = Optimiser.named("adam", step, {"betas": (0.0, 0.999)})
        rules = Rules(optimiser, "cross_entropy" if classify else "mse", classify)
        self.plan, self.classify = plan, classify
        self.net = LoweredNetwork("net", plan, rules, seed=0, place=0)

    @property
    def learnt(self) -> Learnt:
        """All that it has learnt."""
        return Learnt(*(self.net.s[name] for name in Learnt._fields))

    def run(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Losses of the rows, each before it was learnt from, and whether classes were right."""
        return self._chunks(x, y, (OBSERVE, LEARN))

    def look(self, x: Array, y: Array) -> Array:
        """Losses of rows that are not learnt from."""
        return self._chunks(x, y, (LOOK,))[0]

    def _chunks(self, x: Array, y: Array, ops: tuple[int, ...]) -> tuple[Array, Array]:
        parts = [self._chunk(x[a : a + CHUNK], y[a : a + CHUNK], ops) for a in range(0, len(x), CHUNK)]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def _chunk(self, x: Array, y: Array, ops: tuple[int, ...]) -> tuple[Array, Array]:
        m, times = len(x), len(ops)
        values = self.plan.output.size if self.classify else 1
        store = {
            "row": np.ascontiguousarray(x, f4),
            "names": np.zeros((m, 0), np.int32),
            "p": np.zeros((m, 1, values), f4),
        }
        op, slot = np.tile(np.array(ops, np.int8), m), np.repeat(np.arange(m), times)
        target = np.repeat(np.asarray(y, f4), times)
        self.net.scan(op, slot, target, np.ones(len(op), f4), 0, x.shape[1], store)
        p = store["p"][:, 0]
        if self.classify:
            k = np.asarray(y, np.int64)
            return -np.log(np.maximum(p[np.arange(m), k], 1e-12)), p.argmax(1) == k
        return (p[:, 0] - np.asarray(y)) ** 2, np.zeros(m, bool)
