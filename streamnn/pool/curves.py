"""History of surprise and entropy over the events observed."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from ..stage import Stage
from ..types import OBSERVE

BUCKETS = 512
FIRST = 32


@kernel
def _scan(op, surprise, entropy, clock, bucket):
    # clock: events, events in a bucket; bucket: sum and largest surprise, sum of entropy
    for e in range(len(op)):
        if op[e] != OBSERVE:
            continue
        b = clock[0] // clock[1]
        if b == len(bucket):  # full: neighbours are joined
            for i in range(len(bucket) // 2):
                bucket[i, 0] = bucket[2 * i, 0] + bucket[2 * i + 1, 0]
                bucket[i, 1] = max(bucket[2 * i, 1], bucket[2 * i + 1, 1])
                bucket[i, 2] = bucket[2 * i, 2] + bucket[2 * i + 1, 2]
            for i in range(len(bucket) // 2, len(bucket)):
                bucket[i, 0], bucket[i, 1], bucket[i, 2] = 0.0, 0.0, 0.0
            clock[1] *= 2
            b //= 2
        new = clock[0] % clock[1] == 0
        bucket[b, 0] += surprise[e]
        bucket[b, 1] = surprise[e] if new else max(bucket[b, 1], surprise[e])
        bucket[b, 2] += entropy[e]
        clock[0] += 1


class UncertaintyCurves(Stage):
    """Surprise (mean and largest) and entropy in at most 512 buckets of equal length."""

    def __init__(self) -> None:
        super().__init__("trace")
        self.s = {"clock": np.array([0, FIRST], np.int64), "bucket": np.zeros((BUCKETS, 3))}

    def scan(self, op: np.ndarray, surprise: np.ndarray, entropy: np.ndarray) -> None:
        """Take in OBSERVE operations."""
        _scan(op, surprise, entropy, self.s["clock"], self.s["bucket"])

    def curves(self) -> dict[str, np.ndarray]:
        """``observed`` (events at the end of each bucket), ``surprise``, ``surprise_max``, ``entropy``."""
        n, width = (int(v) for v in self.s["clock"])
        b = -(-n // width)
        at = np.minimum(np.arange(1, b + 1) * width, n)
        size = np.diff(at, prepend=0)
        rows = self.s["bucket"][:b]
        return {
            "observed": at,
            "surprise": rows[:, 0] / size,
            "surprise_max": rows[:, 1].copy(),
            "entropy": rows[:, 2] / size,
        }
