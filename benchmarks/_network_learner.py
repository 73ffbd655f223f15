"""One spline network as the learner of a job, with nothing around it: for kafka_job.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamnn.network import Network, NetworkSpec
from streamnn.types import EXPIRE, LEARN, OBSERVE, Chunk, Output

f4 = np.float32


class NetworkLearner:
    """Predicts and learns numbers as they are, each event's label at once; what the pool has around it is missing."""

    def __init__(self) -> None:
        self.next_ticket = 0
        self.pending = 0
        self.classes: list[Any] = [0, 1]
        self.columns: list[str] = []
        self.columns_refused = 0
        self._net: Network | None = None

    def run(self, chunk: Chunk) -> Output:
        columns = [column for _, column in sorted(chunk.columns.items()) if column.dtype != object]
        x = np.empty((len(columns[0]), len(columns)), f4)
        for i, column in enumerate(columns):
            x[:, i] = column
        n, d = x.shape
        if self._net is None:
            self._net = Network(NetworkSpec("net", (64, 32), "rms", 0.001), d, 2, True, 1)
        learnt = chunk.op == LEARN
        row = chunk.ticket[learnt] - self.next_ticket
        target, op = np.zeros(2 * n, f4), np.tile(np.array([OBSERVE, EXPIRE], np.int8), n)
        target[2 * row + 1], op[2 * row + 1] = chunk.label[learnt].astype(f4), LEARN
        p = np.empty((n, 1, 2), f4)
        self._net.scan(
            op, np.repeat(np.arange(n), 2), target, np.ones(2 * n, f4),
            0, x, np.zeros((n, 0), np.int32), p,
        )  # fmt: skip
        self.next_ticket += n
        proba = p[:, 0]
        logs = np.log(np.maximum(proba, f4(1e-9)))
        tickets = np.arange(self.next_ticket - n, self.next_ticket)
        return Output(tickets, np.zeros(n), -(proba * logs).sum(1).astype(np.float64), proba=proba)

    def state_dict(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        return {}, {}

    def load_state_dict(self, arrays: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
        pass

    def state_hash(self) -> str:
        return ""

    def scores(self) -> dict[str, Any]:
        return {}

    def history(self) -> dict[str, Any]:
        return {}

    def networks(self) -> list[dict[str, Any]]:
        return []

    def missing(self) -> dict[str, int]:
        return {}


def make_network(spec: Any, task: str) -> Any:
    """What a job takes to make its learner."""
    return NetworkLearner()
